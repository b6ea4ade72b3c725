package cli

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"forklore/lessons"
	"forklore/runtimes/cage"
	"forklore/runtimes/container"
	"forklore/sim"
	"forklore/sim/report"
	"forklore/ui"
)

// player joins a lesson to the screen: it is the screen's ui.Player over a
// lessons.Session. It stands here, for neither room may import the other: the
// screen shows lessons without knowing what one is, and a session runs without
// a screen, as --check does.
//
//	ui ── keys, snapshots ──▶ player ──▶ lessons.Session
//	 ▲                          │  └───▶ sim.Source.Do, lessons.Store, lessons.Notes
//	 └── ui.LessonPage ─────────┘
//
// It owns the lab: a lesson may need another one than the one that runs.
type player struct {
	dir  string // of the lessons; "": the embedded ones
	mode lessons.Mode
	draw uint64 // as --draw
	// store has the progress; nil: none is kept.
	store *lessons.Store

	set     *lessons.Set
	here    lessons.Machine
	looked  bool // at the machine
	session *lessons.Session
	pages   []page
	at      int // of the pages
	due     []due
	last    *sim.Snapshot
	lang    string
	kept    lessons.Phase
	opening bool
	shown   bool // the solution is being played
	notes   *lessons.Notes
	err     error // of the progress: told when the lesson is left

	mu      sync.Mutex // of what follows: a lab is replaced beside the screen's loop
	src     sim.Source
	running map[string]string // the flags that it was started with
	ended   bool
}

// newPlayer has a lab that runs already.
func newPlayer(dir string, mode lessons.Mode, src sim.Source, running map[string]string) *player {
	p := &player{dir: dir, mode: mode, src: src, running: running}
	if mode != lessons.Demo {
		store := lessons.DefaultStore()
		p.store = &store
	}
	return p
}

// flagsOf are a lab's flags and their values: the defaults, changed by a setup.
func flagsOf(setup lessons.Setup) map[string]string {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&options{}).register(f)
	for name, value := range setup.Flags() {
		f.Set(name, value) // what is wrong with it, openSetup says
	}
	return valuesOf(f)
}

// valuesOf are the values of the lab's flags.
func valuesOf(f *pflag.FlagSet) map[string]string {
	known := pflag.NewFlagSet("", pflag.ContinueOnError)
	(&options{}).register(known)
	values := map[string]string{}
	known.VisitAll(func(k *pflag.Flag) {
		if flag := f.Lookup(k.Name); flag != nil && k.Name != "port" {
			values[k.Name] = flag.Value.String()
		}
	})
	return values
}

// load reads the lessons when they are first asked for.
func (p *player) load() error {
	if p.set != nil {
		return nil
	}
	set, err := lessons.Load(p.dir)
	if err == nil {
		p.set = set
	}
	return err
}

// progress is what is kept of the learner; what can't be read is told later.
func (p *player) progress() *lessons.Progress {
	if p.store == nil {
		return &lessons.Progress{}
	}
	kept, err := p.store.Load()
	p.note(err)
	return kept
}

func (p *player) note(err error) {
	if err != nil && p.err == nil {
		p.err = err
		slog.Warn("progress", "err", err)
	}
}

// missing says why a lesson can't be taken here and so: not even from its
// recording.
func (p *player) missing(l *lessons.Lesson) string {
	if !p.looked {
		groups := p.last != nil && p.last.Lab.Why == "" // the lab that runs has them
		if p.last == nil {
			groups = cage.Usable() == nil
		}
		p.here, p.looked = thisMachine(groups), true
	}
	if why := l.Missing(p.here); why != "" && !l.Recorded() {
		return why
	}
	if !slices.Contains(l.Modes, p.mode) {
		return "it is not made for --mode " + string(p.mode)
	}
	return ""
}

// thisMachine is what lessons may ask of it. groups says that labs get cgroups
// here; the container host of a user who is root makes no sandbox without.
func thisMachine(groups bool) lessons.Machine {
	mode := "none"
	if groups {
		mode = cage.MachineCgroup()
	}
	return lessons.Machine{Machine: report.ThisMachine(mode), NoFile: maxDescriptors(),
		Container: container.Available() == nil && (groups || os.Geteuid() != 0)}
}

// Lessons implements ui.Player.
func (p *player) Lessons(lang string) ([]ui.LessonEntry, error) {
	if err := p.load(); err != nil {
		return nil, err
	}
	kept, now := p.progress(), time.Now()
	dueOf := map[string]int{}
	if p.mode != lessons.Demo {
		for _, d := range kept.Due(p.set, now) {
			dueOf[d.Lesson.ID]++
		}
	}
	var list []ui.LessonEntry
	for _, l := range p.set.Lessons {
		e := ui.LessonEntry{
			ID: l.ID, Title: l.Title(lang), Summary: l.Text(lang, "summary", nil).Body, Order: l.Order, Minutes: l.DurationMin,
			Beta: l.Status == lessons.Beta || l.Status == lessons.WIP, Missing: p.missing(l), Fallback: string(l.Fallback), Due: dueOf[l.ID],
		}
		why := l.Missing(p.here)
		if why == "" || l.Recorded() {
			e.Fallback = "" // it isn't the machine that the lesson can't be taken on
		}
		if why != "" && e.Missing == "" {
			e.Recorded, e.Where = why, l.Golden.Where()
		}
		if p.store != nil {
			e.State = string(kept.State(l.ID))
		}
		if e.Recorded == "" && !p.fits(l.Setup) {
			e.Setup = l.Setup.String()
		}
		list = append(list, e)
	}
	return list, nil
}

// fits: the lab that runs is as the setup says, and as it was started.
func (p *player) fits(setup lessons.Setup) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	want := flagsOf(setup)
	if !maps.Equal(want, p.running) {
		return false
	}
	if p.last == nil {
		return true
	}
	rate, err := strconv.ParseFloat(want["rate"], 64)
	return !p.last.Load.Paused && p.last.Load.Weight == want["weight"] && (err != nil || p.last.Load.RatePerS == rate) &&
		(want["container"] == p.last.Model[sim.Container].Mode || p.last.Model[sim.Container].Mode == "")
}

// Choose implements ui.Player.
func (p *player) Choose(id string) (ui.Lab, error) {
	if err := p.load(); err != nil {
		return nil, err
	}
	l, err := p.set.Find(id)
	if err != nil {
		return nil, err
	}
	if why := p.missing(l); why != "" {
		return nil, errors.New(why)
	}
	if p.session != nil {
		if err := p.Leave(); err != nil {
			slog.Warn("leaving a lesson", "err", err)
		}
	}
	p.begin(l)
	if p.session.Recorded() != nil || p.fits(l.Setup) {
		return nil, nil
	}
	return p.lab(l.Setup), nil
}

// begin opens a lesson, behind what is due from earlier days.
func (p *player) begin(l *lessons.Lesson) {
	o := p.options()
	o.Recorded = l.Missing(p.here) != ""
	p.session = lessons.NewSession(l, o)
	p.pages, p.at, p.kept, p.shown, p.due = pagesOf(l, p.mode), 0, "", false, nil
	if p.mode == lessons.Self {
		for _, d := range p.progress().Due(p.set, time.Now()) {
			p.due = append(p.due, due{Due: d})
		}
	}
	p.keep()
	if p.notes == nil {
		var err error
		if p.notes, err = lessons.ServeNotes(lessons.NotesDirs()...); err != nil {
			slog.Warn("no notes for a second terminal", "err", err)
		}
	}
}

// options are how a lesson is taken now.
func (p *player) options() lessons.Options {
	return lessons.Options{Mode: p.mode, Draw: p.draw}
}

// lab is the one that a setup describes, in place of the one that runs.
func (p *player) lab(setup lessons.Setup) ui.Lab {
	p.opening, p.last = true, nil
	return func() (sim.Source, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.ended {
			return nil, sim.ErrClosed
		}
		if err := p.src.Close(); err != nil {
			slog.Warn("closing the lab before the lesson's", "err", err)
		}
		src, err := openSetup(context.Background(), setup)
		if err != nil {
			p.ended = true // there is no lab any more
			return nil, err
		}
		p.src, p.running = src, flagsOf(setup)
		return src, nil
	}
}

// Opened implements ui.Player.
func (p *player) Opened() {
	p.opening = false
	if p.session != nil {
		p.session.Opened()
	}
}

// Observe implements ui.Player.
func (p *player) Observe(snap *sim.Snapshot) ui.Lab {
	p.last = snap
	s := p.session
	if s == nil || p.opening {
		return nil
	}
	for _, d := range s.Observe(snap) {
		if d.Restart != nil {
			return p.lab(d.Restart)
		}
		if err := p.do(d); err != nil {
			s.Refused(d, err)
		}
	}
	if s.Phase() != p.kept {
		p.keep()
	}
	p.publish(s.Note(p.lang))
	return nil
}

func (p *player) do(d lessons.Do) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return sim.ErrClosed
	}
	return p.src.Do(*d.Command)
}

// keep writes the progress down: at every phase, for a lab may be killed.
func (p *player) keep() {
	p.kept = p.session.Phase()
	if p.store != nil {
		p.note(p.store.Update(func(kept *lessons.Progress) { kept.Note(p.session, time.Now()) }))
	}
}

func (p *player) publish(n lessons.Note) {
	if p.notes != nil {
		p.notes.Publish(n)
	}
}

// undo takes back what the session did.
func (p *player) undo() {
	for _, d := range p.session.Undo() {
		if err := p.do(d); err != nil {
			slog.Warn("undoing a lesson's fault", "err", err)
		}
	}
}

// Again implements ui.Player.
func (p *player) Again() (ui.Lab, error) {
	s := p.session
	if s == nil || !ended(s) || s.Recorded() != nil {
		return nil, ui.NotDone
	}
	p.undo()
	if p.shown { // this time the learner does it
		s = afresh(s, p.options())
		p.session, p.shown = s, false
	} else {
		s.Again()
	}
	p.turnTo(s.Step())
	if p.fits(s.Setup()) {
		return nil, nil
	}
	return p.lab(s.Setup()), nil
}

// afresh is a new session of the lesson, with what was predicted in the old one,
// at the action.
func afresh(old *lessons.Session, o lessons.Options) *lessons.Session {
	s := lessons.NewSession(old.Lesson(), o)
	for _, q := range s.Lesson().Predict {
		if a, ok := old.Answered(q.ID); ok {
			s.Answer(q.ID, a)
		}
	}
	for s.Step() < lessons.StepAct && s.Next() == nil {
	}
	return s
}

// Leave implements ui.Player.
func (p *player) Leave() error {
	if p.session == nil {
		return nil
	}
	p.keep()
	p.undo()
	p.session, p.due = nil, nil
	p.publish(lessons.Note{Schema: lessons.NoteSchema, Lang: p.lang})
	err := p.err
	p.err = nil
	return err
}

// Close leaves the lesson, and ends the lab that runs.
func (p *player) Close() error {
	err := p.Leave()
	if p.notes != nil {
		err = errors.Join(err, p.notes.Close())
	}
	p.mu.Lock() // a lab may just be opening: it is waited for
	defer p.mu.Unlock()
	if p.ended {
		return err
	}
	p.ended = true
	return errors.Join(err, p.src.Close())
}
