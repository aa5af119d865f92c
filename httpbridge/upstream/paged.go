package upstream

import "tallystick/internal/ber"

// PagedResultsOID is the control of RFC 2696, in both directions.
const PagedResultsOID = "1.2.840.113556.1.4.319"

// PagedResults asks for size entries, from where cookie says (nil: from the
// start).
//
//	realSearchControlValue ::= SEQUENCE { size INTEGER, cookie OCTET STRING }
func PagedResults(size int, cookie []byte) Control {
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, int64(size))
	b = ber.AppendBytes(b, ber.OctetString, cookie)
	return Control{OID: PagedResultsOID, Value: ber.End(b, start)}
}

// ReadPagedResults reads the value of the control. In a response an empty
// cookie means that there is no more.
func ReadPagedResults(value []byte) (size int, cookie []byte, err error) {
	outer := ber.NewReader(value)
	r, err := outer.Enter(ber.Sequence)
	if err != nil {
		return 0, nil, err
	}
	n, err := r.Int(ber.Integer)
	if err != nil {
		return 0, nil, err
	}
	cookie, err = r.Read(ber.OctetString)
	return int(n), cookie, err
}
