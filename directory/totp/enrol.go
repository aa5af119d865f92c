package totp

import (
	"bytes"
	"fmt"
	"image/png"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// MaxLabel is how many octets an issuer and an account may have in a URI: the
// QR code of a longer one is hard to read.
const MaxLabel = 100

// URI is the otpauth URI of a key, as authenticators read it from a QR code:
//
//	otpauth://totp/issuer:account?algorithm=SHA1&digits=6&issuer=issuer&period=30&secret=…
//
// Issuer and account are there, of at most MaxLabel octets, and the issuer has
// no colon.
func URI(p Parameters, secret []byte, issuer, account string) (string, error) {
	if err := p.Check(); err != nil {
		return "", err
	}
	if err := CheckSecret(secret); err != nil {
		return "", err
	}
	if err := CheckIssuer(issuer); err != nil {
		return "", err
	}
	if account == "" || len(account) > MaxLabel || !printable(account) {
		return "", fmt.Errorf("totp: an account has 1 to %d octets of printable text", MaxLabel)
	}
	p = p.WithDefaults()
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer:      issuer,
		AccountName: account,
		Period:      uint(p.Period / time.Second),
		Secret:      secret,
		Digits:      otp.Digits(p.Digits),
		Algorithm:   algorithms[p.Algorithm].otp,
	})
	if err != nil {
		return "", fmt.Errorf("totp: making the URI: %w", err)
	}
	return key.URL(), nil
}

// CheckIssuer tells what is wrong with an issuer, if anything.
func CheckIssuer(issuer string) error {
	if issuer == "" || len(issuer) > MaxLabel || strings.Contains(issuer, ":") || !printable(issuer) {
		return fmt.Errorf("totp: an issuer has 1 to %d octets of printable text without a colon", MaxLabel)
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// qrSize is the width and the height of a QR code, in pixels: four and more for
// each of its squares.
const qrSize = 320

// QRCode is a PNG picture of a URI, to be scanned.
func QRCode(uri string) ([]byte, error) {
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		return nil, fmt.Errorf("totp: not a URI") // the library's error would quote the secret
	}
	picture, err := key.Image(qrSize, qrSize)
	if err != nil {
		return nil, fmt.Errorf("totp: drawing the QR code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
