package enrol_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tallystick/httpbridge/enrol"
)

// axe is the source of axe-core, installed by npm for this test; "" without npm
// or its registry.
func axe(t testing.TB) string {
	t.Helper()
	folder := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4.14.1")
	cmd.Dir = folder
	cmd.WaitDelay = time.Second // not for children of its own that hold the output open
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Logf("without axe-core: %v\n%s", err, out)
		return ""
	}
	source, err := os.ReadFile(filepath.Join(folder, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// Every page, in both languages, in the light and in the dark, wide and narrow,
// has no script, never has to be scrolled sideways, and passes axe's checks.
func TestAccessibility(t *testing.T) {
	need(t, "chromium")
	source := axe(t)
	for _, tour := range []struct {
		language, wide, narrow string // and which colours at which width
	}{
		{"en", "light", "dark"},
		{"de", "dark", "light"},
	} {
		t.Run(tour.language, func(t *testing.T) {
			h := newHouse(t, enrol.Config{})
			c := h.chromium(t, tour.language)
			c.tour(h, func(name string) {
				t.Helper()
				for _, one := range []struct {
					scheme string
					width  int64
				}{{tour.wide, 1000}, {tour.narrow, 360}} {
					c.look(one.scheme, one.width)
					c.screenshot(fmt.Sprint(name, "-", tour.language, "-", one.width))
					c.check(source, fmt.Sprint(name, ", ", one.scheme, ", ", one.width))
				}
				if lang := ask(c, chromedp.Evaluate[string](`document.documentElement.lang`)); lang != tour.language {
					t.Errorf("%s is in %s", name, lang)
				}
			})
		})
	}
}

// check tells what is wrong with the page as it looks now.
func (c *chromium) check(axe, name string) {
	c.t.Helper()
	if ask(c, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`)) {
		c.t.Errorf("%s is too wide", name)
	}
	if n := ask(c, chromedp.Evaluate[int](`document.scripts.length`)); n > 0 {
		c.t.Errorf("%s has %d scripts", name, n)
	}
	if axe == "" {
		return
	}
	c.do(chromedp.Evaluate[chromedp.Void](axe + "; void 0"))
	for _, complaint := range ask(c, chromedp.Evaluate[[]string](
		`axe.run({resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.map(n => n.html).join(" ")))`,
		chromedp.EvalAwaitPromise)) {
		c.t.Errorf("%s: %s", name, complaint)
	}
}

// tour opens every page and calls look there.
func (c *chromium) tour(h *house, look func(name string)) {
	c.t.Helper()
	c.open("/enrol")
	look("sign-in")
	c.fill("#user", "ann", "#password", "wrong")
	c.submit(".problem")
	look("sign-in-failed")
	c.signIn("/enrol", "ann", "img.qr")
	c.do(click("main details summary"))
	look("device")
	secret := strings.ReplaceAll(c.text("code.secret"), " ", "")
	c.fill("#name", "Telefon", "#password", "wrong", "#code", "000000")
	c.submit(".problem")
	look("device-failed")
	h.step()
	c.fill("#password", password, "#code", h.code(secret))
	c.submit(".notice")
	look("devices")
	c.do(click(".actions details:nth-of-type(1) summary"))
	look("devices-rename")
	c.do(click(".actions details:nth-of-type(2) summary"))
	look("devices-remove")
	c.follow(click(`form[action="/enrol/recovery-codes"] button`))
	look("recovery-codes")
	c.open("/admin")
	look("failure")
	c.follow(click(".who button"))

	c.signIn("/admin", "ada", "#q")
	look("find-user")
	c.fill("#q", "a")
	c.submit(".people")
	look("found")
	c.follow(click(".people a"))
	look("user")
	c.do(click(".actions details summary"))
	look("user-resync")
}
