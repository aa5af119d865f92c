package httpbridge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"tallystick/httpbridge"
)

// runner runs example requests: texts of the documentation in one language, with
// their placeholders filled in.
type runner struct {
	file  string              // what the text is called, in a folder of its own
	needs [][]string          // commands that must succeed; else it is skipped
	wrap  func(string) string // makes a program of the text; nil: it is one
	run   []string            // the command
}

// okhttp are the jars of Debian's libokhttp-java.
const okhttp = "/usr/share/java/okhttp.jar:/usr/share/java/okio.jar"

var runners = map[string]runner{
	"curl":   {file: "request.sh", needs: [][]string{{"curl", "--version"}}, run: []string{"sh", "request.sh"}},
	"go":     {file: "main.go", needs: [][]string{{"go", "version"}}, run: []string{"go", "run", "main.go"}},
	"python": {file: "request.py", needs: [][]string{{"/usr/bin/python3", "-c", "import requests"}}, run: []string{"/usr/bin/python3", "request.py"}},
	"ruby":   {file: "request.rb", needs: [][]string{{"ruby", "--version"}}, run: []string{"ruby", "request.rb"}},
	"node":   {file: "request.js", needs: [][]string{{"node", "--version"}, {"npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"}}, run: []string{"node", "request.js"}},
	"java": {
		file: "Seed.java", needs: [][]string{{"java", "-version"}, {"test", "-f", "/usr/share/java/okhttp.jar", "-a", "-f", "/usr/share/java/okio.jar"}},
		run: []string{"java", "-cp", okhttp, "Seed.java"},
		wrap: func(text string) string {
			return "import okhttp3.*;\npublic class Seed {\n public static void main(String[] a) throws Exception {\n" + text +
				"\nSystem.out.println(response.body().string());\nSystem.exit(0);\n }\n}\n"
		},
	},
}

// seed reads the example requests of a document, by language.
func seed(t *testing.T, name string) map[string]string {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join("testdata/seeds", name+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range archive.Files {
		texts[f.Name] = string(f.Data)
	}
	return texts
}

// ready returns what runs texts and says what they print. It skips the test if
// something is not there.
func (r runner) ready(t *testing.T) (output func(text string) string) {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("testdata/seeds/node")); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := func(args []string) ([]byte, error) {
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1", "NODE_NO_WARNINGS=1")
		return cmd.CombinedOutput()
	}
	for _, args := range r.needs {
		if out, err := command(args); err != nil {
			missing(t, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out))
		}
	}
	return func(text string) string {
		if r.wrap != nil {
			text = r.wrap(text)
		}
		write(r.file, text)
		out, err := command(r.run)
		if err != nil {
			t.Fatalf("%v: %v\n%s", r.run, err, out)
		}
		return string(out)
	}
}

// missing skips the test, which needs what is not there: but not where releases
// are tested, unless it is Node's, which may have no registry.
func missing(t *testing.T, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" && !strings.HasPrefix(err.Error(), "node ") && !strings.HasPrefix(err.Error(), "npm ") {
		t.Fatal(err)
	}
	t.Skip(err)
}

// jsonIn is the JSON value in what a program printed, which may have said more
// before.
func jsonIn(t *testing.T, out string) (a answer) {
	t.Helper()
	i := strings.IndexAny(out, "{[")
	if i < 0 {
		t.Fatalf("no JSON in %q", out)
	}
	if err := json.NewDecoder(strings.NewReader(out[i:])).Decode(&a); err != nil {
		t.Fatalf("%v in %q", err, out)
	}
	return a
}

// sendHTTP sends a text that is a request, as an editor's client does: it adds
// the length and the ends of the lines. A version that is left out is 1.1.
func (h *house) sendHTTP(text string) (status int, body []byte) {
	h.t.Helper()
	at := strings.Index(text, "{\n")
	head, content := strings.TrimSpace(text[:at]), strings.TrimSpace(text[at:])
	address := strings.TrimPrefix(h.url, "http://")
	lines := strings.Split(head, "\n")
	if !strings.HasSuffix(lines[0], " HTTP/1.1") {
		lines[0] += " HTTP/1.1"
	}
	if !strings.Contains(head, "Host:") {
		lines = append(lines, "Host: "+address)
	}
	lines = append(lines, fmt.Sprintf("Content-Length: %d", len(content)), "Connection: close", "", content)
	c, err := net.Dial("tcp", address)
	if err != nil {
		h.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(c, strings.Join(lines, "\r\n")); err != nil {
		h.t.Fatal(err)
	}
	answered, err := io.ReadAll(c)
	if err != nil {
		h.t.Fatal(err)
	}
	answerHead, body, _ := bytes.Cut(answered, []byte("\r\n\r\n"))
	if _, err := fmt.Sscanf(string(answerHead), "HTTP/1.1 %d", &status); err != nil {
		h.t.Fatalf("%s", answered)
	}
	return status, body
}

// PingDirectory's example requests make a secret and revoke it, in each language.
func TestSeedsOfPingDirectory(t *testing.T) {
	pages := newPages(t)
	h := newHouse(t, func(cfg *httpbridge.Config) { cfg.Origins = []string{pages.URL} })
	token := h.accessToken(ann)
	fill := func(text, secret string) string {
		api := h.url
		if strings.Contains(text, "Host: {{apiPath}}") {
			api = strings.TrimPrefix(api, "http://")
		}
		return strings.NewReplacer("{{apiPath}}", api, "{{dn}}", ann, "{{accessToken}}", token, "{{totpSharedSecret}}", secret).Replace(text)
	}
	generate, revoke := seed(t, "pingdirectory-generate-totp"), seed(t, "pingdirectory-revoke-totp")
	if len(generate) != 11 || len(revoke) != 11 {
		t.Errorf("%d and %d languages", len(generate), len(revoke))
	}
	for language := range generate {
		t.Run(language, func(t *testing.T) {
			var output func(text string) string
			switch language {
			case "http":
				output = func(text string) string { _, body := h.sendHTTP(text); return string(body) }
			case "jquery":
				output = pages.ready(t)
			case "csharp", "php", "swift":
				output = func(text string) string { return literals[language].send(t, text) }
			default:
				output = runners[language].ready(t)
			}
			send := func(text string) answer { return jsonIn(t, output(text)) }
			if language == "php" {
				// In PHP's single quotes \n are two characters, which no JSON has there.
				if a := send(fill(generate[language], "")); a.Message != "line 1, column 2: not JSON" {
					t.Errorf("a body with \\n outside of strings: %+v", a)
				}
				inDouble := func(text string) string { return strings.ReplaceAll(text, `\n`, "\n") }
				generate[language], revoke[language] = inDouble(generate[language]), inDouble(revoke[language])
			}
			made := send(fill(generate[language], ""))
			if made.result() != 0 || len(made.TOTPSharedSecret) != 32 {
				t.Fatalf("generate: %+v", made)
			}
			if gone := send(fill(revoke[language], made.TOTPSharedSecret)); gone.result() != 0 {
				t.Errorf("revoke: %+v", gone)
			}
		})
	}
}

// accessToken is one of the server's, for dn.
func (h *house) accessToken(dn string) string {
	h.t.Helper()
	body := `{"credentials":{"authenticationType":"password","dn":"` + dn + `","staticPassword":"` + password + `"}}`
	resp, err := http.Post(h.url+"/directory/v1/authenticate", "application/json", strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	var a struct{ AccessToken string }
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil || a.AccessToken == "" {
		h.t.Fatalf("%d %v", resp.StatusCode, err)
	}
	return a.AccessToken
}

// ZITADEL's example request removes an authenticator.
func TestSeedOfZITADEL(t *testing.T) {
	h := newHouse(t, nil)
	id, token := h.uuidOf(ann), h.accessToken(ada)
	r, err := http.NewRequest(http.MethodPost, h.url+"/v3alpha/users/"+id+"/totp", nil)
	if err != nil {
		t.Fatal(err)
	}
	bearer(token)(r)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var started struct{ TotpID string }
	if err := json.NewDecoder(resp.Body).Decode(&started); err != nil || started.TotpID == "" {
		t.Fatal(resp.Status, err)
	}
	text := strings.NewReplacer("https://$CUSTOM-DOMAIN", h.url, ":userId", id, ":totpId", started.TotpID, "<TOKEN>", token).
		Replace(seed(t, "zitadel-remove-totp")["curl"])
	var gone struct {
		Details struct{ Sequence, ResourceOwner string }
	}
	out := runners["curl"].ready(t)(text)
	if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):]), &gone); err != nil || gone.Details.Sequence != "2" || gone.Details.ResourceOwner == "" {
		t.Errorf("%s, %v", out, err)
	}
}

// SecurID's example request disables a device.
func TestSeedOfSecurID(t *testing.T) {
	d := newDesk(t)
	secret, _ := d.device("dn:"+ann, "140100080")
	d.activate(ann, secret)
	text := strings.NewReplacer("<JWT token>", d.token(d.helpdesk, d.claims(d.helpdesk)), "ece30fe9-414c-7536-5403-0656220b3046", d.uuidOf(ann)).
		Replace(seed(t, "securid-disable-ds100-otp")["http"])
	status, body := d.sendHTTP(text)
	var answer []struct{ TokenStatus, TokenSerialNumber, DeviceSerialNumber string }
	if err := json.Unmarshal(body, &answer); err != nil || status != 200 || len(answer) != 1 ||
		answer[0].TokenStatus != "Disabled" || answer[0].DeviceSerialNumber != "140100080" {
		t.Errorf("%d %s", status, body)
	}
}
