//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// slapdConfig takes the folder and the suffix. Writes are durable, as mdb's
// defaults have them; indexes and who may read what are as with our own built-in
// ones.
const slapdConfig = `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload pw-sha2
moduleload otp
pidfile %[1]s/slapd.pid
loglevel none
tool-threads 2
database mdb
directory %[1]s/db
maxsize 4294967296
suffix "%[2]s"
rootdn "cn=Directory Manager,%[2]s"
rootpw root
index objectClass,ou,telephoneNumber,employeeNumber,entryUUID eq
index uid,cn,mail pres,eq,sub
index sn,givenName eq,sub
index member,memberUid,uniqueMember,uidNumber,gidNumber pres,eq
overlay otp
access to attrs=userPassword,oathSecret by anonymous auth by * none
access to * by users read
`

// startSlapd fills and starts Debian's slapd in dir. It returns nil if there
// is none on this machine.
func startSlapd(ctx context.Context, dir string, p population) (*server, error) {
	program, err := findSlapd()
	if err != nil {
		progress("slapd is not installed (apt-get install slapd): measuring tallystick alone")
		return nil, nil
	}
	if err := os.MkdirAll(filepath.Join(dir, "db"), 0o700); err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "slapd.conf")
	people := filepath.Join(dir, "people.ldif")
	if err := writeFile(people, func(f *os.File) error { return p.writeLDIF(f, tokenFlavour) }); err != nil {
		return nil, err
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, slapdConfig, dir, suffix), 0o600); err != nil {
		return nil, err
	}
	s := &server{name: "slapd", rootDN: "cn=Directory Manager," + suffix, rootPassword: "root"}
	// slapadd is slapd under another name.
	if s.imported, err = importWith(ctx, p, program, "-T", "add", "-q", "-f", config, "-l", people); err != nil {
		return nil, err
	}
	if s.addr, err = freeAddr(); err != nil {
		return nil, err
	}
	// A debug level, even none, keeps slapd in the foreground.
	return s, s.start(ctx, dir, program, "-f", config, "-h", "ldap://"+s.addr.String()+"/", "-d", "0")
}

// findSlapd looks where Debian puts it, which is not on everybody's PATH.
func findSlapd() (string, error) {
	if program, err := exec.LookPath("slapd"); err == nil {
		return program, nil
	}
	return exec.LookPath("/usr/sbin/slapd")
}
