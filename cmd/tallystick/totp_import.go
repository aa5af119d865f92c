package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tallystick/directory"
	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"
	"tallystick/internal/seeds"
)

// totpImport is what import is asked for.
type totpImport struct {
	from           string
	mapping        string
	dryRun         bool
	currentCode    bool
	keyFile        string
	passphraseFile string

	// dry has the hash of each user and secret that would be imported: the
	// next time it would be there.
	dry map[[sha256.Size]byte]bool
}

func totpImportCommand(o *totpOptions) *cobra.Command {
	im := &totpImport{dry: map[[sha256.Size]byte]bool{}}
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Take over TOTP and HOTP secrets from another system",
		Long: `Take over the secrets of another system, so that its users go on with the
authenticators they have, time-based (TOTP) or counter-based (HOTP). "-" is the
standard input. It takes an administrator with the privileges bypass-acl and
password-reset.

  pingdirectory         LDIF with ds-auth-totp-shared-secret
  openldap              LDIF of a tree with slapo-otp, as slapcat writes it
  freeipa               LDIF of its tokens, with ipatokenOTPkey
  glauth                its configuration, in TOML
  google-authenticator  the file of its PAM module, one for each user
  pskc                  key containers (RFC 6030), also encrypted
  otpauth               otpauth:// URIs, and those of Google Authenticator's
                        export (otpauth-migration://), one to a line, as
                        "zbarimg codes.png" prints them

The format is seen from the file, or said with --from. Algorithm, digits,
period, drift, last code used, state, validity, name and serial number are taken
over where the file has them. Where it does not say which code was the last one,
none up to now is accepted, and everybody waits once for the next. With
--current-code the one shown now is: then whoever saw a code and its password
being used there can use them here once, for as long as the code lasts. A secret
that its user has already is left alone, so an import may be done again.

Of a counter-based token the file says which code is the next: that one counts,
and nine behind it. A code that was used after the file was written would count
once more, so write the file when the other system is no longer used. A token
that is further ahead is found by "tallystick totp resync".

Whose a secret is, the file tells: by a DN, a user name (uid) or a mail address;
the files of google-authenticator by their path. A DN that is not here, unless
--map gives it, is looked for by its uid. --user gives everything to one user.
--map names a file with lines of two words and a tab between, or a pattern:

  --map users.tsv                                   8675309 <TAB> ann
  --map 'uid={},ou=people,dc=example,dc=com'        {} is the user's name there

The first word is the owner as the file has it (of a DN the user's name will
do), the serial number or the name of the credential; the second is a DN, a uid
or a mail address here.

With secrets that are not taken, each of which is told with its reason, the exit
status is 1.`,
		Example: `  tallystick totp import --dry-run slapcat.ldif -D admin
  tallystick totp import --from google-authenticator /home/*/.google_authenticator -D admin
  tallystick totp import tokens.xml --key-file key.hex --map tokens.tsv -D admin
  zbarimg --quiet export.png | tallystick totp import - -D admin -y password-file`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: o.runTOTP(im.run),
	}
	f := cmd.Flags()
	f.StringVar(&im.from, "from", "", "the `format` of the files: "+formatNames())
	f.StringVar(&im.mapping, "map", "", "`file` or pattern that tells the users")
	f.BoolVar(&im.dryRun, "dry-run", false, "tell what would happen, and change nothing")
	f.BoolVar(&im.currentCode, "current-code", false, "where the file does not say which code was the last one, accept the one shown now")
	f.StringVar(&im.keyFile, "key-file", "", "`file` with the pre-shared key of a key container, in hexadecimal digits")
	f.StringVar(&im.passphraseFile, "passphrase-file", "", "`file` whose first line is the passphrase of a key container (default: it is asked for)")
	return cmd
}

func formatNames() string {
	var names []string
	for _, f := range seeds.Formats() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// foundSeed is a seed, and the file it is from.
type foundSeed struct {
	seeds.Seed
	file string
}

// run reads all files before anything is changed.
func (im *totpImport) run(ctx context.Context, s *totpSession, names []string) error {
	if from := seeds.Format(im.from); from != "" && !slices.Contains(seeds.Formats(), from) {
		return usagef("--from: %q is none of %s", from, formatNames())
	}
	keys, err := im.keys(ctx, s)
	if err != nil {
		return err
	}
	m, err := newMatcher(s, im.mapping)
	if err != nil {
		return err
	}
	var list []foundSeed
	for _, name := range names {
		data, err := readSeedFile(s, name)
		if err != nil {
			return err
		}
		found, err := seeds.Read(seeds.Format(im.from), seeds.File{Name: name, Data: data, Keys: keys})
		if errors.Is(err, seeds.ErrFormat) {
			err = fmt.Errorf("%w; --from says which it is: %s", err, formatNames())
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, seed := range found {
			list = append(list, foundSeed{seed, name})
		}
	}
	r := &importReport{DryRun: im.dryRun, Credentials: []importedSeed{}, currentCode: im.currentCode}
	show := newCount("importing", len(list))
	defer show.done()
	for _, seed := range list {
		one, err := im.one(ctx, s, m, seed)
		if err != nil {
			show.done()
			return errors.Join(fmt.Errorf("after %d of %d secrets: %w", len(r.Credentials), len(list), err), r.tell(s))
		}
		r.add(one)
		if !s.json {
			show.print(s.out, one.text(im.dryRun))
		}
		show.step()
	}
	show.done()
	return r.tell(s)
}

// readSeedFile reads a file, "-" being what is left of the standard input.
func readSeedFile(s *totpSession, name string) ([]byte, error) {
	var in io.Reader = s.lines
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, seeds.MaxSize+1))
}

func (im *totpImport) keys(ctx context.Context, s *totpSession) (keys seeds.Keys, err error) {
	if im.keyFile != "" {
		text, err := firstLine(im.keyFile)
		if err != nil {
			return keys, err
		}
		if keys.PreShared, err = hex.DecodeString(strings.TrimSpace(string(text))); err != nil {
			return keys, fmt.Errorf("%s has no key in hexadecimal digits", im.keyFile)
		}
	}
	keys.Passphrase = func() ([]byte, error) {
		if im.passphraseFile != "" {
			return firstLine(im.passphraseFile)
		}
		text, err := s.askHidden(ctx, "Passphrase of the key container: ")
		if errors.Is(err, io.EOF) {
			err = errors.New("no passphrase was given; --passphrase-file names a file with it")
		}
		return text, err
	}
	return keys, nil
}

// one imports a seed. An error ends the import; why a single one is not taken
// is in what is returned.
func (im *totpImport) one(ctx context.Context, s *totpSession, m *matcher, seed foundSeed) (importedSeed, error) {
	one := newImportedSeed(seed)
	defer seed.Secret.Wipe()
	if seed.Refused != "" {
		return one.refused(seed.Refused), nil
	}
	user, reason, err := m.user(ctx, seed.Seed)
	if err != nil {
		return one, err
	}
	if reason != "" {
		return one.refused(reason), nil
	}
	one.User = user
	_, value, err := s.link.Extended(ctx, wire.ManageTOTPOID, wire.ManageTOTPRequest{
		Action:           wire.ManageImport,
		AuthenticationID: authenticationID(user),
		Key:              seed.Secret,
		Name:             seed.Name,
		Serial:           seed.Serial,
		Algorithm:        seed.Parameters.Algorithm.String(),
		Digits:           seed.Parameters.Digits,
		Period:           seed.Parameters.Period,
		Disabled:         seed.Disabled,
		LastStep:         im.lastStep(seed.Seed),
		Drift:            seed.Drift,
		Counter:          counterOf(seed.Seed),
		NotBefore:        seed.NotBefore,
		NotAfter:         seed.NotAfter,
		DryRun:           im.dryRun,
	}.Encode())
	if result, ok := errors.AsType[*upstream.Result](err); ok && aboutOne(result.Code) {
		return one.refused(told(err).Error()), nil
	}
	if err != nil {
		return one, told(err)
	}
	response, err := wire.DecodeManageTOTPResponse(value)
	if err != nil {
		return one, err
	}
	one.ID, one.Result = response.ID, seedImported
	hash := sha256.Sum256(append([]byte(user+"\x00"), seed.Secret...))
	if response.There || im.dry[hash] {
		one.Result = seedThere
	}
	im.dry[hash] = im.dryRun
	return one, nil
}

// longAgo is a last step, in 1970, behind which every code is a new one.
const longAgo = 1

// lastStep is what the server is told to be the step of the last code used.
func (im *totpImport) lastStep(seed seeds.Seed) int64 {
	if seed.LastStep == 0 && im.currentCode {
		return longAgo
	}
	return seed.LastStep
}

// counterOf is that of the next code; nil: the token is not counter-based.
func counterOf(seed seeds.Seed) *int64 {
	if !seed.Parameters.Counter {
		return nil
	}
	return &seed.Counter
}

// aboutOne reports whether a result says something about one seed or one user.
// With another one the next would fare no better.
func aboutOne(code int) bool {
	switch directory.ResultCode(code) {
	case directory.ConstraintViolation, directory.AdminLimitExceeded, directory.NoSuchObject, directory.UnwillingToPerform, directory.InvalidDNSyntax:
		return true
	}
	return false
}
