package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tallystick/directory/password"
)

func rootPasswordCommand(flags *globalFlags) *cobra.Command {
	var generate bool
	cmd := &cobra.Command{
		Use:   "root-password",
		Short: "Set the password of the root user",
		Long: `Set the password of the root user (directory.rootDN in the configuration).
The server must not be running; a running one changes it with ldappasswd.`,
		Example: `  tallystick root-password --data ./data
  tallystick root-password --generate`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return flags.withFolder(cmd.Context(), openData, func(c *config, d *data) (err error) {
				var text []byte
				if generate {
					text = []byte(password.Generate())
				} else if text, err = readPassword(cmd.InOrStdin(), "New password of "+c.Directory.RootDN); err != nil {
					return err
				}
				if err := d.directory.SetRootPassword(cmd.Context(), string(text)); err != nil {
					return err
				}
				if generate {
					_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&generate, "generate", false, "make a password and print it")
	return cmd
}
