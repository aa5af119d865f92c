package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"tallystick/directory/seal"
)

func keysCommand(flags *globalFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Manage the keys that TOTP secrets are sealed with",
		Long: `The keyset has one primary key, which seals, and older ones, which only open.
It is kept where secondFactor.keyset in the configuration says: in a file,
which a key in a PKCS#11 token may have encrypted, in a variable of the
environment, or where a command finds it.

  1. "tallystick keys rotate" makes a new primary key.
  2. SIGHUP lets a running server read the keyset again and seal all secrets
     with the new key while it serves; "tallystick keys reseal" does the same
     while none runs. A server also does it when it starts.
  3. "tallystick keys drop" takes an old key away once nothing in the database
     is sealed with it. Backups made before need it still: keep a copy.`,
		Example: `  tallystick keys list --count
  tallystick keys rotate && pkill -HUP -x tallystick
  tallystick keys drop 1234567890`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(keysListCommand(flags), keysCreateCommand(), keysImportCommand(flags), keysRotateCommand(flags), keysResealCommand(flags), keysDropCommand(flags))
	return cmd
}

func keysListCommand(flags *globalFlags) *cobra.Command {
	var count bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the keys by id, and which one seals",
		Long: `List the id of each key, oldest first, and whether it is the primary one, which
seals, or an old one. The keys themselves are not shown. With --count also how
many TOTP secrets each has sealed; for that no server may be running.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if !count {
				c, err := flags.config()
				if err != nil {
					return err
				}
				keys, err := c.openKeyset(cmd.Context())
				if err != nil {
					return err
				}
				printKeys(cmd.OutOrStdout(), keys.Keys(), nil)
				return nil
			}
			return flags.withData(cmd.Context(), func(_ *config, d *data) error {
				sealed, err := d.directory.SealedWith(cmd.Context())
				if err != nil {
					return err
				}
				printKeys(cmd.OutOrStdout(), d.keys.Keys(), sealed)
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&count, "count", false, "count the TOTP secrets that each key has sealed")
	return cmd
}

// printKeys writes a line for each key; sealed is how many secrets they have
// sealed, nil: not known.
func printKeys(out io.Writer, keys []seal.Key, sealed map[uint32]int) {
	for _, k := range keys {
		state := "old"
		if k.Primary {
			state = "primary"
		}
		fmt.Fprintf(out, "%010d %s", k.ID, state)
		if sealed != nil {
			fmt.Fprintf(out, ", has sealed %d", sealed[k.ID])
		}
		fmt.Fprintln(out)
	}
}

func keysCreateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "create file",
		Short: "Make a keyset in a new file",
		Long: `Make a keyset with one key and write it to a new file of mode 0600: to be put
where an env: or command: source finds it. The first start makes one itself
where the keyset is a file.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			_, err := seal.File{Path: args[0]}.Create()
			return err
		},
	}
}

func keysImportCommand(flags *globalFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "import file",
		Short: "Put a keyset where the configuration has it",
		Long: `Copy the keyset in a file, in which its keys lie in the clear, to the file that
secondFactor.keyset names, which must not be there yet; where that is the URI
of a key in a PKCS#11 token, encrypted with it. Then destroy the one in the clear.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := flags.config()
			if err != nil {
				return err
			}
			if err := c.ownData(); err != nil {
				return err
			}
			source, err := c.keysetSource()
			if err != nil {
				return err
			}
			file, ok := source.File()
			if !ok {
				return errors.New("the keyset is not kept in a file: put it where it belongs")
			}
			keys, err := seal.File{Path: args[0]}.Open()
			if err != nil {
				return err
			}
			if err := file.WriteNew(keys); err != nil {
				return err
			}
			printKeys(cmd.OutOrStdout(), keys.Keys(), nil)
			return nil
		},
	}
}

func keysRotateCommand(flags *globalFlags) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new primary key",
		Long: `Add a key to the keyset; it seals from then on. The old keys stay, and open
what they have sealed. A running server goes on as before until it gets
SIGHUP. A keyset that is not kept in a file is written to a new file, given
with --to, for you to put where it belongs.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.config()
			if err != nil {
				return err
			}
			return changeKeyset(cmd, c, to, (*seal.Keyset).Rotated, seal.File.Rotate)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "write the changed keyset to a new `file`, and leave the old one alone")
	return cmd
}

// changeKeyset changes the keyset in place, or into the new file to, and
// prints the keys it has now.
func changeKeyset(cmd *cobra.Command, c *config, to string, change func(*seal.Keyset) (*seal.Keyset, error), inFile func(seal.File) (*seal.Keyset, error)) error {
	source, err := c.keysetSource()
	if err != nil {
		return err
	}
	file, isFile := source.File()
	if to == "" && !isFile {
		return errors.New("the keyset is not kept in a file: give --to a new file, and put what is in it where the keyset belongs")
	}
	var keys *seal.Keyset
	if to == "" {
		if err = c.ownData(); err == nil {
			keys, err = inFile(file)
		}
	} else if keys, err = c.openKeyset(cmd.Context()); err == nil {
		if keys, err = change(keys); err == nil {
			err = seal.File{Path: to, Wrapper: file.Wrapper}.WriteNew(keys)
		}
	}
	if err != nil {
		return err
	}
	printKeys(cmd.OutOrStdout(), keys.Keys(), nil)
	return nil
}

func keysResealCommand(flags *globalFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "reseal",
		Short: "Seal all TOTP secrets with the primary key",
		Long: `Seal with the primary key whatever an older key has sealed. The server must not
be running: it does this itself, at its start and on SIGHUP.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.withData(cmd.Context(), func(_ *config, d *data) error {
				done, err := d.directory.Reseal(cmd.Context())
				fmt.Fprintf(cmd.OutOrStdout(), "sealed %d of %d TOTP secrets anew\n", done.Anew, done.Credentials)
				if err == nil && done.Closed > 0 {
					err = fmt.Errorf("%d TOTP secrets do not open", done.Closed)
				}
				return err
			})
		},
	}
}

func keysDropCommand(flags *globalFlags) *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use:   "drop id",
		Short: "Take an old key out of the keyset",
		Long: `Take an old key out of the keyset, if nothing in the database is sealed with it.
The server must not be running. Backups from before the secrets were sealed
anew cannot be used without the key.`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := strconv.ParseUint(args[0], 10, 32)
			if err != nil {
				return usagef("%q is not the id of a key", args[0])
			}
			id := uint32(n)
			return flags.withData(cmd.Context(), func(c *config, d *data) error {
				sealed, err := d.directory.SealedWith(cmd.Context())
				if err != nil {
					return err
				}
				if sealed[id] > 0 {
					return fmt.Errorf("%d TOTP secrets are sealed with this key: run \"tallystick keys reseal\" first", sealed[id])
				}
				return changeKeyset(cmd, c, to,
					func(k *seal.Keyset) (*seal.Keyset, error) { return k.Without(id) },
					func(file seal.File) (*seal.Keyset, error) { return file.Drop(id) })
			})
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "write the changed keyset to a new `file`, and leave the old one alone")
	return cmd
}
