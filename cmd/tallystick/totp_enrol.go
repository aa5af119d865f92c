package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tallystick/extop/wire"
)

// enrolled is what enrol says in JSON.
type enrolled struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
	URI    string `json:"uri"`
	State  string `json:"state"`
}

func totpEnrolCommand(o *totpOptions) *cobra.Command {
	var req wire.ManageTOTPRequest
	var later, noQR bool
	var png, notBefore, notAfter string
	cmd := &cobra.Command{
		Use:   "enrol",
		Short: "Make a credential, show its QR code, and ask for a first code",
		Long: `Make a TOTP credential and show it once: as a QR code to scan with an
authenticator, and as a secret to type. Then the first code is asked for; with
it the credential counts, and a code is needed to log in from then on. Without
one it is pending, and forgotten after a day.

An administrator who enrols somebody else (--user) is not asked for a code: the
first login with one confirms the credential.`,
		Example: `  tallystick totp enrol -D user.0 --name phone
  tallystick totp enrol -D user.0 --later --png code.png
  tallystick totp enrol -D admin --user user.0 --serial 8675309 --digits 8 --algorithm SHA256`,
		Args: usage(cobra.NoArgs),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, _ []string) error {
			req.Action = wire.ManageEnrol
			req.QRCode = png != ""
			var err1, err2 error
			req.NotBefore, err1 = parseDate(notBefore)
			req.NotAfter, err2 = parseDate(notAfter)
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			return s.enrol(ctx, req, png, !noQR, !later && o.user == "")
		}),
	}
	f := cmd.Flags()
	f.StringVar(&req.Name, "name", "", "`name` of the credential, such as phone")
	f.StringVar(&req.Issuer, "issuer", "", "who the authenticator says it is for (default: as the server is configured)")
	f.StringVar(&req.Algorithm, "algorithm", "", "SHA1, SHA256 or SHA512; many authenticators know SHA1 only")
	f.IntVar(&req.Digits, "digits", 0, "6 to 8")
	f.DurationVar(&req.Period, "period", 0, "how long a code lasts, such as 30s")
	f.StringVar(&req.Serial, "serial", "", "serial `number` of a hardware token")
	f.StringVar(&req.Device, "device", "", "serial `number` of the device that the secret is in")
	f.StringVar(&notBefore, "not-before", "", "the codes count from this `date` on, such as 2027-01-31")
	f.StringVar(&notAfter, "not-after", "", "the codes count up to this `date`")
	f.StringVar(&png, "png", "", "write the QR code to this new `file`")
	f.BoolVar(&noQR, "no-qr", false, "draw no QR code")
	f.BoolVar(&later, "later", false, "do not ask for a first code")
	return cmd
}

// parseDate reads a day, which begins in UTC, or a time (RFC 3339).
func parseDate(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, usagef("%q is no date like 2027-01-31 and no time like 2027-01-31T12:00:00Z", text)
	}
	return t, nil
}

func (s *totpSession) enrol(ctx context.Context, req wire.ManageTOTPRequest, png string, draw, confirm bool) error {
	var picture *os.File
	if png != "" {
		// A new one, which nobody else can read, and before the credential:
		// its secret is told once.
		var err error
		if picture, err = os.OpenFile(png, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
			return err
		}
	}
	made, err := s.manage(ctx, req)
	if picture != nil {
		_, written := picture.Write(made.QRCode)
		if err = errors.Join(err, written, picture.Close()); err != nil {
			err = errors.Join(err, os.Remove(png))
		}
	}
	if err != nil {
		return err
	}
	e := enrolled{ID: made.ID, Secret: made.Secret, URI: made.URI, State: "pending"}
	if !s.json {
		if err := s.show(e, draw); err != nil {
			return err
		}
	}
	if confirm {
		switch err := s.confirmFirst(ctx, made.ID); {
		case err == nil:
			e.State = "active"
		case errors.Is(err, io.EOF):
		default:
			return err
		}
	}
	if e.State == "active" {
		return s.tell(e, "The credential is active. Next: \"tallystick totp recovery-codes\", for the day it is lost.")
	}
	return s.tell(e, "The credential is pending: the first code of it makes it count, at a login or with \"tallystick totp confirm %s\".", made.ID)
}

func (s *totpSession) show(e enrolled, draw bool) error {
	if draw {
		picture, err := drawQR(e.URI, isTerminal(s.out))
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "Scan this with an authenticator:\n\n%s\n", picture)
	}
	_, err := fmt.Fprintf(s.out, "id:     %s\nsecret: %s\nURI:    %s\n\n", e.ID, e.Secret, e.URI)
	return err
}

// confirmFirst asks for a code of a new credential until one is right, three
// times at most. Without an answer it is io.EOF.
func (s *totpSession) confirmFirst(ctx context.Context, id string) error {
	for try := 1; ; try++ {
		code, err := s.ask(ctx, "The code that the authenticator shows: ")
		if err != nil {
			return err
		}
		_, err = s.manage(ctx, wire.ManageTOTPRequest{Action: wire.ManageConfirm, ID: id, Code: code})
		if err == nil || try == 3 || s.file == nil {
			return err
		}
		fmt.Fprintln(s.prompt, err)
	}
}
