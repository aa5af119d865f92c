package main

import (
	"context"

	"github.com/spf13/cobra"

	"tallystick/extop/wire"
)

func totpRenameCommand(o *totpOptions) *cobra.Command {
	return &cobra.Command{
		Use:     "rename CREDENTIAL NAME",
		Short:   "Name a credential",
		Long:    `Give a credential another name, which may be empty.`,
		Example: `  tallystick totp rename phone "old phone" -D user.0`,
		Args:    usage(cobra.ExactArgs(2)),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, args []string) error {
			c, err := s.find(ctx, args[0])
			if err != nil {
				return err
			}
			_, err = s.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageRename, ID: c.ID, Name: args[1]})
			if err != nil {
				return err
			}
			return s.tell(map[string]string{"id": c.ID, "name": args[1]}, "%s is called %q.", c.ID, args[1])
		}),
	}
}

func totpDisableCommand(o *totpOptions) *cobra.Command {
	return o.onOne(wire.ManageDisable, "disabled", &cobra.Command{
		Use:   "disable CREDENTIAL",
		Short: "Refuse the codes of a credential for a while",
		Long: `Refuse the codes of a credential until it is enabled again. Without another
active one the password alone is enough to log in, unless a policy requires a
code ("tallystick totp explain"), but not to change credentials.`,
		Example: `  tallystick totp disable phone -D admin --user user.0`,
	})
}

func totpEnableCommand(o *totpOptions) *cobra.Command {
	return o.onOne(wire.ManageEnable, "active", &cobra.Command{
		Use:   "enable CREDENTIAL",
		Short: "Take the codes of a disabled credential again",
		Long: `Take the codes of a disabled credential again. It takes a code of another
credential behind your password, a recovery code, or an administrator: this one
may have been disabled because somebody else has it.`,
		Example: `  tallystick totp enable phone -D admin --user user.0`,
	})
}

func totpRevokeCommand(o *totpOptions) *cobra.Command {
	return o.onOne(wire.ManageRevoke, "revoked", &cobra.Command{
		Use:   "revoke CREDENTIAL",
		Short: "Remove a credential",
		Long: `Remove a credential for good. With the last one that was confirmed the recovery
codes go too, and the password alone is enough from then on, unless a policy
requires a code.`,
		Example: `  tallystick totp revoke phone -D user.0`,
	})
}

// onOne makes cmd do an action to the credential it is called with.
func (o *totpOptions) onOne(action wire.ManageAction, state string, cmd *cobra.Command) *cobra.Command {
	cmd.Args = usage(cobra.ExactArgs(1))
	cmd.RunE = o.runTOTP(func(ctx context.Context, s *totpSession, args []string) error {
		c, err := s.find(ctx, args[0])
		if err != nil {
			return err
		}
		if _, err := s.manage(ctx, wire.ManageTOTPRequest{Action: action, ID: c.ID}); err != nil {
			return err
		}
		return s.tell(map[string]string{"id": c.ID, "state": state}, "%s is %s.", c.ID, state)
	})
	return cmd
}
