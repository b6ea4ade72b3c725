package cli

import (
	"errors"
	"os"
	"syscall"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"forklore/lessons"
)

// notesCommand is the command notes: what a presenter has in a second terminal.
func notesCommand(out *os.File) *cobra.Command {
	return &cobra.Command{Use: "notes", Short: "Follows a lesson in a second terminal: notes, the next step, the time that is left", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := noLabFlags(c, "notes follows a lab that runs; it starts none"); err != nil {
				return err
			}
			ctx, ended := untilSignal()
			defer ended()
			conn, err := lessons.DialNotes(lessons.NotesDirs()...)
			if err != nil {
				return badInput("%w", err)
			}
			defer conn.Close()
			err = lessons.Follow(ctx, conn, out, func() (w, h int) {
				if w, h, err = term.GetSize(out.Fd()); err != nil {
					return 80, 24
				}
				return w, h
			})
			if err := signalStatus(ctx); err != nil {
				return err
			}
			if err != nil && !errors.Is(err, syscall.EPIPE) { // who reads them has seen enough
				return status{exitProblem, err}
			}
			return nil
		}}
}
