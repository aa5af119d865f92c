package upstream

import (
	"fmt"

	"tallystick/internal/ber"
)

// Control is a control of a request or of a response (RFC 4511, section
// 4.1.11).
type Control struct {
	OID      string
	Critical bool
	Value    []byte // nil: absent
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
		var one int
		b, one = ber.Begin(b, ber.Sequence)
		b = ber.AppendString(b, ber.OctetString, c.OID)
		if c.Critical {
			b = ber.AppendBool(b, ber.Boolean, true)
		}
		if c.Value != nil {
			b = ber.AppendBytes(b, ber.OctetString, c.Value)
		}
		b = ber.End(b, one)
	}
	return ber.End(b, list)
}

// ResponseControls returns the controls of the last answer, whatever its
// result. Errors: ErrProtocol.
func (s *Session) ResponseControls() ([]Control, error) { return messageControls(s.last) }

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
