package enrol_test

import (
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"tallystick/httpbridge/enrol"
)

// What the page shows can be scanned as it is seen, in the light and in the
// dark, and its code logs in over LDAP.
func TestQRCodeOnTheScreen(t *testing.T) {
	need(t, "zbarimg")
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			h := newHouse(t, enrol.Config{})
			c := h.chromium(t, "en")
			c.look(scheme, 1000)
			c.signIn("/enrol", "ann", "img.qr")
			out, err := exec.Command("zbarimg", "--quiet", "--raw", c.screenshot("device")).Output()
			if err != nil {
				t.Fatalf("nothing to scan: %v", err)
			}
			uri, err := url.Parse(strings.TrimSpace(string(out)))
			if err != nil || uri.Scheme != "otpauth" || uri.Host != "totp" {
				t.Fatal("the QR code has no otpauth URI")
			}
			secret := uri.Query().Get("secret")
			c.fill("#password", password, "#code", h.code(secret))
			c.submit(".notice")
			h.step()
			if !h.logsIn(ann, password+h.code(secret)) {
				t.Error("password and code do not log in")
			}
			if h.logsIn(ann, password) {
				t.Error("the password alone still logs in")
			}
		})
	}
}
