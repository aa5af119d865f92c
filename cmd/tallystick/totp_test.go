package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tallystick/extop/wire"
)

// What is drawn with block characters is read by a program that reads QR codes.
func TestDrawQR(t *testing.T) {
	if _, err := exec.LookPath("zbarimg"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("%v; \"make test\" installs it", err)
	}
	for _, text := range []string{
		"otpauth://totp/tallystick:user.0?algorithm=SHA1&digits=6&issuer=tallystick&period=30&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
		"otpauth://totp/" + strings.Repeat("a", 300),
	} {
		drawing, err := drawQR(text, false)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "code.png")
		if err := os.WriteFile(file, photograph(t, drawing), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("zbarimg", "--quiet", "--raw", file).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != text {
			t.Errorf("read %q, %v; want %q", got, err, text)
		}
	}
	if _, err := drawQR(strings.Repeat("a", 3000), false); err == nil || strings.Contains(err.Error(), "aaa") {
		t.Errorf("too long a text: %v", err)
	}
	if drawing, err := drawQR("a", true); err != nil || !strings.HasPrefix(drawing, "\x1b[30;107m") || !strings.HasSuffix(drawing, "\x1b[0m\n") {
		t.Errorf("in colours: %q, %v", drawing, err)
	}
}

// photograph is a picture of a drawing, four pixels for a square.
func photograph(t *testing.T, drawing string) []byte {
	t.Helper()
	const side = 4
	lines := strings.Split(strings.TrimSuffix(drawing, "\n"), "\n")
	picture := image.NewGray(image.Rect(0, 0, side*len([]rune(lines[0])), side*2*len(lines)))
	for y, line := range lines {
		for x, r := range []rune(line) {
			for i := range side * 2 * side {
				dark := r == '█' || r == '▀' && i < side*side || r == '▄' && i >= side*side
				shade := color.Gray{Y: 255}
				if dark {
					shade.Y = 0
				}
				picture.Set(x*side+i%side, y*2*side+i/side, shade)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFindCredential(t *testing.T) {
	list := []wire.ManagedCredential{{ID: "ABC1", Name: "phone"}, {ID: "ABD2", Name: "token"}, {ID: "XYZ3", Name: "token"}, {ID: "XYZ34"}, {ID: "QQQ", Name: "XYZ3"}}
	for _, row := range []struct{ text, want string }{
		{"ABC1", "ABC1"}, {"ABC", "ABC1"}, {"abd", "ABD2"}, {"phone", "ABC1"}, {"XYZ34", "XYZ34"},
		{"XYZ3", "XYZ3"}, // a whole id before all else
		{"token", ""}, {"AB", ""}, {"", ""}, {"none", ""}, {"Phone", ""},
	} {
		got, err := findCredential(list, row.text)
		if got.ID != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%q: %s, %v; want %s", row.text, got.ID, err, row.want)
		}
	}
}

func TestInClear(t *testing.T) {
	for _, row := range []struct {
		url      string
		startTLS bool
		want     bool
	}{
		{"ldap://127.0.0.1:3389", false, false},
		{"ldap://[::1]", false, false},
		{"ldap://localhost", false, false},
		{"ldap://ldap.example.com", false, true},
		{"ldap://192.0.2.1:389", false, true},
		{"ldap://ldap.example.com", true, false},
		{"ldaps://ldap.example.com", false, false},
		{"ldapi://%2Frun%2Fldapi", false, false},
	} {
		if got := (&totpOptions{url: row.url, startTLS: row.startTLS}).inClear(); got != row.want {
			t.Errorf("%s, StartTLS %v: %v", row.url, row.startTLS, got)
		}
	}
}

func TestAsk(t *testing.T) {
	a := newAsker(strings.NewReader("secret word \r\n 123456 \nlast"), io.Discard)
	ctx := t.Context()
	if text, err := a.askHidden(ctx, ""); string(text) != "secret word " || err != nil {
		t.Errorf("the password is %q, %v", text, err)
	}
	for _, want := range []string{"123456", "last"} {
		if text, err := a.ask(ctx, ""); text != want || err != nil {
			t.Errorf("%q, %v; want %q", text, err, want)
		}
	}
	if _, err := a.ask(ctx, ""); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if _, err := newAsker(strings.NewReader(strings.Repeat("x", 5000)), io.Discard).ask(ctx, ""); err == nil {
		t.Error("a line without end is taken")
	}

	// Nobody need answer to be rid of the question.
	in, out := io.Pipe()
	defer out.Close()
	done, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := (&asker{lines: bufio.NewReader(in), prompt: io.Discard}).ask(done, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestParseDate(t *testing.T) {
	for _, row := range []struct{ text, want string }{
		{"2027-01-31", "2027-01-31 00:00:00 +0000 UTC"},
		{"2027-01-31T12:00:00Z", "2027-01-31 12:00:00 +0000 UTC"},
		{"", "0001-01-01 00:00:00 +0000 UTC"},
	} {
		if got, err := parseDate(row.text); err != nil || got.String() != row.want {
			t.Errorf("%q: %v, %v", row.text, got, err)
		}
	}
	if _, err := parseDate("tomorrow"); !errors.Is(err, errUsage) {
		t.Error(err)
	}
}
