package directory

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"tallystick/directory/store"
)

// Every credential of a user has a serial number, by which a help desk finds it
// without knowing whose it is, and most have the number of a device they are in.
// Hardware tokens bring theirs. To others the server gives what looks like
// SecurID's: nine random digits for the device, and for the serial number a 0
// before them and two digits behind, which count the secrets on that device.

// FoundTOTP is a credential that was found by a number.
type FoundTOTP struct {
	Owner string // DN of the user
	TOTPCredential
}

// FindTOTP tells of the credentials with a serial or device number, whoever's
// they are; none is no error. Who asks needs password-reset. Errors:
// insufficientAccessRights, also if all of them are of users with privileges
// and who lacks bypass-acl.
func (d *Directory) FindTOTP(ctx context.Context, who Requester, number string) ([]FoundTOTP, error) {
	if number == "" {
		return nil, Errorf(ConstraintViolation, "a serial or device number is needed")
	}
	if err := checkCredentialText("number", number); err != nil {
		return nil, err
	}
	var found []FoundTOTP
	err := d.view(ctx, func(r store.Reader) error {
		found = nil
		may, err := d.privilegesOf(r, who)
		if err != nil {
			return err
		}
		if !may.passwordReset {
			return errNoAccess
		}
		owners, err := ownersOf(r, number)
		if err != nil {
			return err
		}
		var refused error
		for _, id := range owners {
			list, err := d.numbered(r, who, id, number)
			if errors.Is(err, InsufficientAccessRights) {
				refused = err
				continue
			}
			if errors.Is(err, NoSuchObject) { // for who asks there is none
				continue
			}
			if err != nil {
				return err
			}
			found = append(found, list...)
		}
		if found == nil {
			return refused
		}
		return nil
	})
	return found, err
}

// ownersOf returns the entries whose credentials may have the number.
func ownersOf(r store.Reader, number string) ([]entryID, error) {
	var owners []entryID
	prefix := numberPrefix(number)
	scan := store.Prefix(prefix)
	scan.KeysOnly = true
	err := r.Scan(scan, func(key, _ []byte) bool {
		if len(key) > len(prefix)+8 {
			owners = append(owners, idAtEnd(key[:len(prefix)+8]))
		}
		return true
	})
	return slices.Compact(owners), err
}

// numbered returns those credentials of a user that have the number.
func (d *Directory) numbered(r store.Reader, who Requester, id entryID, number string) ([]FoundTOTP, error) {
	name, err := d.nameOf(r, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	dn, err := d.parseDN(name)
	if err != nil {
		return nil, err
	}
	if err := d.mayReset(r, who, account{id, dn}); err != nil {
		return nil, err
	}
	u, err := d.readUser(r, account{id, dn})
	if err != nil {
		return nil, err
	}
	var found []FoundTOTP
	for _, c := range u.credentials {
		if c.token == nil && (c.serial == number || c.device == number) {
			found = append(found, FoundTOTP{name, c.told()})
		}
	}
	return found, nil
}

// maxOnDevice is how many secrets one device may have had, as serial numbers
// have it.
const maxOnDevice = 99

// number gives numbers to those credentials that are to be written and have
// none.
func (u *user) number(w store.Writer) error {
	for c := range u.changed {
		if err := c.number(takenIn(w)); err != nil {
			return err
		}
	}
	return nil
}

// number gives c a serial number if it has none, and with it a device number.
func (c *credential) number(taken takenNumber) error {
	if c.oath || c.serial != "" {
		return nil
	}
	c.indexed = false
	if c.device == "" {
		device, err := freeDevice(taken)
		if err != nil {
			return err
		}
		c.device = device
	}
	for n := 1; n <= maxOnDevice && c.serial == ""; n++ {
		serial := fmt.Sprintf("0%s%02d", c.device, n)
		taken, err := taken(serial)
		if err != nil {
			return err
		}
		if !taken && len(serial) <= maxCredentialText {
			c.serial = serial
		}
	}
	return nil
}

// takenNumber reports whether a credential has the number.
type takenNumber func(number string) (bool, error)

// takenIn looks among the credentials of r.
func takenIn(r store.Reader) takenNumber {
	return func(number string) (bool, error) {
		owners, err := ownersOf(r, number)
		return len(owners) > 0, err
	}
}

// freeDevice is a number that no device has.
func freeDevice(taken takenNumber) (string, error) {
	const first, numbers = 100_000_000, 900_000_000
	for {
		n, err := rand.Int(rand.Reader, big.NewInt(numbers))
		if err != nil {
			return "", err
		}
		device := fmt.Sprint(first + n.Int64())
		if taken, err := taken(device); err != nil || !taken {
			return device, err
		}
	}
}

// numbers are what the index of numbers has of c.
func (c *credential) numbers() []string {
	var list []string
	for _, number := range []string{c.device, c.serial} {
		if number != "" && !c.oath && !slices.Contains(list, number) {
			list = append(list, number)
		}
	}
	return list
}

// putCredential stores a credential of an entry.
func putCredential(w interface{ Set(key, value []byte) }, id entryID, c *credential) {
	w.Set(credentialKey(id, c.id), c.encode())
	if c.indexed { // as ever since it was made
		return
	}
	for _, number := range c.numbers() {
		w.Set(numberKey(number, id, c.id), nil)
	}
}

// dropCredential removes a credential of an entry.
func dropCredential(w store.Writer, id entryID, c *credential) {
	w.Delete(credentialKey(id, c.id))
	for _, number := range c.numbers() {
		w.Delete(numberKey(number, id, c.id))
	}
}

// dropNumbers removes the numbers of all credentials of an entry, whatever they
// were.
func dropNumbers(w store.Writer, id entryID) error {
	var keys [][]byte
	all := store.Prefix([]byte{numberSpace})
	all.KeysOnly = true
	err := w.Scan(all, func(key, _ []byte) bool {
		if _, owner, _ := splitNumberKey(key); owner == id {
			keys = append(keys, slices.Clone(key))
		}
		return true
	})
	for _, key := range keys {
		w.Delete(key)
	}
	return err
}

// splitNumberKey takes a key of the index of numbers apart. A malformed one is
// nobody's.
func splitNumberKey(key []byte) (number string, owner entryID, credentialID string) {
	text, rest, _ := bytes.Cut(key[1:], []byte{0})
	if len(rest) <= 8 {
		return string(text), shadowIDs, ""
	}
	return string(text), idAtEnd(rest[:8]), string(rest[8:])
}

// checkNumbers tells fault of every number of a credential that the index does
// not have, and of every one it has that no credential has.
func checkNumbers(ctx context.Context, r store.Reader, fault func(string)) error {
	read := func(value []byte) (c credential) {
		if c.decode(value) != nil {
			return credential{} // told elsewhere
		}
		return c
	}
	err := scanAll(ctx, r, credentialSpace, func(key, value []byte) error {
		if len(key) <= 9 {
			return nil
		}
		c := read(value)
		for _, number := range c.numbers() {
			_, err := r.Get(numberKey(number, idAtEnd(key[:9]), string(key[9:])))
			if errors.Is(err, store.ErrNotFound) {
				fault(fmt.Sprintf("credential %s of entry %d: number %q is not in the index", key[9:], idAtEnd(key[:9]), number))
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return scanAll(ctx, r, numberSpace, func(key, _ []byte) error {
		number, owner, id := splitNumberKey(key)
		value, err := r.Get(credentialKey(owner, id))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		c := read(value)
		if err != nil || !slices.Contains(c.numbers(), number) && len(c.sealed) > 0 {
			fault(fmt.Sprintf("number %q is of credential %s of entry %d, which does not have it", number, id, owner))
		}
		return nil
	})
}
