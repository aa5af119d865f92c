// Package ber reads and writes the subset of the Basic Encoding Rules that
// LDAP allows (RFC 4511, section 5.1): definite lengths, primitive strings.
// Reading accepts any definite length form; writing is minimal.
package ber

import "errors"

// The identifier octets that LDAP uses of the universal class.
const (
	Boolean     = 0x01
	Integer     = 0x02
	OctetString = 0x04
	Null        = 0x05
	Enumerated  = 0x0a
	Sequence    = 0x30
	Set         = 0x31
)

// Classes and the constructed bit of an identifier octet.
const (
	Constructed = 0x20
	Application = 0x40
	Context     = 0x80
)

// What is wrong with octets that cannot be read.
var (
	ErrTruncated  = errors.New("ber: element is longer than what holds it")
	ErrTag        = errors.New("ber: element has another tag than expected")
	ErrHighTag    = errors.New("ber: tag numbers above 30 are not used in LDAP")
	ErrIndefinite = errors.New("ber: indefinite length is not allowed in LDAP")
	ErrLength     = errors.New("ber: length does not fit")
	ErrValue      = errors.New("ber: malformed value")
	ErrTrailing   = errors.New("ber: octets behind the last element")
)

// Header reads the identifier and length octets at the start of b: the tag,
// how many octets the header takes and how many the contents. It looks no
// further than the header. ErrTruncated means that b ends within the header.
func Header(b []byte) (tag byte, header, length int, err error) {
	if len(b) < 2 {
		return 0, 0, 0, ErrTruncated
	}
	tag = b[0]
	if tag&0x1f == 0x1f {
		return 0, 0, 0, ErrHighTag
	}
	first := b[1]
	if first < 0x80 {
		return tag, 2, int(first), nil
	}
	n := int(first & 0x7f)
	if n == 0 {
		return 0, 0, 0, ErrIndefinite
	}
	if n == 0x7f {
		return 0, 0, 0, ErrLength
	}
	if len(b) < 2+n {
		return 0, 0, 0, ErrTruncated
	}
	for _, c := range b[2 : 2+n] {
		if length > (1<<31-1)>>8 {
			return 0, 0, 0, ErrLength
		}
		length = length<<8 | int(c)
	}
	return tag, 2 + n, length, nil
}

// Reader reads elements one after another. Contents it returns alias its
// input. The zero value is at the end.
type Reader struct{ b []byte }

// NewReader reads the elements in b.
func NewReader(b []byte) Reader { return Reader{b} }

// Done reports whether nothing is left.
func (r *Reader) Done() bool { return len(r.b) == 0 }

// Peek is the tag of the next element, 0 at the end.
func (r *Reader) Peek() byte {
	if len(r.b) == 0 {
		return 0
	}
	return r.b[0]
}

// Next reads the next element, whatever it is.
func (r *Reader) Next() (tag byte, contents []byte, err error) {
	tag, h, n, err := Header(r.b)
	if err != nil {
		return 0, nil, err
	}
	if n > len(r.b)-h {
		return 0, nil, ErrTruncated
	}
	contents = r.b[h : h+n : h+n]
	r.b = r.b[h+n:]
	return tag, contents, nil
}

// Read reads the next element, which must have the given tag.
func (r *Reader) Read(tag byte) ([]byte, error) {
	if len(r.b) == 0 {
		return nil, ErrTruncated
	}
	if r.b[0] != tag {
		return nil, ErrTag
	}
	_, c, err := r.Next()
	return c, err
}

// Optional reads the next element if it has the given tag; otherwise it
// returns false and stays where it is.
func (r *Reader) Optional(tag byte) ([]byte, bool, error) {
	if len(r.b) == 0 || r.b[0] != tag {
		return nil, false, nil
	}
	_, c, err := r.Next()
	return c, err == nil, err
}

// Enter reads a constructed element with the given tag and returns a reader
// of what is in it.
func (r *Reader) Enter(tag byte) (Reader, error) {
	c, err := r.Read(tag)
	return Reader{c}, err
}

// Int reads an INTEGER or ENUMERATED (whichever tag says) that fits 64 bits.
func (r *Reader) Int(tag byte) (int64, error) {
	c, err := r.Read(tag)
	if err != nil {
		return 0, err
	}
	return ParseInt(c)
}

// ParseInt is the value of an INTEGER's contents.
func ParseInt(c []byte) (int64, error) {
	if len(c) == 0 {
		return 0, ErrValue
	}
	for len(c) > 8 { // non-minimal: leading octets that repeat the sign
		if !(c[0] == 0 && c[1] < 0x80 || c[0] == 0xff && c[1] >= 0x80) {
			return 0, ErrValue
		}
		c = c[1:]
	}
	v := int64(int8(c[0]))
	for _, o := range c[1:] {
		v = v<<8 | int64(o)
	}
	return v, nil
}

// ParseBool is the value of a BOOLEAN's contents: any octet but 0 is true.
func ParseBool(c []byte) (bool, error) {
	if len(c) != 1 {
		return false, ErrValue
	}
	return c[0] != 0, nil
}

// AppendHeader appends the identifier octet and minimal length octets for
// contents of n octets.
func AppendHeader(b []byte, tag byte, n int) []byte {
	b = append(b, tag)
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n < 1<<8:
		return append(b, 0x81, byte(n))
	case n < 1<<16:
		return append(b, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		return append(b, 0x83, byte(n>>16), byte(n>>8), byte(n))
	default:
		return append(b, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
}

// AppendBytes appends a primitive element.
func AppendBytes(b []byte, tag byte, contents []byte) []byte {
	return append(AppendHeader(b, tag, len(contents)), contents...)
}

// AppendString appends a primitive element.
func AppendString(b []byte, tag byte, contents string) []byte {
	return append(AppendHeader(b, tag, len(contents)), contents...)
}

// AppendInt appends an INTEGER or ENUMERATED (whichever tag says), minimal,
// with the octet for the sign where 128 and its like need it.
func AppendInt(b []byte, tag byte, v int64) []byte {
	n := 1
	for x := v; x > 127 || x < -128; x >>= 8 {
		n++
	}
	b = append(b, tag, byte(n))
	for i := n - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

// AppendBool appends a BOOLEAN; true is 0xFF.
func AppendBool(b []byte, tag byte, v bool) []byte {
	if v {
		return append(b, tag, 1, 0xff)
	}
	return append(b, tag, 1, 0)
}

// Begin appends the header of a constructed element whose length is not known
// yet. Pass the returned position to End.
func Begin(b []byte, tag byte) ([]byte, int) {
	b = append(b, tag, 0)
	return b, len(b)
}

// End fills in the length of the element begun at start, moving its contents
// up when the length needs more octets.
func End(b []byte, start int) []byte {
	n := len(b) - start
	if n < 0x80 {
		b[start-1] = byte(n)
		return b
	}
	var buf [5]byte
	octets := AppendHeader(buf[:0], 0, n)[1:]
	b = append(b, octets[1:]...) // room; overwritten below
	copy(b[start+len(octets)-1:], b[start:start+n])
	copy(b[start-1:], octets)
	return b
}
