package directory

import (
	"context"
	"errors"
	"slices"
	"testing"

	"tallystick/directory/totp"
)

// Every operation of a client's that changes something is refused where none is
// taken, and the directory is what it was.
func TestWritability(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob")
	ann := person("ann")
	changes := map[string]func() error{
		"add": func() error {
			return d.Add(ctx, root, &AddRequest{Entry: person("eve"), Attributes: attributes("objectClass: inetOrgPerson", "cn: e", "sn: e")})
		},
		"delete": func() error { return d.Delete(ctx, root, &DeleteRequest{Entry: ann}) },
		"modify": func() error {
			return d.Modify(ctx, root, &ModifyRequest{Object: ann, Changes: []Change{{ReplaceValues, attributes("title: x")[0]}}})
		},
		"modify DN": func() error { return d.ModifyDN(ctx, root, &ModifyDNRequest{Entry: ann, NewRDN: "uid=eve"}) },
		"the schema": func() error {
			return d.Modify(ctx, root, &ModifyRequest{Object: "cn=schema", Changes: []Change{{AddValues, attributes("attributeTypes: ( 1.2.3.4.5.6 NAME 'x' SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )")[0]}}})
		},
		"a password": func() error {
			id := "dn:" + ann
			_, err := d.ChangePassword(ctx, root, &id, nil, []byte("new one"))
			return err
		},
		"an index":    func() error { return d.AddIndex(ctx, root, "l", EqualityIndex) },
		"all secrets": func() error { id := "dn:" + ann; return d.RevokeTOTPSharedSecret(ctx, root, &id, nil, nil) },
		"unlock":      func() error { id := "dn:" + ann; return d.Unlock(ctx, root, &id) },
	}
	for _, to := range []Writability{WritesInternal, WritesDisabled} {
		if err := d.SetWritability(ctx, root, to); err != nil {
			t.Fatal(err)
		}
		for name, change := range changes {
			if err := change(); !errors.Is(err, UnwillingToPerform) || inWords(err) != inWords(errNoChanges) {
				t.Errorf("%s, %s: %v", to, name, err)
			}
		}
	}
	found, err := find(t, d, root, SearchRequest{Scope: WholeSubtree}, "(objectClass=person)")
	if err != nil || len(found) != 2 {
		t.Errorf("%v, %v", found.names(), err)
	}
	if err := d.SetWritability(ctx, Requester{DN: ann, How: ByPassword}, WritesEnabled); !errors.Is(err, InsufficientAccessRights) {
		t.Errorf("it takes a privilege: %v", err)
	}
	if err := d.SetWritability(ctx, root, WritesEnabled); err != nil {
		t.Fatal(err)
	}
	if err := changes["modify"](); err != nil {
		t.Error(err)
	}
}

// What a code does at each door of a server that takes no changes of clients, or
// none at all. A code that opens nothing is not spent.
func TestCodesWithoutChanges(t *testing.T) {
	h := newHouse(t, unlimited)
	ctx := context.Background()
	secret := h.enrol("ann")
	h.activate("ann", secret)
	claim := Claim{AuthenticationID: id("u:ann"), StaticPassword: []byte(secretWord)}
	doors := append(h.doors("ann"),
		door{"confirm", func(_, c string) error {
			return h.ConfirmTOTP(ctx, nobodyAsks, claim, h.credentialsOf("ann")[0].id, c)
		}},
		door{"resync", func(_, c string) error {
			return h.ResyncTOTP(ctx, nobodyAsks, claim, h.credentialsOf("ann")[0].id, c, h.code(secret, 1))
		}})
	logIns := []string{"simple bind", "PLAIN", "UNBOUNDID-TOTP", "validate", "validate by the user"}
	set := func(to Writability) {
		if err := h.SetWritability(ctx, root, to); err != nil {
			t.Fatal(err)
		}
	}
	for _, door := range doors {
		for _, to := range []Writability{WritesInternal, WritesDisabled} {
			h.advance(2 * totp.DefaultPeriod)
			what := string(to) + ", " + door.name
			code := h.code(secret, 0)
			set(to)
			if to == WritesInternal && slices.Contains(logIns, door.name) {
				h.want(what, door.show(secretWord, code), Success)
				h.want(what+", again", door.show(secretWord, code), InvalidCredentials)
				set(WritesEnabled)
				_, err := h.bind(person("ann"), secretWord+code)
				h.want(what+", then", err, InvalidCredentials)
				continue
			}
			h.want(what, door.show(secretWord, code), UnwillingToPerform)
			set(WritesEnabled)
			_, err := h.bind(person("ann"), secretWord+code)
			h.want(what+", then", err, Success)
		}
	}
}

// Where nothing can be written, guesses count all the same.
func TestGuessesWithoutChanges(t *testing.T) {
	h := newHouse(t)
	for _, to := range []Writability{WritesInternal, WritesDisabled} {
		uid := map[Writability]string{WritesInternal: "ann", WritesDisabled: "bob"}[to]
		if err := h.SetWritability(context.Background(), root, to); err != nil {
			t.Fatal(err)
		}
		_, err := h.bind(person(uid), secretWord)
		h.want(string(to)+", before", err, Success)
		for range 5 {
			_, err := h.bind(person(uid), "wrong")
			h.want(string(to)+", a guess", err, InvalidCredentials)
		}
		_, err = h.bind(person(uid), secretWord)
		h.want(string(to)+", before its time", err, InvalidCredentials)
	}
}
