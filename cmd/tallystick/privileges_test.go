package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"tallystick/extop/wire"
	"tallystick/internal/freeport"
)

// Each privilege of the README, held alone, lets its holder do what it is for
// and what it includes, and nothing that takes another one; without any he may
// do none of it. Asked of the real server.
func TestPrivileges(t *testing.T) {
	const (
		people = "ou=people,dc=example,dc=com"
		admin  = "uid=admin," + people
		holder = "uid=user.1," + people
		other  = "uid=user.2," + people
	)
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{flags: []string{"--ldap", address, "--ldaps", "off", "--http", "off", "--set", "log.level=warn", "--set", "directory.unindexedLimit=1"}}
	t.Cleanup(p.kill)
	if err := p.start(t.TempDir(), "--sample"); err != nil {
		t.Fatal(err)
	}
	bound := func(dn string) *ldap.Conn {
		t.Helper()
		c, err := ldap.DialURL("ldap://" + address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		if err := c.Bind(dn, "password"); err != nil {
			t.Fatal(err)
		}
		return c
	}
	administrator, c := bound(admin), bound(holder)

	replace := func(c *ldap.Conn, dn, attribute string, values ...string) error {
		r := ldap.NewModifyRequest(dn, nil)
		r.Replace(attribute, values)
		return c.Modify(r)
	}
	const mayWrite = `(targetattr="aci || ds-privilege-name")(version 3.0; acl "as far as ACIs allow"; allow (write) userdn="ldap:///` + holder + `";)`
	if err := replace(administrator, people, "aci", mayWrite); err != nil {
		t.Fatal(err)
	}
	search := func(base, filter string, scope int, controls ...ldap.Control) error {
		_, err := c.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, 0, false, filter, []string{"1.1"}, controls))
		return err
	}
	manage := func(r wire.ManageServerRequest) error {
		value := ber.Encode(ber.ClassContext, ber.TypePrimitive, 1, nil, "requestValue")
		value.Data.Write(r.Encode())
		_, err := c.Extended(ldap.NewExtendedRequest(wire.ManageServerOID, value))
		return err
	}
	backups := 0
	operations := []struct {
		name string
		by   []string // privileges, each of which is enough
		do   func() error
		not  uint16 // what is answered without
	}{
		{"change any entry", []string{"bypass-acl"}, func() error { return replace(c, other, "description", "changed") }, ldap.LDAPResultInsufficientAccessRights},
		{"read the audit log", []string{"bypass-acl", "password-reset"}, func() error { return search("cn=audit", "(objectClass=*)", ldap.ScopeBaseObject) }, ldap.LDAPResultInsufficientAccessRights},
		{"explain access", []string{"bypass-acl"}, func() error {
			return manage(wire.ManageServerRequest{Action: wire.ServerAccess, As: other, To: other})
		}, ldap.LDAPResultInsufficientAccessRights},
		{"set another's password", []string{"password-reset"}, func() error {
			_, err := c.PasswordModify(ldap.NewPasswordModifyRequest("dn:"+other, "", "another password"))
			return err
		}, ldap.LDAPResultInsufficientAccessRights},
		{"act for somebody", []string{"proxied-auth"}, func() error {
			return search(other, "(objectClass=*)", ldap.ScopeBaseObject, ldap.NewControlString("2.16.840.1.113730.3.4.18", true, "dn:"+other))
		}, ldap.LDAPResultAuthorizationDenied},
		{"search without an index", []string{"unindexed-search"}, func() error { return search(people, "(roomNumber=7)", ldap.ScopeWholeSubtree) }, ldap.LDAPResultInsufficientAccessRights},
		{"list indexes", []string{"config-read", "config-write"}, func() error { return manage(wire.ManageServerRequest{Action: wire.ServerIndexes}) }, ldap.LDAPResultInsufficientAccessRights},
		{"set the writability", []string{"config-write"}, func() error {
			return manage(wire.ManageServerRequest{Action: wire.ServerWritability, Writability: "enabled"})
		}, ldap.LDAPResultInsufficientAccessRights},
		{"see all of cn=monitor", []string{"monitor-read", "bypass-acl"}, func() error { return search("cn=database,cn=monitor", "(objectClass=*)", ldap.ScopeBaseObject) }, ldap.LDAPResultInsufficientAccessRights},
		{"back up", []string{"backend-backup"}, func() error {
			backups++
			return manage(wire.ManageServerRequest{Action: wire.ServerBackup, Name: fmt.Sprint("backup-", backups)})
		}, ldap.LDAPResultInsufficientAccessRights},
		{"change an ACI", []string{"modify-acl", "bypass-acl"}, func() error { return replace(c, other, "aci", mayWrite) }, ldap.LDAPResultInsufficientAccessRights},
		{"change privileges", []string{"privilege-change", "bypass-acl"}, func() error { return replace(c, other, "ds-privilege-name", "config-read") }, ldap.LDAPResultInsufficientAccessRights},
	}
	listed := privilegesInREADME(t)
	for _, privilege := range append([]string{""}, listed...) {
		held := []string{privilege}
		if privilege == "" {
			held = nil
		}
		// The other one has none, or password-reset alone would not be enough for him.
		if err := errors.Join(replace(administrator, holder, "ds-privilege-name", held...), replace(administrator, other, "ds-privilege-name")); err != nil {
			t.Fatal(err)
		}
		used := privilege == ""
		for _, o := range operations {
			err := o.do()
			if slices.Contains(o.by, privilege) {
				used = true
				if err != nil {
					t.Errorf("%q: %s: %v", privilege, o.name, err)
				}
			} else if !ldap.IsErrorWithCode(err, o.not) {
				t.Errorf("%q: %s: %v, want code %d", privilege, o.name, err, o.not)
			}
		}
		if !used {
			t.Errorf("%q: nothing here takes it", privilege)
		}
	}
	for _, o := range operations {
		for _, name := range o.by {
			if !slices.Contains(listed, name) {
				t.Errorf("README.md does not list %s", name)
			}
		}
	}
}

// privilegesInREADME is those of the table there.
func privilegesInREADME(t *testing.T) (list []string) {
	_, table, found := strings.Cut(readFile(t, "../../README.md"), "| privilege | what it is for |\n")
	if !found {
		t.Fatal("no table")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	for line := range strings.Lines(table) {
		for _, name := range regexp.MustCompile("`([a-z]+-[a-z]+)`").FindAllStringSubmatch(strings.Split(line, "|")[1], -1) {
			list = append(list, name[1])
		}
	}
	if len(list) < 10 {
		t.Fatal(list)
	}
	return list
}
