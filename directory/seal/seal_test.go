package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSealAndOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "totp.keyset")
	file := File{Path: path}
	k, err := file.Create()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Create(); err == nil {
		t.Error("a keyset is made in the place of another")
	}
	sealed, err := k.Seal([]byte("secret"), []byte("here"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("the secret can be read")
	}
	again, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Open(sealed, []byte("here")); err != nil || string(got) != "secret" {
		t.Errorf("%q, %v", got, err)
	}
	other, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	tampered := bytes.Clone(sealed)
	tampered[len(tampered)-1] ^= 1
	for rule, open := range map[string]func() ([]byte, error){
		"another place":  func() ([]byte, error) { return k.Open(sealed, []byte("there")) },
		"another keyset": func() ([]byte, error) { return other.Open(sealed, []byte("here")) },
		"one bit":        func() ([]byte, error) { return k.Open(tampered, []byte("here")) },
		"cut short":      func() ([]byte, error) { return k.Open(sealed[:10], []byte("here")) },
		"nothing":        func() ([]byte, error) { return k.Open(nil, []byte("here")) },
	} {
		if got, err := open(); !errors.Is(err, ErrSealed) || got != nil {
			t.Errorf("%s: %q, %v", rule, got, err)
		}
	}
}

func TestRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "totp.keyset")
	file := File{Path: path}
	old, err := file.Create()
	if err != nil {
		t.Fatal(err)
	}
	before, err := old.Seal([]byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Rotate(); err != nil {
		t.Fatal(err)
	}
	k, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Open(before, nil); err != nil || string(got) != "secret" {
		t.Errorf("sealed before: %q, %v", got, err)
	}
	after, err := k.Seal([]byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.Open(after, nil); !errors.Is(err, ErrSealed) {
		t.Errorf("the old key still seals: %v", err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

func TestFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "totp.keyset")
	file := File{Path: path}
	if _, err := file.Open(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := file.Create(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if _, err := file.Create(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("made over another: %v", err)
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o660, 0o644, 0o700} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := file.Open(); !errors.Is(err, ErrMode) {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Open(); err != nil {
		t.Errorf("mode 0400: %v", err)
	}
	if _, err := (File{Path: t.TempDir()}).Open(); !errors.Is(err, ErrMode) {
		t.Errorf("a folder: %v", err)
	}
	for _, content := range []string{"", "{}", "not a keyset"} {
		broken := filepath.Join(t.TempDir(), "broken")
		if err := os.WriteFile(broken, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := (File{Path: broken}).Open(); err == nil {
			t.Errorf("%q opens", content)
		}
	}
}

// However a secret is printed, it is not.
func TestRedaction(t *testing.T) {
	const text = "hunter2"
	secret := Secret(text)
	k, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("x", "secret", secret, "keyset", k, "inside", struct{ S Secret }{secret})
	log = slog.New(slog.NewTextHandler(&out, nil))
	log.Info("x", "secret", secret, "keyset", k, "inside", struct{ S Secret }{secret})
	fmt.Fprintf(&out, "%v %s %q %+v %#v %x\n", secret, secret, secret, secret, secret, secret)
	fmt.Fprintf(&out, "%v %s %+v %#v\n", k, k, k, k)
	if err := json.NewEncoder(&out).Encode(map[string]any{"s": secret}); err != nil {
		t.Fatal(err)
	}
	for _, leak := range []string{text, fmt.Sprintf("%x", text), "aHVudGVyMg", "104 117", "keyData"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q in %s", leak, out.String())
		}
	}
	secret = Secret([]byte(text))
	secret.Wipe()
	if strings.Contains(string(secret), "h") {
		t.Error("not wiped")
	}
}
