package main

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"tallystick/directory/store"
	"tallystick/directory/store/badger"
	"tallystick/extop/wire"
	"tallystick/internal/freeport"
	"tallystick/internal/shorttemp"
)

func TestMain(m *testing.M) {
	os.Setenv("TMPDIR", shorttemp.Dir()) // for the names of sockets
	testscript.Main(m, map[string]func(){"tallystick": main})
}

// The scripts run the real program and, as outside witnesses, the tools that
// its users have. Beside testscript's own commands they may use
//
//	server start [flag...]   run "tallystick serve", until the script ends
//	server stop              SIGTERM, and a good end
//	server kill              kill -9
//	server reload            SIGHUP
//	server hup text          SIGHUP, and wait until the server logs the text
//	clock offset             move the server's time, for example by +31s; it stands otherwise
//	clock now                have it stand at the machine's, for the sake of other programs
//	secret name              set a variable to the TOTP secret in the last output
//	code name secret [off [option...]]
//	                         set a variable to oathtool's code at the server's time,
//	                         or by a clock that is off, for example by -5h; of a
//	                         credential that is not the usual one by oathtool's options
//	field name key           set a variable to a string in the JSON of the last output,
//	                         or to an attribute's value in its LDIF
//	cookie name              set a variable to the cookie of the last ldapsearch -E sync
//	grpcurl arg...           call the server by gRPC with grpcurl
//	value name op key=text   set a variable to a requestValue in base64, of
//	                         generate (id, password), revoke (id, password, secret)
//	                         or validate (dn, code)
//	hidden text path...      nothing at or below the paths holds the text, in any form
//	tamper change|remove n   do that to audit record n in ./data, behind the program's back
//
// which leave the server's output in server.out and its log in server.log, the
// conditions [plain] (the tools can do SASL PLAIN), [ldap3] (there is
// python3-ldap3), [nslcd] and [sssd] (there is that, and it may mount), and the
// variables LDAP, LDAPS, LDAPI and HTTP (URLs of the server), BRIDGE (a free
// address), PEOPLE, ADMIN, ROOT and U0 to U3 (DNs), SCHEMA (the folder of schema
// files), NSLCD and SSSD (those of their packages), and the OIDs GENERATE, REVOKE,
// VALIDATE.
func TestScripts(t *testing.T) {
	for _, tool := range []string{"ldapsearch", "oathtool", "zbarimg", "curl", "openssl", "softhsm2-util", "pkcs11-tool", "/usr/sbin/slapd", "/usr/lib/nagios/plugins/check_ldap", "/usr/sbin/apache2", "pamtester", "google-authenticator"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("CI") == "true" {
			t.Errorf("%v; here no script may be skipped", err)
		}
	}
	if !hasSASLPlain() && os.Getenv("CI") == "true" {
		t.Error("the client library has no SASL PLAIN; here no script may be skipped")
	}
	if !hasPythonLDAP() && os.Getenv("CI") == "true" {
		t.Error("there is no python3-ldap3; here no script may be skipped")
	}
	for _, program := range []string{"nslcd/usr/sbin/nslcd", "sssd/usr/sbin/sssd"} {
		if err := exists(filepath.Join(witnesses, program)); err != nil && os.Getenv("CI") == "true" {
			t.Errorf("%v; here no script may be skipped", err)
		}
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/script",
		Setup:               setupScript,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Condition: func(name string) (bool, error) {
			switch name {
			case "plain":
				return hasSASLPlain(), nil
			case "ldap3":
				return hasPythonLDAP(), nil
			case "nslcd":
				return hasNSLCD(), nil
			case "sssd":
				return hasSSSD(), nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":  cmdServer,
			"clock":   cmdClock,
			"secret":  cmdSecret,
			"value":   cmdValue,
			"code":    cmdCode,
			"field":   cmdField,
			"grpcurl": cmdGRPCurl,
			"tamper":  cmdTamper,
			"hidden":  cmdHidden,
			"cookie":  cmdCookie,
		},
	})
}

// hasSASLPlain reports whether OpenLDAP's tools can bind with SASL PLAIN, which
// is a package of its own on Debian (libsasl2-modules).
func hasSASLPlain() bool {
	found, _ := filepath.Glob("/usr/lib/*/sasl2/libplain.so*")
	return len(found) > 0
}

// hasPythonLDAP reports whether there is Debian's python3-ldap3.
func hasPythonLDAP() bool { return exec.Command("/usr/bin/python3", "-c", "import ldap3").Run() == nil }

// hasNSLCD reports whether there is an nslcd, and the system lets a script have
// mounts of its own for it: containers may not, whoever asks.
func hasNSLCD() bool {
	return exists(filepath.Join(witnesses, "nslcd/usr/sbin/nslcd")) == nil && mayMount("mount --bind /etc /etc && mount -t tmpfs none /run")
}

// hasSSSD reports whether there is an sssd, and it may be laid over the machine's
// own files.
func hasSSSD() bool {
	usr, err := filepath.Abs(filepath.Join(witnesses, "sssd/usr"))
	return err == nil && exists(filepath.Join(usr, "sbin/sssd")) == nil &&
		mayMount("mount -t overlay overlay -o 'lowerdir="+usr+":/usr' /usr && mount --bind /etc /etc && mount -t tmpfs none /run")
}

func mayMount(commands string) bool {
	return exec.Command("unshare", "--mount", "sh", "-c", "mount --make-rprivate / && "+commands).Run() == nil
}

type processKey struct{}

func setupScript(env *testscript.Env) error {
	p := &process{clock: filepath.Join(env.WorkDir, ".clock")}
	if err := p.setClock(time.Now()); err != nil {
		return err
	}
	env.Values[processKey{}] = p
	for _, l := range []struct{ name, key, scheme string }{
		{"LDAP", "ldap", "ldap"}, {"LDAPS", "ldaps", "ldaps"}, {"HTTP", "http", "http"},
	} {
		address, err := freeport.Address()
		if err != nil {
			return err
		}
		env.Setenv(l.name, l.scheme+"://"+address)
		if l.key == "ldap" {
			env.Setenv("ADDRESS", address)
		}
		p.flags = append(p.flags, "--"+l.key, address)
	}
	bridge, err := freeport.Address()
	if err != nil {
		return err
	}
	env.Setenv("BRIDGE", bridge)
	for i := range 4 {
		env.Setenv(fmt.Sprintf("U%d", i), fmt.Sprintf("uid=user.%d,ou=people,dc=example,dc=com", i))
	}
	env.Setenv("GENERATE", wire.GenerateTOTPSharedSecretOID)
	env.Setenv("REVOKE", wire.RevokeTOTPSharedSecretOID)
	env.Setenv("VALIDATE", wire.ValidateTOTPPasswordOID)
	env.Setenv("PEOPLE", "ou=people,dc=example,dc=com")
	env.Setenv("ADMIN", "uid=admin,ou=people,dc=example,dc=com")
	env.Setenv("ROOT", "cn=Directory Manager")
	env.Setenv("LDAPI", "ldapi://"+url.PathEscape(filepath.Join(env.WorkDir, "data", "ldapi")))
	env.Setenv("LDAPTLS_CACERT", filepath.Join(env.WorkDir, "data", "tls", "certificate.pem"))
	schemas, err := filepath.Abs("../../testdata/schema")
	if err != nil {
		return err
	}
	env.Setenv("SCHEMA", schemas)
	for _, name := range []string{"nslcd", "sssd"} {
		folder, err := filepath.Abs(filepath.Join(witnesses, name))
		if err != nil {
			return err
		}
		env.Setenv(strings.ToUpper(name), folder)
	}
	env.Setenv("CURL_HOME", env.WorkDir)
	env.Setenv("TALLYSTICK_CLOCK_FILE", p.clock)
	env.Setenv("SOFTHSM2_CONF", filepath.Join(env.WorkDir, "softhsm2.conf"))
	env.Defer(p.kill)
	return nil
}

func cmdServer(ts *testscript.TestScript, neg bool, args []string) {
	p := ts.Value(processKey{}).(*process)
	if len(args) == 0 || neg {
		ts.Fatalf("usage: server start|stop|kill|reload|hup [flag...]")
	}
	switch args[0] {
	case "start":
		ts.Check(p.start(ts.Getenv("WORK"), args[1:]...))
	case "stop":
		ts.Check(p.stop())
	case "kill":
		p.kill()
	case "reload":
		ts.Check(p.cmd.Process.Signal(syscall.SIGHUP))
	case "hup":
		ts.Check(p.hangUp(strings.Join(args[1:], " ")))
	default:
		ts.Fatalf("server %s: start, stop, kill, reload or hup", args[0])
	}
	ts.Check(os.WriteFile(ts.MkAbs("server.out"), []byte(p.output.String()), 0o600))
}

func cmdClock(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 || neg {
		ts.Fatalf("usage: clock offset|now")
	}
	p := ts.Value(processKey{}).(*process)
	if args[0] == "now" {
		ts.Check(p.setClock(time.Now()))
		return
	}
	d, err := time.ParseDuration(args[0])
	ts.Check(err)
	ts.Check(p.setClock(p.now.Add(d)))
}

var (
	secretInJSON = regexp.MustCompile(`"(?:totpSharedSecret|secret)": *"([A-Z2-7]+)"`)
	valueInLDIF  = regexp.MustCompile(`(?m)^data:: (\S+)$`) // as ldapexop prints it
)

func cmdSecret(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 || neg {
		ts.Fatalf("usage: secret name")
	}
	output := ts.ReadFile("stdout")
	if m := secretInJSON.FindStringSubmatch(output); m != nil {
		ts.Setenv(args[0], m[1])
		return
	}
	m := valueInLDIF.FindStringSubmatch(output)
	if m == nil {
		ts.Fatalf("no secret in the last output")
	}
	value, err := base64.StdEncoding.DecodeString(m[1])
	ts.Check(err)
	response, err := wire.DecodeGenerateTOTPSharedSecretResponse(value)
	ts.Check(err)
	ts.Setenv(args[0], response.TOTPSharedSecret)
}

var syncCookie = regexp.MustCompile(`(?m)^# cookie: (\S+)$`) // as ldapsearch prints it

func cmdCookie(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 || neg {
		ts.Fatalf("usage: cookie name")
	}
	all := syncCookie.FindAllStringSubmatch(ts.ReadFile("stdout"), -1)
	if all == nil {
		ts.Fatalf("no cookie in the last output")
	}
	ts.Setenv(args[0], all[len(all)-1][1])
}

// cmdValue makes a requestValue from arguments such as id=dn:uid=ann.
func cmdValue(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: value name generate|revoke|validate [id=...] [password=...] [secret=...] [dn=...] [code=...]")
	}
	given := map[string]*string{}
	for _, arg := range args[2:] {
		key, text, _ := strings.Cut(arg, "=")
		given[key] = &text
	}
	text := func(key string) string {
		if given[key] == nil {
			return ""
		}
		return *given[key]
	}
	var password []byte
	if given["password"] != nil {
		password = append([]byte{}, text("password")...)
	}
	var value []byte
	switch args[1] {
	case "generate":
		value = wire.GenerateTOTPSharedSecretRequest{AuthenticationID: given["id"], StaticPassword: password}.Encode()
	case "revoke":
		value = wire.RevokeTOTPSharedSecretRequest{AuthenticationID: given["id"], StaticPassword: password, TOTPSharedSecret: given["secret"]}.Encode()
	case "validate":
		value = wire.ValidateTOTPPasswordRequest{UserDN: text("dn"), TOTPPassword: text("code")}.Encode()
	default:
		ts.Fatalf("value: generate, revoke or validate, not %s", args[1])
	}
	ts.Setenv(args[0], base64.StdEncoding.EncodeToString(value))
}

func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 || neg {
		ts.Fatalf("usage: code name secret [off [option...]]")
	}
	now := ts.Value(processKey{}).(*process).now
	call := []string{"--base32"}
	if len(args) > 2 {
		off, err := time.ParseDuration(args[2])
		ts.Check(err)
		now = now.Add(off)
		call = append(call, args[3:]...)
	}
	if !slices.ContainsFunc(call, func(option string) bool { return strings.HasPrefix(option, "--totp") || option == "--hotp" }) {
		call = append(call, "--totp")
	}
	call = append(call, "--now", now.UTC().Format("2006-01-02 15:04:05 MST"), args[1])
	out, err := exec.Command("oathtool", call...).Output()
	ts.Check(err)
	ts.Setenv(args[0], strings.TrimSpace(string(out)))
}

// cmdField finds the first value of a member, however deep, in the last output.
func cmdField(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: field name key")
	}
	key := regexp.QuoteMeta(args[1])
	m := regexp.MustCompile(`(?m)(?:"` + key + `": *\[?"|^` + key + `: )([^"\n]*)`).FindStringSubmatch(ts.ReadFile("stdout"))
	if m == nil {
		ts.Fatalf("no %s in the last output", args[1])
	}
	ts.Setenv(args[0], m[1])
}

func cmdTamper(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: tamper change|remove n")
	}
	n, err := strconv.ParseUint(args[1], 10, 64)
	ts.Check(err)
	s, err := badger.Open(ts.MkAbs("data/db"), badger.Config{MinFree: -1})
	ts.Check(err)
	key := binary.BigEndian.AppendUint64([]byte{'a'}, n)
	err = s.Update(context.Background(), func(w store.Writer) error {
		value, err := w.Get(key)
		if err == nil && args[0] == "change" {
			value = append([]byte{}, value...)
			value[len(value)-1] ^= 1
			w.Set(key, value)
		} else {
			w.Delete(key)
		}
		return err
	})
	ts.Check(errors.Join(err, s.Close()))
}
