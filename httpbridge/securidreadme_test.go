package httpbridge_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The calls of the face's README answer as it shows, where "…" is anything.
func TestSecurIDReadme(t *testing.T) {
	for _, tool := range []string{"curl", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	readme, err := os.ReadFile("securid/README.md")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t)
	secret, _ := d.device("dn:"+ann, "140100080")
	d.activate(ann, secret)
	d.addMail(ann, "ann@example.com")
	d.clock.Store(time.Date(2026, 11, 22, 12, 40, 41, 0, time.UTC).Unix())
	env := append(os.Environ(), "api="+d.url+"/AdminInterface/restapi", "token="+d.token(d.helpdesk, d.claims(d.helpdesk)))
	here := strings.NewReplacer("user.0", "ann", "ece30fe9-414c-7536-5403-0656220b3046", d.uuidOf(ann), "f1d0…", d.helpdesk.id)

	blocks := regexp.MustCompile(`(?m)^(    .*\n)+`).FindAllString(here.Replace(string(readme)), -1)
	calls := 0
	for i, block := range blocks {
		command, ok := strings.CutPrefix(block, "    curl ")
		if !ok {
			continue
		}
		calls++
		cmd := exec.Command("sh", "-c", "curl -sS --noproxy '*' "+command)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		want := strings.ReplaceAll(regexp.QuoteMeta(strings.Join(lines(blocks[i+1]), "")), "…", ".*")
		if err != nil || !regexp.MustCompile("^"+want+"\n$").Match(out) {
			t.Errorf("%s%s\n%v; want\n%s", command, out, err, blocks[i+1])
		}
	}
	if calls != 3 {
		t.Errorf("%d calls", calls)
	}
}

// lines are those of a block, without what they are indented by.
func lines(block string) (list []string) {
	for line := range strings.Lines(block) {
		list = append(list, strings.TrimSpace(line))
	}
	return list
}
