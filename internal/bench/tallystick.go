//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Who may do everything at tallystick.
const (
	rootDN       = "cn=Directory Manager"
	rootPassword = "root of the bench"
)

// openACIs are for the servers of the bench what slapdConfig says for the other.
const openACIs = `['(targetattr="* || +")(version 3.0; acl "users read"; allow (read, search, compare) userdn="ldap:///all";)',` +
	`'(extop="*")(version 3.0; acl "operations"; allow (read) userdn="ldap:///anyone";)',` +
	`'(targetcontrol="*")(version 3.0; acl "controls"; allow (read) userdn="ldap:///anyone";)']`

// startTallystick fills and starts the program in dir.
func startTallystick(ctx context.Context, dir, program string, p population) (*server, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	people := filepath.Join(dir, "people.ldif")
	if err := writeFile(people, func(f *os.File) error { return p.writeLDIF(f, valueFlavour) }); err != nil {
		return nil, err
	}
	s := &server{name: "tallystick", rootDN: rootDN, rootPassword: rootPassword, vendor: true}
	var err error
	if s.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	if s.http, err = freeAddr(); err != nil {
		return nil, err
	}
	settings := []string{
		"--data", filepath.Join(dir, "data"),
		"--set", "passwords.scheme=SSHA512", // the entries' own, so that no bind upgrades a hash
		"--set", "access.aci=" + openACIs,
		"--set", "log.level=warn", // slapd does not log either
		"--set", "listen.ldap=" + s.addr.String(),
		"--set", "listen.ldaps=off",
		"--set", "listen.http=" + s.http.String(),
		"--set", "bridge.clientsPerAddress=10000", // all come from here
		"--set", "secondFactor.perUser=1000", // generate adds to the same people over and over
	}
	command := func(name string, args ...string) []string {
		return append(append([]string{name}, settings...), args...)
	}
	if s.imported, err = importWith(ctx, p, program, command("import", people)...); err != nil {
		return nil, err
	}
	setPassword := exec.CommandContext(ctx, program, command("root-password")...)
	setPassword.Stdin = strings.NewReader(s.rootPassword + "\n")
	if output, err := setPassword.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("setting the root password: %w\n%s", err, output)
	}
	return s, s.start(ctx, dir, program, command("serve")...)
}
