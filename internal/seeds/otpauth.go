package seeds

import (
	"bytes"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

var otpauthURI = regexp.MustCompile(`(?i)otpauth(-migration)?://\S+`)

// isOTPAuth looks at the first line that is no comment.
func isOTPAuth(data []byte) bool {
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			return otpauthURI.Match(line)
		}
	}
	return false
}

// readOTPAuth reads URIs, one to a line: otpauth://totp/… and otpauth://hotp/…
// as authenticators show them in a QR code, and otpauth-migration://… of Google's export. What
// stands before them is not read: zbarimg writes "QR-Code:" there. Empty lines
// and those that begin with # are comments.
func readOTPAuth(f File) ([]Seed, error) {
	var list []Seed
	parts := map[uint64]*batch{}
	for i, line := range strings.Split(string(f.Data), "\n") {
		where := fmt.Sprintf("line %d", i+1)
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		text := otpauthURI.FindString(line)
		u, err := url.Parse(text) // its error would quote the secret
		switch {
		case text == "" || err != nil:
			list = append(list, Seed{Where: where, Refused: "not an otpauth URI"})
		case strings.EqualFold(u.Scheme, "otpauth"):
			list = append(list, seedOfURI(where, u))
		default:
			list = append(list, seedsOfMigration(where, u, parts)...)
		}
	}
	return append(list, missingParts(parts)...), nil
}

// seedOfURI reads otpauth://totp/issuer:account?secret=…, or hotp with a counter, as Google's Key Uri
// Format describes it.
func seedOfURI(where string, u *url.URL) Seed {
	s := Seed{Where: where}
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		s.refuse("not an otpauth URI")
	}
	s.label(strings.TrimPrefix(u.Path, "/"), values.Get("issuer"))
	switch kind := strings.ToLower(u.Host); kind {
	case "totp":
	case "hotp":
		next, err := strconv.ParseInt(values.Get("counter"), 10, 64)
		if err != nil {
			s.refuse("its counter is missing, or not a number")
		}
		s.counter(next)
	default:
		s.refuse("neither TOTP nor HOTP")
	}
	if values.Has("encoder") {
		s.refuse("its codes are not plain decimal digits") // Steam's
	}
	s.base32(values.Get("secret"))
	s.algorithm(values.Get("algorithm"))
	s.digits(s.parameter(values, "digits"))
	s.period(s.parameter(values, "period"))
	return s
}

// label takes owner and name from "issuer:account", where the issuer may be
// missing, or be known otherwise.
func (s *Seed) label(label, issuer string) {
	if before, account, ok := strings.Cut(label, ":"); ok {
		label = account
		if issuer == "" {
			issuer = before
		}
	}
	s.Owner, s.Name = strings.TrimSpace(label), strings.TrimSpace(issuer)
}

// parameter is a number of a URI; 0 if there is none.
func (s *Seed) parameter(values url.Values, name string) int64 {
	if !values.Has(name) {
		return 0
	}
	n, err := strconv.ParseInt(values.Get(name), 10, 64)
	if err != nil || n <= 0 {
		s.refuse("its %s is not a number", name)
	}
	return n
}
