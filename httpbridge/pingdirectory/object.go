package pingdirectory

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object whose members stay in order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members one after another.
func (o object) MarshalJSON() ([]byte, error) { return encode(o) }

// encode is json.Marshal without the escapes that only HTML needs: links have
// ampersands.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := encodeTo(&b, e, v)
	return b.Bytes(), err
}

// encodeTo appends v to b, which e writes to. Objects are taken apart here:
// encoding/json would check once more what each of them has written.
func encodeTo(b *bytes.Buffer, e *json.Encoder, v any) error {
	o, ok := v.(object)
	if !ok {
		err := e.Encode(v)
		if n := b.Len(); err == nil {
			b.Truncate(n - 1) // the newline
		}
		return err
	}
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := encodeTo(b, e, m.name); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := encodeTo(b, e, m.value); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

// link is a link of HAL. Its target is a path of this server, so that it is
// right behind any proxy.
type link struct {
	Href string `json:"href"`
}
