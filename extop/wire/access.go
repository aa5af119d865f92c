package wire

import "tallystick/internal/ber"

// Access is what a requester may do with an entry, and why. Rights are as an
// ACI has them: "read, search"; "": none.
//
//	Access ::= SEQUENCE {
//	     unrestricted [0] OCTET STRING OPTIONAL,
//	     sees         [1] BOOLEAN DEFAULT FALSE,
//	     entry        [2] OCTET STRING OPTIONAL,
//	     attributes   [3] SEQUENCE OF SEQUENCE {
//	          name    [0] OCTET STRING,
//	          rights  [1] OCTET STRING OPTIONAL },
//	     rules        [4] SEQUENCE OF SEQUENCE {
//	          permission [0] OCTET STRING,
//	          aci        [1] OCTET STRING OPTIONAL,
//	          holder     [2] OCTET STRING OPTIONAL,
//	          denies     [3] BOOLEAN DEFAULT FALSE } }
type Access struct {
	Unrestricted string // why no ACI matters; "": they do
	Sees         bool   // whether he may know of the entry
	Entry        string // rights on it as a whole
	Attributes   []AttributeAccess
	Rules        []AccessRule // that apply; denials first
}

// AttributeAccess is what may be done with an attribute.
type AttributeAccess struct{ Name, Rights string }

// AccessRule is a permission of an ACI that applies.
type AccessRule struct {
	Permission string // as it was given
	ACI        string // its name
	Holder     string // DN of the entry that has the ACI; "": the configuration
	Denies     bool
}

// append appends a with the context tag of a ManageServerResponse.
func (a *Access) append(b []byte) []byte {
	b, start := ber.Begin(b, ber.Context|ber.Constructed|5)
	b = appendSome(b, 0, a.Unrestricted)
	b = appendTrue(b, 1, a.Sees)
	b = appendSome(b, 2, a.Entry)
	b, list := ber.Begin(b, ber.Context|ber.Constructed|3)
	for _, x := range a.Attributes {
		var one int
		b, one = ber.Begin(b, ber.Sequence)
		b = ber.AppendString(b, ber.Context, x.Name)
		b = appendSome(b, 1, x.Rights)
		b = ber.End(b, one)
	}
	b = ber.End(b, list)
	b, list = ber.Begin(b, ber.Context|ber.Constructed|4)
	for _, x := range a.Rules {
		var one int
		b, one = ber.Begin(b, ber.Sequence)
		b = ber.AppendString(b, ber.Context, x.Permission)
		b = appendSome(b, 1, x.ACI)
		b = appendSome(b, 2, x.Holder)
		b = appendTrue(b, 3, x.Denies)
		b = ber.End(b, one)
	}
	return ber.End(ber.End(b, list), start)
}

func decodeAccess(contents []byte) (*Access, error) {
	a := &Access{}
	n := numbers{}
	for in := ber.NewReader(contents); !in.Done(); {
		tag, contents, err := in.Next()
		if err != nil {
			return nil, err
		}
		switch tag {
		case ber.Context:
			a.Unrestricted = text(contents)
		case ber.Context | 1:
			a.Sees = n.bool(contents)
		case ber.Context | 2:
			a.Entry = text(contents)
		case ber.Context | ber.Constructed | 3:
			err = eachSequence(contents, 2, func(f [][]byte) {
				a.Attributes = append(a.Attributes, AttributeAccess{text(f[0]), text(f[1])})
			})
		case ber.Context | ber.Constructed | 4:
			err = eachSequence(contents, 4, func(f [][]byte) {
				a.Rules = append(a.Rules, AccessRule{text(f[0]), text(f[1]), text(f[2]), n.bool(f[3])})
			})
		}
		if err != nil {
			return nil, err
		}
	}
	return a, n.err
}

// eachSequence calls fn for each SEQUENCE in contents with its elements, which
// have the context tags 0 to most-1; the first has to be there.
func eachSequence(contents []byte, most int, fn func(fields [][]byte)) error {
	for in := ber.NewReader(contents); !in.Done(); {
		one, err := in.Enter(ber.Sequence)
		if err != nil {
			return err
		}
		f, err := contextFields(one, most)
		if err != nil {
			return err
		}
		if f[0] == nil {
			return ErrElements
		}
		fn(f)
	}
	return nil
}
