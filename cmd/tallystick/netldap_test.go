package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tallystick/internal/freeport"
)

// witnesses is where "make needs" puts programs of others that Debian has no
// package of, or one that would change the machine.
const witnesses = "../../bin/witnesses"

// The suite of Net::LDAP (Perl), with this server in slapd's place. Each file
// starts a server of its own, on the configuration that the suite wrote for
// slapd: this test's slapd takes the same from its flags.
func TestNetLDAP(t *testing.T) {
	suite, err := filepath.Abs(filepath.Join(witnesses, "perl-ldap"))
	if err != nil {
		t.Fatal(err)
	}
	if exec.Command("perl", "-MNet::LDAP", "-MIO::Socket::SSL", "-MAuthen::SASL", "-e1").Run() != nil || exists(suite+"/t/common.pl") != nil || exists("/etc/ldap/schema") != nil {
		skip(t, "no Net::LDAP, its suite or slapd's schema files; make needs has them")
	}
	// 40connect wants one name with addresses of IPv4 and IPv6.
	for file, but := range map[string]string{
		"41populate": "", "42search": "", "43modify": "", "44schema": "", "45dse": "", "46ssl": "", "47ipc": "", "48url": "",
		"60cancel":   "cancel a running operation", // which is over by then, as the suite says it may be
		"70sortctrl": "", "71preread": "", "72postread": "", "73assert": "", "74matchedvalues": "",
	} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.CopyFS(folder, os.DirFS(suite)); err != nil {
				t.Fatal(err)
			}
			adaptNetLDAP(t, folder)
			cmd := exec.Command("perl", "-I.", "t/"+file+".t")
			cmd.Dir = folder
			out, _ := cmd.CombinedOutput()
			judgeTAP(t, string(out), but)
			if t.Failed() {
				log, _ := os.ReadFile(filepath.Join(folder, "temp", file))
				t.Logf("%s\nthe server:\n%s", out, log)
			}
		})
	}
}

func exists(name string) error {
	_, err := os.Stat(name)
	return err
}

// skip skips a test for want of a witness; in CI that is a failure.
func skip(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}

// adaptNetLDAP changes what the suite says of slapd: addresses, and where this
// server differs by intent. DIVERGENCES.md has the reasons.
func adaptNetLDAP(t *testing.T, folder string) {
	var ports []string
	for range 2 {
		address, err := freeport.Address()
		if err != nil {
			t.Fatal(err)
		}
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
	}
	text := func(name string, change func(string) string) {
		t.Helper()
		name = filepath.Join(folder, name)
		before, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(change(string(before))), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text("t/common.pl", func(s string) string {
		for _, c := range [][2]string{
			{"= 9009;", "= " + ports[0] + ";"},
			{"= 9010", "= " + ports[1]},
			{"sleep 2; # wait for server to start", ""}, // client does, and gets a minute for it
			{"    kill 9, $pid;\n    sleep 2;", "    kill 9, $pid;\n    waitpid $pid, 0;"},
			// The root user has no entry.
			{`"cn=Manager, o=University of Michigan, c=US"`, `"cn=Directory Manager"`},
			// Nobody searches before a bind.
			{"  $ldap;\n}\n\nsub compare_ldif", "  $ldap->bind($MANAGERDN, password => $PASSWD) if $arg{ssl} || $arg{ipc} || $arg{url};\n  $ldap;\n}\n\nsub compare_ldif"},
			{`!compare_text("$TEMPDIR/${test}-out.ldif", "data/${test}-cmp.ldif")`, `same("$TEMPDIR/${test}-out.ldif", "data/${test}-cmp.ldif")`},
			{"sub ldif_populate {", sameLDIF + "sub ldif_populate {"},
		} {
			if strings.Count(s, c[0]) != 1 {
				t.Fatalf("the suite has no %q, or several", c[0])
			}
			s = strings.Replace(s, c[0], c[1], 1)
		}
		return s
	})
	text("t/common.pl", func(s string) string {
		return strings.ReplaceAll(s, "++$count > 10;\n      sleep 1;", "++$count > 600;\n      select undef, undef, undef, 0.1;")
	})
	text("test.cfg", func(string) string {
		return fmt.Sprintf("$SERVER_EXE = '%s/slapd'; $SERVER_TYPE = 'openldap+ssl+ipc'; $SLAPD_SCHEMA_DIR = './data'; 1;\n", folder)
	})
	slapd := `#!/bin/sh -e
rm -rf temp/server; mkdir temp/server
set -- --data temp/server --set "directory.rootDN=cn=Directory Manager" \
	--set 'directory.suffixes=["o=University of Michigan,c=US"]' --set listen.ldapi=temp/ldapi_sock \
	--set directory.schema=[/etc/ldap/schema/core.schema,/etc/ldap/schema/cosine.schema,/etc/ldap/schema/inetorgperson.schema,/etc/ldap/schema/openldap.schema]
printf secret | tallystick root-password "$@"
exec tallystick serve "$@" --ldap 127.0.0.1:` + ports[0] + ` --ldaps 127.0.0.1:` + ports[1] + " --http off\n"
	if err := os.WriteFile(filepath.Join(folder, "slapd"), []byte(slapd), 0o700); err != nil {
		t.Fatal(err)
	}
}

// sameLDIF compares files as slapd and this server may both write them: the order
// of attributes has no meaning, classes are spelt as they were given, superclasses
// are values of objectClass (RFC 4512, section 3.3), passwords are not returned.
const sameLDIF = `sub same {
  my @texts = map {
    my ($ldif, $text) = (Net::LDAP::LDIF->new($_, 'r'), '');
    while (my $e = $ldif->read_entry) {
      my $top = qr/^(top|person|organizationalperson|inetorgperson|pilotperson)$/;
      $e->delete('userPassword');
      $e->replace(objectClass => [ grep !/$top/, map lc, $e->get_value('objectClass') ]);
      $text .= 'dn: ' . $e->dn . "\n";
      for my $a (sort map lc, $e->attributes) { $text .= "$a: $_\n" for $e->get_value($a) }
    }
    $text;
  } @_;
  $texts[0] ne '' && $texts[0] eq $texts[1];
}

`

var (
	tapPlan  = regexp.MustCompile(`(?m)^1\.\.([0-9]+)$`)
	tapPoint = regexp.MustCompile(`(?m)^(not )?ok [0-9]+(?: - (.*))?$`)
)

// judgeTAP fails for every point of the test anything protocol that is not ok,
// is skipped, or is missing from the plan; but is the name of one that may.
func judgeTAP(t *testing.T, output, but string) {
	t.Helper()
	plan := tapPlan.FindStringSubmatch(output)
	points := tapPoint.FindAllStringSubmatch(output, -1)
	if plan == nil || plan[1] != fmt.Sprint(len(points)) || len(points) == 0 {
		t.Errorf("planned %v, and there were %d", plan, len(points))
	}
	for _, p := range points {
		if (p[1] != "" || strings.Contains(p[2], "# skip")) && (but == "" || !strings.HasPrefix(p[2], but)) {
			t.Error(p[0])
		}
	}
}
