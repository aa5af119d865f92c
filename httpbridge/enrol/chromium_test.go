package enrol_test

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tallystick/httpbridge/enrol"
)

// chromium is a window of a real browser.
type chromium struct {
	t   testing.TB
	ctx context.Context
	url string
}

// chromium opens a window with a fresh profile. Without Chromium the test is
// skipped, but not where releases are tested.
func (h *house) chromium() *chromium {
	h.t.Helper()
	need(h.t, "chromium")
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath("chromium"),
		chromedp.UserDataDir(h.t.TempDir()),
		chromedp.Flag("headless", true), // and the flags that let it run in a container, and leave the network alone
		chromedp.Flag("no-sandbox", true),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("no-first-run", true),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("hide-scrollbars", true),
		chromedp.Flag("accept-lang", "en"),
		chromedp.WindowSize(1000, 1200),
	}
	ctx, cancel := context.WithTimeout(h.t.Context(), 3*time.Minute)
	h.t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	h.t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	h.t.Cleanup(cancel)
	c := &chromium{h.t, ctx, h.url}
	c.do()
	return c
}

// need skips the test without a program.
func need(t testing.TB, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// do runs actions one after the other.
func (c *chromium) do(actions ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	if err := chromedp.Do(c.ctx, actions...); err != nil {
		c.t.Fatal(err)
	}
}

// ask is what an action finds out.
func ask[T any](c *chromium, action chromedp.Action[T]) T {
	c.t.Helper()
	answer, err := chromedp.Run(c.ctx, action)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer
}

// follow does what leads to another page, and returns when that is there.
func (c *chromium) follow(action chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	if _, err := chromedp.RunResponse(c.ctx, action); err != nil {
		c.t.Fatal(err)
	}
}

func (c *chromium) open(path string) { c.t.Helper(); c.follow(chromedp.Navigate(c.url + path)) }

// click clicks on an element, wherever on the page it is.
func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void]("document.querySelector(`" + selector + "`).click()")
}

// press types keys into whatever has the focus.
func (c *chromium) press(keys string) { c.t.Helper(); c.do(chromedp.KeyEvent(keys)) }

// fill types into fields, given by selector and text.
func (c *chromium) fill(fields ...string) {
	c.t.Helper()
	for i := 0; i < len(fields); i += 2 {
		c.do(chromedp.SendKeys(chromedp.CSS(fields[i]), fields[i+1]))
	}
}

// submit presses Enter in a field or on a button, and fails if the page that
// comes does not have the element.
func (c *chromium) submit(want chromedp.CSS) {
	c.t.Helper()
	c.follow(chromedp.KeyEvent(kb.Enter))
	if !ask(c, chromedp.Evaluate[bool]("document.querySelector(`"+string(want)+"`) != null")) {
		c.t.Fatalf("the page has no %s:\n%s", want, c.text("main"))
	}
}

// signIn signs in as somebody who has no code; the page that comes has the
// element.
func (c *chromium) signIn(path, user string, want chromedp.CSS) {
	c.t.Helper()
	c.open(path)
	c.fill("#user", user, "#password", password)
	c.submit(want)
}

// text is what an element shows, seen or not.
func (c *chromium) text(selector chromedp.CSS) string {
	c.t.Helper()
	return ask(c, chromedp.TextContent(selector))
}

// screenshot is the whole page as a PNG, which "go test -artifacts" keeps.
func (c *chromium) screenshot(name string) (file string) {
	c.t.Helper()
	png := ask(c, chromedp.FullScreenshot(100))
	file = filepath.Join(c.t.ArtifactDir(), name+".png")
	if err := os.WriteFile(file, png, 0o600); err != nil {
		c.t.Fatal(err)
	}
	return file
}

// look sets the colours and the width of the window.
func (c *chromium) look(scheme string, width int64) {
	c.t.Helper()
	if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}); err != nil {
		c.t.Fatal(err)
	}
	c.do(chromedp.EmulateViewport(width, 900))
}

// What the page shows can be scanned as it is seen, in the light and in the
// dark, and its code logs in over LDAP.
func TestQRCodeOnTheScreen(t *testing.T) {
	need(t, "zbarimg")
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			h := newHouse(t, enrol.Config{})
			c := h.chromium()
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

// tabTo presses Tab until an element has the focus, which has to be seen there
// and on the way.
func (c *chromium) tabTo(selector chromedp.CSS) {
	c.t.Helper()
	for range 40 {
		if ask(c, chromedp.Evaluate[bool]("document.activeElement?.matches(`"+string(selector)+"`) ?? false")) {
			return
		}
		c.press(kb.Tab)
		if unseen := ask(c, chromedp.Evaluate[string](`(e => e == null || e == document.body || getComputedStyle(e).outlineStyle != "none" ? "" : e.outerHTML)(document.activeElement)`)); unseen != "" {
			c.t.Errorf("on the way to %s the focus is not seen on %s", selector, unseen)
		}
	}
	c.t.Fatalf("Tab does not lead to %s", selector)
}

// Everything that one needs can be done without a mouse.
func TestKeyboardOnly(t *testing.T) {
	h := newHouse(t, enrol.Config{})
	c := h.chromium()
	c.open("/enrol")
	c.press("ann" + kb.Tab + "incorrect horse")
	c.submit(".problem")
	ask(c, chromedp.Poll[bool](`document.activeElement.matches(".problem")`)) // read aloud first
	c.tabTo(`.problem a[href="#user"]`)
	c.press(kb.Enter)
	// It leads to the field; Enter reaches that too, and the password is missing.
	ask(c, chromedp.Poll[bool](`document.activeElement.matches("#user, #password")`))
	c.tabTo("#password")
	c.press(password)
	c.submit("img.qr")

	c.tabTo("summary") // "I cannot scan it"
	c.press(kb.Enter)
	c.do(chromedp.WaitVisible(chromedp.CSS("code.secret")))
	secret := strings.ReplaceAll(c.text("code.secret"), " ", "")
	c.tabTo("#password")
	c.press(password)
	c.tabTo("#code")
	c.press(h.code(secret))
	c.tabTo("#name")
	c.press("phone")
	c.submit(".notice")

	c.tabTo(`form[action="/enrol/recovery-codes"] button`)
	c.submit("ol.codes")
	c.tabTo(`main a.button`)
	c.submit(".cards")

	c.tabTo("details:nth-of-type(1) > summary")
	c.press(kb.Enter)
	c.tabTo(`input[name="name"]`)
	c.press("Ann's phone")
	c.submit(".notice")
	if name := c.text(".cards h2"); name != "Ann's phone" {
		t.Errorf("the device is called %q", name)
	}
	c.tabTo("details:nth-of-type(2) > summary")
	c.press(kb.Enter)
	c.tabTo(`button.danger`)
	c.submit(".notice")
	c.tabTo(".who button")
	c.submit("#user")
	if !h.logsIn(ann, password) {
		t.Error("the device was not removed")
	}
}

// axe is the source of axe-core, installed by npm for this test.
func axe(t testing.TB) string {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		t.Skip(err)
	}
	folder := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4.14.1")
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("npm: %v\n%s", err, out)
	}
	source, err := os.ReadFile(filepath.Join(folder, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

// Every page, in the light and in the dark, wide and narrow, passes axe's
// checks of WCAG 2.2 AA, and never has to be scrolled sideways.
func TestAccessibility(t *testing.T) {
	need(t, "chromium")
	source := axe(t)
	h := newHouse(t, enrol.Config{})
	c := h.chromium()
	check := func(name string) {
		t.Helper()
		for _, scheme := range []string{"light", "dark"} {
			for _, width := range []int64{1000, 360} {
				c.look(scheme, width)
				c.do(chromedp.Evaluate[chromedp.Void](source + "; void 0"))
				complaints := ask(c, chromedp.Evaluate[[]string](
					`axe.run({resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + " " + v.nodes.map(n => n.html).join(" ")))`,
					chromedp.EvalAwaitPromise))
				sideways := ask(c, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > document.documentElement.clientWidth`))
				look := name + "-" + scheme
				if width < 1000 {
					look += "-narrow"
				}
				c.screenshot(look)
				for _, complaint := range complaints {
					t.Errorf("%s: %s", look, complaint)
				}
				if sideways {
					t.Errorf("%s is too wide", look)
				}
			}
		}
	}
	c.open("/enrol")
	check("sign-in")
	c.fill("#user", "ann", "#password", "wrong")
	c.submit(".problem")
	check("sign-in-failed")
	c.signIn("/enrol", "ann", "img.qr")
	c.do(click("main details summary"))
	check("device")
	secret := strings.ReplaceAll(c.text("code.secret"), " ", "")
	c.fill("#name", "Telefon", "#password", "wrong", "#code", "000000")
	c.submit(".problem")
	check("device-failed")
	h.step()
	c.fill("#password", password, "#code", h.code(secret))
	c.submit(".notice")
	check("devices")
	c.do(click(".actions details:nth-of-type(1) summary"))
	check("devices-rename")
	c.do(click(".actions details:nth-of-type(2) summary"))
	check("devices-remove")
	c.follow(click(`form[action="/enrol/recovery-codes"] button`))
	check("recovery-codes")
	c.open("/admin")
	check("failure")
	c.follow(click(".who button"))

	c.signIn("/admin", "ada", "#q")
	check("find-user")
	c.fill("#q", "a")
	c.submit(".people")
	check("found")
	c.follow(click(".people a"))
	check("user")
	c.do(click(".actions details summary"))
	check("user-resync")
}
