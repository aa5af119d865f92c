package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
)

// reloadable is a file, or two that belong together, that may change while the
// process runs.
type reloadable interface {
	// reload reads it again. With an error what was read before stays in use.
	reload() error

	// what is its kind, as in "the certificate", and the file's name.
	what() (kind, file string)
}

// reloadOn reads files again whenever the process gets the signal, until ctx is
// done.
func reloadOn(ctx context.Context, sig os.Signal, log *slog.Logger, files ...reloadable) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, sig)
	defer signal.Stop(signals)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
		}
		for _, f := range files {
			kind, file := f.what()
			if err := f.reload(); err != nil {
				log.Error("the "+kind+" stays as it was", "err", err)
				continue
			}
			log.Info("read the "+kind+" again", "file", file)
		}
	}
}
