package pkcs11

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, row := range []struct {
		uri  string
		want Key
	}{
		{"pkcs11:object=totp?module-path=/lib/x.so", Key{module: "/lib/x.so", label: "totp"}},
		{"pkcs11:token=my%20vault;serial=77;manufacturer=M;model=v2;id=%01%FF;type=private?module-path=/lib/x.so&pin-source=file:/etc/pin&x-keyset=/etc/k", Key{
			module: "/lib/x.so", id: "\x01\xff", pin: "file:/etc/pin", file: "/etc/k",
			token: map[string]string{"token": "my vault", "serial": "77", "manufacturer": "M", "model": "v2"},
		}},
		{"pkcs11:object=k?module-path=/x&pin-source=%7Cpass%20show%20pin", Key{module: "/x", label: "k", pin: "|pass show pin"}},
	} {
		got, err := Parse(row.uri)
		if row.want.token == nil {
			row.want.token = map[string]string{}
		}
		if err != nil || !reflect.DeepEqual(*got, row.want) {
			t.Errorf("%s: %+v, %v", row.uri, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for uri, want := range map[string]string{
		"file:x":                           "",
		"pkcs11:":                          "names a key",
		"pkcs11:token=t?module-path=/x":    "names a key",
		"pkcs11:object=k":                  "module-path",
		"pkcs11:object=k?module-path=x.so": "absolute",
		"pkcs11:object=k;type=cert?module-path=/x":        "private key",
		"pkcs11:object=k;slot-id=1?module-path=/x":        "slot-id",
		"pkcs11:object=k?module-path=/x&pin-value=4711":   "pin-source",
		"pkcs11:object=k?module-path=/x&pin-sauce=file:x": "pin-sauce",
		"pkcs11:object=%zz?module-path=/x":                "",
	} {
		_, err := Parse(uri)
		if !errors.Is(err, ErrURI) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "4711") {
			t.Errorf("%s: %v; want %q", uri, err, want)
		}
	}
}

func TestReadPIN(t *testing.T) {
	folder := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("TALLYSTICK_TEST_PIN", "4711")
	for source, want := range map[string]string{
		"file:" + file("pin", "4711\n", 0o600):           "4711",
		file("windows", "4711\r\n", 0o400):               "4711",
		"env:TALLYSTICK_TEST_PIN":                        "4711",
		"|echo 4711":                                     "4711",
		"|echo 4711; false":                              "",
		"env:TALLYSTICK_TEST_LOST":                       "",
		file("open", "4711", 0o640):                      "",
		file("empty", "\n", 0o600):                       "",
		file("long", strings.Repeat("4711", 999), 0o600): "",
		folder:        "",
		folder + "/x": "",
	} {
		pin, err := readPIN(source)
		if pin != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v; want %q", source, pin, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "4711") {
			t.Errorf("%s: the error quotes the PIN: %v", source, err)
		}
	}
}

// What is no envelope is refused before the token is asked.
func TestDecryptRefuses(t *testing.T) {
	for _, envelope := range []string{"", "\x01", "\x00\x05abcd", "\xff\xff"} {
		if _, err := new(Key).Decrypt([]byte(envelope), nil); !errors.Is(err, errEnvelope) {
			t.Errorf("%q: %v", envelope, err)
		}
	}
}
