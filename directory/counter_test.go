package directory

import (
	"context"
	"errors"
	"testing"
	"time"

	"tallystick/directory/seal"
	"tallystick/directory/totp"
)

// counted are the parameters of a counter-based token, and countedKey is its secret.
var (
	counted    = totp.Parameters{Counter: true}
	countedKey = seal.Secret("a secret that counts")
)

// giveCounter imports a counter-based token for ann.
func (h *house) giveCounter(next int64) (id string) {
	h.t.Helper()
	done, err := h.importFor(ImportRequest{Key: countedKey, Parameters: counted, Counter: next})
	if err != nil {
		h.t.Fatal(err)
	}
	return done.ID
}

// counterCode is what the token shows.
func (h *house) counterCode(counter int64) string {
	h.t.Helper()
	code, err := counted.Code(countedKey, counter)
	if err != nil {
		h.t.Fatal(err)
	}
	return code
}

func (h *house) bindCounter(counter int64) error {
	h.t.Helper()
	_, err := h.bind(person("ann"), secretWord+h.counterCode(counter))
	return err
}

func TestCounterBased(t *testing.T) {
	h := newHouse(t, unlimited)
	h.giveCounter(4)
	_, err := h.bind(person("ann"), secretWord)
	h.want("the password alone", err, InvalidCredentials)
	for _, row := range []struct {
		rule    string
		counter int64
		want    ResultCode
	}{
		{"used before the import", 3, InvalidCredentials},
		{"the next", 4, Success},
		{"again", 4, InvalidCredentials},
		{"the one behind it", 5, Success},
		{"some skipped", 12, Success},
		{"a skipped one", 8, InvalidCredentials},
		{"too far ahead", 23, InvalidCredentials},
		{"the last one that is looked for", 22, Success},
	} {
		h.want(row.rule, h.bindCounter(row.counter), row.want)
		h.advance(48 * time.Hour) // time says nothing
	}
	h.restart()
	h.want("again after a restart", h.bindCounter(22), InvalidCredentials)
	for _, door := range h.doors("ann") {
		h.want("again, "+door.name, door.show(secretWord, h.counterCode(22)), InvalidCredentials)
	}
	for n, door := range h.doors("ann") {
		h.want(door.name, door.show(secretWord, h.counterCode(23+int64(n))), Success)
	}
}

// A code that somebody used is told to be used, not to be wrong.
func TestCounterReplayIsAudited(t *testing.T) {
	h := newHouse(t)
	h.giveCounter(0)
	h.want("a code", h.bindCounter(0), Success)
	h.want("again", h.bindCounter(0), InvalidCredentials)
	if !h.audited(AuditAccepted, "") || !h.audited(AuditRefused, causeReplayed) {
		t.Errorf("the log says %q", h.auditLines(0))
	}
}

// A code beside a wrong password is spent like any other.
func TestCounterCodeIsSpent(t *testing.T) {
	h := newHouse(t, unlimited)
	h.giveCounter(0)
	_, err := h.bindTOTP("u:ann", "-", h.counterCode(0), "wrong")
	h.want("a wrong password", err, InvalidCredentials)
	h.want("its code", h.bindCounter(0), InvalidCredentials)
	h.want("the next one", h.bindCounter(1), Success)
}

func TestCounterResync(t *testing.T) {
	h := newHouse(t, unlimited)
	token := h.giveCounter(0)
	h.want("far ahead", h.bindCounter(500), InvalidCredentials)
	ctx, ann := context.Background(), Claim{AuthenticationID: id("u:ann"), StaticPassword: []byte(secretWord)}
	h.want("two that do not follow each other", h.ResyncTOTP(ctx, Requester{}, ann, token, h.counterCode(500), h.counterCode(502)), InvalidCredentials)
	h.want("two in a row", h.ResyncTOTP(ctx, Requester{}, ann, token, h.counterCode(500), h.counterCode(501)), Success)
	h.want("the same", h.ResyncTOTP(ctx, Requester{}, ann, token, h.counterCode(500), h.counterCode(501)), InvalidCredentials)
	h.want("the second of them", h.bindCounter(501), InvalidCredentials)
	h.want("the next", h.bindCounter(502), Success)
}

// An export takes the counter along.
func TestCounterMoves(t *testing.T) {
	h := newHouse(t)
	h.giveCounter(0)
	h.want("a code", h.bindCounter(3), Success)
	moved := newHouseWithout(t)
	if err := load(t, moved.Directory, export(t, h.Directory)); err != nil {
		t.Fatal(err)
	}
	moved.want("a used code elsewhere", moved.bindCounter(3), InvalidCredentials)
	moved.want("the next one elsewhere", moved.bindCounter(4), Success)
}

// After a restore nobody knows which codes were used since the backup: none is
// taken, nor two in a row that somebody saw, until an administrator asks for two.
func TestRestoreRevivesNoCounter(t *testing.T) {
	h := newHouse(t, unlimited)
	token := h.giveCounter(0)
	h.want("before the backup", h.bindCounter(0), Success)
	file := h.backUp()
	for n := range int64(5) {
		h.want("after the backup", h.bindCounter(1+n), Success)
	}
	r := h.restored(file)
	moved := newHouseWithout(t) // by export and import, which is no way round it
	if err := load(t, moved.Directory, export(t, r.Directory)); err != nil {
		t.Fatal(err)
	}
	moved.want("a used code elsewhere", moved.bindCounter(3), InvalidCredentials)
	moved.want("a new code elsewhere", moved.bindCounter(6), InvalidCredentials)

	r.advance(365 * 24 * time.Hour)
	for n := range int64(10) {
		if err := r.bindCounter(n); !errors.Is(err, InvalidCredentials) {
			t.Errorf("code %d: %v", n, err)
		}
	}
	_, err := r.bind(person("ann"), secretWord)
	r.want("the password alone", err, InvalidCredentials)
	ctx, ann := context.Background(), id("u:ann")
	resync := func(who Requester, c Claim, first int64) error {
		return r.ResyncTOTP(ctx, who, c, token, r.counterCode(first), r.counterCode(first+1))
	}
	r.want("two used ones beside the password", resync(Requester{}, Claim{AuthenticationID: ann, StaticPassword: []byte(secretWord)}, 3), InvalidCredentials)
	r.want("two used ones, by the user", resync(as("ann"), Claim{}, 3), InvalidCredentials)
	e, err := r.Explain(ctx, adminAsks, Claim{AuthenticationID: ann}, "ldap", "")
	if err != nil || len(e.Credentials) != 0 || e.Fault == "" {
		t.Errorf("explained as %+v, %v", e, err)
	}
	r.want("two in a row, by an administrator", resync(adminAsks, Claim{AuthenticationID: ann}, 6), Success)
	r.want("a used code", r.bindCounter(5), InvalidCredentials)
	r.want("the next", r.bindCounter(8), Success)
}

// Guesses are as rare as a counter-based token makes them likely: ten codes
// count where others have three, so they take ten thirds of the time.
func TestGuessesOfACounter(t *testing.T) {
	h := newHouse(t)
	h.giveCounter(0)
	for range 5 {
		_, err := h.bind(person("ann"), secretWord+"000000")
		h.want("a guess", err, InvalidCredentials)
	}
	h.advance(totp.LookAhead*totp.DefaultPeriod - time.Second)
	h.want("too early", h.bindCounter(0), InvalidCredentials)
	h.advance(totp.LookAhead * totp.DefaultPeriod)
	h.want("later", h.bindCounter(0), Success)
}
