package pkcs11

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/binary"
	"errors"
)

// An envelope is
//
//	the length of the next part, 2 bytes big-endian
//	the data key, 32 random octets, encrypted with the public key of the token:
//	RSAES-OAEP (RFC 8017, section 7.1) with its default parameters
//	nonce, ciphertext and tag of AES-256-GCM under the data key
//
// The default hash of OAEP is SHA-1, and some tokens know no other. What is
// needed of it here is not what SHA-1 has lost.

var errEnvelope = errors.New("pkcs11: not encrypted for this key")

// Encrypt encrypts plaintext so that only the token opens it again, given the
// same associatedData.
func (k *Key) Encrypt(plaintext, associatedData []byte) ([]byte, error) {
	public, err := k.public()
	if err != nil {
		return nil, err
	}
	dataKey := make([]byte, 32)
	if _, err := rand.Read(dataKey); err != nil {
		return nil, err
	}
	defer clear(dataKey)
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, dataKey, nil)
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(dataKey)
	if err != nil {
		return nil, err
	}
	b := binary.BigEndian.AppendUint16(nil, uint16(len(wrapped)))
	return aead.Seal(append(b, wrapped...), nil, plaintext, associatedData), nil
}

// Decrypt is the reverse of Encrypt.
func (k *Key) Decrypt(envelope, associatedData []byte) ([]byte, error) {
	if len(envelope) < 2 {
		return nil, errEnvelope
	}
	n := int(binary.BigEndian.Uint16(envelope))
	envelope = envelope[2:]
	if n > len(envelope) {
		return nil, errEnvelope
	}
	dataKey, err := k.decrypt(envelope[:n])
	if err != nil {
		return nil, err
	}
	defer clear(dataKey)
	aead, err := newAEAD(dataKey)
	if err != nil {
		return nil, errEnvelope
	}
	plaintext, err := aead.Open(nil, nil, envelope[n:], associatedData)
	if err != nil {
		return nil, errEnvelope
	}
	return plaintext, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
