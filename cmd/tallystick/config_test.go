package main

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/directory"
	"tallystick/extop/wire"
)

// The sample file is where the defaults come from, so it must name every key,
// and none twice.
func TestSampleConfigNamesEveryKey(t *testing.T) {
	for _, key := range keysOf(reflect.TypeFor[config](), "") {
		last := key[strings.LastIndexByte(key, '.')+1:]
		indent := strings.Repeat("  ", strings.Count(key, "."))
		if !strings.Contains(string(sampleConfig), "\n"+indent+last+": ") {
			t.Errorf("tallystick.yaml does not set %s", key)
		}
	}
	c, err := new(globalFlags).config()
	if err != nil {
		t.Fatal(err)
	}
	if c.Limits.Message != 16<<20 || c.Attempts.LockFor != duration(15*time.Minute) || c.Directory.RootDN != "cn=Directory Manager" {
		t.Errorf("not what the sample says: %+v", c)
	}
}

func TestConfigFile(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		flags      []string
		want       string // the error; "": none
	}{
		{"empty", "", nil, ""},
		{"only comments in a section", "log:\n  # level: debug\n", nil, ""},
		{"a few keys", "data: /srv/t\nlimits:\n  message: 1MiB\n  idle: 1h30m\ndirectory:\n  suffixes:\n    - dc=a\n    - dc=b\n", nil, ""},
		{"unknown key", "date: x\n", nil, "FILE:1: unknown key date: did you mean data?"},
		{"unknown key in a section", "\nlog:\n  levle: debug\n", nil, "FILE:3: unknown key log.levle: did you mean log.level?"},
		{"key of another section", "log:\n  rootDN: cn=a\n", nil, "FILE:2: unknown key log.rootDN: did you mean directory.rootDN?"},
		{"nothing like it", "zzzzzzzzzzzzzz: 1\n", nil, "FILE:1: unknown key zzzzzzzzzzzzzz"},
		{"everything at once", "date: x\nlimits:\n  message: huge\n  idle: soon\nsecondFactor:\n  window: wide\n", nil,
			"FILE:1: unknown key date: did you mean data?\n" +
				"FILE:3: limits.message: \"huge\" is not a size like 256KiB or 16MiB\n" +
				"FILE:4: limits.idle: \"soon\" is not a time like 500ms, 30s or 15m\n" +
				"FILE:6: secondFactor.window: cannot unmarshal string into Go value of type int"},
		{"a value where a section belongs", "log: debug\n", nil, "FILE:1: log has keys of its own, not a value"},
		{"a list for a file", "- a\n", nil, "FILE:1: the file has keys of its own, not a value"},
		{"two documents", "data: a\n---\ndata: b\n", nil, "FILE:3: a second document in the file"},
		{"not YAML", "data: [a\n", nil, "FILE:1: sequence end token ']' not found"},
		{"a byte order mark", "\xef\xbb\xbfdata: a\n", nil, ""},
		{"deeply nested", "data: " + strings.Repeat("[", 60_000), nil, "FILE: has more than 1000 opening brackets"},
		{"too long", strings.Repeat("# 45678\n", 8193), nil, "FILE is longer than 65536 octets: is it the configuration?"},
		{"NUL octets", "\x00\x00\n", nil, "FILE:1: the file has keys of its own, not a value"},
		{"not UTF-8", "\xff\xfe: a\n", nil, "FILE: is not UTF-8"},
		{"a key twice", "data: a\ndata: b\n", nil, "FILE:2: mapping key \"data\" already defined at [1:1]"},
		{"values out of range", "secondFactor:\n  window: 11\nattempts:\n  free: 0\nlog:\n  level: loud\n  format: xml\npasswords:\n  scheme: ROT13\nlisten:\n  ldap: nowhere\n  ldaps: localhost:99999\nlimits:\n  depth: 1001\n", nil,
			"attempts.free: must be at least 1\n" +
				"limits.depth: is 1 to 1000, not 1001\n" +
				"listen.ldap: \"nowhere\" is neither host:port nor \"off\"\n" +
				"listen.ldaps: \"localhost:99999\" is neither host:port nor \"off\"\n" +
				"log.format: \"xml\" is neither text nor json\n" +
				"log.level: \"loud\" is none of debug, info, warn, error\n" +
				"passwords.scheme: unknown scheme \"ROT13\"\n" +
				"secondFactor.window: is 0 to 10, not 11"},
		{"half a certificate", "tls:\n  key: k.pem\n", nil, "tls: certificate and key go together"},
		{"bridge without a socket", "listen:\n  ldapi: off\n", nil, ""},
		{"an issuer", "bridge:\n  issuer:\n    url: https://login.example.com/realms/x\n    audience: ldap\n    claim: email\n    attribute: mail\n    base: ou=people,dc=a\n  origins: [https://app.example.com]\n", nil, ""},
		{"half an issuer", "bridge:\n  issuer:\n    url: http://login.example.com\n    claim: \"\"\n    opaque: true\n    attribute: \"uid=*)(x\"\n    base: people\n  origins: [\"*\"]\n", nil,
			"bridge.issuer.attribute: \"uid=*)(x\" is no attribute\n" +
				"bridge.issuer.audience: must be there\n" +
				"bridge.issuer.base: \"people\": invalidDNSyntax(34) at offset 6: expected an equals sign behind the attribute type\n" +
				"bridge.issuer.claim: must be there\n" +
				"bridge.issuer.opaque: needs bridge.issuer.clientID: the issuer is asked what such a token is\n" +
				"bridge.issuer.url: is no URL such as https://login.example.com\n" +
				"bridge.origins: \"*\" is no origin such as https://app.example.com"},
		{"long socket", "listen:\n  ldapi: /" + strings.Repeat("x", 107) + "\n", nil, "listen.ldapi: the name of the socket has 108 octets, and Unix allows 107"},

		{"flag over file", "log:\n  level: loud\n", []string{"log.level=debug"}, ""},
		{"flag with an unknown key", "", []string{"log.levle=debug"}, "--set log.levle: unknown key log.levle: did you mean log.level?"},
		{"flag without a value", "", []string{"log.level"}, "--set log.level: want key=value"},
		{"flag of the wrong kind", "", []string{"secondFactor.window=wide"}, "--set secondFactor.window: secondFactor.window: cannot unmarshal string into Go value of type int"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "FILE")
			if err := os.WriteFile(name, []byte(tt.file), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := (&globalFlags{file: name, settings: tt.flags}).config()
			got := ""
			if err != nil {
				got = strings.ReplaceAll(err.Error(), name, "FILE")
			}
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestConfigPaths(t *testing.T) {
	c, err := (&globalFlags{data: "d", settings: []string{"listen.ldapi=/run/x"}}).config()
	if err != nil {
		t.Fatal(err)
	}
	cert, key := c.certificate()
	source, err := c.keysetSource()
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.database(), source.String(), c.ldapiSocket(), cert, key}
	want := []string{"d/db", "file:d/keys/totp.keyset", "/run/x", "d/tls/certificate.pem", "d/tls/key.pem"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		text string
		want int64 // -1: refused
	}{
		{"0", 0}, {"4096", 4096}, {"1KiB", 1024}, {"16 MiB", 16 << 20}, {"2GiB", 2 << 30}, {"3kB", -1}, {"3KB", 3000}, {"\"5MB\"", 5e6},
		{"7B", 7}, {"", -1}, {"-1", -1}, {"1.5MiB", -1}, {"99999999999GiB", -1}, {"MiB", -1},
	} {
		var s size
		err := s.UnmarshalYAML([]byte(tt.text))
		if got := int64(s); err != nil && tt.want != -1 || err == nil && got != tt.want {
			t.Errorf("%q: got %d, %v; want %d", tt.text, got, err, tt.want)
		}
	}
}

// The access control instructions of the sample file are those that a directory
// has by itself, and name every operation that is served, but for those that
// PingDirectory opens to nobody: they are for bypass-acl.
func TestSampleACIs(t *testing.T) {
	closed := []string{wire.ValidateTOTPPasswordOID, wire.VerifyPasswordOID, wire.GeneratePasswordOID, wire.PasswordQualityOID}
	c, err := new(globalFlags).config()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Access.ACI, directory.DefaultACIs) {
		t.Errorf("tallystick.yaml has\n%s\nand package directory\n%s", strings.Join(c.Access.ACI, "\n"), strings.Join(directory.DefaultACIs, "\n"))
	}
	for _, oid := range operations(nil, nil).OIDs() {
		named := regexp.MustCompile(`[" ]` + regexp.QuoteMeta(oid) + `[" ]`).MatchString(strings.Join(directory.DefaultACIs, "\n"))
		if named == slices.Contains(closed, oid) {
			t.Errorf("extended operation %s: named by an access control instruction: %v", oid, named)
		}
	}
}
