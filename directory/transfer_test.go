package directory

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/directory/seal"
	"tallystick/directory/totp"
)

// load fills an empty directory with entries.
func load(t *testing.T, d *Directory, entries []Entry) error {
	t.Helper()
	var failed error
	_, err := d.Load(context.Background(), ImportSource{
		Next: func() (*ImportRecord, error) {
			if len(entries) == 0 {
				return nil, io.EOF
			}
			e := entries[0]
			entries = entries[1:]
			return &ImportRecord{Request: &AddRequest{Entry: e.DN, Attributes: e.Attributes}}, nil
		},
		Bad: func(_ *ImportRecord, err error) error {
			failed = err
			return err
		},
	})
	if failed != nil {
		return failed
	}
	return err
}

func export(t *testing.T, d *Directory) []Entry {
	t.Helper()
	var all collected
	if err := d.Export(context.Background(), "", all.WriteEntry); err != nil {
		t.Fatal(err)
	}
	return all
}

// What is exported imports to the same: passwords, secrets, states, spent
// steps; under another keyset too.
func TestCredentialsSurviveExportAndImport(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	one, two := h.enrol("ann"), h.enrol("ann")
	h.activate("ann", one)
	if _, err := h.GenerateTOTPSharedSecret(ctx, Requester{}, id("u:bob"), []byte(secretWord)); err != nil {
		t.Fatal(err)
	}
	spent := h.code(one, 0)
	_, err := h.bind(person("ann"), secretWord+spent)
	h.want("bind", err, Success)
	before := export(t, h.Directory)

	to := newHouseWithout(t)
	if err := load(t, to.Directory, before); err != nil {
		t.Fatal(err)
	}
	to.now = h.now
	after := export(t, to.Directory)
	for i := range before {
		if i >= len(after) || before[i].text() != after[i].text() {
			t.Errorf("entry %s came back as something else", before[i].DN)
		}
	}
	_, err = to.bind(person("ann"), secretWord+spent)
	to.want("the code spent before", err, InvalidCredentials)
	_, err = to.bind(person("ann"), secretWord+to.code(one, 1))
	to.want("the next code", err, Success)
	_, err = to.bind(person("ann"), secretWord+to.code(two, 0))
	to.want("a code of the pending one", err, Success)
	if !to.credentialsOf("bob")[0].passwordAlone {
		t.Error("it was forgotten that nothing but the password stood behind bob's")
	}
	to.restart()
}

// newHouseWithout is a house without people.
func newHouseWithout(t *testing.T) *house {
	t.Helper()
	h := newHouse(t)
	h.folder = t.TempDir()
	closeDirectory(t, h.Directory)
	h.Directory = openDirectory(t, h.folder, h.config)
	return h
}

func annWith(lines ...string) []Entry {
	return []Entry{
		{"dc=example,dc=com", attributes("objectClass: domain")},
		{"ou=people,dc=example,dc=com", attributes("objectClass: organizationalUnit")},
		{person("ann"), attributes(append([]string{"objectClass: inetOrgPerson", "cn: ann", "sn: x", "userPassword: " + secretWord}, lines...)...)},
	}
}

// A PingDirectory value becomes an active credential, of which only codes to
// come are accepted.
func TestImportOfPingDirectorySecrets(t *testing.T) {
	const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
	h := newHouseWithout(t)
	if err := load(t, h.Directory, annWith("ds-auth-totp-shared-secret: "+secret, "ds-auth-totp-shared-secret: MFRGGZDFMZTWQ2LK")); err != nil {
		t.Fatal(err)
	}
	for _, c := range h.credentialsOf("ann") {
		if c.state != active || c.parameters != (totp.Parameters{Digits: 6, Period: 30 * time.Second}) {
			t.Errorf("%v %+v", c.state, c.parameters)
		}
	}
	_, err := h.bind(person("ann"), secretWord)
	h.want("password alone", err, InvalidCredentials)
	_, err = h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("a code of the moment of import", err, InvalidCredentials)
	_, err = h.bind(person("ann"), secretWord+h.code(secret, 1))
	h.want("the next code", err, Success)
}

func TestImportRefusesBadCredentials(t *testing.T) {
	const good = `{"id":"A","secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","algorithm":"SHA1","digits":6,"period":30,"state":"active","lastStep":-1,"created":"2024-01-02T03:04:05Z","changed":"2024-01-02T03:04:05Z"}`
	for _, row := range []struct {
		rule  string
		lines []string
	}{
		{"not base32", []string{"ds-auth-totp-shared-secret: 189!"}},
		{"too short a key", []string{"ds-auth-totp-shared-secret: MFRGGZDF"}},
		{"too long a key", []string{"ds-auth-totp-shared-secret: " + strings.Repeat("MFRGGZDF", 13)}},
		{"not JSON", []string{"tallystickTOTPCredential: x"}},
		{"two at once", []string{"tallystickTOTPCredential: " + good + good}},
		{"an id used twice", []string{"tallystickTOTPCredential: " + good, "tallystickTOTPCredential: " + strings.Replace(good, "SHA1", "SHA256", 1)}},
		{"an unknown member", []string{"tallystickTOTPCredential: " + strings.Replace(good, `"id"`, `"x":1,"id"`, 1)}},
		{"no id", []string{"tallystickTOTPCredential: " + strings.Replace(good, `"A"`, `""`, 1)}},
		{"no key", []string{"tallystickTOTPCredential: " + strings.Replace(good, `"secret"`, `"name"`, 1)}},
		{"an unknown algorithm", []string{"tallystickTOTPCredential: " + strings.Replace(good, "SHA1", "MD5", 1)}},
		{"nine digits", []string{"tallystickTOTPCredential: " + strings.Replace(good, `"digits":6`, `"digits":9`, 1)}},
		{"no digits", []string{"tallystickTOTPCredential: " + strings.Replace(good, `"digits":6,`, "", 1)}},
		{"no period", []string{"tallystickTOTPCredential: " + strings.Replace(good, `"period":30,`, "", 1)}},
		{"an endless period", []string{"tallystickTOTPCredential: " + strings.Replace(good, `"period":30`, `"period":9999999999`, 1)}},
		{"an unknown state", []string{"tallystickTOTPCredential: " + strings.Replace(good, `"active"`, `"asleep"`, 1)}},
		{"a step before all", []string{"tallystickTOTPCredential: " + strings.Replace(good, `-1`, `-2`, 1)}},
		{"no date", []string{"tallystickTOTPCredential: " + strings.Replace(good, `2024-01-02T03:04:05Z`, `yesterday`, 1)}},
		{"log-ins that are no number", []string{"tallystickGraceLoginsUsed: MFRGGZDF"}},
		{"fewer log-ins than none", []string{"tallystickGraceLoginsUsed: -1"}},
	} {
		h := newHouseWithout(t)
		err := load(t, h.Directory, annWith(row.lines...))
		h.want(row.rule, err, InvalidAttributeSyntax)
		if text := Result(err).DiagnosticMessage; strings.Contains(text, "GEZDGNBV") || strings.Contains(text, "MFRGGZDF") {
			t.Errorf("%s: the message holds the secret: %s", row.rule, text)
		}
	}
	h := newHouseWithout(t)
	h.want("a good one", load(t, h.Directory, annWith("tallystickTOTPCredential: "+good)), Success)
}

// Secrets go with their entry.
func TestDeleteTakesCredentialsAlong(t *testing.T) {
	h := newHouse(t)
	h.activate("ann", h.enrol("ann"))
	if err := h.Delete(context.Background(), root, &DeleteRequest{Entry: person("ann")}); err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(export(t, h.Directory), func(e Entry) bool { return e.DN == person("ann") }); i >= 0 {
		t.Error("ann is still there")
	}
	mustAdd(t, h.Directory, person("ann"), "objectClass: inetOrgPerson", "cn: ann", "sn: x", "userPassword: "+secretWord)
	_, err := h.bind(person("ann"), secretWord)
	h.want("a new ann needs no code", err, Success)
}

func FuzzCredentialText(f *testing.F) {
	keyset, err := seal.Generate()
	if err != nil {
		f.Fatal(err)
	}
	d := newDirectory(f, func(c *Config) { c.Credentials.Keyset = keyset })
	f.Add([]byte(`{"id":"A","secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ","algorithm":"SHA1","digits":6,"period":30,"state":"active","lastStep":-1,"created":"2024-01-02T03:04:05Z","changed":"2024-01-02T03:04:05Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := d.credentialOfText([16]byte{}, text)
		if err != nil {
			return
		}
		var again credential
		if err := again.decode(c.encode()); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// An entry whose credential cannot be imported is not there at all: without
// the credential it could be entered by password alone.
func TestImportSkipsWholeEntries(t *testing.T) {
	for _, name := range []string{"Load", "Apply"} {
		t.Run(name, func(t *testing.T) {
			d := newDirectory(t)
			keyset, err := seal.Generate()
			if err != nil {
				t.Fatal(err)
			}
			d.credentials.cfg.Keyset = keyset
			entries := []*AddRequest{
				{Entry: "dc=example,dc=com", Attributes: attributes("objectClass: domain")},
				{Entry: "cn=good,dc=example,dc=com", Attributes: attributes("objectClass: person", "cn: good", "sn: x", "ds-auth-totp-shared-secret: MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK")},
				{Entry: "cn=bad,dc=example,dc=com", Attributes: attributes("objectClass: person", "cn: bad", "sn: x", "ds-auth-totp-shared-secret: !")},
			}
			bad := 0
			source := ImportSource{
				Next: func() (*ImportRecord, error) {
					if len(entries) == 0 {
						return nil, io.EOF
					}
					rec := &ImportRecord{Request: entries[0]}
					entries = entries[1:]
					return rec, nil
				},
				Bad: func(*ImportRecord, error) error { bad++; return nil },
			}
			run := d.Load
			if name == "Apply" {
				run = d.Apply
			}
			n, err := run(context.Background(), source)
			if err != nil || n != 2 || bad != 1 {
				t.Errorf("%d imported, %d bad, %v", n, bad, err)
			}
			got, err := find(t, d, root, SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, "(objectClass=person)")
			if err != nil || len(got) != 1 {
				t.Errorf("%v, %v; want the good one", got.names(), err)
			}
		})
	}
}
