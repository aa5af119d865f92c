package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tallystick/internal/freeport"
)

// The Debian package is what lintian and systemd want, has no more than it
// should, and the program in it starts with the configuration in it. Where the
// test may, it is installed in a tree of its own, upgraded and purged.
func TestDebianPackage(t *testing.T) {
	for _, tool := range []string{"dpkg-deb", "lintian", "systemd-analyze"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	work := t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000", "COMPRESSION=gzip")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	binary := filepath.Join(work, "tallystick")
	run("go", "build", "-buildmode=pie", "-trimpath", "-o", binary, ".")
	deb := strings.TrimSpace(run("../../packaging/deb", binary, filepath.Join(work, "one")))
	if again := strings.TrimSpace(run("../../packaging/deb", binary, filepath.Join(work, "two"))); readFile(t, deb) != readFile(t, again) {
		t.Error("two packages of the same files differ")
	}
	run("lintian", "--allow-root", "--fail-on", "error,warning", deb)

	contents := run("dpkg-deb", "-c", deb)
	for _, want := range []string{
		"-rwxr-xr-x root/root", "./usr/bin/tallystick\n", "./lib/systemd/system/tallystick.service\n",
		"./usr/share/man/man8/tallystick.8.gz\n", "./etc/logrotate.d/tallystick\n", "./etc/tallystick/tallystick.yaml\n",
		"./usr/share/doc/tallystick/README.md\n", "./usr/share/doc/tallystick/docs/conformance.md\n",
		"./usr/share/doc/tallystick/docs/monitor.md\n", "./usr/share/doc/tallystick/examples/sample.ldif\n",
	} {
		if !strings.Contains(contents, want) {
			t.Errorf("no %q in\n%s", want, contents)
		}
	}
	if strings.Contains(contents, "var/lib") {
		t.Error("the package has data in it")
	}

	tree := filepath.Join(work, "tree")
	run("dpkg-deb", "-x", deb, tree)
	unit := readFile(t, filepath.Join(tree, "lib/systemd/system/tallystick.service"))
	if strings.Contains(unit, "\nProcSubset=pid") {
		t.Error("the unit hides net.core.somaxconn, and listeners get a backlog of 128")
	}
	here := filepath.Join(work, "tallystick.service")
	writeFile(t, here, strings.Replace(unit, "/usr/bin/tallystick", binary, 1))
	if said := run("systemd-analyze", "verify", "--man=no", here); strings.Contains(said, "tallystick.service") {
		t.Errorf("systemd says: %s", said)
	}
	run("systemd-analyze", "security", "--offline=true", "--threshold=20", here)
	packagedServer(t, tree, work)
	if os.Getuid() == 0 {
		installed(t, run, deb, work, binary)
	}
}

// packagedServer starts what was unpacked, with its configuration, in places of
// the test's own.
func packagedServer(t *testing.T, tree, work string) {
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	program, config := filepath.Join(tree, "usr/bin/tallystick"), filepath.Join(tree, "etc/tallystick/tallystick.yaml")
	for _, want := range []string{"\ndata: /var/lib/tallystick\n", "\n  ldapi: /run/tallystick/ldapi "} {
		if !strings.Contains(readFile(t, config), want) {
			t.Errorf("no %q in the configuration", want)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	cmd := exec.CommandContext(ctx, program, "serve", "--config", config, "--data", filepath.Join(work, "data"),
		"--ldap", address, "--ldaps", "off", "--http", "off", "--ldapi", filepath.Join(work, "ldapi"))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var said lockedBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	up := false
	for range 600 {
		if up = exec.CommandContext(ctx, "ldapwhoami", "-x", "-H", "ldap://"+address).Run() == nil; up {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	if err := cmd.Wait(); !up || cmd.ProcessState.ExitCode() != 0 {
		t.Errorf("up: %v, end: %v\n%s", up, err, said.String())
	}
}

// installed installs, upgrades, removes and purges the package in a tree of its
// own, where its scripts change no users and start nothing.
func installed(t *testing.T, run func(string, ...string) string, deb, work, binary string) {
	root := filepath.Join(work, "root")
	for _, folder := range []string{"var/lib/dpkg/info", "var/lib/tallystick"} {
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(root, "var/lib/dpkg/status"), "")
	writeFile(t, filepath.Join(root, "var/lib/tallystick/kept"), "data")
	dpkg := func(args ...string) {
		t.Helper()
		run("dpkg", append([]string{"--root=" + root, "--force-script-chrootless", "--force-depends", "--log=/dev/null"}, args...)...)
	}
	config := filepath.Join(root, "etc/tallystick/tallystick.yaml")
	dpkg("-i", deb)
	changed := readFile(t, config) + "# changed here\n"
	writeFile(t, config, changed)
	t.Setenv("VERSION", "9.9.9")
	dpkg("-i", strings.TrimSpace(run("../../packaging/deb", binary, filepath.Join(work, "next"))))
	if readFile(t, config) != changed {
		t.Error("an upgrade has changed the configuration")
	}
	dpkg("-r", "tallystick")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/tallystick")); err == nil {
		t.Error("removed, and the program is there")
	}
	if readFile(t, config) != changed {
		t.Error("removed, and the configuration too")
	}
	dpkg("-P", "tallystick")
	if _, err := os.Stat(config); err == nil {
		t.Error("purged, and the configuration is there")
	}
	if readFile(t, filepath.Join(root, "var/lib/tallystick/kept")) != "data" {
		t.Error("the data is gone")
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
