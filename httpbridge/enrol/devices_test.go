package enrol_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"

	"tallystick/directory"
	"tallystick/httpbridge/enrol"
	"tallystick/internal/directorytest"
)

// From the first sign-in to the last device, as the pages lead through it.
func TestLifeOfADevice(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b := h.browser().signIn("ann", password, "").want(200, "Scan this code", "Do it here for the first time")
	secret := b.secret()
	b.get("/enrol/device").want(200, "Scan this code") // as often as one likes, until it is confirmed
	if b.secret() != secret {
		t.Error("looking again made another secret")
	}
	b.post("/enrol/activate", "password", password, "code", "000000", "name", "phone").want(422, "Password or code is not right", "Wait for the next", `value="phone"`)
	b.post("/enrol/activate", "password", "wrong", "code", h.code(secret)).want(422, "Password or code is not right")
	h.step()
	b.post("/enrol/activate", "password", password, "code", h.code(secret), "name", "phone").
		want(200, "Your device is set up", "phone", "In use", "You have none")
	if h.logsIn(ann, password) {
		t.Error("the password alone still logs in")
	}

	// Signed in with a code now, nothing more has to be shown.
	b.post("/enrol/recovery-codes").want(200, "shown this once")
	recovery := regexp.MustCompile(`<code>([A-Z2-7-]+)</code>`).FindAllStringSubmatch(b.page, -1)
	if len(recovery) != 10 {
		t.Fatalf("%d recovery codes", len(recovery))
	}
	b.get("/enrol").want(200, "10 left")
	id := b.find(`name="id" value="([^"]+)"`)
	b.post("/enrol/rename", "id", id, "name", "Ann's phone").want(200, "new name", "Ann's phone")
	b.post("/enrol/rename", "id", id, "name", strings.Repeat("é", 33)).want(422, "up to 64", "rename-"+id+"-name-wrong")

	// A second device, beside the first.
	b.post("/enrol/set-up").want(200, "Scan this code", "Enter the code that your app shows now")
	second := b.secret()
	b.post("/enrol/activate", "code", "000000").want(422, "Wait for the next one")
	h.step()
	b.post("/enrol/activate", "code", h.code(second), "name", "tablet").want(200, "tablet", "Ann's phone")
	h.step()
	if !h.logsIn(ann, password+h.code(second)) || !h.logsIn(ann, password+recovery[0][1]) {
		t.Error("a device or a recovery code that the pages made does not log in")
	}
	b.get("/enrol").want(200, "9 left")
	b.post("/enrol/sign-out").want(200, "User name")

	// With a recovery code one comes back and removes what is lost.
	b.signIn("ann", password, recovery[1][1]).want(200, "Your devices", "8 left")
	b.post("/enrol/remove", "id", id).want(200, "The device was removed", "tablet")
	if strings.Contains(b.page, "Ann's phone") {
		t.Error("it is still shown")
	}
	b.post("/enrol/remove", "id", id).want(404, "not there any more")
	if strings.Contains(b.get("/enrol").page, "These are few") {
		t.Error("eight codes are few")
	}
	for _, code := range recovery[2:7] {
		if !h.logsIn(ann, password+code[1]) {
			t.Error("a recovery code does not log in")
		}
	}
	b.get("/enrol").want(200, "3 left", "These are few")
}

// Somebody who gave up and comes back is not asked to scan anything at once,
// and shows the password for what he does.
func TestWithoutACode(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b := h.browser().signIn("ann", password, "").want(200, "Scan this code")
	b.post("/enrol/cancel").want(200, "Not confirmed")
	b.get("/enrol/device").want(200, "Your devices") // there is nothing to scan any more
	id := b.find(`name="id" value="([^"]+)"`)
	b.post("/enrol/remove", "id", id).want(422, "Enter your password", "remove-"+id+"-password")
	b.post("/enrol/remove", "id", id, "password", "wrong").want(422, "Password or code is not right")
	b.post("/enrol/remove", "id", id, "password", password).want(200, "The device was removed", "You have no device yet")
	b.post("/enrol/set-up", "password", password).want(200, "Scan this code")
}

// Where a policy requires a code and has let the user in this once to enrol,
// the pages lead through it.
func TestWithinTheGrace(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	err := h.d.Add(t.Context(), directory.Requester{How: directory.ByServer}, &directory.AddRequest{Entry: "cn=all," + directorytest.Suffix,
		Attributes: []directory.Attribute{
			{Name: "objectClass", Values: [][]byte{[]byte("tallystickSecondFactorPolicy")}},
			{Name: "tallystickPolicyOrder", Values: [][]byte{[]byte("1")}},
			{Name: "tallystickSecondFactor", Values: [][]byte{[]byte("required")}},
			{Name: "tallystickGraceLogins", Values: [][]byte{[]byte("1")}},
		}})
	if err != nil {
		t.Fatal(err)
	}
	b := h.browser().signIn("ann", password, "").want(200, "Scan this code")
	if h.logsIn(ann, password) {
		t.Error("let in twice")
	}
	h.step()
	b.post("/enrol/activate", "password", password, "code", h.code(b.secret()), "name", "phone").
		want(200, "Your device is set up", "phone", "In use")
	b.post("/enrol/recovery-codes").want(200, "shown this once")
}

// A session ends with what proved it.
func TestRemovingTheOnlyDevice(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b, _ := h.enrolled("ann", "phone")
	id := b.find(`name="id" value="([^"]+)"`)
	b.post("/enrol/remove", "id", id).want(200, "You have no device yet")
	b.post("/enrol/set-up").want(422, "Enter your password")
	if !h.logsIn(ann, password) {
		t.Error("the password alone does not log in again")
	}
}

// Where a policy lets one in without a code to enrol, and for nothing else, the
// pages lead through just that.
func TestGraceOfAPolicy(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	err := h.d.Add(t.Context(), directory.Requester{How: directory.ByServer}, &directory.AddRequest{
		Entry: "cn=everybody," + directorytest.Suffix,
		Attributes: []directory.Attribute{
			attribute("objectClass", "tallystickSecondFactorPolicy"),
			attribute("cn", "everybody"),
			attribute("tallystickPolicyOrder", "10"),
			attribute("tallystickSecondFactor", "required"),
			attribute("tallystickGraceLogins", "2"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := h.browser().signIn("ann", password, "").want(200, "Scan this code", ann) // her name she may not read yet
	b.post("/enrol/cancel").want(200, "Not confirmed")
	id := b.find(`name="id" value="([^"]+)"`)
	b.post("/enrol/remove", "id", id, "password", password).want(422, "The server does not do this now")
	b.post("/enrol/set-up", "password", password).want(200, "Scan this code")
	secret := b.secret()
	b.post("/enrol/activate", "password", password, "code", h.code(secret), "name", "phone").want(200, "Your device is set up", "phone")
	b.post("/enrol/recovery-codes").want(200, "shown this once")

	h.browser().signIn("bob", password, "").want(200, "Scan this code").post("/enrol/sign-out")
	h.browser().signIn("bob", password, "").want(200, "Not confirmed")
	h.browser().signIn("bob", password, "").want(422, "Signing in did not work")
}

func attribute(name string, values ...string) directory.Attribute {
	a := directory.Attribute{Name: name}
	for _, v := range values {
		a.Values = append(a.Values, []byte(v))
	}
	return a
}

// A browser may ask for several pages of a session at once, and sign out
// meanwhile.
func TestAtTheSameTime(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	b, _ := h.enrolled("ann", "phone")
	var running sync.WaitGroup
	for i := range 8 {
		one := &browser{t: t, url: b.url, client: b.client, page: b.page}
		running.Go(func() {
			for range 5 {
				one.get("/enrol")
				if one.status != 200 {
					t.Errorf("status %d", one.status)
				}
			}
			if i == 0 {
				one.postWith(b.csrf(), "/enrol/sign-out")
			}
		})
	}
	running.Wait()
	b.get("/enrol").want(200, "User name")
}
