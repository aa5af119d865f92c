package directory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"tallystick/directory/seal"
	"tallystick/directory/store"
	"tallystick/directory/totp"
)

// rotate gives the house's keyset one key more.
func (h *house) rotate() {
	h.t.Helper()
	k, err := h.credentials.cfg.Keyset.Rotated()
	if err == nil {
		err = h.credentials.cfg.Keyset.Replace(k)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) reseal() Resealed {
	h.t.Helper()
	done, err := h.Reseal(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	return done
}

func TestReseal(t *testing.T) {
	h := newHouse(t, func(c *CredentialsConfig) { c.MaxCredentials = 1000 })
	keyset := h.credentials.cfg.Keyset
	var secrets []string
	for range 150 { // more than one transaction takes
		secrets = append(secrets, h.enrol("ann"))
	}
	if done := h.reseal(); done != (Resealed{Credentials: 150}) {
		t.Errorf("before a rotation: %+v", done)
	}
	h.rotate()
	h.enrol("bob")
	old, new := keyset.Keys()[0].ID, keyset.Keys()[1].ID
	sealed := func() map[uint32]int {
		t.Helper()
		count, err := h.SealedWith(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return count
	}
	if got, want := sealed(), (map[uint32]int{old: 150, new: 1}); !maps.Equal(got, want) {
		t.Errorf("after the rotation: %v; want %v", got, want)
	}
	err := h.ValidateTOTPPassword(t.Context(), root, person("ann"), h.code(secrets[0], 0))
	h.want("a secret of the old key", err, Success)
	from := h.auditNext()
	if done := h.reseal(); done != (Resealed{Credentials: 151, Anew: 150}) {
		t.Errorf("after a rotation: %+v", done)
	}
	if done := h.reseal(); done != (Resealed{Credentials: 151}) {
		t.Errorf("a second time: %+v", done)
	}
	key := fmt.Sprintf("(key %010d)", new)
	if got, want := h.auditLines(from), []string{"resealed " + key, "resealed " + key + " 150"}; !slices.Equal(got, want) {
		t.Errorf("the log says %q; want %q", got, want)
	}
	if got, want := sealed(), (map[uint32]int{new: 151}); !maps.Equal(got, want) {
		t.Errorf("in the end: %v; want %v", got, want)
	}
	without, err := keyset.Without(old)
	if err == nil {
		err = keyset.Replace(without)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets[1:3] {
		err := h.ValidateTOTPPassword(t.Context(), root, person("ann"), h.code(s, 0))
		h.want("without the old key", err, Success)
	}
	err = h.ValidateTOTPPassword(t.Context(), root, person("ann"), h.code(secrets[0], 0))
	h.want("a code that was spent before", err, InvalidCredentials)
}

// Logging in goes on while secrets are sealed anew, and no accepted code comes
// to life again.
func TestResealWhileServing(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	var resealing, serving sync.WaitGroup
	stop := make(chan struct{})
	resealing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				h.rotate()
				h.reseal()
			}
		}
	})
	serving.Go(func() {
		for range 50 {
			code := h.code(secret, 0)
			_, err := h.bind(person("ann"), secretWord+code)
			h.want("a new code", err, Success)
			_, err = h.bind(person("ann"), secretWord+code)
			h.want("the same code", err, InvalidCredentials)
			h.advance(totp.DefaultPeriod)
		}
	})
	serving.Wait()
	close(stop)
	resealing.Wait()
}

// A secret that does not open is told of, and stays for whoever has its key.
func TestResealWhatDoesNotOpen(t *testing.T) {
	h := newHouse(t)
	h.enrol("ann")
	mine := h.credentials.cfg.Keyset
	other, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	h.credentials.cfg.Keyset = other
	if done := h.reseal(); done != (Resealed{Credentials: 1, Closed: 1}) {
		t.Errorf("%+v", done)
	}
	h.credentials.cfg.Keyset = mine
	if done := h.reseal(); done != (Resealed{Credentials: 1}) {
		t.Errorf("%+v", done)
	}
}

// A credential is sealed for its owner and its id: a record that is copied to
// another place in the database opens nothing there.
func TestCopiedCredentialDoesNotOpen(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	idOf := func(uid string) (id entryID) {
		if err := h.view(uid, func(u *user) { id = u.id }); err != nil {
			t.Fatal(err)
		}
		return id
	}
	ann, bob := idOf("ann"), idOf("bob")
	c := h.credentialsOf("ann")[0]
	move := func(fn func(w store.Writer) error) {
		t.Helper()
		if err := h.store.Update(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	// To bob, as completely as somebody who may write the database can.
	var before [2][]byte
	move(func(w store.Writer) error {
		for i, key := range [][]byte{entryKey(bob), attemptKey(bob)} {
			value, err := w.Get(key)
			if err == nil {
				before[i] = slices.Clone(value)
			}
		}
		rec, err := readRecord(w, bob)
		if err != nil {
			return err
		}
		rec.enrolled = true
		w.Set(entryKey(bob), rec.encode())
		w.Set(attemptKey(bob), attempts{credentials: 1}.encode())
		c.indexed = false
		putCredential(w, bob, c)
		return nil
	})
	_, err := h.bind(person("bob"), secretWord+h.code(secret, 0))
	h.want("bob with ann's code", err, InvalidCredentials)
	_, err = h.bindTOTP("u:bob", "-", h.code(secret, 0), secretWord)
	h.want("bob with ann's code, by UNBOUNDID-TOTP", err, InvalidCredentials)
	h.want("bob with ann's secret", h.RevokeTOTPSharedSecret(t.Context(), Requester{}, id("u:bob"), nil, &secret), InvalidCredentials)
	var faults []string
	if _, err := h.Check(t.Context(), func(f string) { faults = append(faults, f) }); err != nil {
		t.Fatal(err)
	}
	if want := []string{fmt.Sprintf("credential %s of entry %d: %v", c.id, bob, seal.ErrSealed)}; !slices.Equal(faults, want) {
		t.Errorf("check tells %q; want %q", faults, want)
	}
	move(func(w store.Writer) error {
		w.Set(entryKey(bob), before[0])
		w.Delete(attemptKey(bob))
		dropCredential(w, bob, c)
		return nil
	})
	// To another credential of ann's own.
	move(func(w store.Writer) error {
		w.Delete(credentialKey(ann, c.id))
		w.Set(credentialKey(ann, "another"), c.encode())
		return nil
	})
	_, err = h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("under another id", err, InvalidCredentials)
	move(func(w store.Writer) error {
		w.Delete(credentialKey(ann, "another"))
		w.Set(credentialKey(ann, c.id), c.encode())
		return nil
	})
	_, err = h.bind(person("ann"), secretWord+h.code(secret, 0))
	h.want("where it belongs", err, Success)
}
