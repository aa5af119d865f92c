package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"tallystick/directory"
	"tallystick/directory/seal"
	"tallystick/directory/store/badger"
)

// data is an open data folder.
type data struct {
	store     *badger.Store
	directory *directory.Directory
}

// openData opens the data folder, or makes one: the keyset first, so that a
// database is never without the keys to it.
func openData(ctx context.Context, c *config, log *slog.Logger, now func() time.Time) (*data, error) {
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, err
	}
	return openDatabase(ctx, c, c.database(), log, now)
}

// openExisting is openData for a folder that has to be there already.
func openExisting(ctx context.Context, c *config, log *slog.Logger, now func() time.Time) (*data, error) {
	if _, err := os.Stat(c.database()); err != nil {
		return nil, fmt.Errorf("no database in the data folder: %w", err)
	}
	return openDatabase(ctx, c, c.database(), log, now)
}

// openDatabase opens the database in folder with the keyset of c.
func openDatabase(ctx context.Context, c *config, folder string, log *slog.Logger, now func() time.Time) (*data, error) {
	keys, err := openKeyset(c)
	if err != nil {
		return nil, err
	}
	s, err := badger.Open(folder, badger.Config{Logger: log.With("part", "store"), MinFree: int64(c.MinFree)})
	if errors.Is(err, badger.ErrInUse) {
		return nil, fmt.Errorf("%w: is a server running on %s? Stop it first", err, c.Data)
	}
	if err != nil {
		return nil, err
	}
	d, err := directory.Open(ctx, s, c.directoryConfig(keys, log, now))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return &data{s, d}, nil
}

func (d *data) close() error { return d.store.Close() }

// openKeyset opens the keyset, and makes one if there is no database yet that
// could need another.
func openKeyset(c *config) (*seal.Keyset, error) {
	keys, err := seal.Open(c.keyset())
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if _, dbErr := os.Stat(c.database()); dbErr == nil {
		return nil, fmt.Errorf("keyset: %w; the TOTP secrets in the database cannot be read without it: restore it from your copy", err)
	}
	return seal.Create(c.keyset())
}
