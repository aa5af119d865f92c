package main

import (
	"context"

	"github.com/spf13/cobra"

	"tallystick/extop/wire"
)

func totpUnlockCommand(o *totpOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "unlock --user USER",
		Short: "End a user's lockout before its time",
		Long: `Forget a user's failed attempts, so that the next one is judged at once, from
wherever it comes. Only an administrator can; "tallystick totp list" shows
whether it is needed.`,
		Example: `  tallystick totp unlock -D admin --user user.0`,
		Args:    usage(cobra.NoArgs),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, _ []string) error {
			if o.user == "" {
				return usagef("whom? Say so with --user")
			}
			if _, err := s.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageUnlock}); err != nil {
				return err
			}
			return s.tell(map[string]string{"user": o.user, "state": "unlocked"}, "%s is unlocked.", o.user)
		}),
	}
}
