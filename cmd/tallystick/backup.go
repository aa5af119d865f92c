package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"tallystick/directory/store/backup"
)

func backupCommand(flags *globalFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Save everything in the database to a file",
		Long: `Save all of the database to a file of mode 0600: entries, indexes, TOTP
credentials, attempt counters and the audit log, each with a checksum. The file
appears when it is complete. It is always a full backup. The database is verified
first, and none is made of one that is damaged: "tallystick check" tells more.

TOTP secrets stay sealed, so the file is of no use without the keyset
(secondFactor.keyset), which is NOT in it. Keep a copy of that too, in another
place. Passwords are hashed, as they are in the database.

The server must not be running: a copy of one moment can only be made from
within the process that has the database open.`,
		Example: `  tallystick backup --data ./data backup-2026-07-01`,
		Args:    usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			c, err := flags.config()
			if err != nil {
				return err
			}
			now, err := clock(flags.clockFile)
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
