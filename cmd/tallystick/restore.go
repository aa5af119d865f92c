package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tallystick/directory"
	"tallystick/directory/store"
	"tallystick/directory/store/backup"
	"tallystick/directory/store/badger"
)

func restoreCommand(flags *globalFlags) *cobra.Command {
	var keepCodes bool
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a database from a backup",
		Long: `Make a database from a file that "tallystick backup" wrote, in a data folder that
is new or whose database is empty. Every checksum is verified before anything is
changed; a damaged or incomplete file is refused.

One-time codes that were used after the backup must not count again. So no code
counts that could have been used until now, nor one of the next minutes (as many
steps as secondFactor.drift and window allow): the first login after a restore
has to wait that long. The recovery codes of all users are removed, because
nobody knows which were used; they make new ones. Counter-based tokens (HOTP), of
which nobody knows how many codes were used, count again after an administrator
has asked for two codes: "tallystick totp resync".

All else is again as it was: passwords changed since then, entries deleted and
TOTP secrets revoked count again. A token whose clock was found to be further off
since then, by a resync, is to be revoked: codes it showed could count once more.

The keyset is not in the backup: put your copy where secondFactor.keyset says,
before the server starts. Restoring does not need it.`,
		Example: `  tallystick restore --data ./restored backup-2026-07-01
  cp keys/totp.keyset ./restored/keys/
  tallystick check --data ./restored`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			c, now, err := flags.configured()
			if err != nil {
				return err
			}
			r := restoring{c: c, name: names[0], log: c.logger(), now: now, keepCodes: keepCodes}
			sum, err := r.run(cmd.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "restored %s of %s\n", records(int(sum.Pairs)), sum.Made.Format(time.RFC3339))
			return err
		},
	}
	cmd.Flags().BoolVar(&keepCodes, "keep-recovery-codes", false, "keep recovery codes, though some may have been used since the backup")
	return cmd
}

// restoring is one restore at work.
type restoring struct {
	c         *config
	name      string
	log       *slog.Logger
	now       func() time.Time
	keepCodes bool
}

func (r *restoring) run(ctx context.Context) (sum backup.Summary, err error) {
	if err := r.c.ownData(); err != nil {
		return sum, err
	}
	sum, err = r.read(ctx, "verifying", func(_, _ []byte) error { return nil })
	if err != nil {
		return sum, err
	}
	if err := r.refuseFull(ctx); err != nil {
		return sum, err
	}
	if err := os.MkdirAll(r.c.Data, 0o700); err != nil {
		return sum, err
	}
	draft, err := badger.NewDraft(r.c.database(), r.c.storeConfig(r.log))
	if err != nil {
		return sum, inUse(r.c, err)
	}
	defer func() { err = errors.Join(err, draft.Discard()) }()
	if err := r.fill(ctx, draft.Dir(), sum.Made); err != nil {
		return sum, err
	}
	return sum, draft.Commit()
}

// fill restores into the database in folder, which is a draft.
func (r *restoring) fill(ctx context.Context, folder string, made time.Time) (err error) {
	s, err := badger.Open(folder, r.c.storeConfig(r.log))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	cfg := directory.RestoreConfig{
		Credentials:       r.c.directoryConfig(nil, r.log, r.now).Credentials,
		Now:               r.now,
		Made:              made,
		KeepRecoveryCodes: r.keepCodes,
	}
	return directory.Restore(ctx, s, cfg, func(put func(key, value []byte) error) error {
		_, err := r.read(ctx, "restoring", put)
		return err
	})
}

// read reads the whole backup.
func (r *restoring) read(ctx context.Context, what string, fn func(key, value []byte) error) (sum backup.Summary, err error) {
	f, err := os.Open(r.name)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return sum, err
	}
	show := newProgress(what, info.Size())
	defer show.done()
	sum, err = backup.Read(ctx, io.TeeReader(f, show), func(key, value []byte) error {
		show.entries++
		return fn(key, value)
	})
	if err != nil {
		return sum, fmt.Errorf("%s: %w", r.name, err)
	}
	return sum, nil
}

// refuseFull fails if there is a database with something in it.
func (r *restoring) refuseFull(ctx context.Context) (err error) {
	if _, err := os.Stat(r.c.database()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	s, err := r.c.openStore(r.log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.View(ctx, func(rd store.Reader) error {
		empty := true
		err := rd.Scan(store.Range{KeysOnly: true}, func(_, _ []byte) bool {
			empty = false
			return false
		})
		if err == nil && !empty {
			err = fmt.Errorf("the database in %s is not empty: restore into a new folder, with --data", r.c.Data)
		}
		return err
	})
}
