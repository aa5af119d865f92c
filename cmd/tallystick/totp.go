package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tallystick/directory"
	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"
)

// totpOptions are the flags of subcommands that ask a running server: those of
// totp and apikey.
type totpOptions struct {
	url          string
	startTLS     bool
	ca           string
	bind         string
	password     string
	passwordFile string
	user         string
	json         bool
}

func totpCommand() *cobra.Command {
	o := &totpOptions{}
	cmd := &cobra.Command{
		Use:   "totp",
		Short: "Look after TOTP credentials, on any server that has the operation",
		Long: `Enrol authenticators and tokens, and look after them, by the extended operation
Manage TOTP (` + wire.ManageTOTPOID + `).

Who you are is said with -D, by a DN or a user name. The password is asked for,
or read from a file. Once you have an active credential a current code goes
behind the password, or a recovery code: "password123456". Administrators name
somebody else with --user.

  enrol          makes a credential, shows its QR code, and asks for a first code
  confirm        makes a pending credential active, by a code of it
  list           shows credentials, and how many recovery codes are left
  rename         names one
  disable        refuses the codes of one for a while
  enable         takes them again
  resync         finds a token whose clock or counter is off, by two codes in a row
  revoke         removes one
  recovery-codes makes ten codes for the day the authenticator is lost
  import         takes over the secrets of another system
  explain        tells what a user would be asked for, and why
  unlock         ends a lockout before its time
  app-password   passwords for applications that cannot ask for a code

A credential is named by its id, by the beginning of that, or by its name.`,
		Example: `  tallystick totp enrol -D user.0 --name phone
  tallystick totp list -D uid=user.0,ou=people,dc=example,dc=com
  tallystick totp revoke phone -D uid=admin,ou=people,dc=example,dc=com --user user.0
  tallystick totp list -H ldaps://ldap.example.com -D user.0 -y password-file --json`,
		Args:                       knownCommand,
		SuggestionsMinimumDistance: 2, // enroll
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	f := cmd.PersistentFlags()
	o.register(f)
	f.StringVar(&o.user, "user", "", "whose credentials, if not yours: a `DN` or a user name")
	cmd.AddCommand(
		totpEnrolCommand(o),
		totpConfirmCommand(o),
		totpListCommand(o),
		totpRenameCommand(o),
		totpDisableCommand(o),
		totpEnableCommand(o),
		totpResyncCommand(o),
		totpRevokeCommand(o),
		totpRecoveryCodesCommand(o),
		totpImportCommand(o),
		totpExplainCommand(o),
		totpUnlockCommand(o),
		totpApplicationCommand(o),
	)
	return cmd
}

// register adds the flags that say which server, and who asks.
func (o *totpOptions) register(f *pflag.FlagSet) {
	f.StringVarP(&o.url, "url", "H", "ldap://127.0.0.1:3389", "the `server`: ldap://host, ldaps://host or ldapi://%2Fpath")
	f.BoolVarP(&o.startTLS, "starttls", "Z", false, "StartTLS first, and nothing without it")
	f.StringVar(&o.ca, "ca", "", "PEM `file` of the authorities to trust (default: the system's)")
	f.StringVarP(&o.bind, "bind", "D", "", "who you are: a `DN` or a user name")
	f.StringVarP(&o.password, "password", "w", "", "your `password`; others on the machine can see it here")
	f.StringVarP(&o.passwordFile, "password-file", "y", "", "`file` whose first line is your password")
	f.BoolVar(&o.json, "json", false, "answer in JSON")
}

// totpSession is one connection to the server, by somebody.
type totpSession struct {
	*totpOptions
	*asker
	out      io.Writer
	link     *upstream.Session
	password []byte
}

// runTOTP makes what runs a subcommand: do, with a session.
func (o *totpOptions) runTOTP(do func(ctx context.Context, s *totpSession, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if o.bind == "" {
			return usagef("who are you? Say so with -D")
		}
		ctx := cmd.Context()
		client, err := o.client()
		if err != nil {
			return err
		}
		defer client.Close()
		if o.inClear() {
			fmt.Fprintln(cmd.ErrOrStderr(), "Warning: passwords and secrets go through the network in the clear; --starttls and ldaps:// protect them.")
		}
		s := &totpSession{totpOptions: o, asker: newAsker(cmd.InOrStdin(), cmd.ErrOrStderr()), out: cmd.OutOrStdout()}
		if s.password, err = s.readPassword(ctx); err != nil {
			return err
		}
		s.link, err = client.As(ctx, upstream.Credentials{Name: o.bind, Password: string(s.password)})
		if err != nil {
			return told(err)
		}
		defer s.link.Release()
		return do(ctx, s, args)
	}
}

func (o *totpOptions) client() (*upstream.Client, error) {
	cfg := upstream.Config{URL: o.url, StartTLS: o.startTLS, Connections: 1}
	if o.ca != "" {
		pem, err := os.ReadFile(o.ca)
		if err != nil {
			return nil, err
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("no certificate in %s", o.ca)
		}
		cfg.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return upstream.New(cfg)
}

// inClear reports whether others on the way could read along.
func (o *totpOptions) inClear() bool {
	u, err := url.Parse(o.url)
	if err != nil || u.Scheme != "ldap" || o.startTLS {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

func (s *totpSession) readPassword(ctx context.Context) ([]byte, error) {
	switch {
	case s.totpOptions.password != "":
		return []byte(s.totpOptions.password), nil
	case s.passwordFile != "":
		return firstLine(s.passwordFile)
	}
	text, err := s.askHidden(ctx, "Password (with a code behind it, if you have one already): ")
	if err != nil {
		return nil, err
	}
	return checkLength(text)
}

// manage has the server do something. A connection that was authenticated with
// a code is authority enough; otherwise the server says unwillingToPerform, and
// gets the password with the request.
func (s *totpSession) manage(ctx context.Context, r wire.ManageTOTPRequest) (wire.ManageTOTPResponse, error) {
	if s.user != "" {
		r.AuthenticationID = authenticationID(s.user)
	}
	_, value, err := s.link.Extended(ctx, wire.ManageTOTPOID, r.Encode())
	if result, ok := errors.AsType[*upstream.Result](err); ok && result.Code == int(directory.UnwillingToPerform) && s.user == "" {
		r.StaticPassword = s.password
		_, value, err = s.link.Extended(ctx, wire.ManageTOTPOID, r.Encode())
	}
	if err != nil {
		return wire.ManageTOTPResponse{}, told(err)
	}
	return wire.DecodeManageTOTPResponse(value)
}

// authenticationID is a user, by a DN or a user name, as the operation takes it.
func authenticationID(user string) *string {
	id := "u:" + user
	if strings.Contains(user, "=") {
		id = "dn:" + user
	}
	return &id
}

// told is an error of the server's in words for a person.
func told(err error) error {
	var result upstream.Result
	if rejected, ok := errors.AsType[*upstream.RejectedError](err); ok {
		result = rejected.Result
	} else if r, ok := errors.AsType[*upstream.Result](err); ok {
		result = *r
	} else {
		return err
	}
	text := directory.ResultCode(result.Code).Error()
	if result.DiagnosticMessage != "" {
		text += ": " + result.DiagnosticMessage
	}
	if result.Code == int(directory.InvalidCredentials) {
		text += ": user, password or code is not right (after several failures the server wants you to wait)"
	}
	return errors.New(text)
}

// tell prints v as JSON, or the text.
func (s *totpSession) tell(v any, format string, args ...any) error {
	if s.json {
		e := json.NewEncoder(s.out)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	_, err := fmt.Fprintf(s.out, format+"\n", args...)
	return err
}
