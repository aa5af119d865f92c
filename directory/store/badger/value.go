package badger

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"tallystick/directory/store"
)

// A stored value is the value and four bytes behind it: the CRC-32C of key
// and value, big-endian. The key is in it so that a value which turns up
// under another key is noticed too.

const checksumLen = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// seal returns a copy of value with its checksum.
func seal(key, value []byte) []byte {
	sealed := make([]byte, len(value)+checksumLen)
	copy(sealed, value)
	binary.BigEndian.PutUint32(sealed[len(value):], checksum(key, value))
	return sealed
}

// unseal returns the value inside sealed, or an error that wraps
// store.ErrCorrupt. It does not print the value.
func unseal(key, sealed []byte) ([]byte, error) {
	n := len(sealed) - checksumLen
	if n < 0 {
		return nil, fmt.Errorf("%w: key %q: %d bytes", store.ErrCorrupt, key, len(sealed))
	}
	value := sealed[:n:n]
	if got, want := checksum(key, value), binary.BigEndian.Uint32(sealed[n:]); got != want {
		return nil, fmt.Errorf("%w: key %q: checksum %08x, want %08x", store.ErrCorrupt, key, got, want)
	}
	return value, nil
}
