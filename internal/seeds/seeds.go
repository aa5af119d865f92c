// Package seeds reads TOTP and HOTP secrets as other systems keep them: the octets of a
// file in, a list of seeds out. It knows no directory and opens no file.
//
// What a file says is believed, but for what this project cannot do: such a
// seed is Refused, with the reason, and does not keep the others from being
// read. No error and no reason quotes the file, which is full of secrets.
package seeds

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tallystick/directory/seal"
	"tallystick/directory/totp"
)

// Seed is one secret, and what a file tells of it. Texts may be empty.
type Seed struct {
	Where string // in the file: "line 12", a DN, the id of a key
	Owner string // a DN, a user name or a mail address; "": the file does not say

	Name       string
	Serial     string
	Secret     seal.Secret // octets, not base32
	Parameters totp.Parameters
	Disabled   bool

	// Codes count from NotBefore up to NotAfter; zero: no bound.
	NotBefore, NotAfter time.Time

	LastStep int64 // of the last code that was used; 0: the file does not say
	Drift    int   // steps by which the token runs ahead (+) or behind (-)
	Counter  int64 // instead of those two that of the next code, if Parameters say that it is counter-based

	// Refused is why the seed cannot be taken over; it has no Secret then.
	// "": it can.
	Refused string

	Remarks []string // what of it is left behind
}

// File is what there is to read.
type File struct {
	Name string // its path: some formats tell of the owner there only
	Data []byte
	Keys Keys
}

// Keys open an encrypted file.
type Keys struct {
	PreShared  []byte                 // nil: there is none
	Passphrase func() ([]byte, error) // asked for if it is needed, and once for a file; nil: there is none
}

// MaxSize is how many octets a file may have.
const MaxSize = 256 << 20

// Format is how a file is written.
type Format string

const (
	PingDirectory       Format = "pingdirectory"        // LDIF with ds-auth-totp-shared-secret
	OpenLDAP            Format = "openldap"             // LDIF of the overlay slapo-otp
	FreeIPA             Format = "freeipa"              // LDIF of ipatokenTOTP and ipatokenHOTP entries
	GLAuth              Format = "glauth"               // its configuration, in TOML
	GoogleAuthenticator Format = "google-authenticator" // the file of its PAM module
	PSKC                Format = "pskc"                 // RFC 6030
	OTPAuth             Format = "otpauth"              // URIs, those of Google's export among them
)

// formats are tried in this order if nobody says which it is.
var formats = []struct {
	name Format
	is   func(data []byte) bool
	read func(File) ([]Seed, error)
}{
	{PSKC, isPSKC, readPSKC},
	{OTPAuth, isOTPAuth, readOTPAuth},
	{GoogleAuthenticator, isGoogleAuthenticator, readGoogleAuthenticator},
	{PingDirectory, ldifWith("ds-auth-totp-shared-secret"), readPingDirectory},
	{FreeIPA, ldifWith("ipatokenotpkey", "ipatokenowner"), readFreeIPA},
	{OpenLDAP, ldifWith("oathsecret", "oathtotptoken", "oathhotptoken"), readOpenLDAP},
	{GLAuth, isGLAuth, readGLAuth},
}

// Formats are all there are.
func Formats() []Format {
	var names []Format
	for _, f := range formats {
		names = append(names, f.name)
	}
	slices.Sort(names)
	return names
}

// ErrFormat is the answer to a file of no known format.
var ErrFormat = errors.New("the format of the file is not known")

// Detect tells the format of a file by what is in it. Error: ErrFormat.
func Detect(data []byte) (Format, error) {
	for _, f := range formats {
		if f.is(data) {
			return f.name, nil
		}
	}
	return "", ErrFormat
}

// homeFile is what the file of google-authenticator is called in each user's
// home. Users can write what they like there, so whatever it looks like it is
// about nobody else.
const homeFile = ".google_authenticator"

// Read reads a file of the given format; "": Detect it, but for homeFile. Error:
// ErrFormat, or why nothing of the file can be used.
func Read(format Format, f File) ([]Seed, error) {
	if len(f.Data) > MaxSize {
		return nil, fmt.Errorf("the file has more than %d octets", MaxSize)
	}
	if format == "" && filepath.Base(f.Name) == homeFile {
		format = GoogleAuthenticator
	}
	if format == "" {
		var err error
		if format, err = Detect(f.Data); err != nil {
			return nil, err
		}
	}
	for _, known := range formats {
		if known.name != format {
			continue
		}
		list, err := known.read(f)
		if err != nil {
			return nil, err
		}
		for i := range list {
			list[i].settle()
		}
		return list, nil
	}
	return nil, ErrFormat
}

// refuse says why the seed cannot be taken over; the first reason stays.
func (s *Seed) refuse(format string, args ...any) {
	if s.Refused == "" {
		s.Refused = fmt.Sprintf(format, args...)
	}
}

// remark notes what of the seed is left behind.
func (s *Seed) remark(format string, args ...any) {
	s.Remarks = append(s.Remarks, fmt.Sprintf(format, args...))
}

// base32 takes the secret from its text.
func (s *Seed) base32(text string) {
	key, err := totp.DecodeSecret(text)
	if err != nil {
		s.refuse("the secret is not base32")
		return
	}
	s.Secret = key
}

// maxText is how many octets names and serial numbers may have.
const maxText = 64

// settle refuses what no directory would take, and trims what it need not.
func (s *Seed) settle() {
	s.Name, s.Serial = s.trim("name", s.Name), s.trim("serial number", s.Serial)
	s.Parameters = s.Parameters.WithDefaults()
	if s.Refused == "" {
		switch n := len(s.Secret); {
		case n == 0:
			s.refuse("no secret")
		case totp.CheckSecret(s.Secret) != nil:
			s.refuse("a secret of %d octets; %d to %d are possible", n, totp.MinSecretSize, totp.MaxSecretSize)
		}
	}
	if err := s.Parameters.Check(); err != nil {
		s.refuse("%s", strings.TrimPrefix(err.Error(), "totp: "))
	}
	if s.LastStep < 0 {
		s.LastStep = 0
	}
	if s.Refused != "" {
		s.Secret.Wipe()
		s.Secret = nil
	}
}

func (s *Seed) trim(what, text string) string {
	clean := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return -1
		}
		return r
	}, text)
	for len(clean) > maxText {
		_, n := utf8.DecodeLastRuneInString(clean)
		clean = clean[:len(clean)-n]
	}
	if clean != text {
		s.remark("the %s is shortened to %d octets of printable text", what, len(clean))
	}
	return clean
}

// algorithm takes the hash by one of its many names: SHA1, sha-256,
// HMAC-SHA512, hmacWithSHA1. "" is SHA-1.
func (s *Seed) algorithm(name string) {
	plain := strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(name))
	plain = strings.TrimPrefix(strings.TrimPrefix(plain, "HMAC"), "WITH")
	if plain == "" {
		plain = totp.SHA1.String()
	}
	a, err := totp.ParseAlgorithm(plain)
	if err != nil {
		s.refuse("an algorithm other than SHA-1, SHA-256 and SHA-512")
	}
	s.Parameters.Algorithm = a
}

// digits takes how long codes are; 0 is the default.
func (s *Seed) digits(n int64) { s.Parameters.Digits = int(min(max(n, -1), 1<<16)) }

// period takes how long codes last, in seconds; 0 is the default.
func (s *Seed) period(seconds int64) {
	s.Parameters.Period = time.Duration(min(max(seconds, -1), 1<<16)) * time.Second
}

// drift takes by how many steps the clock is off.
func (s *Seed) drift(steps int64) {
	const most = 1 << 20 // 30 years
	if steps < -most || steps > most {
		s.refuse("no clock is off by that many steps")
		return
	}
	s.Drift = int(steps)
}

// counter says that the token is counter-based, and which its next code is.
func (s *Seed) counter(next int64) {
	s.Parameters.Counter = true
	if next < 0 || next > totp.MaxCounter {
		s.refuse("no token counts that far")
		return
	}
	s.Counter = next
}
