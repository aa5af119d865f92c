package seeds

import (
	"bytes"
	"path/filepath"
	"strconv"
	"strings"
)

// firstLines of a file of google-authenticator: the secret, and an option.
func isGoogleAuthenticator(data []byte) bool {
	secret, rest, ok := bytes.Cut(bytes.TrimLeft(data, "\r\n"), []byte("\n"))
	return ok && !bytes.ContainsAny(secret, "=:\" ") && bytes.HasPrefix(rest, []byte(`" `))
}

// readGoogleAuthenticator reads what the PAM module google-authenticator keeps
// for one user: the secret in base32, options behind `" `, and emergency codes.
// Its codes are SHA-1 and 6 digits. Steps that were used are written down where
// the user wanted that (DISALLOW_REUSE).
func readGoogleAuthenticator(f File) ([]Seed, error) {
	s := Seed{Where: "line 1", Owner: ownerOfPath(f.Name)}
	lines := strings.Split(strings.TrimLeft(string(f.Data), "\r\n"), "\n")
	s.base32(strings.TrimSpace(lines[0]))
	timeBased := false
	emergency := 0
	for _, line := range lines[1:] {
		option, isOption := strings.CutPrefix(line, `" `)
		words := strings.Fields(option)
		switch {
		case len(words) == 0:
		case !isOption:
			emergency++
		case words[0] == "TOTP_AUTH":
			timeBased = true
		case words[0] == "HOTP_COUNTER":
			s.counter(s.last(words))
		case words[0] == "STEP_SIZE":
			s.period(s.last(words))
		case words[0] == "TIME_SKEW":
			s.drift(s.last(words))
		case words[0] == "DISALLOW_REUSE":
			for _, word := range words[1:] {
				step, err := strconv.ParseInt(word, 10, 64)
				if err != nil {
					s.refuse("DISALLOW_REUSE is malformed")
				}
				s.LastStep = max(s.LastStep, step)
			}
		}
	}
	if timeBased == s.Parameters.Counter {
		s.refuse("it has to have one of TOTP_AUTH and HOTP_COUNTER")
	}
	if emergency > 0 {
		s.remark("its %d emergency codes are too short to be recovery codes here: make new ones", emergency)
	}
	return []Seed{s}, nil
}

// last is the number behind an option.
func (s *Seed) last(words []string) int64 {
	n, err := strconv.ParseInt(words[len(words)-1], 10, 64)
	if err != nil || len(words) != 2 {
		s.refuse("%s is malformed", words[0])
	}
	return n
}

// ownerOfPath is the user whose file it is: the folder of .google_authenticator,
// else the file's name.
func ownerOfPath(path string) string {
	path = filepath.Clean(path)
	name := filepath.Base(path)
	if strings.HasPrefix(name, ".") {
		name = filepath.Base(filepath.Dir(path))
	}
	if name == "." || name == ".." || name == "/" || name == "-" {
		return ""
	}
	return name
}
