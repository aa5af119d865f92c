package enrol_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// chromium is a window of a real browser.
type chromium struct {
	t   testing.TB
	ctx context.Context
	url string
}

// chromium opens a window with a fresh profile, for somebody who reads a
// language. Without Chromium the test is skipped, but not where releases are
// tested.
func (h *house) chromium(t testing.TB, language string) *chromium {
	t.Helper()
	need(t, "chromium")
	// Not t.TempDir, which takes it for a failure if one of the browser's
	// processes still writes while it is being removed.
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 100 {
			if os.RemoveAll(profile) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Logf("%s is left behind", profile)
	})
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath("chromium"),
		chromedp.UserDataDir(profile),
		chromedp.WSURLReadTimeout(2 * time.Minute), // to start in
		// It runs in a container too, and leaves the network alone.
		chromedp.Flag("headless", true),
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
		chromedp.Flag("accept-lang", language),
		chromedp.WindowSize(1000, 1200),
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	c := &chromium{t, ctx, h.url}
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
