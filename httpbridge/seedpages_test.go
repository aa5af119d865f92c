package httpbridge_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// jquery is the script of Debian's libjs-jquery.
const jquery = "/usr/share/javascript/jquery/jquery.min.js"

// pages is a web server of an origin of its own, whose page runs an example
// request in a browser.
type pages struct {
	*httptest.Server
	mu   sync.Mutex
	text string // of the example
}

func newPages(t *testing.T) *pages {
	p := &pages{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jquery.js" {
			http.ServeFile(w, r, jquery)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><script src=jquery.js></script><pre></pre><script>"+
			"console.log = value => $('pre').text(JSON.stringify(value));\n%s</script>", p.text)
	}))
	t.Cleanup(p.Close)
	return p
}

// ready returns what runs texts and says what they log. It skips the test if
// something is not there.
func (p *pages) ready(t *testing.T) (output func(text string) string) {
	t.Helper()
	if _, err := os.Stat(jquery); err != nil {
		missing(t, err)
	}
	if _, err := exec.LookPath("chromium"); err != nil {
		missing(t, err)
	}
	// Not t.TempDir, which takes it for a failure if one of the browser's
	// processes still writes while it is being removed.
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	return func(text string) string {
		p.mu.Lock()
		p.text = text
		p.mu.Unlock()
		cmd := exec.CommandContext(t.Context(), "chromium", "--headless", "--no-sandbox", "--disable-gpu",
			"--disable-dev-shm-usage", "--no-proxy-server", "--disable-background-networking",
			"--disable-component-update", "--user-data-dir="+profile,
			"--virtual-time-budget=60000", "--dump-dom", p.URL)
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		_, logged, _ := strings.Cut(string(out), "<pre>")
		logged, _, _ = strings.Cut(logged, "</pre>")
		return html.UnescapeString(logged)
	}
}
