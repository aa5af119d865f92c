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

// fewRecoveryCodes is how many there are left when it is time for new ones.
const fewRecoveryCodes = 3

// listed is what list says in JSON.
type listed struct {
	Credentials       []listedCredential `json:"credentials"`
	RecoveryCodesLeft int                `json:"recoveryCodesLeft"`
	Failures          int                `json:"failures"`            // in a row
	WaitUntil         *time.Time         `json:"waitUntil,omitempty"` // for the next attempt to be judged
}

type listedCredential struct {
	ID        string     `json:"id"`
	Name      string     `json:"name,omitempty"`
	State     string     `json:"state"`
	Algorithm string     `json:"algorithm"`
	Digits    int        `json:"digits"`
	Period    int        `json:"period"`                 // seconds
	Counter   bool       `json:"counterBased,omitempty"` // HOTP; period is nothing then
	Created   time.Time  `json:"created"`
	Changed   time.Time  `json:"changed"`
	ChangedBy string     `json:"changedBy,omitempty"`
	LastUsed  *time.Time `json:"lastUsed,omitempty"`
	Serial    string     `json:"serial,omitempty"`
	Device    string     `json:"device,omitempty"`
	NotBefore *time.Time `json:"notBefore,omitempty"`
	NotAfter  *time.Time `json:"notAfter,omitempty"`
}

func totpListCommand(o *totpOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Show credentials, and how many recovery codes are left",
		Long: `Show the credentials of a user, oldest first, and how many recovery codes are
left. Secrets are never shown.`,
		Example: `  tallystick totp list -D user.0
  tallystick totp list -D admin --user user.0 --json`,
		Args: usage(cobra.NoArgs),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, _ []string) error {
			r, err := s.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageList})
			if err != nil {
				return err
			}
			if s.json {
				return s.tell(listOf(r), "")
			}
			return s.printList(r)
		}),
	}
}

func listOf(r wire.ManageTOTPResponse) listed {
	list := listed{Credentials: []listedCredential{}, RecoveryCodesLeft: r.RecoveryCodesLeft, Failures: r.Failures, WaitUntil: optionalTime(r.WaitUntil)}
	for _, c := range r.Credentials {
		list.Credentials = append(list.Credentials, listedCredential{
			ID: c.ID, Name: c.Name, State: c.State,
			Algorithm: c.Algorithm, Digits: c.Digits, Period: int(c.Period / time.Second), Counter: c.CounterBased,
			Created: c.Created, Changed: c.Changed, ChangedBy: c.ChangedBy,
			LastUsed: optionalTime(c.LastUsed),
			Serial:   c.Serial, Device: c.Device,
			NotBefore: optionalTime(c.NotBefore), NotAfter: optionalTime(c.NotAfter),
		})
	}
	return list
}

func optionalTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *totpSession) printList(r wire.ManageTOTPResponse) error {
	if r.Failures > 0 {
		until := ""
		if !r.WaitUntil.IsZero() {
			until = "; nothing is accepted before " + r.WaitUntil.Format(time.DateTime)
		}
		fmt.Fprintf(s.prompt, "Failed attempts in a row: %d%s\n", r.Failures, until)
	}
	if len(r.Credentials) == 0 {
		_, err := fmt.Fprintln(s.out, "No credentials.")
		return err
	}
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tSTATE\tCODES\tCREATED\tLAST USED\tREMARKS")
	confirmed := false
	for _, c := range r.Credentials {
		confirmed = confirmed || c.State != "pending"
		used := "never"
		if !c.LastUsed.IsZero() {
			used = c.LastUsed.Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.ID, plain(c.Name), plain(c.State), codes(c),
			c.Created.Format(time.DateTime), used, remarks(c))
	}
	err := w.Flush()
	fmt.Fprintf(s.out, "Recovery codes left: %d\n", r.RecoveryCodesLeft)
	if confirmed && r.RecoveryCodesLeft <= fewRecoveryCodes {
		fmt.Fprintln(s.prompt, "That is few: \"tallystick totp recovery-codes\" makes new ones.")
	}
	return err
}

// codes tell what the codes of c are.
func codes(c wire.ManagedCredential) string {
	if c.CounterBased {
		return fmt.Sprintf("HOTP %s %d", plain(c.Algorithm), c.Digits)
	}
	return fmt.Sprintf("%s %d/%v", plain(c.Algorithm), c.Digits, c.Period)
}

func remarks(c wire.ManagedCredential) string {
	var list []string
	if c.Serial != "" {
		list = append(list, "token "+plain(c.Serial))
	}
	if c.Device != "" {
		list = append(list, "in "+plain(c.Device))
	}
	if !c.NotBefore.IsZero() {
		list = append(list, "from "+c.NotBefore.Format(time.DateTime))
	}
	if !c.NotAfter.IsZero() {
		list = append(list, "until "+c.NotAfter.Format(time.DateTime))
	}
	return strings.Join(list, ", ")
}

// plain is text of the server's that cannot steer the terminal.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}

// find is the one credential that text means: by id, by the beginning of one,
// or by name.
func (s *totpSession) find(ctx context.Context, text string) (wire.ManagedCredential, error) {
	r, err := s.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageList})
	if err != nil {
		return wire.ManagedCredential{}, err
	}
	return findCredential(r.Credentials, text)
}

func findCredential(list []wire.ManagedCredential, text string) (found wire.ManagedCredential, err error) {
	n := 0
	for _, c := range list {
		if c.ID == text {
			return c, nil
		}
		if text != "" && (c.Name == text || strings.HasPrefix(c.ID, strings.ToUpper(text))) {
			found = c
			n++
		}
	}
	switch n {
	case 0:
		return found, fmt.Errorf("no credential is called %q: \"tallystick totp list\" shows which there are", text)
	case 1:
		return found, nil
	default:
		return wire.ManagedCredential{}, fmt.Errorf("%d credentials could be meant by %q: give the whole id", n, text)
	}
}
