package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/directory/store"
	"tallystick/directory/store/backup"
	"tallystick/directory/store/badger"
	"tallystick/directory/totp"
)

// backUp is a backup of the house.
func (h *house) backUp() []byte {
	h.t.Helper()
	var b bytes.Buffer
	if _, err := backup.Write(context.Background(), h.store, &b, h.Directory.now(), nil); err != nil {
		h.t.Fatal(err)
	}
	return b.Bytes()
}

// restored is a house like h, made from a backup. Its clock is that of h.
func (h *house) restored(file []byte, change ...func(*RestoreConfig)) *house {
	h.t.Helper()
	n := &house{t: h.t, folder: h.t.TempDir(), config: h.config, log: h.log}
	s, err := badger.Open(n.folder, badger.Config{Small: true, MinFree: -1})
	if err != nil {
		h.t.Fatal(err)
	}
	cfg := RestoreConfig{Credentials: h.cfg.Credentials, Now: h.Directory.now, Made: h.Directory.now()}
	for _, f := range change {
		f(&cfg)
	}
	err = Restore(context.Background(), s, cfg, func(put func(key, value []byte) error) error {
		_, err := backup.Read(context.Background(), bytes.NewReader(file), put)
		return err
	})
	if err := errors.Join(err, s.Close()); err != nil {
		h.t.Fatal(err)
	}
	n.Directory = openDirectory(h.t, n.folder, h.config)
	return n
}

// No code that was accepted before a backup was restored is accepted after,
// wherever the token's clock was; those that come later are.
func TestRestoreRevivesNoCode(t *testing.T) {
	for _, row := range []struct {
		name  string
		drift int64 // of the token, in steps
	}{{"on time", 0}, {"ahead", 1}, {"behind", -1}} {
		t.Run(row.name, func(t *testing.T) {
			h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts, c.LockoutAfter = 1000, 1000 })
			ann, bob := h.enrol("ann"), h.enrol("bob")
			h.activate("ann", ann)
			file := h.backUp()
			var used []string
			for range 5 {
				h.advance(totp.DefaultPeriod)
				for _, u := range []struct{ uid, secret string }{{"ann", ann}, {"bob", bob}} {
					code := h.code(u.secret, row.drift)
					_, err := h.bind(person(u.uid), "secret"+code)
					h.want("a code", err, Success)
					used = append(used, person(u.uid)+" secret"+code)
				}
			}
			r := h.restored(file)
			for n := range 25 {
				for _, u := range used {
					dn, shown, _ := strings.Cut(u, " ")
					if _, err := r.bind(dn, shown); !errors.Is(err, InvalidCredentials) {
						t.Fatalf("step %d: a used code: %v", n, err)
					}
				}
				h.advance(totp.DefaultPeriod)
			}
			for uid, secret := range map[string]string{"ann": ann, "bob": bob} {
				_, err := r.bind(person(uid), "secret"+r.code(secret, row.drift))
				r.want("a new code for "+uid, err, Success)
			}
		})
	}
}

// Nor is one of an OATH-LDAP token, whose period and window are its own.
func TestRestoreRevivesNoCodeOfAToken(t *testing.T) {
	const unused = -1 << 20
	for _, row := range []struct {
		name           string
		period, window int
		last           int64 // of the oathTOTPLastTimeStep that the token is loaded with, in steps from now
		before, after  int64 // of the codes used before and after the backup
	}{
		{"10 seconds, not used yet", 10, 3, unused, unused, 0},
		{"30 seconds, not used yet", 30, 3, unused, unused, 0},
		{"60 seconds, not used yet", 60, 3, unused, unused, 0},
		{"10 seconds, used elsewhere", 10, 3, 0, unused, 0},
		{"30 seconds, used elsewhere", 30, 3, 0, unused, 0},
		{"60 seconds, used elsewhere", 60, 3, 0, unused, 0},
		{"10 seconds, used", 10, 3, unused, 0, 1},
		{"30 seconds, used", 30, 3, unused, -1, -1},
		{"60 seconds, used", 60, 3, unused, 0, 3},
		{"the widest window", 60, 10, unused, unused, 10},
		{"the widest window about a drift", 60, 10, unused, 10, 18},
		{"no window", 60, 0, unused, 0, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts, c.LockoutAfter = 1000, 1000 })
			p := totp.Parameters{Digits: 6, Period: time.Duration(row.period) * time.Second}
			mustAdd(t, h.Directory, paramsDN, "objectClass: device", "objectClass: oathTOTPParams", "oathOTPLength: 6", "oathHMACAlgorithm: 1.2.840.113549.2.7",
				fmt.Sprintf("oathTOTPTimeStepPeriod: %d", row.period), fmt.Sprintf("oathTOTPTimeStepWindow: %d", row.window))
			token := []string{"objectClass: device", "objectClass: oathTOTPToken", "oathTOTPParams: " + paramsDN, "oathSecret: " + oathKey}
			if row.last != unused {
				token = append(token, fmt.Sprintf("oathTOTPLastTimeStep: %d", p.Step(h.Directory.now())+row.last))
			}
			mustAdd(t, h.Directory, tokenDN, token...)
			h.oathModify(Success, person("ann"), Change{AddValues, value("objectClass", "oathTOTPUser")}, Change{AddValues, value("oathTOTPToken", tokenDN)})
			if row.before != unused {
				_, err := h.bind(person("ann"), secretWord+h.oathCode(oathKey, p, row.before))
				h.want("before the backup", err, Success)
			}
			file := h.backUp()
			var used []string
			for range 5 {
				h.advance(p.Period)
				shown := secretWord + h.oathCode(oathKey, p, row.after)
				_, err := h.bind(person("ann"), shown)
				h.want("after the backup", err, Success)
				used = append(used, shown)
			}
			r := h.restored(file)
			moved := newHouseWithout(t) // by export and import, before anybody logged in
			if err := load(t, moved.Directory, export(t, r.Directory)); err != nil {
				t.Fatal(err)
			}
			moved.now = h.now
			_, err := moved.bind(person("ann"), used[len(used)-1])
			moved.want("a used code elsewhere", err, InvalidCredentials)
			for n := range 35 {
				for _, shown := range used {
					if _, err := r.bind(person("ann"), shown); !errors.Is(err, InvalidCredentials) {
						t.Fatalf("step %d: a used code: %v", n, err)
					}
				}
				h.advance(p.Period)
			}
			shown := secretWord + r.oathCode(oathKey, p, row.after)
			_, err = r.bind(person("ann"), shown)
			r.want("a new code", err, Success)
			moved.now = h.now
			_, err = moved.bind(person("ann"), shown)
			moved.want("a new code elsewhere", err, Success)
		})
	}
}

func TestRestore(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	codes, err := h.NewRecoveryCodes(context.Background(), root, Claim{AuthenticationID: id("dn:" + person("ann"))})
	h.want("recovery codes", err, Success)
	if err := h.Delete(context.Background(), root, &DeleteRequest{Entry: person("bob")}); err != nil {
		t.Fatal(err)
	}
	file := h.backUp()

	r := h.restored(file)
	if _, err := find(t, r.Directory, root, SearchRequest{BaseObject: person("bob")}, "(objectClass=*)"); !errors.Is(err, NoSuchObject) {
		t.Errorf("a deleted entry: %v", err)
	}
	if bytes.Contains(file, []byte(secret)) {
		t.Error("the secret is in the backup")
	}
	key, err := totp.DecodeSecret(secret)
	if err != nil || bytes.Contains(file, key) {
		t.Errorf("the secret is in the backup: %v", err)
	}
	_, err = r.bind(person("ann"), "secret"+codes[0])
	r.want("a recovery code", err, InvalidCredentials)
	r = h.restored(file, func(c *RestoreConfig) { c.KeepRecoveryCodes = true })
	_, err = r.bind(person("ann"), "secret"+codes[0])
	r.want("a recovery code that was kept", err, Success)

	next := h.auditNext()
	lines := r.auditLines(next)
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "restored (a backup of 2023-11-14T") {
		t.Errorf("the log goes on with %q", lines)
	}
	if !slices.Equal(r.auditLines(0)[:next-1], h.auditLines(0)) {
		t.Error("the log before the backup is another")
	}
}

// A log whose head is gone, or stops short of its records, can be restored,
// and is found broken after as before.
func TestRestoreOfABrokenLog(t *testing.T) {
	for name, tamper := range map[string]func(h *house, w store.Writer){
		"no head": func(_ *house, w store.Writer) { w.Delete(auditHeadKey) },
		"a head behind its records": func(_ *house, w store.Writer) {
			w.Set(auditHeadKey, (&auditHead{first: 1, last: 1}).encode())
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.activate("ann", h.enrol("ann"))
			before := len(h.auditLines(0))
			if err := h.update(context.Background(), func(w store.Writer) error { tamper(h, w); return nil }); err != nil {
				t.Fatal(err)
			}
			r := h.restored(h.backUp())
			if lines := r.auditLines(0); len(lines) != before+1 || !strings.HasPrefix(lines[before], "restored") {
				t.Errorf("the log says\n%s", strings.Join(lines, "\n"))
			}
			var broken *AuditBreak
			if _, err := r.VerifyAudit(context.Background()); !errors.As(err, &broken) {
				t.Errorf("the chain: %v", err)
			}
			for _, h := range []*house{h, r} { // or the clean-up would check again
				if err := h.store.Close(); err != nil {
					t.Error(err)
				}
				h.store = nil
			}
		})
	}
}

func TestRestoreRefuses(t *testing.T) {
	h := newHouse(t)
	broken := errors.New("broken off")
	for _, row := range []struct {
		name string
		read func(put func(key, value []byte) error) error
	}{
		{"what cannot be read to the end", func(put func(key, value []byte) error) error {
			return errors.Join(put([]byte("mx"), nil), broken)
		}},
		{"another format", func(put func(key, value []byte) error) error {
			return put(metaKey("format"), []byte("0"))
		}},
		{"a head of the log that is none", func(put func(key, value []byte) error) error {
			return put(auditHeadKey, []byte("x"))
		}},
	} {
		s, err := badger.Open(t.TempDir(), badger.Config{Small: true, MinFree: -1})
		if err != nil {
			t.Fatal(err)
		}
		if err := Restore(context.Background(), s, RestoreConfig{}, row.read); err == nil {
			t.Errorf("%s: no error", row.name)
		}
		err = s.View(context.Background(), func(r store.Reader) error {
			return r.Scan(store.Range{}, func(key, _ []byte) bool {
				t.Errorf("%s: it leaves %q", row.name, key)
				return true
			})
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Error(err)
		}
	}
	err := Restore(context.Background(), h.store, RestoreConfig{Now: time.Now}, func(func(key, value []byte) error) error { return nil })
	if !errors.Is(err, ErrNotEmpty) {
		t.Errorf("into a store that is not empty: %v", err)
	}
}
