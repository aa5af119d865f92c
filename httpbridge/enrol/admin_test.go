package enrol_test

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"tallystick/directory"
	"tallystick/httpbridge/enrol"
	"tallystick/internal/directorytest"
)

// desk is a browser in which the administrator has signed in.
func (h *house) desk() *browser {
	h.t.Helper()
	return h.browser().get("/admin").want(200, "Sign in to help others").
		post("/enrol/sign-in", "user", "ada", "password", password, "next", "admin").want(200, "Find a user")
}

// open shows the page of a user who is found by some text.
func (b *browser) open(text string) (path string) {
	b.t.Helper()
	b.get("/admin?q=" + url.QueryEscape(text))
	path = b.find(`href="(/admin/users/[^"]+)"`)
	b.get(path).want(200, "Recent events")
	return path
}

func TestHelpDesk(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	_, secret := h.enrolled("ann", "phone")
	b := h.desk()
	path := b.open("ann")
	b.want(200, ann, "phone", "In use", "Device confirmed", "Code accepted", "Recovery codes left: 0")
	id := b.find(`name="id" value="([^"]+)"`)

	b.post(path+"/disable", "id", id).want(200, "its codes do not count", "Disabled", "Device disabled", directorytest.Ada)
	h.step()
	if h.logsIn(ann, password+h.code(secret)) {
		t.Error("a code of a disabled device logs in")
	}
	b.post(path+"/enable", "id", id).want(200, "its codes count again", "In use")
	if !h.logsIn(ann, password+h.code(secret)) {
		t.Error("a code of an enabled device does not log in")
	}

	// Her clock is five hours behind.
	early := func(ahead time.Duration) string {
		now := h.clock.Load()
		defer h.clock.Store(now)
		h.clock.Add(int64(ahead / time.Second))
		return h.code(secret)
	}
	first, next := early(5*time.Hour), early(5*time.Hour+30*time.Second)
	b.post(path+"/resync", "id", id, "code", first, "next", first).want(422, "not two codes of this device", "resync-"+id+"-code-wrong")
	b.post(path+"/resync", "id", id, "code", first, "next", next).want(200, "The device was adjusted")

	b.post(path+"/remove", "id", id).want(200, "The device was removed", "This user has no devices", "Device removed")
	if !h.logsIn(ann, password) {
		t.Error("the password alone does not log in again")
	}
	b.post(path+"/remove", "id", id).want(404, "not there any more")
	b.post(path+"/frobnicate", "id", id).want(404, "no such page")
	b.get("/admin/users/00000000-0000-4000-8000-000000000000").want(404, "no such user")
	b.get("/admin/users/x").want(404, "no such user")
}

func TestUnlock(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	_, secret := h.enrolled("ann", "phone")
	h.step()
	for range 6 {
		h.logsIn(ann, "wrong")
	}
	if h.logsIn(ann, password+h.code(secret)) {
		t.Fatal("nobody is delayed")
	}
	b := h.desk()
	path := b.open("ann")
	b.want(200, "Failed attempts in a row:", "Nothing is accepted until 2026-01-02")
	b.post(path+"/unlock").want(200, "can log in again", "Unlocked")
	if !h.logsIn(ann, password+h.code(secret)) {
		t.Error("she is still delayed")
	}
}

func TestFindUser(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b := h.desk()
	for query, found := range map[string]bool{
		"ann": true, "AN": true, "nn": true, " ann ": true, "nobody": false,
		"*": false, "ann)(uid=*": false, "a*n": false, `\2a`: false,
	} {
		b.get("/admin?q="+url.QueryEscape(query)).want(200, "Find a user")
		if strings.Contains(b.page, "/admin/users/") != found {
			t.Errorf("%q: %s", query, b.page)
		}
		if !found {
			b.want(200, "Nobody was found.")
		}
	}
}

// The help desk's part is for the help desk, and what one may do there the
// LDAP server decides.
func TestOnlyTheHelpDesk(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	h.browser().get("/admin").want(200, "Sign in to help others")
	b, _ := h.enrolled("ann", "phone")
	if strings.Contains(b.page, "/admin") {
		t.Error("ann is led to the help desk")
	}
	b.get("/admin").want(403, "for the help desk")
	b.get("/admin/users/00000000-0000-4000-8000-000000000000").want(403, "for the help desk")
	b.get("/enrol").post("/admin/users/00000000-0000-4000-8000-000000000000/remove").want(403, "for the help desk")

	// Somebody with password-reset alone looks after users, but not after
	// administrators.
	server := directory.Requester{How: directory.ByServer}
	err := h.d.Modify(context.Background(), server, &directory.ModifyRequest{Object: directorytest.Bob, Changes: []directory.Change{{
		Operation: directory.AddValues,
		Attribute: directory.Attribute{Name: "ds-privilege-name", Values: [][]byte{[]byte("password-reset")}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	desk := h.browser().get("/admin").post("/enrol/sign-in", "user", "bob", "password", password, "next", "admin").want(200, "Find a user")
	path := desk.open("ann")
	desk.want(200, "Device confirmed")
	desk.post(path+"/remove", "id", desk.find(`name="id" value="([^"]+)"`)).want(200, "The device was removed")
	h.enrolled("ada", "key")
	desk.get("/admin?q=ada")
	desk.get(desk.find(`href="(/admin/users/[^"]+)"`)).want(403, "You are not allowed to do this")
}
