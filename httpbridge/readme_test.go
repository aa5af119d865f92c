package httpbridge_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The calls of the README work, in the order in which it shows them.
func TestReadme(t *testing.T) {
	for _, tool := range []string{"curl", "oathtool", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, nil)
	h.clock.Store(time.Now().Unix()) // oathtool reads the machine's
	secret := ""
	calls := 0
	for _, line := range strings.Split(strings.ReplaceAll(string(readme), "\\\n", ""), "\n") {
		command, ok := strings.CutPrefix(line, "    curl ")
		if !ok {
			continue
		}
		calls++
		command = "curl -sS --noproxy '*' " + strings.NewReplacer("uid=admin,", "uid=ada,", "user.0", "ann").Replace(command)
		cmd := exec.Command("sh", "-c", command)
		cmd.Env = append(os.Environ(), "api="+h.url+"/directory/v1", "dn="+ann, "secret="+secret)
		out, err := cmd.CombinedOutput()
		var a answer
		if err == nil && len(out) > 0 {
			err = json.Unmarshal(out, &a)
		}
		if err != nil || a.Code != "" {
			t.Fatalf("%s\n%s\n%v", command, out, err)
		}
		if secret == "" {
			secret = a.TOTPSharedSecret
		}
	}
	if calls != 21 {
		t.Errorf("%d calls", calls)
	}
}
