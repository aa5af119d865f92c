package wire

import (
	"math"

	"tallystick/directory"
	"tallystick/internal/ber"
)

// A decoder decodes one message and counts what it holds. Its errors are
// those of package ber, which mean broken octets, and *RequestError.
type decoder struct {
	Limits
	filters, elements int
}

func refuse(reason string) error {
	return &RequestError{Code: directory.ProtocolError, Reason: reason}
}

// element counts one more list item.
func (d *decoder) element() error {
	if d.elements++; d.elements > d.Elements {
		return &RequestError{Code: directory.AdminLimitExceeded, Reason: "request has too many elements"}
	}
	return nil
}

func (d *decoder) request(tag byte, contents []byte) (any, error) {
	r := ber.NewReader(contents)
	switch tag {
	case TagBindRequest:
		return d.bind(&r)
	case TagUnbindRequest:
		return &UnbindRequest{}, nil
	case TagSearchRequest:
		return d.search(&r)
	case TagModifyRequest:
		return d.modify(&r)
	case TagAddRequest:
		return d.add(&r)
	case TagDelRequest:
		return &directory.DeleteRequest{Entry: string(contents)}, nil
	case TagModifyDNRequest:
		return d.modifyDN(&r)
	case TagCompareRequest:
		return d.compare(&r)
	case TagAbandonRequest:
		id, err := ber.ParseInt(contents)
		if err == nil && (id < 0 || id > MaxMessageID) {
			err = ErrMessageID
		}
		return &AbandonRequest{ID: int32(id)}, err
	case TagExtendedRequest:
		return d.extended(&r)
	}
	return nil, ErrNotRequest
}

// bind reads RFC 4511, section 4.2.
func (d *decoder) bind(r *ber.Reader) (any, error) {
	version, err := r.Int(ber.Integer)
	if err != nil {
		return nil, err
	}
	if version < 1 || version > 127 {
		return nil, refuse("version is not in 1 to 127")
	}
	req := &directory.BindRequest{Version: int(version)}
	if req.Name, err = readString(r); err != nil {
		return nil, err
	}
	tag, contents, err := r.Next()
	if err != nil {
		return nil, err
	}
	switch tag {
	case ber.Context:
		req.Password = contents
	case ber.Context | ber.Constructed | 3:
		sasl := ber.NewReader(contents)
		req.SASL = new(directory.SASLCredentials)
		if req.SASL.Mechanism, err = readString(&sasl); err != nil {
			return nil, err
		}
		if req.SASL.Credentials, _, err = sasl.Optional(ber.OctetString); err != nil {
			return nil, err
		}
	}
	return req, nil
}

// search reads RFC 4511, section 4.5.1. derefAliases is read and dropped.
func (d *decoder) search(r *ber.Reader) (any, error) {
	base, err := readString(r)
	if err != nil {
		return nil, err
	}
	var n [4]int64 // scope, derefAliases, sizeLimit, timeLimit
	for i, field := range []struct {
		tag byte
		max int64
		bad string
	}{
		{ber.Enumerated, int64(directory.SubordinateSubtree), "unknown scope"},
		{ber.Enumerated, 3, "unknown derefAliases"},
		{ber.Integer, math.MaxInt32, "sizeLimit is out of range"},
		{ber.Integer, math.MaxInt32, "timeLimit is out of range"},
	} {
		if n[i], err = r.Int(field.tag); err != nil {
			return nil, err
		}
		if n[i] < 0 || n[i] > field.max {
			return nil, refuse(field.bad)
		}
	}
	req := &directory.SearchRequest{
		BaseObject: base,
		Scope:      directory.Scope(n[0]),
		SizeLimit:  int(n[2]),
		TimeLimit:  int(n[3]),
	}
	if req.TypesOnly, err = readBool(r); err != nil {
		return nil, err
	}
	if err := d.filter(r, &req.Filter, 1); err != nil {
		return nil, err
	}
	req.Attributes, err = d.attributeSelection(r)
	return req, err
}

// maxSelection is how many attributes one may ask for: more than a schema has,
// and few enough to look each up.
const maxSelection = 4096

// attributeSelection reads an AttributeSelection (RFC 4511, section 4.5.1.8).
func (d *decoder) attributeSelection(r *ber.Reader) (names []string, err error) {
	list, err := r.Enter(ber.Sequence)
	if err != nil {
		return nil, err
	}
	for !list.Done() {
		if err := d.element(); err != nil {
			return nil, err
		}
		if len(names) == maxSelection {
			return nil, &RequestError{Code: directory.AdminLimitExceeded, Reason: "request asks for too many attributes"}
		}
		name, err := readString(&list)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// modify reads RFC 4511, section 4.6, and increment (RFC 4525).
func (d *decoder) modify(r *ber.Reader) (any, error) {
	object, err := readString(r)
	if err != nil {
		return nil, err
	}
	changes, err := r.Enter(ber.Sequence)
	if err != nil {
		return nil, err
	}
	req := &directory.ModifyRequest{Object: object}
	for !changes.Done() {
		change, err := changes.Enter(ber.Sequence)
		if err != nil {
			return nil, err
		}
		op, err := change.Int(ber.Enumerated)
		if err != nil {
			return nil, err
		}
		if op < 0 || op > int64(directory.IncrementValues) {
			return nil, refuse("unknown operation in a change")
		}
		a, err := d.attribute(&change)
		if err != nil {
			return nil, err
		}
		req.Changes = append(req.Changes, directory.Change{Operation: directory.ChangeOperation(op), Attribute: a})
	}
	return req, nil
}

// add reads RFC 4511, section 4.7.
func (d *decoder) add(r *ber.Reader) (any, error) {
	entry, err := readString(r)
	if err != nil {
		return nil, err
	}
	attributes, err := r.Enter(ber.Sequence)
	if err != nil {
		return nil, err
	}
	req := &directory.AddRequest{Entry: entry}
	for !attributes.Done() {
		a, err := d.attribute(&attributes)
		if err != nil {
			return nil, err
		}
		req.Attributes = append(req.Attributes, a)
	}
	return req, nil
}

// attribute reads a PartialAttribute (RFC 4511, section 4.1.7).
func (d *decoder) attribute(r *ber.Reader) (a directory.Attribute, err error) {
	if err := d.element(); err != nil {
		return a, err
	}
	partial, err := r.Enter(ber.Sequence)
	if err != nil {
		return a, err
	}
	if a.Name, err = readString(&partial); err != nil {
		return a, err
	}
	values, err := partial.Enter(ber.Set)
	if err != nil {
		return a, err
	}
	for !values.Done() {
		if err := d.element(); err != nil {
			return a, err
		}
		v, err := values.Read(ber.OctetString)
		if err != nil {
			return a, err
		}
		a.Values = append(a.Values, v)
	}
	return a, nil
}

// modifyDN reads RFC 4511, section 4.9.
func (d *decoder) modifyDN(r *ber.Reader) (any, error) {
	req := new(directory.ModifyDNRequest)
	var err error
	if req.Entry, err = readString(r); err != nil {
		return nil, err
	}
	if req.NewRDN, err = readString(r); err != nil {
		return nil, err
	}
	if req.DeleteOldRDN, err = readBool(r); err != nil {
		return nil, err
	}
	superior, ok, err := r.Optional(ber.Context)
	if ok {
		s := string(superior)
		req.NewSuperior = &s
	}
	return req, err
}

// compare reads RFC 4511, section 4.10.
func (d *decoder) compare(r *ber.Reader) (any, error) {
	req := new(directory.CompareRequest)
	var err error
	if req.Entry, err = readString(r); err != nil {
		return nil, err
	}
	ava, err := r.Enter(ber.Sequence)
	if err != nil {
		return nil, err
	}
	req.Attribute, req.Value, err = readAssertion(&ava)
	return req, err
}

// extended reads RFC 4511, section 4.12.
func (d *decoder) extended(r *ber.Reader) (any, error) {
	name, err := r.Read(ber.Context)
	if err != nil {
		return nil, err
	}
	req := &ExtendedRequest{Name: string(name)}
	req.Value, _, err = r.Optional(ber.Context | 1)
	return req, err
}

// controls reads what follows the protocolOp: the controls (RFC 4511, section
// 4.1.11), and anything else, which is ignored.
func (d *decoder) controls(message *ber.Reader) ([]Control, error) {
	for !message.Done() {
		tag, contents, err := message.Next()
		if err != nil {
			return nil, err
		}
		if tag != tagControls {
			continue
		}
		var controls []Control
		for list := ber.NewReader(contents); !list.Done(); {
			if err := d.element(); err != nil {
				return nil, err
			}
			c, err := readControl(&list)
			if err != nil {
				return nil, err
			}
			controls = append(controls, c)
		}
		return controls, nil
	}
	return nil, nil
}

func readControl(list *ber.Reader) (c Control, err error) {
	r, err := list.Enter(ber.Sequence)
	if err != nil {
		return c, err
	}
	if c.OID, err = readString(&r); err != nil {
		return c, err
	}
	if c.Critical, err = readDefaultFalse(&r, ber.Boolean); err != nil {
		return c, err
	}
	c.Value, _, err = r.Optional(ber.OctetString)
	return c, err
}

func readString(r *ber.Reader) (string, error) {
	c, err := r.Read(ber.OctetString)
	return string(c), err
}

func readBool(r *ber.Reader) (bool, error) {
	c, err := r.Read(ber.Boolean)
	if err != nil {
		return false, err
	}
	return ber.ParseBool(c)
}

// readDefaultFalse reads a BOOLEAN DEFAULT FALSE, given or not.
func readDefaultFalse(r *ber.Reader, tag byte) (bool, error) {
	c, ok, err := r.Optional(tag)
	if !ok {
		return false, err
	}
	return ber.ParseBool(c)
}

// readAssertion reads the two components of an AttributeValueAssertion.
func readAssertion(r *ber.Reader) (attribute string, value []byte, err error) {
	if attribute, err = readString(r); err != nil {
		return "", nil, err
	}
	value, err = r.Read(ber.OctetString)
	return attribute, value, err
}
