package directory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/directory/store"
)

// auditLines is the audit log from a record on, one line each:
// "event user credential? cause count".
func (h *house) auditLines(from uint64) []string {
	h.t.Helper()
	var lines []string
	err := h.Audit(context.Background(), func(rec *AuditRecord) error {
		if rec.Sequence < from {
			return nil
		}
		line := string(rec.Kind)
		if rec.User != "" {
			line += " " + strings.TrimPrefix(strings.Split(rec.User, ",")[0], "uid=")
		}
		if rec.Credential != "" {
			line += " credential"
		}
		if rec.Cause != "" {
			line += " (" + rec.Cause + ")"
		}
		if rec.Count > 0 {
			line += fmt.Sprintf(" %d", rec.Count)
		}
		lines = append(lines, line)
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return lines
}

// auditNext is the number that the next record gets.
func (h *house) auditNext() uint64 {
	h.t.Helper()
	log, err := h.VerifyAudit(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	return log.Last + 1
}

// Each row is what somebody does to ann, whose secret has had a code accepted,
// and what the audit log says of it.
func TestAuditEvents(t *testing.T) {
	ctx := context.Background()
	annID := id("dn:" + person("ann"))
	bindAs := func(h *house, uid, password string) { _, _ = h.bind(person(uid), password) }
	for _, row := range []struct {
		name string
		do   func(h *house, secret string)
		want []string
	}{
		{"a password alone, nothing written", func(h *house, _ string) { bindAs(h, "bob", "secret") }, nil},
		{"password and code", func(h *house, s string) { bindAs(h, "ann", "secret"+h.code(s, 0)) },
			[]string{"accepted ann credential"}},
		{"the same again", func(h *house, s string) {
			code := h.code(s, 0)
			bindAs(h, "ann", "secret"+code)
			bindAs(h, "ann", "secret"+code)
		}, []string{"accepted ann credential", "refused ann (replayed code) 1"}},
		{"a wrong password", func(h *house, _ string) { bindAs(h, "bob", "wrong") },
			[]string{"refused bob (wrong password) 1"}},
		{"a wrong password, then the right one", func(h *house, _ string) {
			bindAs(h, "bob", "wrong")
			bindAs(h, "bob", "secret")
		}, []string{"refused bob (wrong password) 1", "accepted bob 1"}},
		{"a wrong code", func(h *house, s string) { bindAs(h, "ann", "secret"+h.code(s, 900)) },
			[]string{"refused ann (wrong code) 1"}},
		{"no code", func(h *house, _ string) { bindAs(h, "ann", "secret") },
			[]string{"refused ann (code missing) 1"}},
		{"a wrong password, no code", func(h *house, _ string) { bindAs(h, "ann", "wrong") },
			[]string{"refused ann (wrong password) 1"}},
		{"a wrong password, a wrong code", func(h *house, s string) { bindAs(h, "ann", "wrong"+h.code(s, 900)) },
			[]string{"refused ann (wrong password) 1"}},
		{"a wrong password, a right code", func(h *house, s string) { bindAs(h, "ann", "wrong"+h.code(s, 0)) },
			[]string{"spent ann credential", "refused ann (wrong password) 1"}},
		{"nobody", func(h *house, _ string) { bindAs(h, "nobody", "wrong") },
			[]string{"refused (no such user) 1"}},
		{"delay and lockout", func(h *house, _ string) {
			for range 9 {
				bindAs(h, "bob", "wrong")
			}
			h.advance(time.Minute)
			bindAs(h, "bob", "wrong")
			for range 5 {
				bindAs(h, "bob", "secret")
			}
			h.advance(time.Hour)
			bindAs(h, "bob", "secret")
		}, []string{
			"refused bob (wrong password) 1", "refused bob (wrong password) 2", "refused bob (wrong password) 3",
			"refused bob (too early after failures) 1", "refused bob (too early after failures) 2", "refused bob (too early after failures) 4",
			"refused bob (wrong password) 4", "locked bob 4", "refused bob (locked) 8", "unlocked bob", "accepted bob 4",
		}},
		{"an administrator's new password", func(h *house, _ string) {
			for range 4 {
				bindAs(h, "bob", "wrong")
				h.advance(time.Minute)
			}
			_, err := h.ChangePassword(ctx, adminAsks, id("dn:"+person("bob")), nil, []byte("new"))
			h.want("reset", err, Success)
		}, []string{
			"refused bob (wrong password) 1", "refused bob (wrong password) 2", "refused bob (wrong password) 3",
			"refused bob (wrong password) 4", "locked bob 4", "unlocked bob", "passwordChanged bob",
		}},
		{"a lockout that goes on", func(h *house, _ string) {
			for range 10 {
				bindAs(h, "bob", "wrong")
				h.advance(time.Hour)
			}
		}, []string{
			"refused bob (wrong password) 1", "refused bob (wrong password) 2", "refused bob (wrong password) 3",
			"refused bob (wrong password) 4", "locked bob 4", "refused bob (wrong password) 8", "locked bob 8",
		}},
		{"the root password, set on the machine", func(h *house, _ string) {
			for range 4 {
				_, _ = h.bind("cn=Directory Manager", "wrong")
				h.advance(time.Minute)
			}
			h.want("root-password", h.SetRootPassword(ctx, "new"), Success)
		}, []string{
			"refused cn=Directory Manager (wrong password) 1", "refused cn=Directory Manager (wrong password) 2",
			"refused cn=Directory Manager (wrong password) 3", "refused cn=Directory Manager (wrong password) 4",
			"locked cn=Directory Manager 4", "unlocked cn=Directory Manager", "passwordChanged cn=Directory Manager",
		}},
		{"validate", func(h *house, s string) {
			h.want("validate", h.ValidateTOTPPassword(ctx, adminAsks, person("ann"), h.code(s, 0)), Success)
			h.want("again", h.ValidateTOTPPassword(ctx, adminAsks, person("ann"), h.code(s, 0)), InvalidCredentials)
		}, []string{"accepted ann credential", "refused ann (replayed code) 1"}},
		{"a new secret, confirmed", func(h *house, _ string) {
			bob := h.enrol("bob")
			bindAs(h, "bob", "secret"+h.code(bob, 0))
		}, []string{"created bob credential", "confirmed bob credential", "accepted bob credential"}},
		{"revoked by an administrator", func(h *house, _ string) {
			h.want("revoke", h.RevokeTOTPSharedSecret(ctx, helpAsks, annID, nil, nil), Success)
		}, []string{"revoked ann"}},
		{"revoked by the secret", func(h *house, s string) {
			h.want("revoke", h.RevokeTOTPSharedSecret(ctx, nobodyAsks, annID, nil, &s), Success)
		}, []string{"revoked ann credential"}},
		{"a secret that ann does not have", func(h *house, _ string) {
			h.want("revoke", h.RevokeTOTPSharedSecret(ctx, nobodyAsks, annID, nil, id("MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK")), InvalidCredentials)
		}, []string{"refused ann (no such secret) 1"}},
		{"password modified", func(h *house, _ string) {
			h.want("modify", h.Modify(ctx, adminAsks, &ModifyRequest{Object: person("bob"), Changes: []Change{{ReplaceValues, attributes("userPassword: new")[0]}}}), Success)
		}, []string{"passwordChanged bob"}},
		{"something else modified", func(h *house, _ string) {
			h.want("modify", h.Modify(ctx, adminAsks, &ModifyRequest{Object: person("bob"), Changes: []Change{{ReplaceValues, attributes("sn: new")[0]}}}), Success)
		}, nil},
		{"added with a password", func(h *house, _ string) {
			h.want("add", h.Add(ctx, adminAsks, &AddRequest{Entry: person("eve"), Attributes: attributes("objectClass: inetOrgPerson", "cn: eve", "sn: x", "userPassword: new")}), Success)
			h.want("add", h.Add(ctx, adminAsks, &AddRequest{Entry: person("mallory"), Attributes: attributes("objectClass: inetOrgPerson", "cn: mallory", "sn: x")}), Success)
		}, []string{"passwordChanged eve"}},
		{"renamed", func(h *house, _ string) {
			h.want("rename", h.ModifyDN(ctx, adminAsks, &ModifyDNRequest{Entry: person("ann"), NewRDN: "uid=eve"}), Success)
			h.want("rename", h.ModifyDN(ctx, adminAsks, &ModifyDNRequest{Entry: "ou=people,dc=example,dc=com", NewRDN: "ou=staff"}), Success)
		}, []string{"renamed ann (now uid=eve,ou=people,dc=example,dc=com)", "renamed ou=people (now ou=staff,dc=example,dc=com)"}},
		{"deleted", func(h *house, _ string) {
			h.want("delete", h.Delete(ctx, adminAsks, &DeleteRequest{Entry: person("ann")}), Success)
			h.want("delete", h.Delete(ctx, adminAsks, &DeleteRequest{Entry: person("bob")}), Success)
		}, []string{"revoked ann (entry deleted)"}},
		{"imported", func(h *house, s string) {
			n := 0
			_, err := h.Apply(ctx, ImportSource{
				Next: func() (*ImportRecord, error) {
					if n++; n > 1 {
						return nil, io.EOF
					}
					return &ImportRecord{1, &AddRequest{Entry: person("eve"), Attributes: attributes("objectClass: inetOrgPerson", "cn: eve", "sn: x", "ds-auth-totp-shared-secret: "+s)}}, nil
				},
				Bad: func(_ *ImportRecord, err error) error { return err },
			})
			h.want("import", err, Success)
		}, []string{"imported eve credential"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := newHouse(t, func(c *CredentialsConfig) { c.FreeAttempts, c.LockoutAfter, c.Delay = 3, 4, time.Second })
			secret := h.enrol("ann")
			h.activate("ann", secret)
			next := h.auditNext()
			row.do(h, secret)
			if got := h.auditLines(next); !slices.Equal(got, row.want) {
				t.Errorf("the log says\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(row.want, "\n"))
			}
		})
	}
}

// A record says who, from where and through which door, and nothing secret.
func TestAuditWho(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	code := h.code(secret, 0)
	_, err := h.Bind(context.Background(), Requester{Peer: "192.0.2.7:999"}, &BindRequest{Version: 3, Name: person("ann"), Password: []byte("secret" + code)})
	h.want("bind", err, Success)
	_, _ = h.bind("uid=secretly,ou=people,dc=example,dc=com", "pass")
	var all strings.Builder
	err = h.Audit(context.Background(), func(rec *AuditRecord) error {
		text, err := json.Marshal(rec)
		all.Write(append(text, '\n'))
		return err
	})
	h.want("reading", err, Success)
	for _, want := range []string{
		`"event":"created","user":"` + person("ann") + `","by":"cn=Directory Manager","door":"generate TOTP shared secret"`,
		`"event":"accepted","user":"` + person("ann") + `","peer":"192.0.2.7:999","door":"simple bind"`,
		`"event":"refused","door":"simple bind","cause":"no such user"`,
	} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("not in the log: %s\n%s", want, &all)
		}
	}
	for _, secret := range []string{secret, code, "secretly", "pass\""} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("%q is in the log:\n%s", secret, &all)
		}
	}
}

// What an import changes is not taken for something that an anonymous client
// did over LDAP.
func TestAuditOfAnImport(t *testing.T) {
	h := newHouse(t)
	h.activate("ann", h.enrol("ann"))
	next := h.auditNext()
	requests := []any{
		&ModifyRequest{Object: person("bob"), Changes: []Change{{ReplaceValues, attributes("userPassword: new")[0]}}},
		&DeleteRequest{Entry: person("ann")},
	}
	_, err := h.Apply(context.Background(), ImportSource{
		Next: func() (*ImportRecord, error) {
			if len(requests) == 0 {
				return nil, io.EOF
			}
			r := requests[0]
			requests = requests[1:]
			return &ImportRecord{Request: r}, nil
		},
		Bad: func(_ *ImportRecord, err error) error { return err },
	})
	h.want("import", err, Success)
	n := 0
	err = h.Audit(context.Background(), func(rec *AuditRecord) error {
		if rec.Sequence >= next {
			n++
			if rec.Door != "import" {
				t.Errorf("%s: door %q", rec.Kind, rec.Door)
			}
		}
		return nil
	})
	if err != nil || n != 2 {
		t.Errorf("%d records, %v; want 2", n, err)
	}
}

// An event that belongs to a change that fails is not written.
func TestAuditInTheSameTransaction(t *testing.T) {
	h := newHouse(t)
	next := h.auditNext()
	fails := errors.New("after the event")
	err := h.update(context.Background(), func(w store.Writer) error {
		if err := h.audit(w, AuditEvent{Kind: AuditCreated}); err != nil {
			return err
		}
		return fails
	})
	if !errors.Is(err, fails) || h.auditNext() != next {
		t.Errorf("%v, and the log ends before %d; want %d", err, h.auditNext(), next)
	}
}

// What is too much or too old goes, and the chain still holds.
func TestAuditRetention(t *testing.T) {
	for _, row := range []struct {
		name        string
		cfg         AuditConfig
		events      int
		most, least int
	}{
		{"without a limit", AuditConfig{Keep: -1}, 3000, 3100, 3000},
		{"by number", AuditConfig{Keep: 1000}, 3000, 1000 + pruneEvery, 1000},
		{"fewer than are always kept", AuditConfig{Keep: 1}, 3000, leastAuditKeep + pruneEvery, leastAuditKeep},
		{"by age", AuditConfig{KeepFor: 500 * time.Second}, 3000, 500 + pruneEvery, 500}, // one a second
	} {
		t.Run(row.name, func(t *testing.T) {
			h := newHouse(t)
			h.cfg.Audit = row.cfg
			err := h.update(context.Background(), func(w store.Writer) error {
				for range row.events {
					h.advance(time.Second)
					if err := h.audit(w, AuditEvent{Kind: AuditAccepted}); err != nil {
						return err
					}
				}
				return nil
			})
			h.want("writing", err, Success)
			log, err := h.VerifyAudit(context.Background())
			if n := int(log.Last + 1 - log.First); err != nil || n > row.most || n < row.least {
				t.Errorf("%d records, %v; want %d to %d", n, err, row.least, row.most)
			}
			if got := len(h.auditLines(0)); got != int(log.Last+1-log.First) {
				t.Errorf("%d records are there and %d counted", got, log.Last+1-log.First)
			}
		})
	}
}

func TestAuditOverLDAP(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	_, _ = h.bind(person("bob"), "wrong")
	last := h.auditNext() - 1
	for _, row := range []struct {
		name   string
		who    Requester
		base   string
		scope  Scope
		filter string
		want   ResultCode
		found  int
	}{
		{"anonymous", nobodyAsks, "cn=audit", SingleLevel, "(objectClass=*)", InsufficientAccessRights, 0},
		{"a user", annAsks, "cn=audit", SingleLevel, "(objectClass=*)", InsufficientAccessRights, 0},
		{"a user about himself", annAsks, "cn=audit", SingleLevel, "(tallystickAuditUser=" + person("ann") + ")", InsufficientAccessRights, 0},
		{"an administrator of passwords", helpAsks, "cn=audit", BaseObject, "(objectClass=*)", Success, 1},
		{"all", adminAsks, "cn=audit", SingleLevel, "(objectClass=*)", Success, int(last)},
		{"all and the top", root, "CN=Audit", WholeSubtree, "(objectClass=*)", Success, int(last) + 1},
		{"the top", adminAsks, "cn=audit", BaseObject, "(objectClass=tallystickAuditLogEntry)", Success, 1},
		{"below the top", adminAsks, "cn=audit", SubordinateSubtree, "(objectClass=*)", Success, int(last)},
		{"by user, written otherwise", adminAsks, "cn=audit", SingleLevel, "(tallystickAuditUser=UID=Ann, ou=People,dc=example,dc=com)", Success, 4},
		{"by event", adminAsks, "cn=audit", SingleLevel, "(tallystickAuditEvent=REFUSED)", Success, 1},
		{"by both", adminAsks, "cn=audit", SingleLevel, "(&(tallystickAuditEvent=refused)(tallystickAuditUser=" + person("ann") + "))", Success, 0},
		{"by time", adminAsks, "cn=audit", SingleLevel, "(tallystickAuditTime>=20231114220000Z)", Success, int(last)},
		{"by number", adminAsks, "cn=audit", SingleLevel, fmt.Sprintf("(tallystickAuditSequence>=%d)", last), Success, 1},
		{"by number, from both sides", adminAsks, "cn=audit", SingleLevel, "(&(tallystickAuditSequence>=2)(tallystickAuditSequence<=3))", Success, 2},
		{"by number, from the wrong sides", adminAsks, "cn=audit", SingleLevel, "(&(tallystickAuditSequence>=3)(tallystickAuditSequence<=2))", Success, 0},
		{"not by number", adminAsks, "cn=audit", SingleLevel, "(!(tallystickAuditSequence=1))", Success, int(last) - 1},
		{"one record", adminAsks, "tallystickAuditSequence=1,cn=audit", BaseObject, "(objectClass=tallystickAuditRecord)", Success, 1},
		{"one record that does not match", adminAsks, "tallystickAuditSequence=1,cn=audit", BaseObject, "(cn=x)", Success, 0},
		{"nothing is below one", adminAsks, "tallystickAuditSequence=1,cn=audit", SingleLevel, "(objectClass=*)", Success, 0},
		{"a record that is not there", adminAsks, "tallystickAuditSequence=999,cn=audit", BaseObject, "(objectClass=*)", NoSuchObject, 0},
		{"a name that no record has", adminAsks, "cn=x,cn=audit", BaseObject, "(objectClass=*)", NoSuchObject, 0},
		{"a name below a record", adminAsks, "cn=x,tallystickAuditSequence=1,cn=audit", BaseObject, "(objectClass=*)", NoSuchObject, 0},
	} {
		got, err := find(t, h.Directory, row.who, SearchRequest{BaseObject: row.base, Scope: row.scope}, row.filter)
		h.want(row.name, err, row.want)
		if len(got) != row.found {
			t.Errorf("%s: %d entries; want %d", row.name, len(got), row.found)
		}
	}

	got, err := find(t, h.Directory, adminAsks, SearchRequest{BaseObject: "cn=audit", Scope: SingleLevel, SizeLimit: 1}, "(objectClass=*)")
	h.want("size limit", err, SizeLimitExceeded)
	if want := fmt.Sprintf("tallystickAuditSequence=%d,cn=audit", last); len(got) != 1 || got[0].DN != want {
		t.Errorf("a size limit of one leaves %v; want %s, the newest", got.names(), want)
	}
	equal, err := h.Compare(context.Background(), adminAsks, &CompareRequest{Entry: "tallystickAuditSequence=1,cn=audit", Attribute: "tallystickAuditSequence", Value: []byte("1")})
	if err != nil || !equal {
		t.Errorf("compare: %v, %v", equal, err)
	}
	_, err = h.Compare(context.Background(), annAsks, &CompareRequest{Entry: "tallystickAuditSequence=1,cn=audit", Attribute: "tallystickAuditSequence", Value: []byte("1")})
	h.want("compare by a user", err, InsufficientAccessRights)
	for name, err := range map[string]error{
		"add":    h.Add(context.Background(), root, &AddRequest{Entry: "cn=audit", Attributes: attributes("objectClass: device")}),
		"below":  h.Add(context.Background(), root, &AddRequest{Entry: "cn=x,cn=audit", Attributes: attributes("objectClass: device")}),
		"modify": h.Modify(context.Background(), root, &ModifyRequest{Object: "tallystickAuditSequence=1,cn=audit"}),
		"delete": h.Delete(context.Background(), root, &DeleteRequest{Entry: "tallystickAuditSequence=1,cn=audit"}),
		"rename": h.ModifyDN(context.Background(), root, &ModifyDNRequest{Entry: "tallystickAuditSequence=1,cn=audit", NewRDN: "cn=x"}),
	} {
		if err == nil {
			t.Errorf("%s: the audit log can be changed", name)
		}
	}
}
