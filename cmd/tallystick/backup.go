package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"tallystick/directory"
	"tallystick/directory/store/backup"
	"tallystick/extop/wire"
)

func backupCommand(flags *globalFlags) *cobra.Command {
	o := &totpOptions{}
	var fromServer bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Save everything in the database to a file",
		Long: `Save all of the database to a file of mode 0600: entries, indexes, TOTP
credentials, attempt counters and the audit log, each with a checksum. The file
appears when it is complete. It is always a full backup. The database is verified
first, and none is made of one that is damaged: "tallystick check" tells more.

TOTP secrets stay sealed, so the file is of no use without the keyset
(secondFactor.keyset), which is NOT in it. Keep a copy of that too, in another
place. Passwords are hashed, as they are in the database.

Only the process that has the database open can make a copy of one moment. So
either the server is not running, or, with --server, it writes the backup itself
while it goes on: to a file of that name in the folder backups of its own data
folder. That takes the privilege backend-backup.`,
		Example: `  tallystick backup --data ./data backup-2026-07-01
  tallystick backup --server backup-2026-07-01 -D admin -y password-file`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			if fromServer {
				return o.runTOTP(backUpServer)(cmd, names)
			}
			if o.bind != "" {
				return usagef("-D goes with --server")
			}
			c, now, err := flags.configured()
			if err != nil {
				return err
			}
			source, err := c.keysetSource()
			if err != nil {
				return err
			}
			keyset := source.String()
			if file, ok := source.File(); ok {
				keyset = file.Path
			}
			sum, err := backUp(cmd.Context(), c, names[0], now())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "backed up %s, %.1f MiB\n"+
				"The keyset is not in it: keep a copy of %s elsewhere.\n", records(int(sum.Pairs)), float64(sum.Octets)/(1<<20), keyset)
			return err
		},
	}
	cmd.Flags().BoolVar(&fromServer, "server", false, "have a running server write it")
	o.register(cmd.Flags())
	return cmd
}

// backUpServer has a running server write a backup.
func backUpServer(ctx context.Context, s *totpSession, names []string) error {
	made, err := s.manageServer(ctx, wire.ManageServerRequest{Action: wire.ServerBackup, Name: names[0]})
	if err != nil {
		return err
	}
	return s.tell(map[string]any{"file": made.Name, "records": made.Pairs, "octets": made.Octets},
		"backed up %s, %.1f MiB, to %s on the server's machine\nThe keyset is not in it: keep a copy of that elsewhere.",
		records(int(made.Pairs)), float64(made.Octets)/(1<<20), made.Name)
}

// backups are those that a running server writes, one at a time.
type backups struct {
	data   *data
	folder string
	now    func() time.Time
	busy   atomic.Bool
}

// WriteBackup writes one, with a name that is that of no other file.
func (b *backups) WriteBackup(ctx context.Context, name string) (path string, pairs uint64, octets int64, err error) {
	if name == "" || len(name) > 100 || name[0] == '.' || strings.ContainsFunc(name, func(r rune) bool { return r == '/' || !unicode.IsPrint(r) }) {
		return "", 0, 0, directory.Errorf(directory.ConstraintViolation, "the name of a file, without a folder, that does not begin with a dot")
	}
	if !b.busy.CompareAndSwap(false, true) {
		return "", 0, 0, directory.Errorf(directory.Busy, "another backup is being written")
	}
	defer b.busy.Store(false)
	if err := os.MkdirAll(b.folder, 0o700); err != nil {
		return "", 0, 0, err
	}
	path = filepath.Join(b.folder, name)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return "", 0, 0, cmp.Or(err, error(directory.Errorf(directory.EntryAlreadyExists, "there is a file %s", path)))
	}
	if err := b.data.store.Verify(ctx, nil); err != nil {
		return "", 0, 0, err
	}
	var sum backup.Summary
	err = writeWhole(path, func(w io.Writer) (err error) {
		sum, err = backup.Write(ctx, b.data.store, w, b.now(), nil)
		return err
	})
	return path, sum.Pairs, sum.Octets, err
}

func backUp(ctx context.Context, c *config, name string, now time.Time) (sum backup.Summary, err error) {
	s, err := c.openStore(c.logger())
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	// Reading passes over pairs in a damaged block as if they were not there.
	if err := s.Verify(ctx, nil); err != nil {
		return sum, err
	}
	show := newProgress("backing up", -1) // nobody knows how much it will be
	defer show.done()
	err = writeWhole(name, func(w io.Writer) (err error) {
		sum, err = backup.Write(ctx, s, w, now, func(octets int) {
			show.entries++
			show.read(octets)
		})
		return err
	})
	return sum, err
}
