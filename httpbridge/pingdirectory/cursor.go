package pingdirectory

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
)

// cursors seals what a search needs to go on, so that nothing of it is kept
// here, nobody can make one up, and a filter that was sent in a body is not
// read out of a link. The key is made at the start and dies with the process.
type cursors struct{ sealer cipher.AEAD }

func newCursors() cursors {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // of the key's length only
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return cursors{gcm}
}

// page is where a search is to go on.
type page struct {
	Base      string
	Search    searchFor
	Cookie    []byte // of the LDAP server; empty: there is none that could be sent
	Delivered int    // entries on the pages before it
}

func (c cursors) seal(p page) string {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings and octets always can be
	}
	return base64.RawURLEncoding.EncodeToString(c.sealer.Seal(nil, nil, b, nil))
}

func (c cursors) open(text string) (page, error) {
	var p page
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		b, err = c.sealer.Open(nil, nil, b, nil)
	}
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil {
		return page{}, errCursor
	}
	return p, nil
}
