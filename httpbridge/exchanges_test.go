package httpbridge_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the answers in testdata/exchanges anew")

// Each file of testdata/exchanges is a conversation with a fresh bridge: a
// title behind "###", the request, "--->", the answer. A request is a line with
// method and path (of PingDirectory's calls without /directory/v1), perhaps a
// line "as NAME", for whom the password is known, and a body. {uuid}, {cursor}
// and {secret} stand for the last ones that were in an answer. What differs
// every time is left out of the answers, which are otherwise complete.
//
// In the files of the other faces {ann} is Ann's id. In securid.txt {key} is
// the id of the help desk's key, and {apikey} a token of it; Ann has a DS100.
func TestExchanges(t *testing.T) {
	files, err := filepath.Glob("testdata/exchanges/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c := newConversation(t, filepath.Base(file))
			head, rest, _ := strings.Cut(string(text), "### ")
			got := head
			for _, part := range strings.Split(rest, "\n### ") {
				title, exchange, _ := strings.Cut(strings.TrimSuffix(part, "\n"), "\n")
				request, want, _ := strings.Cut(exchange, "--->")
				answer := c.answer(request)
				want = strings.Trim(want, "\n")
				if answer != want && !*update {
					t.Errorf("%s:\n%s\nwant\n%s", title, answer, want)
				}
				got += "### " + title + "\n" + request + "--->\n" + answer + "\n\n"
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.TrimSuffix(got, "\n")), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// conversation is what was said so far.
type conversation struct {
	*house
	known map[string]string // by name, without braces
}

func newConversation(t *testing.T, file string) conversation {
	if file == "securid.txt" {
		d := newDesk(t)
		secret, _ := d.device("dn:"+ann, "140100080")
		d.activate(ann, secret)
		d.addMail(ann, "ann@example.com")
		return conversation{d.house, map[string]string{
			"ann": d.uuidOf(ann), "key": d.helpdesk.id, "apikey": d.token(d.helpdesk, d.claims(d.helpdesk)),
		}}
	}
	c := conversation{newHouse(t, nil), map[string]string{}}
	if file == "zitadel.txt" {
		c.known["ann"] = c.uuidOf(ann)
	}
	return c
}

// What changes with every run, by the name it has in the files.
var changing = []struct {
	name    string
	pattern *regexp.Regexp
}{
	{"uuid", regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)},
	{"cursor", regexp.MustCompile(`cursor(?:=|": ")([A-Za-z0-9_-]{40,})`)},
	{"device", regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)},
	{"totpId", regexp.MustCompile(`"totpId": "([A-Z2-7]{26})"`)},
	{"secret", regexp.MustCompile(`"(?:totpSharedSecret|secret)": "([A-Z2-7]{32})"`)},
	{"token", regexp.MustCompile(`"accessToken": "([^"]{20,})"`)},
	{"timestamp", regexp.MustCompile(`"timestamp": "([^"]{20,})"`)},
	{"expiry", regexp.MustCompile(`"expirationTime": "([^"]{20,})"`)},
	{"password", regexp.MustCompile(`"(?:generatedPassword|password)": "([^"]{12,})"`)},
}

func (c *conversation) answer(request string) string {
	for name, value := range c.known {
		request = strings.ReplaceAll(request, "{"+name+"}", value)
	}
	if secret := c.known["secret"]; secret != "" && strings.Contains(request, "{code}") {
		c.step()
		request = strings.ReplaceAll(request, "{code}", c.code(secret))
	}
	line, body, _ := strings.Cut(request, "\n")
	method, path, _ := strings.Cut(line, " ")
	r, err := http.NewRequest(method, c.url, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if !strings.HasPrefix(path, "/AdminInterface/") && !strings.HasPrefix(path, "/v3alpha/") {
		path = "/directory/v1" + path
	}
	r.URL.Opaque = path // sent as it is
	if who, rest, _ := strings.Cut(body, "\n"); strings.HasPrefix(who, "as ") {
		as(strings.TrimPrefix(who, "as "), password)(r)
		body = rest
	}
	if who, rest, _ := strings.Cut(body, "\n"); strings.HasPrefix(who, "bearer ") {
		r.Header.Set("Authorization", "Bearer "+strings.TrimPrefix(who, "bearer "))
		body = rest
	}
	if body != "" {
		r.Body = io.NopCloser(strings.NewReader(body))
		// A kept connection may end just now, and the request be sent again.
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		r.ContentLength = int64(len(body))
		r.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d %s\n", resp.StatusCode, resp.Header.Get("Content-Type"))
	if l := resp.Header.Get("Location"); l != "" {
		fmt.Fprintf(&text, "Location: %s\n", l)
	}
	if len(b) > 0 {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, b, "", "  "); err != nil {
			c.t.Errorf("%s: %v in %q", line, err, b)
		}
		text.WriteString(pretty.String())
	}
	return c.remember(strings.TrimRight(text.String(), "\n "))
}

// remember puts names in place of what changes.
func (c *conversation) remember(text string) string {
	for _, name := range []string{"ann", "key"} {
		if id, ok := c.known[name]; ok {
			text = strings.ReplaceAll(text, id, "{"+name+"}")
		}
	}
	for _, ch := range changing {
		for _, m := range ch.pattern.FindAllStringSubmatch(text, -1) {
			c.known[ch.name] = m[len(m)-1]
			text = strings.ReplaceAll(text, m[len(m)-1], "{"+ch.name+"}")
		}
	}
	return text
}
