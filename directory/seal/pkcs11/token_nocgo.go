//go:build !cgo

package pkcs11

import (
	"crypto/rsa"
	"errors"
)

// The libraries of tokens are called through cgo.
var errCgo = errors.New("pkcs11: this program was built without cgo and cannot speak to tokens: build it with CGO_ENABLED=1")

func (*Key) public() (*rsa.PublicKey, error) { return nil, errCgo }
func (*Key) decrypt([]byte) ([]byte, error)  { return nil, errCgo }
