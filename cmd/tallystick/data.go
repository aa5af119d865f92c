package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"tallystick/directory"
	"tallystick/directory/seal"
	"tallystick/directory/store/badger"
)

// data is an open data folder.
type data struct {
	store     *badger.Store
	directory *directory.Directory
	keys      *seal.Keyset // that the directory seals with
}

// openData opens the data folder, or makes one.
func openData(ctx context.Context, c *config, log *slog.Logger, now func() time.Time) (*data, error) {
	if err := prepareData(c); err != nil {
		return nil, err
	}
	return openDatabase(ctx, c, c.database(), log, now)
}

// openExisting is openData for a folder that has to be there already.
func openExisting(ctx context.Context, c *config, log *slog.Logger, now func() time.Time) (*data, error) {
	if err := c.ownData(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.database()); err != nil {
		return nil, fmt.Errorf("no database in the data folder: %w", err)
	}
	return openDatabase(ctx, c, c.database(), log, now)
}

// ownData fails if root is about to work on the data folder of another user: a
// server that runs as that user could not open what root leaves there.
func (c *config) ownData() error {
	info, err := os.Stat(c.Data)
	if err != nil || os.Geteuid() != 0 {
		return nil // what is not there will be made, and others hear of it from the system
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Uid == 0 {
		return nil
	}
	owner := strconv.FormatUint(uint64(stat.Uid), 10)
	as := fmt.Sprintf("setpriv --reuid=%d --regid=%d --clear-groups tallystick ..., or in a container --user %[1]d:%[2]d", stat.Uid, stat.Gid)
	if u, err := user.LookupId(owner); err == nil {
		owner, as = u.Username, "runuser -u "+u.Username+" -- tallystick ..."
	}
	return fmt.Errorf("the data folder %s belongs to %s, who could not read what root writes there: run this as that user (%s), or make the folder root's (chown -R root: %[1]s)", c.Data, owner, as)
}

// configured is what a command on the machine begins with: the configuration
// and the clock.
func (f *globalFlags) configured() (*config, func() time.Time, error) {
	c, err := f.config()
	if err != nil {
		return nil, nil, err
	}
	now, err := clock(f.clockFile)
	return c, now, err
}

// withData opens the data folder, which has to be there and which no server may
// have open, for fn.
func (f *globalFlags) withData(ctx context.Context, fn func(*config, *data) error) error {
	return f.withFolder(ctx, openExisting, fn)
}

// withFolder is withData with another way to open the folder.
func (f *globalFlags) withFolder(ctx context.Context, open opener, fn func(*config, *data) error) (err error) {
	c, now, err := f.configured()
	if err != nil {
		return err
	}
	d, err := open(ctx, c, c.logger(), now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	return fn(c, d)
}

// opener is openData or openExisting.
type opener func(ctx context.Context, c *config, log *slog.Logger, now func() time.Time) (*data, error)

// openDatabase opens the database in folder with the keyset of c. change may
// change how the store is opened.
func openDatabase(ctx context.Context, c *config, folder string, log *slog.Logger, now func() time.Time, change ...func(*badger.Config)) (*data, error) {
	keys, err := c.openKeyset(ctx)
	if err != nil {
		return nil, err
	}
	cfg := c.directoryConfig(keys, log, now)
	if cfg.Schema, err = c.schema(); err != nil {
		return nil, err
	}
	storeConfig := c.storeConfig(log)
	for _, f := range change {
		f(&storeConfig)
	}
	s, err := badger.Open(folder, storeConfig)
	if err != nil {
		return nil, inUse(c, err)
	}
	d, err := directory.Open(ctx, s, cfg)
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &data{s, d, keys}, nil
}

// inUse adds to err what to do about it, if that is known.
func inUse(c *config, err error) error {
	if errors.Is(err, badger.ErrInUse) {
		return fmt.Errorf("%w: is a server running on %s? Stop it first", err, c.Data)
	}
	return err
}

func (d *data) close() error { return d.store.Close() }

// prepareData makes the data folder and the keyset, before there is a database
// that could need another one.
func prepareData(c *config) error {
	if err := c.ownData(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(c.database()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	source, err := c.keysetSource()
	if err != nil {
		return err
	}
	file, ok := source.File()
	if !ok {
		return nil // whoever keeps it elsewhere has made it
	}
	_, err = file.Create()
	if errors.Is(err, fs.ErrExist) {
		return nil // from a first start that was killed, or brought along
	}
	return err
}
