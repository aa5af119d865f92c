package directory

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"testing"
	"time"

	"tallystick/directory/store"
)

// Who brings no number is given one, which looks like SecurID's; who brings one
// keeps it.
func TestNumbers(t *testing.T) {
	for _, row := range []struct {
		req            EnrolRequest
		device, serial string // patterns
	}{
		{EnrolRequest{}, `^[1-9][0-9]{8}$`, `^0[1-9][0-9]{8}01$`},
		{EnrolRequest{Device: "140100080"}, `^140100080$`, `^014010008001$`},
		{EnrolRequest{Serial: "8675309"}, `^$`, `^8675309$`},
		{EnrolRequest{Serial: "8675309", Device: "140100080"}, `^140100080$`, `^8675309$`},
	} {
		h := newHouse(t)
		if _, err := h.EnrolTOTP(t.Context(), helpAsks, Claim{AuthenticationID: id("u:ann")}, row.req); err != nil {
			t.Fatal(err)
		}
		c := h.credentialsOf("ann")[0]
		if !regexp.MustCompile(row.device).MatchString(c.device) || !regexp.MustCompile(row.serial).MatchString(c.serial) || row.req == (EnrolRequest{}) && c.serial != "0"+c.device+"01" {
			t.Errorf("%+v: device %q, serial %q", row.req, c.device, c.serial)
		}
	}
}

// A device that gets another secret counts on, also after the first is gone.
func TestNumbersOfOneDevice(t *testing.T) {
	h := newHouse(t)
	for n := 1; n <= 3; n++ {
		_, err := h.EnrolTOTP(t.Context(), helpAsks, Claim{AuthenticationID: id("u:ann")}, EnrolRequest{Name: fmt.Sprint(n), Device: "140100080"})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range h.credentialsOf("ann") {
		if want := "01401000800" + c.name; c.serial != want {
			t.Errorf("serial %q; want %q", c.serial, want)
		}
	}
}

// A credential is found by its numbers as long as it is there, by those who may
// do something about it.
func TestFindTOTP(t *testing.T) {
	h := newHouse(t)
	enrol := func(user string, req EnrolRequest) string {
		t.Helper()
		made, err := h.EnrolTOTP(t.Context(), root, Claim{AuthenticationID: &user}, req)
		if err != nil {
			t.Fatal(err)
		}
		return made.ID
	}
	anns := enrol("u:ann", EnrolRequest{Serial: "1", Device: "2"})
	bobs := enrol("u:bob", EnrolRequest{Serial: "3", Device: "2"})
	enrol("u:help", EnrolRequest{Serial: "4"})
	find := func(what string, who Requester, number string, code ResultCode, want ...string) {
		t.Helper()
		found, err := h.FindTOTP(t.Context(), who, number)
		h.want(what, err, code)
		got := map[string]bool{}
		for _, f := range found {
			got[f.Owner+" "+f.ID] = true
		}
		if len(got) != len(want) {
			t.Errorf("%s: %v; want %v", what, got, want)
		}
		for _, w := range want {
			if !got[w] {
				t.Errorf("%s: %v; want %v", what, got, want)
			}
		}
	}
	find("by serial", helpAsks, "1", Success, person("ann")+" "+anns)
	find("by device", helpAsks, "2", Success, person("ann")+" "+anns, person("bob")+" "+bobs)
	find("none has it", helpAsks, "5", Success)
	find("the beginning of one", helpAsks, "", ConstraintViolation)
	find("of somebody with privileges", helpAsks, "4", InsufficientAccessRights)
	find("a user", Requester{DN: person("bob"), How: ByPassword}, "3", InsufficientAccessRights)
	find("nobody", Requester{}, "3", InsufficientAccessRights)

	claim := Claim{AuthenticationID: id("u:ann")}
	h.want("revoke", h.RevokeTOTP(t.Context(), helpAsks, claim, anns), Success)
	find("revoked", helpAsks, "1", Success)
	h.want("delete bob", h.Delete(t.Context(), root, &DeleteRequest{Entry: person("bob")}), Success)
	find("deleted", helpAsks, "2", Success)
}

// Secrets that come from a file are given numbers as they come.
func TestNumbersOfImported(t *testing.T) {
	for name, read := range map[string]func(*Directory, context.Context, ImportSource) (int, error){"Load": (*Directory).Load, "Apply": (*Directory).Apply} {
		h := newHouse(t)
		next := 0
		_, err := read(h.Directory, t.Context(), ImportSource{
			Next: func() (*ImportRecord, error) {
				if next++; next > 1 {
					return nil, io.EOF
				}
				return &ImportRecord{1, &AddRequest{Entry: person("eve"), Attributes: attributes(
					"objectClass: inetOrgPerson", "cn: eve", "sn: x", "ds-auth-totp-shared-secret: MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK")}}, nil
			},
			Bad: func(_ *ImportRecord, err error) error { return err },
		})
		if err != nil {
			t.Fatal(err)
		}
		c := h.credentialsOf("eve")[0]
		if found, err := h.FindTOTP(t.Context(), helpAsks, c.serial); err != nil || len(found) != 1 || c.device == "" {
			t.Errorf("%s: device %q, serial %q: %v, %v", name, c.device, c.serial, found, err)
		}
	}
}

// Who last disabled or enabled a credential is known, whatever happens to it
// otherwise.
func TestSwitched(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	one := h.credentialsOf("ann")[0]
	if !one.switched.IsZero() || one.createdBy == "" {
		t.Errorf("at first: %+v", one)
	}
	claim := Claim{AuthenticationID: id("u:ann")}
	h.want("disable", h.DisableTOTP(t.Context(), helpAsks, claim, one.id), Success)
	at := h.credentialsOf("ann")[0].switched
	h.advance(time.Minute)
	h.want("disable again", h.DisableTOTP(t.Context(), helpAsks, claim, one.id), Success)
	h.want("rename", h.RenameTOTP(t.Context(), helpAsks, claim, one.id, "phone"), Success)
	if c := h.credentialsOf("ann")[0]; !c.switched.Equal(at) || at.IsZero() || c.switchedBy != person("help") {
		t.Errorf("switched at %v by %q; want %v", c.switched, c.switchedBy, at)
	}
}

// A credential that was stored before there were numbers gets them when it is
// next written.
func TestNumbersLater(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	c := h.credentialsOf("ann")[0]
	var owner entryID
	if err := h.view("ann", func(u *user) { owner = u.id }); err != nil {
		t.Fatal(err)
	}
	if err := h.store.Update(t.Context(), func(w store.Writer) error {
		dropCredential(w, owner, c)
		c.serial, c.device = "", "" // and so none to put into the index
		putCredential(w, owner, c)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	h.want("rename", h.RenameTOTP(t.Context(), helpAsks, Claim{AuthenticationID: id("u:ann")}, c.id, "phone"), Success)
	later := h.credentialsOf("ann")[0]
	if found, err := h.FindTOTP(t.Context(), helpAsks, later.serial); err != nil || len(found) != 1 {
		t.Errorf("%q: %v, %v", later.serial, found, err)
	}
}
