package directory

import (
	"context"
	"errors"
	"io"
	"testing"
)

// A record that cannot be imported leaves nothing behind, whichever way it
// came, and above all not a user without his second factor.
func TestBadRecordLeavesNothing(t *testing.T) {
	bad := attributes("objectClass: account", "userPassword: x", `tallystickTOTPCredential: {"id":"A"}`)
	source := func(refused *int, entries ...Entry) ImportSource {
		return ImportSource{
			Next: func() (*ImportRecord, error) {
				if len(entries) == 0 {
					return nil, io.EOF
				}
				e := entries[0]
				entries = entries[1:]
				return &ImportRecord{Request: &AddRequest{Entry: e.DN, Attributes: e.Attributes}}, nil
			},
			Bad: func(*ImportRecord, error) error { *refused++; return nil },
		}
	}
	ctx := context.Background()
	for rule, run := range map[string]func(d *Directory, src ImportSource) (int, error){
		"load":  func(d *Directory, src ImportSource) (int, error) { return d.Load(ctx, src) },
		"apply": func(d *Directory, src ImportSource) (int, error) { return d.Apply(ctx, src) },
	} {
		t.Run(rule, func(t *testing.T) {
			h := newHouseWithout(t)
			refused := 0
			n, err := run(h.Directory, source(&refused,
				Entry{"dc=example,dc=com", attributes("objectClass: domain")},
				Entry{"uid=bad,dc=example,dc=com", bad},
				Entry{"uid=good,dc=example,dc=com", attributes("objectClass: account")},
			))
			if n != 2 || refused != 1 || err != nil {
				t.Errorf("%d made, %d refused, %v", n, refused, err)
			}
			if got := export(t, h.Directory); len(got) != 2 {
				t.Errorf("%d entries are there", len(got))
			}
		}) // the fixture's check at the end finds what dangles
	}
}

// What the server keeps itself comes from no file, though nothing else is there.
func TestImportOfWhatTheServerKeeps(t *testing.T) {
	for _, dn := range []string{"", "cn=audit", "cn=x,CN=Audit"} {
		d := newDirectory(t)
		n := 0
		src := ImportSource{
			Next: func() (*ImportRecord, error) {
				if n++; n > 1 {
					return nil, io.EOF
				}
				return &ImportRecord{Request: &AddRequest{Entry: dn, Attributes: attributes("objectClass: device", "cn: x")}}, nil
			},
			Bad: func(_ *ImportRecord, err error) error { return err },
		}
		if _, err := d.Load(context.Background(), src); !errors.Is(err, UnwillingToPerform) {
			t.Errorf("load of %q: %v", dn, err)
		}
		n = 0
		if _, err := d.Apply(context.Background(), src); !errors.Is(err, UnwillingToPerform) {
			t.Errorf("import of %q: %v", dn, err)
		}
	}
}

// Changes of an import see those before them.
func TestApplyInOrder(t *testing.T) {
	h := newHouse(t)
	requests := []any{
		&AddRequest{Entry: person("new"), Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x", "userPassword: one", "userPassword: two")},
		&ModifyRequest{Object: person("new"), Changes: []Change{{DeleteValues, attributes("userPassword: one")[0]}}},
		&ModifyRequest{Object: person("new"), Changes: []Change{{AddValues, attributes("description: x")[0]}}},
		&ModifyRequest{Object: person("new"), Changes: []Change{{AddValues, attributes("userPassword: three")[0]}}},
		&DeleteRequest{Entry: person("bob")},
	}
	n, err := h.Apply(context.Background(), ImportSource{
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
	if n != 5 || err != nil {
		t.Fatalf("%d made, %v", n, err)
	}
	for word, want := range map[string]ResultCode{"one": InvalidCredentials, "two": Success, "three": Success} {
		_, err := h.bind(person("new"), word)
		h.want(word, err, want)
	}
}
