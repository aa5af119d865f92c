package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Root does not work on another user's data folder, whichever command he tries:
// the server could not open it any more.
func TestRootLeavesDataOfOthersAlone(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can try")
	}
	const nobody = 65534
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(folder, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"serve --ldap off --ldaps off --http off", "import ../../testdata/sample.ldif", "export", "backup x", "restore x", "check",
		"root-password --generate", "index list", "audit verify", "audit export", "access --as= --to=dc=example",
		"keys rotate", "keys list --count", "keys reseal", "keys drop 1", "keys import x",
	} {
		t.Run(args, func(t *testing.T) {
			cmd := rootCommand()
			cmd.SetArgs(append(strings.Fields(args), "--data", folder))
			cmd.SetOut(t.Output())
			if err := cmd.ExecuteContext(t.Context()); err == nil || !strings.Contains(err.Error(), "belongs to nobody") {
				t.Errorf("error %v", err)
			}
			if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
				t.Errorf("he left %v there, error %v", left, err)
			}
		})
	}
}
