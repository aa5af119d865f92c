package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tallystick/directory"
	"tallystick/directory/store/badger"
	"tallystick/internal/ldif"
)

func importCommand(flags *globalFlags) *cobra.Command {
	var skip, files bool
	var scheme string
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Load entries and changes from LDIF files",
		Long: `Load LDIF files (RFC 2849), "-" for the standard input: entries, and records
with a changetype in the order they stand. All of it is loaded or nothing: the
work is done on a copy of the database that takes its place at the end. A bad
record ends the import with file, line and reason; with --continue it is
skipped, and the exit status is 1. After an interruption, a kill or a power
loss the database is what it was before: run the same import again. It begins
from the beginning, and removes what is left of the copy. On a terminal it shows
how far it is, first in reading, then in writing, and how long that will take.

Files of nothing but entries to add, parents before children, load much faster
than changes, with memory that does not depend on how many there are but for
some 50 octets each.

Passwords in the clear are hashed; hashed ones, and everything else that export
writes, are taken over as they are. The server must not be running.`,
		Example: `  tallystick import people.ldif
  tallystick import --continue --password-scheme SSHA512 people.ldif groups.ldif
  zcat backup.ldif.gz | tallystick import --data ./restored -`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			flags.override("passwords.scheme", scheme)
			c, now, err := flags.configured()
			if err != nil {
				return err
			}
			in, err := openInput(names, cmd.InOrStdin(), os.TempDir())
			if err != nil {
				return err
			}
			defer in.close()
			in.opts = ldif.Options{Files: files}
			im := importing{c: c, in: in, now: now, log: c.logger(), out: cmd.OutOrStdout()}
			return im.run(cmd.Context(), skip)
		},
	}
	cmd.Flags().BoolVar(&skip, "continue", false, "skip bad records")
	cmd.Flags().BoolVar(&files, "files", false, "take values from local files, as \"jpegPhoto:< file:///...\" asks")
	cmd.Flags().StringVar(&scheme, "password-scheme", "", "storage `scheme` for passwords in the clear; short for --set passwords.scheme=scheme")
	return cmd
}

// importing is one import at work.
type importing struct {
	c    *config
	in   *input
	now  func() time.Time
	log  *slog.Logger
	out  io.Writer // for the result
	show *progress
}

// importMemory is what the garbage collector tries to stay under, in bytes: an
// import makes much garbage, and keeps little.
const importMemory = 400 << 20

func (im *importing) run(ctx context.Context, skip bool) (err error) {
	tuneMemory(importMemory, importMemory)
	if skip {
		im.in.tell = func(text string) { im.show.print(os.Stderr, text) }
	}
	octets, err := im.in.octets()
	if err != nil {
		return err
	}
	if err := prepareData(im.c); err != nil {
		return err
	}
	draft, err := badger.NewDraft(im.c.database(), im.c.storeConfig(im.log))
	if err != nil {
		return inUse(im.c, err)
	}
	defer func() { err = errors.Join(err, draft.Discard()) }()
	im.show = newProgress("importing", octets)
	im.in.read = im.show.read
	defer im.show.done()
	n, err := im.fill(ctx, draft.Dir())
	if errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	if err != nil {
		return err
	}
	if err := draft.Commit(); err != nil {
		return err
	}
	return im.report(n)
}

var errInterrupted = errors.New("interrupted: nothing was loaded, and the database is what it was before; run the same import again, from its beginning")

// fill imports into the database in folder, which is a draft: with Load, which
// is quick, and if it turns out that there is more to do than to add entries,
// once more from the beginning with Apply.
func (im *importing) fill(ctx context.Context, folder string) (n int, err error) {
	d, err := openDatabase(ctx, im.c, folder, im.log, im.now, func(c *badger.Config) { c.Progress = im.show.written })
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if n, err = d.directory.Load(ctx, im.source(true)); !errors.Is(err, errNotAdded) {
		return n, err
	}
	im.in.rewind()
	im.show.again()
	im.in.opts.Keep = true // Apply works on many records at the same time
	return d.directory.Apply(ctx, im.source(false))
}

// errNotAdded ends a Load at a record that is not an entry to add.
var errNotAdded = errors.New("not an entry to add")

// source counts the records that pass by. If only entries are wanted it ends
// with errNotAdded at another record.
func (im *importing) source(entries bool) directory.ImportSource {
	src := im.in.source()
	next := src.Next
	src.Next = func() (*directory.ImportRecord, error) {
		rec, err := next()
		switch err {
		case nil:
			if _, ok := rec.Request.(*directory.AddRequest); entries && !ok {
				return nil, errNotAdded
			}
			im.show.entries++
		case io.EOF:
			im.show.writing()
		}
		return rec, err
	}
	return src
}

// report prints what was done.
func (im *importing) report(n int) error {
	im.show.done()
	fmt.Fprintf(im.out, "imported %s in %.1f s\n", records(n), time.Since(im.show.start).Seconds())
	if im.in.bad > 0 {
		return fmt.Errorf("skipped %s", records(im.in.bad))
	}
	return nil
}

func records(n int) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}
