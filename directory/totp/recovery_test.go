package totp

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestRecoveryCodes(t *testing.T) {
	codes, kept := NewRecoveryCodes()
	if len(codes) != NewCodes || !kept.Valid() {
		t.Fatalf("%d codes, valid %v", len(codes), kept.Valid())
	}
	form := regexp.MustCompile(`^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$`)
	for i, code := range codes {
		if !form.MatchString(code) || slices.Contains(codes[:i], code) {
			t.Errorf("code %d is %q", i, code)
		}
		for rule, text := range map[string]string{
			"as shown": code, "lower case": strings.ToLower(code), "without hyphens": strings.ReplaceAll(code, "-", ""),
		} {
			if got := kept.Find([]byte(text)); got != i {
				t.Errorf("%s: found at %d; want %d", rule, got, i)
			}
		}
	}
	for rule, text := range map[string]string{
		"empty":                    "",
		"one character less":       codes[0][:18],
		"one more":                 codes[0] + "A",
		"a hyphen missing":         strings.Replace(codes[0], "-", "", 1),
		"hyphens elsewhere":        "-" + strings.Replace(codes[0], "-", "", 1),
		"a digit base32 lacks":     "0" + codes[0][1:],
		"blanks for hyphens":       strings.ReplaceAll(codes[0], "-", " "),
		"another's":                "AAAA-AAAA-AAAA-AAAA",
		"NUL octets":               strings.Repeat("\x00", 16),
		"two octets of one letter": strings.Repeat("\u00c4", 8),
	} {
		if got := kept.Find([]byte(text)); got != -1 {
			t.Errorf("%s: found at %d", rule, got)
		}
	}

	left := kept.Without(3)
	if len(left.Hashes) != NewCodes-1 || len(kept.Hashes) != NewCodes || left.Find([]byte(codes[3])) != -1 || left.Find([]byte(codes[4])) != 3 {
		t.Error("taking one away takes another, or changes the set it was taken from")
	}
	if _, other := NewRecoveryCodes(); other.Find([]byte(codes[0])) != -1 {
		t.Error("a code is in another set")
	}
	if (RecoveryCodes{}).Find([]byte(codes[0])) != -1 || !(RecoveryCodes{}).Valid() {
		t.Error("no codes are not none")
	}
}

func TestRecoveryCodesValid(t *testing.T) {
	_, good := NewRecoveryCodes()
	for rule, r := range map[string]RecoveryCodes{
		"a short salt":   {good.Salt[1:], good.Hashes},
		"a short hash":   {good.Salt, [][]byte{good.Hashes[0][1:]}},
		"too many":       {good.Salt, append(slices.Clone(good.Hashes), good.Hashes[0])},
		"without a salt": {nil, good.Hashes},
	} {
		if r.Valid() {
			t.Errorf("%s is valid", rule)
		}
	}
}

func TestSplitRecovery(t *testing.T) {
	const with, without = "ABCD-EFGH-IJKL-MN23", "abcdefghijklmn23"
	for _, row := range []struct {
		rule, sent, separator string
		password, code        string
	}{
		{"with hyphens", "secret" + with, "", "secret", with},
		{"without hyphens", "secret" + without, "", "secret", without},
		{"a separator", "secret:" + with, ":", "secret", with},
		{"a hyphen as separator", "secret-" + with, "-", "secret", with},
		{"separator missing", "secret" + with, ":", "", ""},
		{"no password", with, "", "", ""},
		{"no password, separator", ":" + with, ":", "", ""},
		{"a TOTP code", "secret123456", "", "", ""},
		{"a digit base32 lacks", "secretABCD-EFGH-IJKL-MN01", "", "", ""},
		{"a letter before 16 characters", "x" + without, "", "x", without},
		{"empty", "", "", "", ""},
	} {
		got := SplitRecovery([]byte(row.sent), row.separator)
		if row.password == "" {
			if len(got) > 0 {
				t.Errorf("%s: read as %q", row.rule, got)
			}
			continue
		}
		if len(got) != 1 || string(got[0].Password) != row.password || string(got[0].Code) != row.code {
			t.Errorf("%s: read as %q", row.rule, got)
		}
	}
}

func FuzzRecoveryCode(f *testing.F) {
	codes, kept := NewRecoveryCodes()
	f.Add([]byte("secret"+codes[0]), ":")
	f.Add([]byte("secret:"+strings.ToLower(codes[1])), ":")
	f.Fuzz(func(t *testing.T, sent []byte, separator string) {
		for _, c := range SplitRecovery(sent, separator) {
			if !bytes.Equal(slices.Concat(c.Password, []byte(separator), c.Code), sent) {
				t.Errorf("%q was read as %q and %q", sent, c.Password, c.Code)
			}
			if i := kept.Find(c.Code); i >= 0 && !strings.EqualFold(strings.ReplaceAll(codes[i], "-", ""), strings.ReplaceAll(string(c.Code), "-", "")) {
				t.Errorf("%q is taken for %q", c.Code, codes[i])
			}
		}
	})
}
