package pingdirectory

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// object is a JSON object whose members stay in order.
type object []member

type member struct {
	name  string
	value any
}

// link is a link of HAL. Its target is a path of this server, so that it is
// right behind any proxy.
type link struct {
	Href string `json:"href"`
}

// MarshalJSON is for an object inside of something else.
func (o object) MarshalJSON() ([]byte, error) { return encode(o) }

// encode is json.Marshal without the escapes that only HTML needs: links have
// ampersands.
func encode(v any) ([]byte, error) {
	room := 256 // and as much as most entries need
	if o, ok := v.(object); ok {
		room += 128 * len(o)
	}
	return appendJSON(make([]byte, 0, min(room, 8<<10)), v)
}

// appendJSON appends v to b. What entries are made of is written here, since
// encoding/json takes several times as long, and everything else by that.
func appendJSON(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case object:
		b = append(b, '{')
		for i, m := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, m.name), ':')
			var err error
			if b, err = appendJSON(b, m.value); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	case []object:
		return appendArray(b, v, func(b []byte, o object) ([]byte, error) { return appendJSON(b, o) })
	case []link:
		return appendArray(b, v, func(b []byte, l link) ([]byte, error) { return appendLink(b, l), nil })
	case []string:
		return appendArray(b, v, func(b []byte, s string) ([]byte, error) { return appendString(b, s), nil })
	case resultCode:
		b = strconv.AppendInt(append(b, `{"value":`...), int64(v.Value), 10)
		return append(appendString(append(b, `,"name":`...), v.Name), '}'), nil
	case *attribute:
		return v.appendJSON(b)
	case link:
		return appendLink(b, v), nil
	case string:
		return appendString(b, v), nil
	}
	return appendOther(b, v)
}

func appendOther(b []byte, v any) ([]byte, error) {
	w := bytes.NewBuffer(b)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(w.Bytes(), []byte("\n")), err
}

func appendArray[T any](b []byte, list []T, appendOne func([]byte, T) ([]byte, error)) ([]byte, error) {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = appendOne(b, v); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

func appendLink(b []byte, l link) []byte {
	return append(appendString(append(b, `{"href":`...), l.Href), '}')
}

// appendString appends s as a string. Most have nothing to escape.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			b, _ = appendOther(b, s) // no string is an error
			return b
		}
	}
	b = append(append(b, '"'), s...)
	return append(b, '"')
}
