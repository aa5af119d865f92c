package seeds

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"hash"
	"strings"

	"tallystick/directory/seal"
)

// How PSKC encrypts (RFC 6030, section 6): values by AES-CBC under a key that
// both sides know, or that comes from a passphrase; beside each value the MAC
// of its initialization vector and ciphertext, under a key that stands,
// encrypted likewise, at the head of the file.

type pskcEncryptionKey struct {
	Derived *struct {
		Method struct {
			Algorithm string `xml:"Algorithm,attr"`
			PBKDF2    struct {
				Salt struct {
					Specified string
				}
				Iterations int `xml:"IterationCount"`
				KeyLength  int
				PRF        struct {
					Algorithm string `xml:"Algorithm,attr"`
				}
			} `xml:"PBKDF2-params"`
		} `xml:"KeyDerivationMethod"`
	} `xml:"DerivedKey"`
	X509 *struct{} `xml:"X509Data"`
}

type pskcMACMethod struct {
	Algorithm string         `xml:"Algorithm,attr"`
	Key       *pskcEncrypted `xml:"MACKey"` // nil: the encryption key
}

type pskcEncrypted struct {
	Method struct {
		Algorithm string `xml:"Algorithm,attr"`
	} `xml:"EncryptionMethod"`
	Value string `xml:"CipherData>CipherValue"`
}

// pskcOpener opens the values of one file.
type pskcOpener struct {
	key, mac seal.Secret      // key is nil if nothing is encrypted
	hash     func() hash.Hash // nil: there is no MAC
}

func (o *pskcOpener) wipe() {
	o.key.Wipe()
	o.mac.Wipe()
}

// maxIterations is the most that a passphrase is hashed: some seconds of work.
const maxIterations = 5_000_000

var (
	errPSKCKey    = errors.New("the key or the passphrase is not right, or the file was changed")
	errPSKCCipher = errors.New("encrypted otherwise than by AES-CBC")
)

// opener makes the keys of a container from what was given.
func (c *pskcContainer) opener(keys Keys) (*pskcOpener, error) {
	o := &pskcOpener{}
	var err error
	switch e := c.EncryptionKey; {
	case e == nil:
		return o, nil
	case e.X509 != nil:
		return nil, errors.New("the file is encrypted for a certificate, which is not supported: have it encrypted with a key or a passphrase")
	case e.Derived != nil:
		o.key, err = e.derive(keys.Passphrase)
	case keys.PreShared == nil:
		err = errors.New("the file is encrypted with a pre-shared key, which was not given")
	default:
		o.key = bytes.Clone(keys.PreShared)
	}
	if err != nil || c.MACMethod == nil {
		return o, err
	}
	if o.hash = hmacHash(c.MACMethod.Algorithm); o.hash == nil {
		return nil, errors.New("the MAC of the file is of an unknown kind")
	}
	o.mac = bytes.Clone(o.key)
	if c.MACMethod.Key != nil {
		cipherText, err := xmlBase64(c.MACMethod.Key.Value)
		if err != nil {
			return nil, errPSKCKey
		}
		if o.mac, err = o.decrypt(c.MACMethod.Key.Method.Algorithm, cipherText); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// derive makes the key from the passphrase, by PBKDF2 (RFC 8018).
func (e *pskcEncryptionKey) derive(passphrase func() ([]byte, error)) (seal.Secret, error) {
	p := e.Derived.Method.PBKDF2
	prf := sha1.New
	if p.PRF.Algorithm != "" {
		prf = hmacHash(p.PRF.Algorithm)
	}
	salt, err := xmlBase64(p.Salt.Specified)
	if p.KeyLength == 0 {
		p.KeyLength = 16
	}
	if !strings.HasSuffix(strings.ToLower(e.Derived.Method.Algorithm), "pbkdf2") || prf == nil || err != nil ||
		p.Iterations < 1 || p.Iterations > maxIterations || p.KeyLength < 16 || p.KeyLength > 32 {
		return nil, errors.New("how the key comes from the passphrase is not understood")
	}
	if passphrase == nil {
		return nil, errors.New("the file is encrypted with a passphrase, which was not given")
	}
	text, err := passphrase()
	if err != nil {
		return nil, err
	}
	return pbkdf2.Key(prf, string(text), salt, p.Iterations, p.KeyLength)
}

// hmacHash is the hash of a MAC, by the end of its URI; nil if it is not known.
func hmacHash(uri string) func() hash.Hash {
	_, name, _ := strings.Cut(strings.ToLower(uri), "#")
	switch strings.ReplaceAll(name, "-", "") {
	case "hmacsha1":
		return sha1.New
	case "hmacsha256":
		return sha256.New
	case "hmacsha512":
		return sha512.New
	}
	return nil
}

// open is a value that was encrypted. Without a MAC it is not believed:
// whoever can change the file could change the secret.
func (o *pskcOpener) open(v pskcValue) (seal.Secret, error) {
	if o.key == nil {
		return nil, errors.New("encrypted, and the file does not say how")
	}
	if o.hash == nil || strings.TrimSpace(v.MAC) == "" {
		return nil, errors.New("encrypted without a MAC")
	}
	cipherText, err1 := xmlBase64(v.Encrypted.Value)
	want, err2 := xmlBase64(v.MAC)
	if err1 != nil || err2 != nil {
		return nil, errPSKCSecret
	}
	mac := hmac.New(o.hash, o.mac)
	mac.Write(cipherText)
	if !hmac.Equal(mac.Sum(nil), want) {
		return nil, errPSKCKey
	}
	return o.decrypt(v.Encrypted.Method.Algorithm, cipherText)
}

// decrypt undoes AES-CBC (XML Encryption, section 5.2): the initialization
// vector stands before the ciphertext, the last octet says how many are padding.
func (o *pskcOpener) decrypt(algorithm string, b []byte) (seal.Secret, error) {
	switch strings.TrimSpace(algorithm) {
	case "http://www.w3.org/2001/04/xmlenc#aes128-cbc", "http://www.w3.org/2001/04/xmlenc#aes192-cbc", "http://www.w3.org/2001/04/xmlenc#aes256-cbc":
	default:
		return nil, errPSKCCipher
	}
	block, err := aes.NewCipher(o.key)
	if err != nil {
		return nil, errors.New("the key has to be of 16, 24 or 32 octets")
	}
	if len(b) < 2*aes.BlockSize || len(b)%aes.BlockSize != 0 {
		return nil, errPSKCKey
	}
	plain := make(seal.Secret, len(b)-aes.BlockSize)
	cipher.NewCBCDecrypter(block, b[:aes.BlockSize]).CryptBlocks(plain, b[aes.BlockSize:])
	padding := int(plain[len(plain)-1])
	if padding < 1 || padding > aes.BlockSize {
		plain.Wipe()
		return nil, errPSKCKey
	}
	return plain[:len(plain)-padding], nil
}
