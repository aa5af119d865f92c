package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"tallystick/extop/wire"
)

func totpConfirmCommand(o *totpOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "confirm CREDENTIAL",
		Short: "Make a pending credential active, by a code of it",
		Long: `Ask for a code of a credential. A pending one is active from then on; with any
other it is a trial. The code is read from the terminal, or as the next line of
the standard input.`,
		Example: `  tallystick totp confirm phone -D user.0`,
		Args:    usage(cobra.ExactArgs(1)),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, args []string) error {
			c, err := s.find(ctx, args[0])
			if err != nil {
				return err
			}
			code, err := s.ask(ctx, "Code: ")
			if err != nil {
				return err
			}
			_, err = s.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageConfirm, ID: c.ID, Code: code})
			if err != nil {
				return err
			}
			return s.tell(map[string]string{"id": c.ID, "state": "active"}, "%s is active.", c.ID)
		}),
	}
}

func totpResyncCommand(o *totpOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "resync CREDENTIAL",
		Short: "Find a token whose clock or counter is off, by two codes in a row",
		Long: `Ask for two codes that a token shows one after the other, and have the server
find out by how much its clock is off, up to about a day, or how far ahead its counter
is, up to a thousand codes. Your password alone is enough to bind only if no code
is needed; otherwise put a recovery code behind it, or have an administrator do
this. After a restore a counter-based token takes that, too, or your log-in with
another one.`,
		Example: `  tallystick totp resync token -D admin --user user.0`,
		Args:    usage(cobra.ExactArgs(1)),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, args []string) error {
			c, err := s.find(ctx, args[0])
			if err != nil {
				return err
			}
			first, err := s.ask(ctx, "The code that the token shows: ")
			if err != nil {
				return err
			}
			second, err := s.ask(ctx, "The next one: ")
			if err != nil {
				return err
			}
			_, err = s.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageResync, ID: c.ID, Code: first, NextCode: second})
			if err != nil {
				return err
			}
			return s.tell(map[string]string{"id": c.ID, "state": "active"}, "%s is in step again.", c.ID)
		}),
	}
}

func totpRecoveryCodesCommand(o *totpOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "recovery-codes",
		Short: "Make ten codes for the day the authenticator is lost",
		Long: `Make a new set of recovery codes and show it once. Each is taken one time in
place of a code, behind the password. A set made before is of no use any more.`,
		Example: `  tallystick totp recovery-codes -D user.0 > codes.txt`,
		Args:    usage(cobra.NoArgs),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, _ []string) error {
			r, err := s.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageNewRecoveryCodes})
			if err != nil {
				return err
			}
			if s.json {
				return s.tell(map[string][]string{"recoveryCodes": r.RecoveryCodes}, "")
			}
			for _, code := range r.RecoveryCodes {
				fmt.Fprintln(s.out, code)
			}
			_, err = fmt.Fprintln(s.prompt, "Keep them where the authenticator is not. Each counts once, behind the password.")
			return err
		}),
	}
}
