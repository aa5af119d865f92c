// Command tallystick is an LDAP directory server with TOTP as a second factor:
// the server itself, the HTTP bridge, and the tools that work on its data
// folder while it is stopped. One file per subcommand; tallystick.yaml says
// what can be configured.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:]))
}

// run is the program without the process around it. It returns the exit
// status: 0, 1 for a failure, 2 for a command line that makes no sense.
func run(ctx context.Context, args []string) int {
	root := rootCommand()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	usage := errors.Is(err, errUsage)
	switch {
	case errors.Is(err, errReported):
	case usage:
		fmt.Fprintf(os.Stderr, "tallystick: %v (see %s --help)\n", err, cmd.CommandPath())
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "tallystick: interrupted")
	default:
		fmt.Fprintf(os.Stderr, "tallystick: %v\n", err)
	}
	if usage {
		return 2
	}
	return 1
}

// errReported is a failure that the user has already been told about.
var errReported = errors.New("reported")

// errUsage is a command line that makes no sense; usagef makes one.
var errUsage = errors.New("usage")

// usagef is fmt.Errorf for what is wrong with a command line. run adds where its
// help is.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

type usageError struct{ error }

func (e usageError) Is(target error) bool { return target == errUsage }
func (e usageError) Unwrap() error        { return e.error }

func rootCommand() *cobra.Command {
	flags := &globalFlags{}
	root := &cobra.Command{
		Use:   "tallystick",
		Short: "An LDAP directory server with TOTP as a second factor",
		Long: `tallystick is an LDAP directory server (RFC 4511) with TOTP (RFC 6238) as a
second factor, and an HTTP bridge in front of it.

  serve          runs the server; everything it keeps is in one data folder
  bridge         runs only the HTTP bridge, in front of any LDAP server
  import, export load and save LDIF files (the server must not be running)
  backup, restore save all of the database to a file and make one from it
  index          adds, lists and removes indexes, also on a running server
  writability    says which changes a running server takes
  check          proves that the data and all its indexes are in step
  access         tells what somebody may do with an entry, and why
  audit          verifies and prints the audit log
  keys           manages the keys that TOTP secrets are sealed with
  apikey         makes API keys for the help desk's programs, on a running server
  totp           enrols authenticators and looks after them, on a running server
  hash           makes a userPassword value
  root-password  sets the password of the root user

Configuration comes from the file given with --config; --set and the flags of
a command override it. "tallystick serve --print-config" prints a commented
file with every key and its default.`,
		Example: `  tallystick serve --sample             # a server with a sample tree to try
  tallystick serve --config /etc/tallystick.yaml
  tallystick import --data ./data people.ldif
  tallystick export --data ./data -o backup.ldif`,
		Args:          knownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error {
		return usagef("%w", err)
	})
	flags.register(root)
	root.AddCommand(
		serveCommand(flags),
		bridgeCommand(flags),
		importCommand(flags),
		exportCommand(flags),
		checkCommand(flags),
		accessCommand(flags),
		indexCommand(flags),
		writabilityCommand(),
		backupCommand(flags),
		restoreCommand(flags),
		auditCommand(flags),
		keysCommand(flags),
		totpCommand(),
		apiKeyCommand(),
		hashCommand(flags),
		rootPasswordCommand(flags),
		versionCommand(),
	)
	return root
}

// knownCommand refuses what the root command is called with when no
// subcommand has that name.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	meant := ""
	if s := cmd.SuggestionsFor(args[0]); len(s) > 0 {
		meant = ": did you mean " + s[0] + "?"
	}
	return usagef("unknown command %q%s", args[0], meant)
}
