// Package server is Manage Server, an operation of our own for those who run
// the server: indexes, whether changes are taken, a backup while it runs, what
// somebody may do with an entry. Who may do what is decided in the directory behind it.
package server

import (
	"context"
	"errors"
	"strings"

	"tallystick/directory"
	"tallystick/extop"
	"tallystick/extop/wire"
)

// Directory is what is managed; *directory.Directory is.
type Directory interface {
	Indexes(ctx context.Context, who directory.Requester) ([]directory.Index, error)
	AddIndex(ctx context.Context, who directory.Requester, attribute string, kind directory.IndexKind) error
	RemoveIndex(ctx context.Context, who directory.Requester, attribute string, kind directory.IndexKind) error
	Writability() directory.Writability
	SetWritability(ctx context.Context, who directory.Requester, to directory.Writability) error
	MayBackUp(ctx context.Context, who directory.Requester) error
	MaySeeConfig(ctx context.Context, who directory.Requester) error
	ExplainAccess(ctx context.Context, asks, who directory.Requester, entry string, attributes []string) (directory.AccessExplanation, error)
}

// Backups is where the server keeps its backups.
type Backups interface {
	// WriteBackup writes all of the database, as it is at one moment, to a file
	// of that name, which has no folder in it. It returns the file's whole name,
	// and how many pairs and octets it has.
	WriteBackup(ctx context.Context, name string) (path string, pairs uint64, octets int64, err error)
}

// Operation is Manage Server. New makes one.
type Operation struct {
	directory Directory
	backups   Backups
}

// New returns the operation on d; backups is asked for those who may.
func New(d Directory, backups Backups) Operation { return Operation{d, backups} }

// OID is the requestName.
func (Operation) OID() string { return wire.ManageServerOID }

// Serve does what the request's action says. The response has no OID, and a
// value only where there is something to tell.
func (o Operation) Serve(ctx context.Context, req *extop.Request) (*extop.Response, error) {
	r, err := wire.DecodeManageServerRequest(req.Value)
	if err != nil {
		return nil, extop.Malformed(err)
	}
	switch r.Action {
	case wire.ServerIndexes:
		return o.indexes(ctx, req.From)
	case wire.ServerAddIndex:
		err = o.directory.AddIndex(ctx, req.From, r.Attribute, directory.IndexKind(r.Kind))
	case wire.ServerRemoveIndex:
		err = o.directory.RemoveIndex(ctx, req.From, r.Attribute, directory.IndexKind(r.Kind))
	case wire.ServerWritability:
		return o.writability(ctx, req.From, r.Writability)
	case wire.ServerBackup:
		return o.backUp(ctx, req.From, r.Name)
	case wire.ServerAccess:
		return o.access(ctx, req.From, r)
	default:
		err = extop.Malformed(errors.New("unknown action"))
	}
	if err != nil {
		return nil, err
	}
	return &extop.Response{}, nil
}

func (o Operation) indexes(ctx context.Context, who directory.Requester) (*extop.Response, error) {
	list, err := o.directory.Indexes(ctx, who)
	if err != nil {
		return nil, err
	}
	var r wire.ManageServerResponse
	for _, x := range list {
		r.Indexes = append(r.Indexes, wire.Index{
			Attribute: x.Attribute, Kind: string(x.Kind), State: x.State,
			Done: x.Done, Of: x.Of, Fault: x.Fault,
		})
	}
	return &extop.Response{Value: r.Encode()}, nil
}

// writability sets it, unless to is "", and tells what it is.
func (o Operation) writability(ctx context.Context, who directory.Requester, to string) (*extop.Response, error) {
	var err error
	if to == "" {
		err = o.directory.MaySeeConfig(ctx, who)
	} else {
		err = o.directory.SetWritability(ctx, who, directory.Writability(to))
	}
	if err != nil {
		return nil, err
	}
	r := wire.ManageServerResponse{Writability: string(o.directory.Writability())}
	return &extop.Response{Value: r.Encode()}, nil
}

func (o Operation) backUp(ctx context.Context, who directory.Requester, name string) (*extop.Response, error) {
	if err := o.directory.MayBackUp(ctx, who); err != nil {
		return nil, err
	}
	directory.Slow(ctx)
	path, pairs, octets, err := o.backups.WriteBackup(ctx, name)
	if err != nil {
		return nil, err
	}
	r := wire.ManageServerResponse{Name: path, Pairs: pairs, Octets: octets}
	return &extop.Response{Value: r.Encode()}, nil
}

func (o Operation) access(ctx context.Context, asks directory.Requester, r wire.ManageServerRequest) (*extop.Response, error) {
	var attributes []string
	if r.Attribute != "" {
		attributes = strings.Split(r.Attribute, ",")
	}
	x, err := o.directory.ExplainAccess(ctx, asks, Requester(r), r.To, attributes)
	if err != nil {
		return nil, err
	}
	value := wire.ManageServerResponse{Access: Access(x)}.Encode()
	if len(value) > wire.MaxValue {
		return nil, directory.Errorf(directory.AdminLimitExceeded, "the answer is too long: there are %d attributes and %d rules", len(x.Attributes), len(x.Rules))
	}
	return &extop.Response{Value: value}, nil
}

// Requester is whom an access request asks about.
func Requester(r wire.ManageServerRequest) directory.Requester {
	who := directory.Requester{DN: r.As, Peer: r.From, Secure: r.TLS}
	switch {
	case r.As == "":
	case r.Code:
		who.How = directory.ByPasswordAndCode
	default:
		who.How = directory.ByPassword
	}
	if r.TLS {
		who.KeyBits = 256
	}
	return who
}

// Access is an explanation as it is told.
func Access(x directory.AccessExplanation) *wire.Access {
	a := &wire.Access{Unrestricted: x.Unrestricted, Sees: x.Sees, Entry: x.Entry.String()}
	for _, of := range x.Attributes {
		a.Attributes = append(a.Attributes, wire.AttributeAccess{Name: of.Name, Rights: of.Rights.String()})
	}
	for _, r := range x.Rules {
		a.Rules = append(a.Rules, wire.AccessRule{Permission: r.Permission, ACI: r.ACI, Holder: r.Holder, Denies: r.Denies})
	}
	return a
}
