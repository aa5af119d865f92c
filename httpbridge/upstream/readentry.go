package upstream

import (
	"fmt"
	"strings"

	"tallystick/internal/ber"
)

// PostReadOID is the post-read control (RFC 4527), in both directions.
const PostReadOID = "1.3.6.1.1.13.2"

// PostRead asks for the entry as the operation leaves it. A server that cannot
// do that is to refuse the operation.
func PostRead(attributes ...string) Control {
	b, start := ber.Begin(nil, ber.Sequence)
	for _, name := range attributes {
		b = ber.AppendString(b, ber.OctetString, name)
	}
	return Control{OID: PostReadOID, Critical: true, Value: ber.End(b, start)}
}

// ReadEntry reads the value of a pre-read or post-read response: a
// SearchResultEntry (RFC 4511, section 4.5.2). Errors: ErrProtocol.
func ReadEntry(value []byte) (Entry, error) {
	e, err := readEntry(value)
	if err != nil {
		return Entry{}, fmt.Errorf("%w: entry: %w", ErrProtocol, err)
	}
	return e, nil
}

func readEntry(value []byte) (Entry, error) {
	outer := ber.NewReader(value)
	contents, err := outer.Read(searchResultEntry)
	if err != nil {
		return Entry{}, err
	}
	return readEntryContents(contents)
}

// readEntryContents reads what is in a SearchResultEntry.
func readEntryContents(contents []byte) (Entry, error) {
	r := ber.NewReader(contents)
	dn, err := r.Read(ber.OctetString)
	if err != nil {
		return Entry{}, err
	}
	list, err := r.Enter(ber.Sequence)
	if err != nil {
		return Entry{}, err
	}
	var octets strings.Builder // in which all strings of the entry are: one allocation, and not one each
	octets.Grow(len(contents))
	text := func(b []byte) string {
		at := octets.Len()
		octets.Write(b)
		return octets.String()[at:]
	}
	const usual = 256 // attributes: there is room for more when they come
	n := min(count(list), usual)
	e := Entry{DN: text(dn), Attributes: make([]Attribute, 0, n)}
	all := make([]string, 0, n+n/2) // the values; of most attributes there is one
	for !list.Done() {
		in, err := list.Enter(ber.Sequence)
		if err != nil {
			return Entry{}, err
		}
		name, err := in.Read(ber.OctetString)
		if err != nil {
			return Entry{}, err
		}
		values, err := in.Enter(ber.Set)
		if err != nil {
			return Entry{}, err
		}
		a := Attribute{Name: text(name)}
		first := len(all)
		for !values.Done() {
			v, err := values.Read(ber.OctetString)
			if err != nil {
				return Entry{}, err
			}
			all = append(all, text(v))
		}
		a.Values = all[first:len(all):len(all)]
		e.Attributes = append(e.Attributes, a)
	}
	return e, nil
}

// count is how many elements can be read.
func count(r ber.Reader) (n int) {
	for ; !r.Done(); n++ {
		if _, _, err := r.Next(); err != nil {
			break
		}
	}
	return n
}
