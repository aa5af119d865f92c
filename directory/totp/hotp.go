package totp

import (
	"crypto/hmac"
	"crypto/sha512"
	"encoding/binary"
	"hash"
)

// hotp makes the codes of one key, of many steps, from one keyed hash: judging
// a code takes as many as the window has steps. Parameters.Code makes the same
// ones by the library.
type hotp struct {
	mac    hash.Hash
	digits int
	sum    [sha512.Size]byte
	code   [MaxDigits]byte
}

// newHOTP is for parameters that were checked, with nothing left to default.
func newHOTP(p Parameters, key []byte) *hotp {
	return &hotp{mac: hmac.New(algorithms[p.Algorithm].hash, key), digits: p.Digits}
}

// at is the code of the step (RFC 4226, section 5.3). The slice is good until the next call.
func (h *hotp) at(step int64) []byte {
	counter := h.sum[:8] // which the sum replaces
	binary.BigEndian.PutUint64(counter, uint64(step))
	h.mac.Reset()
	h.mac.Write(counter)
	sum := h.mac.Sum(h.sum[:0])
	offset := sum[len(sum)-1] & 0x0f
	n := binary.BigEndian.Uint32(sum[offset:]) & 0x7fff_ffff
	code := h.code[:h.digits]
	for i := len(code) - 1; i >= 0; i-- {
		code[i] = byte('0' + n%10)
		n /= 10
	}
	return code
}
