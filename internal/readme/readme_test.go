//go:build unix

package readme

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tallystick/internal/freeport"
	"tallystick/internal/shorttemp"
)

// said is what the commands must print, in this order. Their exit statuses are
// checked by the shell.
var said = []string{
	"dn: uid=user.0,ou=people,dc=example,dc=com",
	"TRUE",
	"dn:uid=user.0,ou=people,dc=example,dc=com", // in the clear
	"dn:uid=user.0,ou=people,dc=example,dc=com", // StartTLS
	"dn:uid=user.0,ou=people,dc=example,dc=com", // LDAPS
	"dn:", // the local socket, by peer credentials
	`adding new entry "uid=grace,ou=people,dc=example,dc=com"`,
	`modifying entry "uid=grace,ou=people,dc=example,dc=com"`,
	"dn:uid=hopper,ou=people,dc=example,dc=com",
	`"totpSharedSecret":"`,
	"dn:uid=user.0,ou=people,dc=example,dc=com", // password and code
	"a code works once",
	"and the password alone no more",
	`"value":0`,  // validate
	`"value":49`, // the same code again
	"nor over LDAP",
	`"value":0`,                                 // revoke one
	`"value":0`,                                 // revoke all
	"dn:uid=user.0,ou=people,dc=example,dc=com", // the password alone again
	"backed up ",
	"restored ",
	"all in step",
	"tallystickAuditCause: ",
	`"event":"restored"`,
	"the audit log is whole",
	`modifying entry "uid=user.0,ou=people,dc=example,dc=com"`,
	"description: acknowledged", // after kill -9
}

func TestFiveMinutes(t *testing.T) {
	for _, tool := range []string{"bash", "curl", "ldapsearch", "oathtool"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("%v; \"make test\" installs it", err)
		}
	}
	t.Setenv("TMPDIR", shorttemp.Dir()) // for the name of the socket
	dir := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "bin", "tallystick"), "tallystick/cmd/tallystick").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if err := os.CopyFS(filepath.Join(dir, "testdata"), os.DirFS("../../testdata")); err != nil {
		t.Fatal(err)
	}
	ports := strings.NewReplacer("3389", freePort(t), "3636", freePort(t), "8080", freePort(t), "3390", freePort(t))
	start(t, dir, ports)

	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	script := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", ports.Replace(commands(t)))
	script.Dir = dir
	script.Env = append(os.Environ(), "HOME="+dir, "LDAPCONF=/dev/null") // as nobody has set up anything
	script.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	kill := func() error { return syscall.Kill(-script.Process.Pid, syscall.SIGKILL) } // with all that it runs
	script.Cancel = kill
	script.WaitDelay = time.Minute
	var out bytes.Buffer
	script.Stdout, script.Stderr = &out, &out
	if err := script.Start(); err != nil {
		t.Fatal(err)
	}
	err := script.Wait()
	kill() // what a script that failed left running
	if err != nil {
		t.Fatalf("%v after\n%s", err, out.String())
	}
	rest := out.String()
	for _, want := range said {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("%q is missing in what follows\n%s\nof\n%s", want, strings.TrimSuffix(out.String(), rest), out.String())
		}
		rest = after
	}
}

// commands is the sh blocks of the section, one after the other.
func commands(t *testing.T) string {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Five minutes\n")
	if !found {
		t.Fatal("README.md has no section \"Five minutes\"")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var b strings.Builder
	for _, block := range regexp.MustCompile("(?s)\n```sh\n(.*?)```").FindAllStringSubmatch(section, -1) {
		b.WriteString(block[1])
	}
	return b.String()
}

// start serves the sample tree from dir/data, as "make run" does, until the
// test ends.
func start(t *testing.T, dir string, ports *strings.Replacer) {
	server := exec.Command("bin/tallystick", "serve", "--sample",
		"--ldap", ports.Replace("127.0.0.1:3389"), "--ldaps", ports.Replace("127.0.0.1:3636"), "--http", ports.Replace("127.0.0.1:8080"))
	server.Dir = dir
	var out bytes.Buffer
	server.Stdout, server.Stderr = &out, &out
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- server.Wait() }()
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM)
		defer time.AfterFunc(time.Minute, func() { server.Process.Kill() }).Stop()
		if err := <-exited; err != nil || t.Failed() {
			t.Errorf("the server ended with %v after\n%s", err, out.String())
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", ports.Replace("127.0.0.1:8080"))
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server does not listen: %v", err)
		}
	}
}

// freePort is one where nobody listens, nor is given another.
func freePort(t *testing.T) string {
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}
