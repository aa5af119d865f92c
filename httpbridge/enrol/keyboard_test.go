package enrol_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"tallystick/httpbridge/enrol"
)

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
	c := h.chromium(t, "en")
	c.open("/enrol")
	ask(c, chromedp.Poll[bool](`document.activeElement.id == "user"`)) // where one begins to type
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
