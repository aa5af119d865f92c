package wire

import (
	"math"

	"tallystick/directory"
	"tallystick/internal/ber"
)

// DecodePaged reads the value of a paged results control (RFC 2696, section
// 2): SEQUENCE { size INTEGER, cookie OCTET STRING }.
func DecodePaged(value []byte) (*directory.Paged, error) {
	outer := ber.NewReader(value)
	r, err := enterOnly(&outer)
	if err != nil {
		return nil, err
	}
	size, err := r.Int(ber.Integer)
	if err != nil {
		return nil, err
	}
	if size < 0 || size > math.MaxInt32 {
		return nil, refuse("page size is out of range")
	}
	cookie, err := r.Read(ber.OctetString)
	return &directory.Paged{Size: int(size), Cookie: cookie}, err
}

// EncodePaged is the value of the control in a response. How many entries
// there are is not known: size is 0.
func EncodePaged(cookie []byte) []byte {
	b, seq := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, 0)
	b = ber.AppendBytes(b, ber.OctetString, cookie)
	return ber.End(b, seq)
}

// DecodeSortKeys reads the value of a sort request control (RFC 2891, section
// 1.1).
func DecodeSortKeys(value []byte, limits Limits) (keys []directory.SortKey, err error) {
	d, outer := decoder{Limits: limits}, ber.NewReader(value)
	list, err := enterOnly(&outer)
	if err != nil {
		return nil, err
	}
	for !list.Done() {
		if err := d.element(); err != nil {
			return nil, err
		}
		r, err := list.Enter(ber.Sequence)
		if err != nil {
			return nil, err
		}
		var k directory.SortKey
		if k.Attribute, err = readString(&r); err != nil {
			return nil, err
		}
		rule, _, err := r.Optional(ber.Context)
		if err != nil {
			return nil, err
		}
		k.Rule = string(rule)
		if k.Reverse, err = readDefaultFalse(&r, ber.Context|1); err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// EncodeSortResult is the value of a sort response control (RFC 2891, section
// 1.2). attribute is "" if it is not about one.
func EncodeSortResult(code directory.ResultCode, attribute string) []byte {
	b, seq := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Enumerated, int64(code))
	if attribute != "" {
		b = ber.AppendString(b, ber.Context, attribute)
	}
	return ber.End(b, seq)
}

// DecodeVirtualList reads the value of a virtual list view request
// (draft-ietf-ldapext-ldapv3-vlv-09, section 6.1). This server gives out no
// contextID, so one is an error.
func DecodeVirtualList(value []byte) (*directory.VirtualList, error) {
	outer := ber.NewReader(value)
	r, err := enterOnly(&outer)
	if err != nil {
		return nil, err
	}
	l := new(directory.VirtualList)
	if err := readCounts(&r, &l.Before, &l.After); err != nil {
		return nil, err
	}
	tag, target, err := r.Next()
	switch {
	case err != nil:
		return nil, err
	case tag == ber.Context|ber.Constructed:
		offset := ber.NewReader(target)
		err = readCounts(&offset, &l.Offset, &l.Count)
	case tag == ber.Context|1:
		l.From = target
	default:
		err = refuse("unknown target of a virtual list view")
	}
	if err == nil && r.Peek() == ber.OctetString {
		err = refuse("contextID of a virtual list view that this server did not make")
	}
	return l, err
}

// readCounts reads INTEGERs that are not negative.
func readCounts(r *ber.Reader, counts ...*int) error {
	for _, count := range counts {
		n, err := r.Int(ber.Integer)
		if err != nil {
			return err
		}
		if n < 0 || n > math.MaxInt32 {
			return refuse("number out of range in a virtual list view")
		}
		*count = int(n)
	}
	return nil
}

// EncodeVirtualList is the value of a virtual list view response
// (draft-ietf-ldapext-ldapv3-vlv-09, section 6.2).
func EncodeVirtualList(l *directory.VirtualList) []byte {
	b, seq := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, int64(l.Position))
	b = ber.AppendInt(b, ber.Integer, int64(l.Entries))
	b = ber.AppendInt(b, ber.Enumerated, int64(l.Result))
	return ber.End(b, seq)
}

// DecodeMatchedValues reads the value of a matched values control (RFC 3876,
// section 2): SEQUENCE OF SimpleFilterItem. It is not nil.
func DecodeMatchedValues(value []byte, limits Limits) ([]directory.Filter, error) {
	d, outer := decoder{Limits: limits}, ber.NewReader(value)
	list, err := enterOnly(&outer)
	if err != nil {
		return nil, err
	}
	elements := []directory.Filter{}
	for !list.Done() {
		var f directory.Filter
		if err := d.filter(&list, &f, 1); err != nil {
			return nil, err
		}
		elements = append(elements, f)
	}
	return elements, nil
}

// enterOnly enters the SEQUENCE that is all that r has.
func enterOnly(r *ber.Reader) (ber.Reader, error) {
	in, err := r.Enter(ber.Sequence)
	if err == nil && !r.Done() {
		err = ber.ErrTrailing
	}
	return in, err
}
