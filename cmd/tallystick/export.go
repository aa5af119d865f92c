package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tallystick/directory"
	"tallystick/internal/ldif"
)

func exportCommand(flags *globalFlags) *cobra.Command {
	var base, output string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Save the entries as LDIF",
		Long: `Write the entries as LDIF, parents before their children, with all that import
needs to make the same tree again: entryUUID, timestamps, hashed passwords, and
TOTP credentials with their secrets in the clear. Keep the file as safe as the
database and its keyset together; a file named with -o has mode 0600.

The server must not be running.`,
		Example: `  tallystick export -o backup.ldif
  tallystick export -b ou=people,dc=example,dc=com | gzip > people.ldif.gz`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx := cmd.Context()
			return flags.withData(ctx, func(c *config, d *data) error {
				// Reading passes over pairs in a damaged block as if they were not there.
				if err := d.store.Verify(ctx, nil); err != nil {
					return err
				}
				if output == "" {
					_, err := writeExport(ctx, d.directory, base, cmd.OutOrStdout())
					return err
				}
				return exportFile(ctx, d.directory, base, output, c.logger())
			})
		},
	}
	cmd.Flags().StringVarP(&base, "base", "b", "", "only the entry of this `DN` and those below it")
	cmd.Flags().StringVarP(&output, "output", "o", "", "`file` to write, in place of the standard output")
	return cmd
}

func exportFile(ctx context.Context, d *directory.Directory, base, name string, log *slog.Logger) error {
	start := time.Now()
	n := 0
	err := writeWhole(name, func(w io.Writer) (err error) {
		n, err = writeExport(ctx, d, base, w)
		return err
	})
	if err != nil {
		return err
	}
	log.Info("exported", "entries", n, "file", name, "time", time.Since(start).Round(time.Millisecond))
	return nil
}

// writeWhole writes a file of mode 0600 that appears under its name when it is
// complete. It replaces a file, and nothing else that has the name.
func writeWhole(name string, write func(io.Writer) error) error {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", name)
	}
	folder := filepath.Dir(name)
	f, err := os.CreateTemp(folder, ".unfinished-*") // of mode 0600
	if err != nil {
		return inFolder(folder, err)
	}
	defer os.Remove(f.Name())
	err = write(f)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return err
	}
	return syncFolder(folder)
}

// inFolder is err, of a temporary file, for who has named only the folder.
func inFolder(folder string, err error) error {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("the folder %s: %w", folder, err)
}

// syncFolder makes the names in a folder durable.
func syncFolder(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func writeExport(ctx context.Context, d *directory.Directory, base string, to io.Writer) (entries int, err error) {
	w := ldif.NewWriter(to)
	err = w.Comment("Holds password hashes, and TOTP secrets in the clear.")
	if err != nil {
		return 0, err
	}
	err = d.Export(ctx, base, func(e *directory.Entry) error {
		entries++
		return w.WriteEntry(e)
	})
	if err = errors.Join(err, w.Flush()); err != nil {
		return entries, fmt.Errorf("export: %w", err)
	}
	return entries, nil
}
