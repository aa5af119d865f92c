package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// An import that is killed has loaded all of its file or nothing, beside a tree
// that was there before or into a new folder, and the next import succeeds.
func TestKillImport(t *testing.T) {
	const entries = 2001
	var people bytes.Buffer
	people.WriteString("dn: dc=example,dc=org\nobjectClass: domain\ndc: example\n")
	for i := range entries - 1 {
		fmt.Fprintf(&people, "\ndn: uid=%d,dc=example,dc=org\nobjectClass: account\nuid: %d\n", i, i)
	}
	folder := t.TempDir()
	for name, text := range map[string][]byte{
		"other.ldif":  []byte("dn: dc=example,dc=com\nobjectClass: domain\ndc: example\n"),
		"people.ldif": people.Bytes(),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		before int // entries
	}{{"new", 0}, {"used", 1}} {
		t.Run(tt.name, func(t *testing.T) {
			tool := func(args ...string) *exec.Cmd {
				cmd := exec.Command("tallystick", append(args, "--data", tt.name, "--set", `directory.suffixes=["dc=example,dc=org","dc=example,dc=com"]`)...)
				cmd.Dir = folder
				return cmd
			}
			run := func(args ...string) []byte {
				t.Helper()
				out, err := tool(args...).CombinedOutput()
				if err != nil {
					t.Fatalf("%v: %v\n%s", args, err, out)
				}
				return out
			}
			count := func() int {
				t.Helper()
				run("check")
				return bytes.Count(run("export"), []byte("\ndn:"))
			}
			if tt.before > 0 {
				run("import", "other.ldif")
			}
			for range 3 {
				killed := tool("import", "people.ldif")
				if err := killed.Start(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(rand.N(300 * time.Millisecond))
				killed.Process.Kill()
				killed.Wait()
				if _, err := os.Stat(filepath.Join(folder, tt.name, "db")); err != nil {
					continue // killed before there was anything
				}
				switch n := count(); n {
				case tt.before:
				case tt.before + entries:
					return // it was quicker
				default:
					t.Fatalf("%d entries after an import of %d was killed", n, entries)
				}
			}
			run("import", "people.ldif")
			if n := count(); n != tt.before+entries {
				t.Errorf("%d entries in the end", n)
			}
		})
	}
}
