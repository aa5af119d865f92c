package upstream

import (
	"context"
	"fmt"

	asn1ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"tallystick/internal/ber"
)

// Control is a control of a request or of a response (RFC 4511, section
// 4.1.11).
type Control struct {
	OID      string
	Critical bool
	Value    []byte // nil: absent
}

// wireControl is a Control as go-ldap sends it.
type wireControl struct{ Control }

func (c wireControl) GetControlType() string { return c.OID }
func (c wireControl) String() string         { return c.OID }

func (c wireControl) Encode() *asn1ber.Packet {
	p := asn1ber.NewSequence("Control")
	p.AppendChild(asn1ber.NewString(asn1ber.ClassUniversal, asn1ber.TypePrimitive, asn1ber.TagOctetString, c.OID, "controlType"))
	if c.Critical {
		p.AppendChild(asn1ber.NewBoolean(asn1ber.ClassUniversal, asn1ber.TypePrimitive, asn1ber.TagBoolean, true, "criticality"))
	}
	if c.Value != nil {
		p.AppendChild(asn1ber.NewString(asn1ber.ClassUniversal, asn1ber.TypePrimitive, asn1ber.TagOctetString, string(c.Value), "controlValue"))
	}
	return p
}

// wireControls are controls, and what every request of ctx has, for go-ldap.
func (s *Session) wireControls(ctx context.Context, controls []Control) []ldap.Control {
	var wire []ldap.Control
	for _, c := range s.client.controls(ctx, controls) {
		wire = append(wire, wireControl{c})
	}
	if s.proxied != "" {
		wire = append(wire, s.proxiedControl())
	}
	return wire
}

// controlsTag is the tag of the controls in an LDAPMessage.
const controlsTag = ber.Context | ber.Constructed // 0

// appendControls appends the controls of an LDAPMessage, if there are any.
func appendControls(b []byte, controls []Control) []byte {
	if len(controls) == 0 {
		return b
	}
	b, list := ber.Begin(b, controlsTag)
	for _, c := range controls {
		b = append(b, wireControl{c}.Encode().Bytes()...)
	}
	return ber.End(b, list)
}

// ResponseControls returns the controls of the last answer, whatever its
// result. go-ldap keeps them for some operations only, and in forms of its own,
// so they are read from the octets. Errors: ErrProtocol.
func (s *Session) ResponseControls() ([]Control, error) {
	r := ber.NewReader(s.link.nc.received())
	var last []byte
	for !r.Done() {
		_, contents, err := r.Next()
		if err != nil {
			break // the beginning of something the server says of its own accord
		}
		last = contents
	}
	return messageControls(last)
}

// messageControls reads the controls out of the contents of an LDAPMessage.
func messageControls(contents []byte) ([]Control, error) {
	r := ber.NewReader(contents)
	for i := 0; !r.Done(); i++ {
		if i < 2 || r.Peek() != controlsTag { // messageID, protocolOp
			if _, _, err := r.Next(); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrProtocol, err)
			}
			continue
		}
		list, err := r.Enter(controlsTag)
		if err != nil {
			return nil, fmt.Errorf("%w: controls: %w", ErrProtocol, err)
		}
		var controls []Control
		for !list.Done() {
			c, err := readControl(&list)
			if err != nil {
				return nil, fmt.Errorf("%w: controls: %w", ErrProtocol, err)
			}
			controls = append(controls, c)
		}
		return controls, nil
	}
	return nil, nil
}

func readControl(list *ber.Reader) (Control, error) {
	in, err := list.Enter(ber.Sequence)
	if err != nil {
		return Control{}, err
	}
	oid, err := in.Read(ber.OctetString)
	if err != nil {
		return Control{}, err
	}
	c := Control{OID: string(oid)}
	for !in.Done() {
		tag, contents, err := in.Next()
		if err != nil {
			return Control{}, err
		}
		switch tag {
		case ber.Boolean:
			c.Critical = len(contents) == 1 && contents[0] != 0
		case ber.OctetString:
			c.Value = append([]byte{}, contents...)
		}
	}
	return c, nil
}
