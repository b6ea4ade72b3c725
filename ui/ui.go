// Package ui is the screen. It reads a source, sends it commands, and knows
// nothing else: the same screen shows real processes, a model, a recording.
//
//	sim.Source ── Snapshot, 10 a second ──▶ program.Update ──▶ state
//	     ▲                                     ▲                 │
//	     └── Command ── keys.go ── tea.KeyMsg ─┘     frame.draw(snapshot, state,
//	                                                   size, language)
//	                                                         │
//	                               Bubble Tea's renderer: the lines that changed
//	                                                         │
//	                               sync.go: each frame in brackets, the terminal
//
// Costs: a frame is drawn once for each snapshot or key, some hundred
// microseconds; nothing is drawn or sent for a request.
// The last minute's figures are kept for the charts: 600 moments, 80 KiB.
// A lesson's player, which ui/cli provides, sees the snapshots and has a say in
// what the keys do (see Player).
//
// May not enter: runtimes, clocks or files in what draws (frame, one, column,
// chart, tape, strip, made, overlay, catalogue, compare, zoom, lesson): these are
// a pure function, which is what the golden screens in testdata hold.
package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"forklore/sim"

	_ "forklore/ui/quiet" // before Bubble Tea
)

// Options are what the screen may be told. The zero value is the terminal, in
// the locale's language.
type Options struct {
	Lang  string // "en", "ja", or "" for the locale's
	Theme string // one of Themes, "" for the first
	ASCII bool   // no braille, and nothing else beyond ASCII in English
	Tour  bool   // captions for who has never seen this
	Stage bool   // begin with the first step of the live script
	// Remember keeps what was chosen for the next time; nil: it can't. It may
	// take its time.
	Remember func(name, value string) error
	// Folders are where a picture is saved if the current folder can't be written.
	Folders []string
	In      io.Reader // nil: the terminal
	Out     io.Writer // nil: the terminal
	// Record begins a recording of what is shown; nil: it can't. It may take its time.
	Record func() (Recorder, error)
	// Parachute is the recording that takes the lab's place on stage, from a step of
	// the live script on ("": from its beginning); nil: there is none. It may take
	// its time.
	Parachute func(step string) (sim.Source, error)
	// Player has the lessons; nil: there are none. It may replace the source.
	Player Player
	// List shows their list at first, with the lesson At chosen.
	List bool
	At   string
}

// framesPerS is how often the renderer looks for a new frame. There are ten
// snapshots a second; twenty looks make a key's answer come within 50 ms.
const framesPerS = 20

// Run shows the source until the user quits or the source ends, which is no
// error; the source is left open. It restores the terminal on every way out: a
// panic in here, a signal, the context's end. The latter two are reported. Some
// lines of what happened stay in the terminal.
func Run(ctx context.Context, src sim.Source, opt Options) error {
	// Bubble Tea's own handler knows SIGINT and SIGTERM; SIGHUP, when the
	// terminal is closed, would end the lab before it has cleaned up.
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()

	if opt.Out == nil {
		opt.Out = os.Stdout
	}
	options := []tea.ProgramOption{
		tea.WithContext(ctx), tea.WithoutSignalHandler(), tea.WithAltScreen(),
		tea.WithFPS(framesPerS), tea.WithOutput(inSync(opt.Out)),
	}
	if opt.In != nil {
		options = append(options, tea.WithInput(opt.In))
	}
	model := newProgram(ctx, src, opt, palettes(lipgloss.NewRenderer(opt.Out).ColorProfile(), dumb(), opt.ASCII))
	model.player = opt.Player
	if opt.List {
		model.openLessons(opt.At)
	}
	program := tea.NewProgram(model, options...)
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	go func() { // ends with ctx
		for {
			select {
			case <-continued: // the shell had the terminal meanwhile, and left it as it likes it
				program.ReleaseTerminal()
				program.RestoreTerminal()
			case <-ctx.Done():
				return
			}
		}
	}()
	_, err := program.Run()
	last := model.finish()
	if !errors.Is(err, tea.ErrProgramPanic) {
		for _, line := range last {
			fmt.Fprintln(opt.Out, line)
		}
	}
	switch {
	case err == nil:
		return model.err
	case ctx.Err() != nil && !errors.Is(err, tea.ErrProgramPanic):
		return fmt.Errorf("the screen was ended: %w", context.Cause(ctx))
	}
	return fmt.Errorf("drawing the screen: %w", err)
}
