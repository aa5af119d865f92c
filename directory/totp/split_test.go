package totp

import (
	"bytes"
	"slices"
	"testing"
)

func TestSplit(t *testing.T) {
	for _, row := range []struct {
		rule      string
		sent      string
		digits    []int
		separator string
		want      []string // password, code, password, code, …
	}{
		{"the code is the last n octets", "secret123456", []int{6}, "", []string{"secret", "123456"}},
		{"a password may end in digits", "secret99123456", []int{6}, "", []string{"secret99", "123456"}},
		{"a password may be all digits", "0000123456", []int{6}, "", []string{"0000", "123456"}},
		{"seven digits", "secret1234567", []int{7}, "", []string{"secret", "1234567"}},
		{"several lengths: longest code first", "secret12345678", []int{6, 8}, "", []string{"secret", "12345678", "secret12", "345678"}},
		{"several lengths: one fits", "secret123456", []int{8, 6}, "", []string{"secret", "123456"}},
		{"equal lengths count once", "secret123456", []int{6, 6, 6}, "", []string{"secret", "123456"}},
		{"no credentials, no code", "secret123456", nil, "", nil},
		{"no code: not digits", "secret", []int{6}, "", nil},
		{"no code: too few digits", "secret 99999", []int{6}, "", nil},
		{"no code: shorter than a code", "1234", []int{6}, "", nil},
		{"no code: nothing sent", "", []int{6}, "", nil},
		{"an empty password is none", "123456", []int{6}, "", nil},
		{"digits are ASCII", "secret\u0661\u0662\u0663", []int{6}, "", nil},
		{"separator", "secret:123456", []int{6}, ":", []string{"secret", "123456"}},
		{"separator missing", "secret123456", []int{6}, ":", nil},
		{"separator in the password", "se:cret:123456", []int{6}, ":", []string{"se:cret", "123456"}},
		{"separator twice: one is the password's", "secret::123456", []int{6}, ":", []string{"secret:", "123456"}},
		{"separator and nothing before it", ":123456", []int{6}, ":", nil},
		{"separator of several octets", "secret--123456", []int{6}, "--", []string{"secret", "123456"}},
		{"separator, several lengths: one fits", "secret12:345678", []int{6, 8}, ":", []string{"secret12", "345678"}},
		{"a digit as separator", "secret0123456", []int{6}, "0", []string{"secret", "123456"}},
		{"octets that are not text", "\xff\x00123456", []int{6}, "", []string{"\xff\x00", "123456"}},
	} {
		var got []string
		for _, c := range Split([]byte(row.sent), row.digits, row.separator) {
			got = append(got, string(c.Password), string(c.Code))
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: %q; want %q", row.rule, got, row.want)
		}
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("secret:123456"), ":")
	f.Add([]byte("secret12345678"), "")
	f.Fuzz(func(t *testing.T, sent []byte, separator string) {
		for _, c := range Split(sent, []int{6, 7, 8}, separator) {
			whole := slices.Concat(c.Password, []byte(separator), c.Code)
			if !bytes.Equal(whole, sent) || len(c.Password) == 0 || !isCode(c.Code, len(c.Code)) {
				t.Errorf("%q split into %q and %q", sent, c.Password, c.Code)
			}
		}
	})
}
