package seal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseSource(t *testing.T) {
	for _, row := range []struct {
		text, want string
		err        error
	}{
		{"keys/totp.keyset", "file:keys/totp.keyset", nil},
		{"file:keys/totp.keyset", "file:keys/totp.keyset", nil},
		{"file:env:odd", "file:env:odd", nil},
		{"env:KEYSET", "env:KEYSET", nil},
		{"command:vault read -field=keyset secret/totp", "command:vault read -field=keyset secret/totp", nil},
		{"", "", ErrSource},
		{"keys:/totp", "", ErrSource},
		{"comand:pass show keyset", "", ErrSource},
		{"./a:b", "file:./a:b", nil},
		{"file:", "", ErrSource},
		{"env:", "", ErrSource},
		{"env:A=B", "", ErrSource},
		{"command: ", "", ErrSource},
	} {
		got, err := ParseSource(row.text)
		if !errors.Is(err, row.err) || err == nil && got.String() != row.want {
			t.Errorf("%q: %v, %v; want %s, %v", row.text, got, err, row.want, row.err)
		}
		name, ok := got.File()
		if ok != (err == nil && strings.HasPrefix(row.want, "file:")) || ok && "file:"+name.Path != row.want {
			t.Errorf("%q: file %q, %v", row.text, name.Path, ok)
		}
	}
}

func TestReadSource(t *testing.T) {
	path := filepath.Join(t.TempDir(), "totp.keyset")
	file := File{Path: path}
	k, err := file.Create()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.Seal([]byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TALLYSTICK_TEST_KEYSET", string(text))
	t.Setenv("TALLYSTICK_TEST_BROKEN", "not a keyset")
	for _, row := range []struct {
		source string
		err    error // nil: it reads
		all    bool  // any error will do
	}{
		{path, nil, false},
		{"file:" + path, nil, false},
		{"env:TALLYSTICK_TEST_KEYSET", nil, false},
		{"command:cat '" + path + "'", nil, false},
		{"command:printf %s \"$TALLYSTICK_TEST_KEYSET\"", nil, false},
		{path + ".lost", fs.ErrNotExist, false},
		{"env:TALLYSTICK_TEST_LOST", fs.ErrNotExist, false},
		{"env:TALLYSTICK_TEST_BROKEN", errText, false},
		{"command:true", errText, false},
		{"command:cat '" + path + "'; false", nil, true},
		{"command:head -c 2000000 /dev/zero", nil, true},
	} {
		source, err := ParseSource(row.source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := source.Read(t.Context())
		switch {
		case row.all && err == nil, !errors.Is(err, row.err) && !row.all:
			t.Errorf("%s: %v; want %v", row.source, err, row.err)
		case row.err == nil && !row.all:
			if secret, err := got.Open(sealed, nil); err != nil || string(secret) != "secret" {
				t.Errorf("%s: %q, %v", row.source, secret, err)
			}
		}
		if err != nil && strings.Contains(err.Error(), "keyData") {
			t.Errorf("%s: the error quotes the keyset", row.source)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	source, err := ParseSource("command:sleep 60")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Read(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a command that nobody waits for: %v", err)
	}
	if _, err := (Source{}).Read(t.Context()); !errors.Is(err, ErrSource) {
		t.Errorf("no source: %v", err)
	}
}

// Keys are listed oldest first, told from what they sealed, replaced by a
// keyset that has them all, and dropped one by one but for the newest.
func TestLifeOfKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "totp.keyset")
	file := File{Path: path}
	k, err := file.Create()
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := k.Seal([]byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	first := k.Keys()[0]
	if id, ok := SealedWith(sealed); !ok || id != first.ID || !first.Primary || !k.Current(sealed) {
		t.Errorf("key %d of %+v", id, first)
	}
	rotated, err := file.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	keys := rotated.Keys()
	if len(keys) != 2 || keys[0] != (Key{first.ID, false}) || !keys[1].Primary || rotated.Current(sealed) {
		t.Errorf("after a rotation: %+v", keys)
	}
	if err := rotated.Replace(k); !errors.Is(err, ErrForeign) {
		t.Errorf("replaced by its elder: %v", err)
	}
	other, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Replace(other); !errors.Is(err, ErrForeign) || len(k.Keys()) != 1 || k.Keys()[0] != first {
		t.Errorf("replaced by another: %v", err)
	}
	if err := k.Replace(rotated); err != nil || len(k.Keys()) != 2 {
		t.Errorf("replaced by the rotated one: %v", err)
	}
	for _, id := range []uint32{keys[1].ID, first.ID ^ 1} {
		if _, err := file.Drop(id); !errors.Is(err, ErrKey) {
			t.Errorf("dropping %d: %v", id, err)
		}
	}
	dropped, err := file.Drop(first.ID)
	if err != nil || fmt.Sprint(dropped.Keys()) != fmt.Sprint(keys[1:]) {
		t.Fatalf("dropped: %v, %v", dropped.Keys(), err)
	}
	if _, err := dropped.Open(sealed, nil); !errors.Is(err, ErrSealed) {
		t.Errorf("opens without its key: %v", err)
	}
	if err := k.Replace(dropped); err != nil {
		t.Errorf("replaced by one without the old key: %v", err)
	}
	for _, text := range []string{"", "x", "\x01\x02\x03\x04", "\x00\x01\x02\x03\x04\x05"} {
		if _, ok := SealedWith([]byte(text)); ok || k.Current([]byte(text)) {
			t.Errorf("%q is taken for sealed", text)
		}
	}
}

// Rotations at the same time lose no key.
func TestRotateAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "totp.keyset")
	file := File{Path: path}
	if _, err := file.Create(); err != nil {
		t.Fatal(err)
	}
	const n = 8
	results := make(chan error, n)
	for range n {
		go func() {
			_, err := file.Rotate()
			results <- err
		}()
	}
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if k, err := file.Open(); err != nil || len(k.Keys()) != n+1 {
		t.Errorf("%v, %v", k.Keys(), err)
	}
}
