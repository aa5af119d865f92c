package main

import (
	"context"

	"github.com/spf13/cobra"

	"tallystick/extop/wire"
)

func writabilityCommand() *cobra.Command {
	o := &totpOptions{}
	cmd := &cobra.Command{
		Use:   "writability [enabled|internal-only|disabled]",
		Short: "Say which changes a running server takes",
		Long: `Set which changes a running server takes, or show it:

  enabled        all
  internal-only  none of clients, who are told unwillingToPerform; log-ins go on,
                 with codes and with all that is written down of them
  disabled       none at all; who logs in with a code is refused, since nothing
                 could keep it from being taken twice

It takes the privilege config-write; to show it, config-read is enough. When the
command returns no change is on its way any more. After a restart the
configuration (directory.writability) counts again.`,
		Example: `  tallystick writability -D admin
  tallystick writability internal-only -D admin`,
		Args: usage(cobra.MaximumNArgs(1)),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, args []string) error {
			r := wire.ManageServerRequest{Action: wire.ServerWritability}
			if len(args) > 0 {
				r.Writability = args[0]
			}
			now, err := s.manageServer(ctx, r)
			if err != nil {
				return err
			}
			return s.tell(map[string]string{"writability": now.Writability}, "%s", now.Writability)
		}),
	}
	o.register(cmd.Flags())
	return cmd
}
