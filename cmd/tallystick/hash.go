package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tallystick/directory/password"
)

func hashCommand(flags *globalFlags) *cobra.Command {
	var scheme string
	cmd := &cobra.Command{
		Use:   "hash",
		Short: "Make a userPassword value from a password",
		Long: `Read a password, from the terminal or as the first line of the standard
input, and print what to store for it as userPassword. The scheme is the one of
the configuration (passwords.scheme) unless one is given.`,
		Example: `  tallystick hash
  echo secret | tallystick hash --scheme SSHA512`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.config()
			if err != nil {
				return err
			}
			if scheme == "" {
				scheme = c.Passwords.Scheme
			}
			s, err := password.ParseScheme(scheme)
			if err != nil {
				return err
			}
			text, err := readPassword(cmd.InOrStdin(), "Password")
			if err != nil {
				return err
			}
			value, err := password.Hash(s, text)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", value)
			return err
		},
	}
	cmd.Flags().StringVar(&scheme, "scheme", "", "storage `scheme`: ARGON2ID, PBKDF2-SHA512, BCRYPT, SSHA512, SSHA256, SSHA")
	return cmd
}
