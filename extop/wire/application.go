package wire

import (
	"strings"
	"time"

	"tallystick/internal/ber"
)

// ApplicationPassword is an application password as the list tells of it.
//
//	ApplicationPassword ::= SEQUENCE {
//	     id        [0] OCTET STRING,
//	     name      [1] OCTET STRING,
//	     networks  [2] OCTET STRING OPTIONAL,
//	     listeners [3] OCTET STRING OPTIONAL,
//	     created   [4] INTEGER,
//	     madeBy    [5] OCTET STRING OPTIONAL,
//	     notAfter  [6] INTEGER OPTIONAL,
//	     lastUsed  [7] INTEGER OPTIONAL }
type ApplicationPassword struct {
	ID, Name            string
	Networks, Listeners []string
	Created             time.Time // UTC, whole seconds; here and below
	MadeBy              string    // DN
	NotAfter            time.Time // zero: no end
	LastUsed            time.Time // to the hour; zero: never
}

// appendApplications appends a SEQUENCE OF ApplicationPassword, unless it is
// empty.
func appendApplications(b []byte, number byte, list []ApplicationPassword) []byte {
	if len(list) == 0 {
		return b
	}
	b, start := ber.Begin(b, ber.Context|ber.Constructed|number)
	for _, a := range list {
		b = a.append(b)
	}
	return ber.End(b, start)
}

func (a ApplicationPassword) append(b []byte) []byte {
	b, start := ber.Begin(b, ber.Sequence)
	b = ber.AppendString(b, ber.Context, a.ID)
	b = appendSome(b, 1, a.Name)
	b = appendSome(b, 2, strings.Join(a.Networks, " "))
	b = appendSome(b, 3, strings.Join(a.Listeners, " "))
	b = appendTime(b, 4, a.Created)
	b = appendSome(b, 5, a.MadeBy)
	b = appendTime(b, 6, a.NotAfter)
	b = appendTime(b, 7, a.LastUsed)
	return ber.End(b, start)
}

func decodeApplications(contents []byte) (list []ApplicationPassword, err error) {
	for in := ber.NewReader(contents); !in.Done(); {
		one, err := in.Enter(ber.Sequence)
		if err != nil {
			return nil, err
		}
		f, err := contextFields(one, 8)
		if err != nil {
			return nil, err
		}
		if f[0] == nil {
			return nil, ErrElements
		}
		n := numbers{}
		list = append(list, ApplicationPassword{
			ID: text(f[0]), Name: text(f[1]),
			Networks: words(f[2]), Listeners: words(f[3]),
			Created: n.time(f[4]), MadeBy: text(f[5]),
			NotAfter: n.time(f[6]), LastUsed: n.time(f[7]),
		})
		if n.err != nil {
			return nil, n.err
		}
	}
	return list, nil
}

// words is a text cut at its blanks; nil if there is none in it.
func words(octets []byte) []string {
	list := strings.Fields(text(octets))
	if len(list) == 0 {
		return nil
	}
	return list
}
