package wire

import (
	"fmt"
	"math"

	"tallystick/internal/ber"
)

// ManageServerOID is Manage Server, an operation of our own. Its response has no
// OID.
const ManageServerOID = "2.25.339436907553608478315258445179521720842.6.2"

// ServerAction is what is to be done. The numbers are on the wire.
type ServerAction int

const (
	ServerIndexes     ServerAction = 0
	ServerAddIndex    ServerAction = 1
	ServerRemoveIndex ServerAction = 2
	ServerWritability ServerAction = 3
	ServerBackup      ServerAction = 4
	ServerAccess      ServerAction = 5
)

// ManageServerRequest is a requestValue. Which elements an action takes is in
// the operation's README; the others are ignored.
//
//	ManageServerRequest ::= SEQUENCE {
//	     action      [0] ENUMERATED { indexes(0), addIndex(1), removeIndex(2), writability(3), backup(4), access(5) },
//	     attribute   [1] OCTET STRING OPTIONAL,    -- access: several, with commas between
//	     kind        [2] OCTET STRING OPTIONAL,    -- equality, presence, substring
//	     writability [3] OCTET STRING OPTIONAL,    -- enabled, internal-only, disabled
//	     name        [4] OCTET STRING OPTIONAL,    -- of a file
//	     as          [5] OCTET STRING OPTIONAL,    -- DN of a requester; absent: anonymous
//	     to          [6] OCTET STRING OPTIONAL,    -- DN of an entry
//	     from        [7] OCTET STRING OPTIONAL,    -- address that he comes from
//	     withCode    [8] BOOLEAN DEFAULT FALSE,    -- he has shown a code behind his password
//	     overTLS     [9] BOOLEAN DEFAULT FALSE }   -- he comes over TLS
//
// An element that is "" here is absent.
type ManageServerRequest struct {
	Action          ServerAction
	Attribute, Kind string
	Writability     string
	Name            string
	As, To, From    string
	Code, TLS       bool
}

// Encode returns the requestValue.
func (r ManageServerRequest) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Context, int64(r.Action))
	b = appendSome(b, 1, r.Attribute)
	b = appendSome(b, 2, r.Kind)
	b = appendSome(b, 3, r.Writability)
	b = appendSome(b, 4, r.Name)
	b = appendSome(b, 5, r.As)
	b = appendSome(b, 6, r.To)
	b = appendSome(b, 7, r.From)
	b = appendTrue(b, 8, r.Code)
	b = appendTrue(b, 9, r.TLS)
	return ber.End(b, start)
}

// DecodeManageServerRequest reads a requestValue (nil: absent, which is an
// error). The action need not be one that is known.
func DecodeManageServerRequest(value []byte) (ManageServerRequest, error) {
	f, err := fields(value, 10)
	if err == nil && f[0] == nil {
		err = ErrElements
	}
	if err != nil {
		return ManageServerRequest{}, fmt.Errorf("manage server request: %w", err)
	}
	n := numbers{}
	r := ManageServerRequest{
		Action:    ServerAction(n.read(f[0], 0, maxSmall)),
		Attribute: text(f[1]), Kind: text(f[2]),
		Writability: text(f[3]),
		Name:        text(f[4]),
		As:          text(f[5]), To: text(f[6]), From: text(f[7]),
		Code: n.bool(f[8]), TLS: n.bool(f[9]),
	}
	if n.err != nil {
		return ManageServerRequest{}, fmt.Errorf("manage server request: %w", n.err)
	}
	return r, nil
}

// Index is an index as the list tells of it.
//
//	Index ::= SEQUENCE {
//	     attribute [0] OCTET STRING,
//	     kind      [1] OCTET STRING,
//	     state     [2] OCTET STRING,              -- built-in, building, ready, removing
//	     done      [3] INTEGER OPTIONAL,          -- building: entries looked at
//	     of        [4] INTEGER OPTIONAL,          -- that there are at most
//	     fault     [5] OCTET STRING OPTIONAL }    -- why it is not built
type Index struct {
	Attribute, Kind, State string
	Done, Of               uint64
	Fault                  string
}

func (x Index) append(b []byte) []byte {
	b, start := ber.Begin(b, ber.Sequence)
	b = ber.AppendString(b, ber.Context, x.Attribute)
	b = appendSome(b, 1, x.Kind)
	b = appendSome(b, 2, x.State)
	b = appendNumber(b, 3, int64(min(x.Done, math.MaxInt64)))
	b = appendNumber(b, 4, int64(min(x.Of, math.MaxInt64)))
	b = appendSome(b, 5, x.Fault)
	return ber.End(b, start)
}

// ManageServerResponse is the responseValue of a success.
//
//	ManageServerResponse ::= SEQUENCE {
//	     indexes     [0] SEQUENCE OF Index OPTIONAL,   -- indexes
//	     writability [1] OCTET STRING OPTIONAL,        -- writability
//	     pairs       [2] INTEGER OPTIONAL,             -- backup: keys with their values
//	     octets      [3] INTEGER OPTIONAL,             -- backup: in the file
//	     name        [4] OCTET STRING OPTIONAL,        -- backup: of the file, on the server's machine
//	     access      [5] Access OPTIONAL }             -- access
type ManageServerResponse struct {
	Indexes     []Index
	Writability string
	Pairs       uint64
	Octets      int64
	Name        string
	Access      *Access
}

// Encode returns the responseValue.
func (r ManageServerResponse) Encode() []byte {
	b, start := ber.Begin(nil, ber.Sequence)
	if len(r.Indexes) > 0 {
		var list int
		b, list = ber.Begin(b, ber.Context|ber.Constructed)
		for _, x := range r.Indexes {
			b = x.append(b)
		}
		b = ber.End(b, list)
	}
	b = appendSome(b, 1, r.Writability)
	b = appendNumber(b, 2, int64(min(r.Pairs, math.MaxInt64)))
	b = appendNumber(b, 3, r.Octets)
	b = appendSome(b, 4, r.Name)
	if r.Access != nil {
		b = r.Access.append(b)
	}
	return ber.End(b, start)
}

// DecodeManageServerResponse reads a responseValue. Elements that are not known
// are ignored: a later server may say more.
func DecodeManageServerResponse(value []byte) (ManageServerResponse, error) {
	r, err := decodeManageServerResponse(value)
	if err != nil {
		return ManageServerResponse{}, fmt.Errorf("manage server response: %w", err)
	}
	return r, nil
}

func decodeManageServerResponse(value []byte) (r ManageServerResponse, err error) {
	err = elements(value, func(tag byte, contents []byte, n *numbers) (err error) {
		switch tag {
		case ber.Context | ber.Constructed:
			r.Indexes, err = decodeIndexes(contents)
		case ber.Context | 1:
			r.Writability = text(contents)
		case ber.Context | 2:
			r.Pairs = uint64(n.read(contents, 0, math.MaxInt64))
		case ber.Context | 3:
			r.Octets = n.read(contents, 0, math.MaxInt64)
		case ber.Context | 4:
			r.Name = text(contents)
		case ber.Context | ber.Constructed | 5:
			r.Access, err = decodeAccess(contents)
		}
		return err
	})
	return r, err
}

func decodeIndexes(contents []byte) (list []Index, err error) {
	for in := ber.NewReader(contents); !in.Done(); {
		one, err := in.Enter(ber.Sequence)
		if err != nil {
			return nil, err
		}
		f, err := contextFields(one, 6)
		if err != nil {
			return nil, err
		}
		if f[0] == nil {
			return nil, ErrElements
		}
		n := numbers{}
		x := Index{
			Attribute: text(f[0]), Kind: text(f[1]), State: text(f[2]),
			Done: uint64(n.read(f[3], 0, math.MaxInt64)), Of: uint64(n.read(f[4], 0, math.MaxInt64)),
			Fault: text(f[5]),
		}
		if n.err != nil {
			return nil, n.err
		}
		list = append(list, x)
	}
	return list, nil
}
