package seeds

import (
	"errors"
	"fmt"
	"regexp"

	"github.com/BurntSushi/toml"
)

var otpSecret = regexp.MustCompile(`(?mi)^\s*otpsecret\s*=`)

func isGLAuth(data []byte) bool { return otpSecret.Match(data) }

// readGLAuth reads the configuration of GLAuth, or the part of it with the
// users. Its secrets are base32, its codes SHA-1, 6 digits, 30 seconds.
func readGLAuth(f File) ([]Seed, error) {
	var config struct {
		Users []struct {
			Name      string
			Disabled  bool
			OTPSecret string
			Yubikey   string
		}
	}
	if _, err := toml.Decode(string(f.Data), &config); err != nil {
		if at := (toml.ParseError{}); errors.As(err, &at) { // it quotes the file
			return nil, fmt.Errorf("line %d is not TOML", at.Position.Line)
		}
		return nil, errors.New("not a configuration of GLAuth")
	}
	var list []Seed
	for _, u := range config.Users {
		if u.OTPSecret == "" && u.Yubikey == "" {
			continue
		}
		s := Seed{Where: "user " + u.Name, Owner: u.Name, Disabled: u.Disabled}
		switch {
		case u.OTPSecret == "":
			s.refuse("a YubiKey, which is checked by a service of its maker")
		case u.Yubikey != "":
			s.remark("the user's YubiKey is not taken over")
			fallthrough
		default:
			s.base32(u.OTPSecret)
		}
		list = append(list, s)
	}
	return list, nil
}
