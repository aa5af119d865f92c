package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tallystick/directory/sasl"
	"tallystick/directory/totp"
	"tallystick/extop/wire"
	"tallystick/internal/ber"
)

// rawClient sends one LDAP operation after another as octets, so that a test
// has every door, and any messageID.
type rawClient struct {
	net.Conn
	id int64 // of the last message; the first is 2, as in the vendor's SDK
}

// abused is a server of the sample tree that is reached through its local
// socket, and the user whom it is about.
type abused struct {
	*process
	folder string
}

const abusedUser = "uid=user.0,ou=people,dc=example,dc=com"

func newAbused(t *testing.T, flags ...string) *abused {
	t.Helper()
	folder := t.TempDir()
	a := &abused{&process{
		flags: append([]string{"--ldap", "off", "--ldaps", "off", "--http", "off", "--set", "passwords.scheme=SSHA512"}, flags...),
		clock: filepath.Join(folder, ".clock"),
	}, folder}
	t.Cleanup(a.kill)
	if err := a.setClock(time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := a.start(a.folder, "--sample"); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *abused) dial() (*rawClient, error) {
	conn, err := net.Dial("unix", filepath.Join(a.folder, "data", "ldapi"))
	if err != nil {
		return nil, err
	}
	return &rawClient{conn, 1}, conn.SetDeadline(time.Now().Add(time.Minute))
}

// ask sends an operation and returns resultCode and responseValue.
func (c *rawClient) ask(operation []byte) (code int64, value []byte, err error) {
	c.id++
	b, start := ber.Begin(nil, ber.Sequence)
	b = append(ber.AppendInt(b, ber.Integer, c.id), operation...)
	if _, err := c.Write(ber.End(b, start)); err != nil {
		return 0, nil, err
	}
	var answer []byte
	for {
		_, header, length, err := ber.Header(answer)
		if err == nil && len(answer) >= header+length {
			break
		}
		if err != nil && !errors.Is(err, ber.ErrTruncated) {
			return 0, nil, err
		}
		more := make([]byte, 4096)
		n, err := c.Read(more)
		if err != nil {
			return 0, nil, err
		}
		answer = append(answer, more[:n]...)
	}
	all := ber.NewReader(answer)
	message, err := all.Enter(ber.Sequence)
	if err != nil {
		return 0, nil, err
	}
	if id, err := message.Int(ber.Integer); err != nil || id != c.id {
		return 0, nil, errors.Join(err, errors.New("an answer to another message"))
	}
	_, contents, err := message.Next()
	if err != nil {
		return 0, nil, err
	}
	result := ber.NewReader(contents)
	if code, err = result.Int(ber.Enumerated); err != nil {
		return 0, nil, err
	}
	for !result.Done() {
		tag, contents, err := result.Next()
		if err != nil {
			return 0, nil, err
		}
		if tag == ber.Context|11 {
			value = contents
		}
	}
	return code, value, nil
}

func simpleBind(name, password string) []byte {
	b, start := ber.Begin(nil, ber.Application|ber.Constructed)
	b = ber.AppendString(ber.AppendInt(b, ber.Integer, 3), ber.OctetString, name)
	return ber.End(ber.AppendString(b, ber.Context, password), start)
}

func saslBind(mechanism string, credentials []byte) []byte {
	b, start := ber.Begin(nil, ber.Application|ber.Constructed)
	b = ber.AppendString(ber.AppendInt(b, ber.Integer, 3), ber.OctetString, "")
	b, inner := ber.Begin(b, ber.Context|ber.Constructed|3)
	b = ber.AppendString(b, ber.OctetString, mechanism)
	if credentials != nil {
		b = ber.AppendBytes(b, ber.OctetString, credentials)
	}
	return ber.End(ber.End(b, inner), start)
}

func extended(oid string, value []byte) []byte {
	b, start := ber.Begin(nil, ber.Application|ber.Constructed|23)
	return ber.End(ber.AppendBytes(ber.AppendString(b, ber.Context, oid), ber.Context|1, value), start)
}

// generate makes a TOTP secret with what is taken for the user's password.
func generate(password string) []byte {
	id := "dn:" + abusedUser
	return extended(wire.GenerateTOTPSharedSecretOID, wire.GenerateTOTPSharedSecretRequest{AuthenticationID: &id, StaticPassword: []byte(password)}.Encode())
}

// enrol gives the user a secret and has a code of it accepted.
func (a *abused) enrol(t *testing.T) (secret []byte) {
	t.Helper()
	c, err := a.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	code, value, err := c.ask(generate("password"))
	if err != nil || code != 0 {
		t.Fatal(code, err)
	}
	response, err := wire.DecodeGenerateTOTPSharedSecretResponse(value)
	if err == nil {
		secret, err = totp.DecodeSecret(response.TOTPSharedSecret)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, _, err := c.ask(simpleBind(abusedUser, "password"+a.codeOf(t, secret, -1))); err != nil || code != 0 {
		t.Fatal(code, err)
	}
	return secret
}

func (a *abused) codeOf(t *testing.T, secret []byte, offset int64) string {
	t.Helper()
	var p totp.Parameters
	code, err := p.Code(secret, p.Step(a.now)+offset)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Whatever is done with a secret, neither the data folder nor a backup nor the
// log at its most talkative holds it.
func TestNoFileHoldsASecret(t *testing.T) {
	a := newAbused(t, "--set", "log.level=debug")
	secret := a.enrol(t)
	text := totp.EncodeSecret(secret)
	code := a.codeOf(t, secret, 0)
	c, err := a.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	id := "dn:" + abusedUser
	lower, most := strings.ToLower(text), text[:len(text)-1]
	for _, row := range []struct {
		rule      string
		operation []byte
		want      int64
	}{
		{"wrong password", simpleBind(abusedUser, "wrongword"+code), 49},
		{"spent code", simpleBind(abusedUser, "password"+code), 49},
		{"the secret for a password", simpleBind(abusedUser, text), 49},
		{"a bind with bad credentials", saslBind(sasl.UnboundIDTOTP, secret), 2},
		{"most of the secret", extended(wire.RevokeTOTPSharedSecretOID, wire.RevokeTOTPSharedSecretRequest{AuthenticationID: &id, TOTPSharedSecret: &most}.Encode()), 49},
		{"another's secret", extended(wire.RevokeTOTPSharedSecretOID, wire.RevokeTOTPSharedSecretRequest{TOTPSharedSecret: &lower}.Encode()), 53},
	} {
		if code, _, err := c.ask(row.operation); err != nil || code != row.want {
			t.Errorf("%s: %d, %v; want %d", row.rule, code, err, row.want)
		}
	}
	run := func(args ...string) {
		t.Helper()
		cmd := exec.Command("tallystick", args...)
		cmd.Dir = a.folder
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		} else if err := os.WriteFile(filepath.Join(a.folder, args[0]+".out"), out, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run("keys", "rotate")
	if err := a.hangUp("sealed TOTP secrets"); err != nil {
		t.Fatal(err)
	}
	if err := a.stop(); err != nil {
		t.Fatal(err)
	}
	run("check")
	run("audit", "verify")
	run("backup", "saved")
	if err := os.WriteFile(filepath.Join(a.folder, "server.out"), []byte(a.output.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	forms := map[string][]byte{
		"octets":     secret,
		"base32":     []byte(text),
		"lower case": []byte(lower),
		"hex":        []byte(hex.EncodeToString(secret)),
		"base64":     []byte(base64.StdEncoding.EncodeToString(secret)[:24]),
		"password":   []byte("wrongword"),
	}
	files := 0
	err = filepath.WalkDir(a.folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		contents, err := io.ReadAll(f)
		files++
		for form, octets := range forms {
			if bytes.Contains(contents, octets) {
				t.Errorf("%s holds the secret: %s", strings.TrimPrefix(path, a.folder), form)
			}
		}
		return err
	})
	if err != nil || files < 5 {
		t.Errorf("%d files, %v", files, err)
	}
	for _, name := range []string{"saved", "server.out", "data/keys/totp.keyset"} {
		if info, err := os.Stat(filepath.Join(a.folder, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}
