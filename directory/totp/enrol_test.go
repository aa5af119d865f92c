package totp

import (
	"bytes"
	"image/png"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestURI(t *testing.T) {
	for _, row := range []struct {
		rule            string
		p               Parameters
		issuer, account string
		want            string // "": refused
	}{
		{"defaults", Parameters{}, "Example", "ann", "otpauth://totp/Example:ann?algorithm=SHA1&digits=6&issuer=Example&period=30&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"},
		{"the others", Parameters{Algorithm: SHA512, Digits: 8, Period: time.Minute}, "Example", "ann", "otpauth://totp/Example:ann?algorithm=SHA512&digits=8&issuer=Example&period=60&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"},
		{"blanks", Parameters{}, "Big Co", "Ann Lee", "otpauth://totp/Big%20Co:Ann%20Lee?algorithm=SHA1&digits=6&issuer=Big%20Co&period=30&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"},
		{"no issuer", Parameters{}, "", "ann", ""},
		{"a colon in the issuer", Parameters{}, "a:b", "ann", ""},
		{"no account", Parameters{}, "Example", "", ""},
		{"a long account", Parameters{}, "Example", strings.Repeat("a", MaxLabel+1), ""},
		{"a line break", Parameters{}, "Exam\nple", "ann", ""},
		{"not UTF-8", Parameters{}, "Example", "\xff", ""},
		{"nine digits", Parameters{Digits: 9}, "Example", "ann", ""},
	} {
		got, err := URI(row.p, testSecret, row.issuer, row.account)
		if got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%s: %s, %v", row.rule, got, err)
		}
	}
	if _, err := URI(Parameters{}, nil, "Example", "ann"); err == nil {
		t.Error("an empty secret has a URI")
	}
}

// The longest URI still fits a QR code.
func TestQRCode(t *testing.T) {
	uri, err := URI(Parameters{Algorithm: SHA512, Digits: 8, Period: time.Hour}, make([]byte, MaxSecretSize), strings.Repeat("\u00fc", MaxLabel/2), strings.Repeat("\u00fc", MaxLabel/2))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := url.Parse(uri); err != nil {
		t.Fatal(err)
	}
	picture, err := QRCode(uri)
	if err != nil {
		t.Fatal(err)
	}
	image, err := png.Decode(bytes.NewReader(picture))
	if err != nil || image.Bounds().Dx() != qrSize {
		t.Errorf("%v, %v", image.Bounds(), err)
	}
	if _, err := QRCode("otpauth://%"); err == nil || strings.Contains(err.Error(), "%") {
		t.Errorf("a broken URI: %v", err)
	}
}
