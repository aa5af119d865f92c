//go:build cgo

package pkcs11

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"sync"

	"github.com/miekg/pkcs11"
)

// library is held while a library is loaded: a process initializes one only
// once at a time.
var library sync.Mutex

// token is a session with a token in which the user is logged in.
type token struct {
	module  *pkcs11.Ctx
	session pkcs11.SessionHandle
	key     pkcs11.ObjectHandle
}

// public is the public half of the key.
func (k *Key) public() (public *rsa.PublicKey, err error) {
	err = k.withToken(func(t *token) error {
		parts, err := t.module.GetAttributeValue(t.session, t.key, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_MODULUS, nil),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, nil),
		})
		if err != nil {
			return tokenError("reading the public key", err)
		}
		exponent := new(big.Int).SetBytes(parts[1].Value)
		if exponent.BitLen() > 31 {
			return errors.New("pkcs11: the key has an exponent that is not supported")
		}
		public = &rsa.PublicKey{N: new(big.Int).SetBytes(parts[0].Value), E: int(exponent.Int64())}
		return nil
	})
	return public, err
}

// decrypt has the token open what was encrypted with its public key.
func (k *Key) decrypt(wrapped []byte) (plain []byte, err error) {
	oaep := pkcs11.NewOAEPParams(pkcs11.CKM_SHA_1, pkcs11.CKG_MGF1_SHA1, pkcs11.CKZ_DATA_SPECIFIED, nil)
	mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_RSA_PKCS_OAEP, oaep)}
	err = k.withToken(func(t *token) (err error) {
		if err := t.module.DecryptInit(t.session, mechanism, t.key); err != nil {
			return tokenError("decrypting", err)
		}
		plain, err = t.module.Decrypt(t.session, wrapped)
		return tokenError("decrypting", err)
	})
	return plain, err
}

// withToken runs fn with the token that has the key.
func (k *Key) withToken(fn func(*token) error) (err error) {
	library.Lock()
	defer library.Unlock()
	module := pkcs11.New(k.module)
	if module == nil {
		return fmt.Errorf("pkcs11: %s cannot be loaded", k.module)
	}
	defer module.Destroy()
	if err := module.Initialize(); err != nil {
		return tokenError("starting the library", err)
	}
	defer func() { err = errors.Join(err, tokenError("ending the library", module.Finalize())) }()
	slot, err := k.slot(module)
	if err != nil {
		return err
	}
	session, err := module.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION)
	if err != nil {
		return tokenError("opening a session", err)
	}
	defer func() { err = errors.Join(err, tokenError("closing the session", module.CloseSession(session))) }()
	if k.pin != "" {
		pin, err := readPIN(k.pin)
		if err != nil {
			return err
		}
		if err := module.Login(session, pkcs11.CKU_USER, pin); err != nil {
			return tokenError("logging in", err)
		}
		defer func() { err = errors.Join(err, tokenError("logging out", module.Logout(session))) }()
	}
	t := &token{module: module, session: session}
	if t.key, err = t.find(k); err != nil {
		return err
	}
	return fn(t)
}

// slot is the slot of the one token that is meant.
func (k *Key) slot(module *pkcs11.Ctx) (uint, error) {
	slots, err := module.GetSlotList(true)
	if err != nil {
		return 0, tokenError("listing the tokens", err)
	}
	var found []uint
	for _, slot := range slots {
		info, err := module.GetTokenInfo(slot)
		if err != nil {
			continue // it was pulled out
		}
		is := map[string]string{
			"token": info.Label, "serial": info.SerialNumber, "manufacturer": info.ManufacturerID, "model": info.Model,
		}
		fits := true
		for name, want := range k.token {
			fits = fits && is[name] == want
		}
		if fits {
			found = append(found, slot)
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("pkcs11: %d tokens are what the URI describes", len(found))
	}
	return found[0], nil
}

// find returns the one private RSA key that the URI describes.
func (t *token) find(k *Key) (pkcs11.ObjectHandle, error) {
	template := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_RSA),
	}
	if k.label != "" {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_LABEL, k.label))
	}
	if k.id != "" {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_ID, k.id))
	}
	if err := t.module.FindObjectsInit(t.session, template); err != nil {
		return 0, tokenError("looking for the key", err)
	}
	found, _, err := t.module.FindObjects(t.session, 2)
	if err := errors.Join(err, t.module.FindObjectsFinal(t.session)); err != nil {
		return 0, tokenError("looking for the key", err)
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return 0, errors.New("pkcs11: the token has no private RSA key as the URI describes it")
	default:
		return 0, errors.New("pkcs11: the token has more than one private RSA key as the URI describes it")
	}
}

// tokenError says what was going on; nil stays nil.
func tokenError(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("pkcs11: %s: %w", doing, err)
}
