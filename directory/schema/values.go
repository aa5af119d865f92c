package schema

import (
	"bytes"
	"encoding/hex"
)

// The normal forms that are not prepared strings.

func normalizeOctets(dst, value []byte) ([]byte, error) { return append(dst, value...), nil }

func normalizeBoolean(dst, value []byte) ([]byte, error) {
	switch {
	case bytes.EqualFold(value, []byte("TRUE")):
		return append(dst, "TRUE"...), nil
	case bytes.EqualFold(value, []byte("FALSE")):
		return append(dst, "FALSE"...), nil
	}
	return nil, valueErrorf("a boolean is TRUE or FALSE")
}

// maxDigits is how many digits an integer may have.
const maxDigits = 4096

// normalizeInteger makes octets that sort as the integers do: an octet for
// the sign, two for the number of digits, and the digits; all but the sign
// are complemented where the integer is negative. Zero is one octet.
func normalizeInteger(dst, value []byte) ([]byte, error) {
	digits, negative := bytes.CutPrefix(value, []byte("-"))
	if len(digits) == 0 {
		return nil, valueErrorf("an integer has digits")
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return nil, valueErrorf("an integer has only digits, behind a minus sign if it is negative")
		}
	}
	digits = bytes.TrimLeft(digits, "0")
	n := len(digits)
	switch {
	case n > maxDigits:
		return nil, valueErrorf("an integer has at most %d digits", maxDigits)
	case n == 0:
		return append(dst, 0x80), nil
	case !negative:
		dst = append(dst, 0x81, byte(n>>8), byte(n))
		return append(dst, digits...), nil
	}
	dst = append(dst, 0x7f, ^byte(n>>8), ^byte(n))
	for _, c := range digits {
		dst = append(dst, '0'+'9'-c)
	}
	return dst, nil
}

// normalizeUUID is a UUID's 16 octets (RFC 4530, section 2).
func normalizeUUID(dst, value []byte) ([]byte, error) {
	if len(value) != 36 || value[8] != '-' || value[13] != '-' || value[18] != '-' || value[23] != '-' {
		return nil, valueErrorf("a UUID is 8-4-4-4-12 hexadecimal digits")
	}
	var digits [32]byte
	n := 0
	for i, c := range value {
		if i != 8 && i != 13 && i != 18 && i != 23 {
			digits[n] = c
			n++
		}
	}
	out, err := hex.AppendDecode(dst, digits[:])
	if err != nil {
		return nil, valueErrorf("a UUID is 8-4-4-4-12 hexadecimal digits")
	}
	return out, nil
}

// normalizeBitString checks '0101'B. No attribute of the standard schema
// names its bits, so zeros at the end count (RFC 4517, section 4.2.1).
func normalizeBitString(dst, value []byte) ([]byte, error) {
	n := len(value)
	if n < 3 || value[0] != '\'' || value[n-2] != '\'' || value[n-1] != 'B' {
		return nil, valueErrorf("a bit string is zeros and ones between '…'B")
	}
	for _, c := range value[1 : n-2] {
		if c != '0' && c != '1' {
			return nil, valueErrorf("a bit string is zeros and ones between '…'B")
		}
	}
	return append(dst, value...), nil
}

// normalizeOID is the numeric form of an object identifier, or the name in
// lower case if the schema does not define it.
func (s *Schema) normalizeOID(dst, value []byte) ([]byte, error) {
	value = bytes.Trim(value, " ")
	if len(value) == 0 {
		return nil, valueErrorf("an object identifier is not empty")
	}
	for _, c := range value {
		if !isDescrChar(c) && c != '.' {
			return nil, valueErrorf("an object identifier is a name or numbers with dots")
		}
	}
	if c := lookup(&s.inForce.Load().classes, value); c != nil {
		return append(dst, c.OID...), nil
	}
	if a := lookup(&s.inForce.Load().attributes, value); a != nil {
		return append(dst, a.OID...), nil
	}
	if r := lookup(&s.inForce.Load().rules, value); r != nil {
		return append(dst, r.OID...), nil
	}
	return append(dst, bytes.ToLower(value)...), nil
}

// normalizeFirst makes a Normalize for values like ( 1.2.3 NAME … ), of which
// only the first component is compared.
func normalizeFirst(normalize func(dst, value []byte) ([]byte, error)) func(dst, value []byte) ([]byte, error) {
	return func(dst, value []byte) ([]byte, error) {
		rest, ok := bytes.CutPrefix(bytes.TrimLeft(value, " "), []byte("("))
		if !ok {
			return nil, valueErrorf("a description begins with a parenthesis")
		}
		rest = bytes.TrimLeft(rest, " ")
		end := " )"
		if quoted, ok := bytes.CutPrefix(rest, []byte("'")); ok {
			rest, end = quoted, "'"
		}
		if n := bytes.IndexAny(rest, end); n >= 0 {
			rest = rest[:n]
		}
		return normalize(dst, rest)
	}
}

func (s *Schema) normalizeDN(dst, value []byte) ([]byte, error) {
	return s.appendNormDN(dst, value, 0)
}

func (s *Schema) normalizeNameAndUID(dst, value []byte) ([]byte, error) {
	return s.appendNormNameAndUID(dst, value, 0)
}

// appendNormDN appends the Norm of a name that stands within depth others.
func (s *Schema) appendNormDN(dst, value []byte, depth int) ([]byte, error) {
	dn, err := s.parseDN(string(value), depth)
	if err != nil {
		return nil, err
	}
	return append(dst, dn.norm...), nil
}

// appendNormNameAndUID appends the normal form of a name with an optional bit
// string: DN#'0101'B (RFC 4517, section 3.3.21). A normalised name has no raw
// number sign.
func (s *Schema) appendNormNameAndUID(dst, value []byte, depth int) ([]byte, error) {
	dn := value
	var uid []byte
	if i := bytes.LastIndexByte(value, '#'); i >= 0 {
		if _, err := normalizeBitString(nil, value[i+1:]); err == nil {
			dn, uid = value[:i], value[i:]
		}
	}
	dst, err := s.appendNormDN(dst, dn, depth)
	if err != nil {
		return nil, err
	}
	return append(dst, uid...), nil
}

// prepareList prepares each line of a postal address (RFC 4517, section
// 3.3.28) and puts a line feed between them, which no prepared line holds.
func prepareList(dst, value []byte, fold bool, mode spaces) ([]byte, error) {
	for first := true; ; first = false {
		line, rest, more := bytes.Cut(value, []byte("$"))
		if bytes.IndexByte(line, '\\') >= 0 {
			line = bytes.ReplaceAll(line, []byte(`\24`), []byte("$"))
			line = bytes.ReplaceAll(bytes.ReplaceAll(line, []byte(`\5C`), []byte(`\`)), []byte(`\5c`), []byte(`\`))
		}
		if !first {
			dst = append(dst, '\n')
		}
		var err error
		if dst, err = prepare(dst, line, fold, mode); err != nil {
			return nil, err
		}
		if !more {
			return dst, nil
		}
		value = rest
	}
}
