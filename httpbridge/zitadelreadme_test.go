package httpbridge_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The calls of the face's README work, in the order in which it shows them.
func TestZITADELReadme(t *testing.T) {
	for _, tool := range []string{"curl", "oathtool", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	readme, err := os.ReadFile("zitadel/README.md")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse(t, nil)
	h.clock.Store(time.Now().Unix()) // oathtool reads the machine's
	var started struct{ TotpID, Secret string }
	calls := 0
	for line := range strings.Lines(string(readme)) {
		command, ok := strings.CutPrefix(line, "    curl ")
		if !ok {
			continue
		}
		calls++
		command = "curl -sS -f --noproxy '*' " + strings.NewReplacer("admin:", "ada:", "user.0", "ann").Replace(command)
		cmd := exec.Command("sh", "-c", command)
		cmd.Env = append(os.Environ(), "api="+h.url+"/v3alpha/users", "id="+h.uuidOf(ann), "totpId="+started.TotpID, "secret="+started.Secret)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s%s\n%v", command, out, err)
		}
		if started.Secret == "" {
			if err := json.Unmarshal(out, &started); err != nil {
				t.Fatal(err)
			}
		} else if strings.Contains(command, "search") && !strings.Contains(string(out), `"totalResult":"1"`) {
			t.Errorf("%s%s", command, out)
		}
	}
	if calls != 5 {
		t.Errorf("%d calls", calls)
	}
}
