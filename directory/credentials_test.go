package directory

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"tallystick/directory/password"
	"tallystick/directory/seal"
	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// house is a directory with people, a clock that can be set and a log that can
// be read. Everybody's password is "secret".
//
//	ann, bob  users
//	help      password-reset
//	proxy     proxied-auth
//	admin     bypass-acl, password-reset
type house struct {
	*Directory
	t      *testing.T
	folder string
	config func(*Config)

	mu  sync.Mutex // guards now
	now time.Time
	log *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

const secretWord = "secret"

func newHouse(t *testing.T, change ...func(*CredentialsConfig)) *house {
	t.Helper()
	keyset, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, folder: t.TempDir(), now: time.Unix(1_700_000_010, 0), log: new(lockedBuffer)}
	h.config = func(c *Config) {
		c.Credentials = CredentialsConfig{Keyset: keyset, Scheme: password.SSHA}
		for _, f := range change {
			f(&c.Credentials)
		}
		c.Log = slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Now = func() time.Time {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.now
		}
	}
	h.Directory = openDirectory(t, h.folder, h.config)
	addPeople(t, h.Directory)
	for uid, privileges := range map[string][]string{
		"ann": nil, "bob": nil, "help": {"password-reset"}, "proxy": {"proxied-auth"}, "admin": {"bypass-acl", "password-reset"},
	} {
		lines := []string{"objectClass: inetOrgPerson", "cn: " + uid, "sn: x", "uid: " + uid, "userPassword: " + secretWord}
		for _, p := range privileges {
			lines = append(lines, "ds-privilege-name: "+p)
		}
		mustAdd(t, h.Directory, person(uid), lines...)
	}
	return h
}

// advance moves the clock.
func (h *house) advance(by time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(by)
}

// restart closes the store and opens it again.
func (h *house) restart() {
	h.t.Helper()
	closeDirectory(h.t, h.Directory)
	h.Directory = openDirectory(h.t, h.folder, h.config)
}

// bind is a simple bind over a connection of nobody's.
func (h *house) bind(dn, password string) (Requester, error) {
	return h.Bind(context.Background(), Requester{}, &BindRequest{Version: 3, Name: dn, Password: []byte(password)})
}

// as is a requester who authenticated by password.
func as(uid string) Requester { return Requester{DN: person(uid), How: ByPassword} }

func id(text string) *string { return &text }

// enrol gives a user a secret by password, or by root where that is not
// enough.
func (h *house) enrol(uid string) (secret string) {
	h.t.Helper()
	secret, err := h.GenerateTOTPSharedSecret(context.Background(), root, id("dn:"+person(uid)), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return secret
}

// activate has a code of the secret accepted, a step ago as far as later codes
// are concerned.
func (h *house) activate(uid, secret string) {
	h.t.Helper()
	if err := h.ValidateTOTPPassword(context.Background(), root, person(uid), h.code(secret, 0)); err != nil {
		h.t.Fatal(err)
	}
	h.advance(totp.DefaultPeriod)
}

// code is the code of a secret some steps from now.
func (h *house) code(secret string, offset int64) string {
	h.t.Helper()
	key, err := totp.DecodeSecret(secret)
	if err != nil {
		h.t.Fatal(err)
	}
	var p totp.Parameters
	code, err := p.Code(key, p.Step(h.Directory.now())+offset)
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

// want fails the test unless err is of the code.
func (h *house) want(what string, err error, code ResultCode) {
	h.t.Helper()
	if Result(err).ResultCode != code {
		h.t.Errorf("%s: %v; want %v", what, err, code)
	}
}

// credentialsOf reads what is stored for a user.
func (h *house) credentialsOf(uid string) []*credential {
	h.t.Helper()
	var list []*credential
	if err := h.view(uid, func(u *user) { list = u.credentials }); err != nil {
		h.t.Fatal(err)
	}
	return list
}

func (h *house) failures(uid string) int {
	h.t.Helper()
	var n int
	if err := h.view(uid, func(u *user) { n = u.attempts.failures }); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *house) view(uid string, fn func(*user)) error {
	dn, err := h.parseDN(person(uid))
	if err != nil {
		return err
	}
	return h.store.View(context.Background(), func(r store.Reader) error {
		a, err := h.accountOf(r, dn)
		if err != nil {
			return err
		}
		u, err := h.readUser(r, a)
		if err == nil {
			fn(u)
		}
		return err
	})
}

func TestOpenRefusesASchemeItCannotWrite(t *testing.T) {
	var c credentials
	err := c.open(t.Context(), &Directory{cfg: Config{Credentials: CredentialsConfig{Scheme: "CRYPT"}}})
	if !errors.Is(err, password.ErrScheme) {
		t.Errorf("%v", err)
	}
}

// Nothing of what must stay secret reaches the log, whatever happens.
func TestLogHoldsNoSecret(t *testing.T) {
	h := newHouse(t)
	ctx := context.Background()
	secret := h.enrol("ann")
	h.activate("ann", secret)
	code := h.code(secret, 0)
	_, err := h.bind(person("ann"), "wrongword"+code)
	h.want("wrong password", err, InvalidCredentials)
	_, err = h.bind(person("ann"), secretWord+code)
	h.want("spent code", err, InvalidCredentials)
	text := err.Error()
	err = h.RevokeTOTPSharedSecret(ctx, Requester{}, id("u:ann"), nil, id("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"))
	h.want("wrong secret", err, InvalidCredentials)
	text += err.Error()
	h.credentials.cfg.Keyset, err = seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.bind(person("ann"), secretWord+h.code(secret, 1))
	h.want("lost keyset", err, InvalidCredentials)
	if h.log.String() == "" {
		t.Error("nothing about the keyset was logged")
	}
	h.config(&h.cfg) // the right keyset again, for the check at the end
	h.credentials.cfg.Keyset = h.cfg.Credentials.Keyset
	for _, leak := range []string{secret, code, secretWord + code, "wrongword", "GEZDGNBV", strings.ToLower(secret)} {
		if strings.Contains(h.log.String()+text, leak) {
			t.Errorf("%q was logged", leak)
		}
	}
}
