package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallystick/extop/wire"
)

// explained is what explain says in JSON.
type explained struct {
	LogIn             string             `json:"logIn"`
	SecondFactor      string             `json:"secondFactor"`
	Policy            string             `json:"policy,omitempty"` // DN
	Because           []string           `json:"because,omitempty"`
	Fault             string             `json:"fault,omitempty"`
	Credentials       []listedCredential `json:"credentials"`
	RecoveryCodesLeft int                `json:"recoveryCodesLeft"`
	GraceUntil        *time.Time         `json:"graceUntil,omitempty"`
	GraceLoginsLeft   int                `json:"graceLoginsLeft,omitempty"`
	RebindFor         int                `json:"rebindFor,omitempty"` // seconds

	ApplicationPasswords []listedApplication `json:"applicationPasswords"`
	WaitUntil            *time.Time          `json:"waitUntil,omitempty"` // for the next attempt to be judged
}

func totpExplainCommand(o *totpOptions) *cobra.Command {
	var from, listener string
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "Tell what a user would be asked for, and why",
		Long: `Ask the server what a user would have to show if he came in through a listener,
from an address: which policy decides, which of its conditions hold, which
credentials and application passwords count, and whether he has to wait. It takes the privilege password-reset.`,
		Example: `  tallystick totp explain -D admin --user user.0 --from 192.0.2.7
  tallystick totp explain -D admin --user user.0 --from 192.0.2.7 --listener ldaps --json`,
		Args: usage(cobra.NoArgs),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, _ []string) error {
			r, err := s.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageExplain, Address: from, Listener: listener})
			if err != nil {
				return err
			}
			if r.Explanation == nil {
				return fmt.Errorf("the server explains nothing")
			}
			if s.json {
				return s.tell(explanationOf(*r.Explanation), "")
			}
			return s.printExplanation(*r.Explanation)
		}),
	}
	cmd.Flags().StringVar(&from, "from", "", "`address` of the client; none: one that is in no network")
	cmd.Flags().StringVar(&listener, "listener", "", "where he comes in: `name` of a listener, such as ldaps")
	return cmd
}

func explanationOf(e wire.Explanation) explained {
	return explained{
		LogIn: e.LogIn, SecondFactor: e.SecondFactor,
		Policy: e.Policy, Because: e.Because, Fault: e.Fault,
		Credentials:       listOf(wire.ManageTOTPResponse{Credentials: e.Credentials}).Credentials,
		RecoveryCodesLeft: e.RecoveryCodes,
		GraceUntil:        optionalTime(e.GraceUntil), GraceLoginsLeft: e.GraceLogins,
		RebindFor: int(e.RebindFor / time.Second),

		ApplicationPasswords: listedApplications(e.Applications),
		WaitUntil:            optionalTime(e.WaitUntil),
	}
}

func (s *totpSession) printExplanation(e wire.Explanation) error {
	var b strings.Builder
	line := func(what, format string, args ...any) {
		fmt.Fprintf(&b, "%-15s %s\n", what, plain(fmt.Sprintf(format, args...)))
	}
	line("To log in:", "%s", e.LogIn)
	if !e.WaitUntil.IsZero() {
		line("But not before:", "%s, for attempts that failed", e.WaitUntil.Format(time.DateTime))
	}
	line("Second factor:", "%s", e.SecondFactor)
	if e.Policy == "" {
		line("Policy:", "none matches")
	} else {
		line("Policy:", "%s", e.Policy)
	}
	for _, condition := range e.Because {
		line("Because of:", "%s", condition)
	}
	if e.Fault != "" {
		line("Fault:", "%s", e.Fault)
	}
	for _, c := range e.Credentials {
		line("Credential:", "%s %s (%s)", c.ID, c.Name, c.State)
	}
	line("Recovery codes:", "%d", e.RecoveryCodes)
	if !e.GraceUntil.IsZero() {
		line("Grace until:", "%s", e.GraceUntil.Format(time.DateTime))
	}
	if e.GraceLogins > 0 {
		line("Grace log-ins:", "%d left", e.GraceLogins)
	}
	if e.RebindFor > 0 {
		line("Bind again for:", "%v", e.RebindFor)
	}
	for _, a := range e.Applications {
		line("Application:", "%s %s (a password of its own)", a.ID, a.Name)
	}
	_, err := fmt.Fprint(s.out, b.String())
	return err
}
