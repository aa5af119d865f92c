package seeds_test

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/directory/seal"
	"tallystick/directory/totp"
	"tallystick/internal/seeds"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// files are read from testdata; what is to come of each stands beside it, in a
// file whose name ends in .golden. openldap.ldif is what slapcat wrote after
// two binds, the files of google-authenticator are its own, glauth.cfg has the
// example of GLAuth's manual, pskc-figure*.xml are those of RFC 6030.
var files = []struct {
	name   string
	format seeds.Format
}{
	{"pingdirectory.ldif", seeds.PingDirectory},
	{"openldap.ldif", seeds.OpenLDAP},
	{"freeipa.ldif", seeds.FreeIPA},
	{"glauth.cfg", seeds.GLAuth},
	{"google-authenticator", seeds.GoogleAuthenticator},
	{"google-authenticator-60", seeds.GoogleAuthenticator},
	{"google-authenticator-hotp", seeds.GoogleAuthenticator},
	{"google-authenticator-used", seeds.GoogleAuthenticator},
	{"otpauth.txt", seeds.OTPAuth},
	{"pskc.xml", seeds.PSKC},
	{"pskc-figure6.xml", seeds.PSKC},
	{"pskc-figure7.xml", seeds.PSKC},
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// keys are those of the RFC's figures.
func keys(t testing.TB) seeds.Keys {
	t.Helper()
	shared, err := hex.DecodeString("12345678901234567890123456789012")
	if err != nil {
		t.Fatal(err)
	}
	return seeds.Keys{PreShared: shared, Passphrase: func() ([]byte, error) { return []byte("qwerty"), nil }}
}

// A user's own file gives nobody else a secret, whatever he writes there.
func TestFileOfAUser(t *testing.T) {
	for _, name := range []string{"otpauth.txt", "openldap.ldif", "glauth.cfg", "google-authenticator"} {
		list, err := seeds.Read("", seeds.File{Name: "mallory/.google_authenticator", Data: read(t, name)})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range list {
			if s.Owner != "mallory" {
				t.Errorf("%s: a secret for %q", name, s.Owner)
			}
		}
	}
}

func TestRead(t *testing.T) {
	for _, file := range files {
		data := read(t, file.name)
		if got, err := seeds.Detect(data); got != file.format || err != nil {
			t.Errorf("%s: detected %q, %v; want %q", file.name, got, err, file.format)
		}
		list, err := seeds.Read("", seeds.File{Name: file.name, Data: data, Keys: keys(t)})
		if err != nil {
			t.Errorf("%s: %v", file.name, err)
			continue
		}
		golden := filepath.Join("testdata", file.name+".golden")
		if *update {
			if err := os.WriteFile(golden, []byte(text(list)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if want := string(read(t, file.name+".golden")); text(list) != want {
			t.Errorf("%s:\n%s\nwant\n%s", file.name, text(list), want)
		}
	}
}

// text is seeds as the golden files show them.
func text(list []seeds.Seed) string {
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "%s\n", s.Where)
		line := func(name string, value any, there bool) {
			if there {
				fmt.Fprintf(&b, "  %s: %v\n", name, value)
			}
		}
		line("owner", s.Owner, s.Owner != "")
		line("name", s.Name, s.Name != "")
		line("serial", s.Serial, s.Serial != "")
		line("refused", s.Refused, s.Refused != "")
		if s.Refused == "" {
			line("secret", totp.EncodeSecret(s.Secret), true)
			line("codes", fmt.Sprintf("%v %d/%v", s.Parameters.Algorithm, s.Parameters.Digits, s.Parameters.Period), true)
			line("counter", s.Counter, s.Parameters.Counter)
			line("disabled", s.Disabled, s.Disabled)
			line("not before", s.NotBefore.Format(time.RFC3339), !s.NotBefore.IsZero())
			line("not after", s.NotAfter.Format(time.RFC3339), !s.NotAfter.IsZero())
			line("last step", s.LastStep, s.LastStep != 0)
			line("drift", s.Drift, s.Drift != 0)
		}
		for _, r := range s.Remarks {
			line("remark", r, true)
		}
	}
	return b.String()
}

// The figures of RFC 6030 are HOTP keys; their secret is that of RFC 4226.
// Here they are taken as TOTP.
func TestFigures(t *testing.T) {
	for _, name := range []string{"pskc-figure6.xml", "pskc-figure7.xml"} {
		list, err := seeds.Read("", asTOTP(t, name, keys(t)))
		if err != nil || len(list) != 1 {
			t.Errorf("%s: %d seeds, %v", name, len(list), err)
			continue
		}
		if string(list[0].Secret) != "12345678901234567890" || list[0].Parameters.Digits != 8 {
			t.Errorf("%s: %s", name, text(list))
		}
	}
}

func asTOTP(t testing.TB, name string, k seeds.Keys) seeds.File {
	t.Helper()
	return seeds.File{Name: name, Data: []byte(strings.ReplaceAll(string(read(t, name)), "pskc:hotp", "pskc:totp")), Keys: k}
}

// Without the right key nothing is read, nor where the file was changed.
func TestPSKCRefuses(t *testing.T) {
	right := keys(t)
	wrongKey := seeds.Keys{PreShared: make([]byte, 16)}
	for _, row := range []struct {
		rule, file, old, new string
		keys                 seeds.Keys
		want                 string
	}{
		{"no key", "pskc-figure6.xml", "", "", seeds.Keys{}, "pre-shared key, which was not given"},
		{"no passphrase", "pskc-figure7.xml", "", "", seeds.Keys{}, "passphrase, which was not given"},
		{"a wrong key", "pskc-figure6.xml", "", "", wrongKey, "is not right"},
		{"a wrong passphrase", "pskc-figure7.xml", "", "", seeds.Keys{Passphrase: func() ([]byte, error) { return []byte("wrong"), nil }}, "is not right"},
		{"a key of a wrong length", "pskc-figure6.xml", "", "", seeds.Keys{PreShared: []byte("short")}, "16, 24 or 32"},
		{"nobody to ask", "pskc-figure7.xml", "", "", seeds.Keys{Passphrase: func() ([]byte, error) { return nil, errors.New("no terminal") }}, "no terminal"},
		{"a changed value", "pskc-figure6.xml", "AAECAwQFBgcI", "AAECAwQFBgcJ", right, "the file was changed"},
		{"a changed MAC", "pskc-figure6.xml", "Su+NvtQf", "Su+NvtQe", right, "the file was changed"},
		{"no MAC", "pskc-figure6.xml", "Su+NvtQfmvfJzF6bmQiJqoLRExc=", "", right, "without a MAC"},
		{"another cipher", "pskc-figure6.xml", "aes128-cbc", "tripledes-cbc", right, "otherwise than by AES-CBC"},
		{"another MAC", "pskc-figure6.xml", "hmac-sha1", "hmac-md5", right, "of an unknown kind"},
		{"too much hashing", "pskc-figure7.xml", ">1000<", ">2000000000<", right, "not understood"},
		{"a certificate", "pskc-figure6.xml", "<ds:KeyName>Pre-shared-key</ds:KeyName>", "<ds:X509Data/>", right, "for a certificate"},
		{"half a file", "pskc-figure6.xml", "</KeyContainer>", "", right, "is not XML"},
	} {
		f := asTOTP(t, row.file, row.keys)
		if row.old != "" {
			f.Data = []byte(strings.Replace(string(f.Data), row.old, row.new, -1))
		}
		list, err := seeds.Read(seeds.PSKC, f)
		got := fmt.Sprint(err)
		if err == nil {
			got = list[0].Refused
		}
		if !strings.Contains(got, row.want) {
			t.Errorf("%s: %q; want %q", row.rule, got, row.want)
		}
		for _, s := range list {
			if s.Secret != nil {
				t.Errorf("%s: there is a secret", row.rule)
			}
		}
	}
}

// What is wrong with a file is told without a word of it.
func TestErrors(t *testing.T) {
	for _, row := range []struct {
		rule   string
		format seeds.Format
		data   string
		want   string
	}{
		{"nothing", "", "", seeds.ErrFormat.Error()},
		{"some text", "", "SECRETSECRETSECRET\n", seeds.ErrFormat.Error()},
		{"an unknown format", "csv", "SECRET", seeds.ErrFormat.Error()},
		{"a line that is none", "", "dn: uid=ann\nds-auth-totp-shared-secret: A\nSECRETSECRET\n", "line 3 is not LDIF"},
		{"a change", "", "dn: uid=ann\nchangetype: modify\nadd: oathSecret\noathSecret: SECRET\n-\n", "line 1: a change, where there should be an entry"},
		{"half a string", "", "[[users]]\nname = \"ann\"\notpsecret = \"SECRET\n", "line 3 is not TOML"},
		{"another type", "", "users = 1\notpsecret = \"SECRET\"\n", "not a configuration of GLAuth"},
		{"another document", "", "<html><!-- KeyContainer SECRET --></html>", "not a key container (RFC 6030)"},
	} {
		list, err := seeds.Read(row.format, seeds.File{Data: []byte(row.data)})
		if err == nil || err.Error() != row.want {
			t.Errorf("%s: %v, %v; want %s", row.rule, text(list), err, row.want)
		}
	}
}

// The owner of a file of google-authenticator is known from its path alone.
func TestOwnerOfPath(t *testing.T) {
	for path, want := range map[string]string{
		"/srv/people/ann/.google_authenticator": "ann",
		"ann/.google_authenticator":             "ann",
		".google_authenticator":                 "",
		"/var/lib/google-authenticator/ann":     "ann",
		"ann":                                   "ann",
		"-":                                     "",
	} {
		list, err := seeds.Read(seeds.GoogleAuthenticator, seeds.File{Name: path, Data: read(t, "google-authenticator")})
		if err != nil || list[0].Owner != want {
			t.Errorf("%s: %v, %v; want %q", path, list, err, want)
		}
	}
}

// Parts of Google's export that are missing are missed.
func TestMigrationParts(t *testing.T) {
	const first = "otpauth-migration://offline?data=CicKFDEyMzQ1Njc4OTAxMjM0NTY3ODkwEgNhbm4aBEFDTUUgASgBMAIQARgCIAAoKg=="
	const second = "otpauth-migration://offline?data=CicKFDEyMzQ1Njc4OTAxMjM0NTY3ODkwEgNib2IaBEFDTUUgAigCMAIQARgCIAEoKg=="
	list, err := seeds.Read("", seeds.File{Data: []byte(first + "\n" + second + "\n")})
	if err != nil || len(list) != 2 || list[0].Owner != "ann" || list[1].Owner != "bob" || list[1].Parameters.Algorithm != totp.SHA256 || list[1].Parameters.Digits != 8 {
		t.Errorf("both: %s, %v", text(list), err)
	}
	list, err = seeds.Read("", seeds.File{Data: []byte(second + "\n")})
	if err != nil || len(list) != 2 || list[1].Refused != "the export has 2 QR codes, and only 1 of them are here" {
		t.Errorf("one: %s, %v", text(list), err)
	}
}

// A seed that is printed by mistake says nothing.
func TestSecretsAreRedacted(t *testing.T) {
	s := seeds.Seed{Secret: seal.Secret("12345678901234567890")}
	for _, text := range []string{fmt.Sprintf("%v", s), fmt.Sprintf("%+v", s), fmt.Sprintf("%#v", s)} {
		if strings.Contains(text, "12345678901234567890") || strings.Contains(text, "49 50 51") || strings.Contains(text, "0x31, 0x32") {
			t.Error(text)
		}
	}
}

func TestFormats(t *testing.T) {
	var want []seeds.Format
	for _, f := range files {
		want = append(want, f.format)
	}
	slices.Sort(want)
	if got := seeds.Formats(); !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("%v; the tests read %v", got, want)
	}
}

// Whatever a file holds, nothing breaks, and what is not refused can be stored.
func FuzzRead(f *testing.F) {
	for _, file := range files {
		f.Add(string(file.format), read(f, file.name))
	}
	k := keys(f)
	f.Fuzz(func(t *testing.T, format string, data []byte) {
		if strings.Contains(string(data), "IterationCount") && !strings.Contains(string(data), ">1000<") {
			t.Skip("passphrases take their time")
		}
		list, err := seeds.Read(seeds.Format(format), seeds.File{Name: "ann", Data: data, Keys: k})
		if err != nil && list != nil {
			t.Fatal("seeds beside an error")
		}
		for _, s := range list {
			if (s.Refused == "") != (totp.CheckSecret(s.Secret) == nil) {
				t.Fatalf("refused %q, secret of %d octets", s.Refused, len(s.Secret))
			}
			if s.Refused == "" && (s.Parameters.Check() != nil || s.LastStep < 0 || s.Counter < 0 || s.Counter > totp.MaxCounter) {
				t.Fatalf("%+v", s)
			}
		}
	})
}
