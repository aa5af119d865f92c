package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tallystick/extop/wire"
)

// listedApplication is what app-password list says of one in JSON.
type listedApplication struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Networks  []string   `json:"networks,omitempty"`
	Listeners []string   `json:"listeners,omitempty"`
	Created   time.Time  `json:"created"`
	MadeBy    string     `json:"madeBy,omitempty"`
	NotAfter  *time.Time `json:"notAfter,omitempty"`
	LastUsed  *time.Time `json:"lastUsed,omitempty"`
}

func totpApplicationCommand(o *totpOptions) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "app-password",
		Short: "Passwords for applications that cannot ask for a code",
		Long: `Look after application passwords. With one an application binds as its user,
from the networks it was made for, and reads; it changes nothing, and has none
of the user's privileges. Elsewhere it is a wrong password.`,
		Example: `  tallystick totp app-password new mail --network 192.0.2.25 -D user.0
  tallystick totp app-password list -D user.0
  tallystick totp app-password revoke mail -D admin --user user.0`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newApplicationCommand(o), listApplicationsCommand(o), revokeApplicationCommand(o))
	return cmd
}

func newApplicationCommand(o *totpOptions) *cobra.Command {
	var networks, listeners []string
	var expires time.Duration
	cmd := &cobra.Command{
		Use:   "new APPLICATION",
		Short: "Make one, and show it once",
		Long: `Make a password for an application and show it, this once. It takes a code
behind your password, or an administrator.`,
		Example: `  tallystick totp app-password new mail --network 192.0.2.25 -D user.0
  tallystick totp app-password new backup --listener ldapi --expires 8760h -D admin --user user.0`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, args []string) error {
			req := wire.ManageTOTPRequest{Action: wire.ManageNewApplicationPassword, Name: args[0], Networks: networks, Listeners: listeners}
			if expires > 0 {
				req.NotAfter = time.Now().Add(expires)
			}
			r, err := s.manage(ctx, req)
			if err != nil {
				return err
			}
			if s.json {
				return s.tell(map[string]string{"id": r.ID, "password": r.Password}, "")
			}
			fmt.Fprintln(s.out, r.Password)
			_, err = fmt.Fprintf(s.prompt, "That is the password of %s for %s. It is shown this once.\n", s.whose(), plain(args[0]))
			return err
		}),
	}
	f := cmd.Flags()
	f.StringSliceVar(&networks, "network", nil, "`network` or address that the application is in; may be given several times")
	f.StringSliceVar(&listeners, "listener", nil, "`listener` that it comes in by (default: all); ldapi needs no network")
	f.DurationVar(&expires, "expires", 0, "after what `time` it ends, for example 8760h; 0: never")
	return cmd
}

// whose is the user that the command is about.
func (s *totpSession) whose() string {
	if s.user != "" {
		return plain(s.user)
	}
	return plain(s.bind)
}

func listApplicationsCommand(o *totpOptions) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "Show which there are, and when they were last used",
		Long:    `Show the application passwords of a user, oldest first; not what they are.`,
		Example: `  tallystick totp app-password list -D user.0 --json`,
		Args:    usage(cobra.NoArgs),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, _ []string) error {
			list, err := s.applications(ctx)
			if err != nil {
				return err
			}
			if s.json {
				return s.tell(map[string][]listedApplication{"applicationPasswords": listedApplications(list)}, "")
			}
			return s.printApplications(list)
		}),
	}
}

func listedApplications(list []wire.ApplicationPassword) []listedApplication {
	told := []listedApplication{}
	for _, a := range list {
		told = append(told, listedApplication{
			ID: a.ID, Name: a.Name, Networks: a.Networks, Listeners: a.Listeners,
			Created: a.Created, MadeBy: a.MadeBy, NotAfter: optionalTime(a.NotAfter), LastUsed: optionalTime(a.LastUsed),
		})
	}
	return told
}

func (s *totpSession) applications(ctx context.Context) ([]wire.ApplicationPassword, error) {
	r, err := s.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageListApplicationPasswords})
	return r.Applications, err
}

func (s *totpSession) printApplications(list []wire.ApplicationPassword) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(s.out, "No application passwords.")
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tAPPLICATION\tFROM\tCREATED\tLAST USED\tREMARKS")
	for _, a := range list {
		used, remark := "never", ""
		if !a.LastUsed.IsZero() {
			used = a.LastUsed.Format("2006-01-02 15h")
		}
		if !a.NotAfter.IsZero() {
			remark = "until " + a.NotAfter.Format(time.DateTime)
		}
		from := strings.Join(append(append([]string{}, a.Networks...), a.Listeners...), " ")
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", plain(a.ID), plain(a.Name), plain(from), a.Created.Format(time.DateTime), used, remark)
	}
	return w.Flush()
}

func revokeApplicationCommand(o *totpOptions) *cobra.Command {
	return &cobra.Command{
		Use:     "revoke APPLICATION",
		Short:   "End one",
		Long:    `End an application password, named by the application, by its id, or by the beginning of that.`,
		Example: `  tallystick totp app-password revoke mail -D admin --user user.0`,
		Args:    usage(cobra.ExactArgs(1)),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, args []string) error {
			list, err := s.applications(ctx)
			if err != nil {
				return err
			}
			one, err := findApplication(list, args[0])
			if err != nil {
				return err
			}
			if _, err := s.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageRevokeApplicationPassword, ID: one.ID}); err != nil {
				return err
			}
			return s.tell(map[string]string{"id": one.ID, "state": "revoked"}, "%s is revoked.", one.ID)
		}),
	}
}

// findApplication is findCredential for application passwords.
func findApplication(list []wire.ApplicationPassword, text string) (wire.ManagedCredential, error) {
	named := make([]wire.ManagedCredential, len(list))
	for i, a := range list {
		named[i] = wire.ManagedCredential{ID: a.ID, Name: a.Name}
	}
	return findCredential(named, text)
}
