package totp

import (
	"bytes"
	"testing"
)

func TestDecodeSecret(t *testing.T) {
	for _, row := range []struct {
		rule, text, want string
		ok               bool
	}{
		{"as we write it", "MFRGGZDFMY", "abcdef", true},
		{"with padding", "MFRGGZDFMY======", "abcdef", true},
		{"with too little padding", "MFRGGZDFMY==", "abcdef", true},
		{"lower case", "mfrggzdfmy", "abcdef", true},
		{"blanks and hyphens", " mfrg-gzdf my\t", "abcdef", true},
		{"empty", "", "", true},
		{"a digit that base32 lacks", "MFRGGZD1", "", false},
		{"something behind the padding", "MY======MY", "", false},
		{"a length that no octets have", "MFR", "", false},
		{"a line feed", "MFRG\nGZDF", "", false},
		{"NUL", "MFRG\x00GZDF", "", false},
	} {
		got, err := DecodeSecret(row.text)
		if (err == nil) != row.ok || string(got) != row.want {
			t.Errorf("%s: %q, %v; want %q", row.rule, got, err, row.want)
		}
	}
}

func FuzzDecodeSecret(f *testing.F) {
	f.Add("MFRG GZDF-my======")
	f.Fuzz(func(t *testing.T, text string) {
		secret, err := DecodeSecret(text)
		if err != nil {
			return
		}
		if again, err := DecodeSecret(EncodeSecret(secret)); err != nil || !bytes.Equal(again, secret) {
			t.Errorf("%q: %x became %x, %v", text, secret, again, err)
		}
	})
}
