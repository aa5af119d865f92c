package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"tallystick/directory/seal"
	"tallystick/directory/seal/pkcs11"
)

// keysetSource is where the keyset is kept.
func (c *config) keysetSource() (seal.Source, error) {
	text := c.SecondFactor.Keyset
	file := filepath.Join(c.Data, "keys", "totp.keyset")
	switch {
	case text == "":
		text = file
	case strings.HasPrefix(text, "pkcs11:"):
		key, err := pkcs11.Parse(text)
		if err != nil {
			return seal.Source{}, err
		}
		return seal.Wrapped(cmp.Or(key.File(), file), key), nil
	}
	return seal.ParseSource(text)
}

// openKeyset reads the keyset, which has to be there.
func (c *config) openKeyset(ctx context.Context) (*seal.Keyset, error) {
	source, err := c.keysetSource()
	if err != nil {
		return nil, err
	}
	keys, err := source.Read(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keyset: %w; the TOTP secrets in the database cannot be read without it: restore it from your copy", err)
	}
	return keys, err
}

// keepSealed sees to it that every TOTP secret is sealed with the newest key:
// at the start, and each time the process gets the signal, on which it reads
// the keyset again. It works beside the server until ctx is done.
func (d *data) keepSealed(ctx context.Context, c *config, sig os.Signal, log *slog.Logger) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, sig)
	defer signal.Stop(signals)
	for {
		d.reseal(ctx, log)
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
			keys, err := c.openKeyset(ctx)
			if err == nil {
				err = d.keys.Replace(keys)
			}
			if err != nil {
				log.Error("the keyset stays as it was", "err", err)
				continue
			}
			log.Info("read the keyset again", "keys", len(keys.Keys()))
		}
	}
}

func (d *data) reseal(ctx context.Context, log *slog.Logger) {
	done, err := d.directory.Reseal(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		log.Error("not all TOTP secrets are sealed with the newest key", "err", err)
	case done.Closed > 0:
		log.Error("TOTP secrets do not open", "secrets", done.Closed, "of", done.Credentials)
	case done.Anew > 0:
		log.Info("sealed TOTP secrets with the newest key", "secrets", done.Anew, "of", done.Credentials)
	}
}
