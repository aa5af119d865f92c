package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/goccy/go-yaml"
)

// assemble puts the document together: what a face says under a name of
// document.yaml is added to what is there.
func assemble(files fs.FS, faces []string) (yaml.MapSlice, error) {
	var doc yaml.MapSlice
	for _, name := range append([]string{"document.yaml"}, faces...) {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var part yaml.MapSlice
		if err = yaml.UnmarshalWithOptions(text, &part, yaml.UseOrderedMap()); err == nil {
			doc, err = merge(doc, part)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return doc, nil
}

// merge adds part to doc: lists are appended, mappings merged. Two other values
// of one name are an error.
func merge(doc, part yaml.MapSlice) (yaml.MapSlice, error) {
	for _, item := range part {
		i := slices.IndexFunc(doc, func(there yaml.MapItem) bool { return there.Key == item.Key })
		if i < 0 {
			doc = append(doc, item)
			continue
		}
		var err error
		switch there := doc[i].Value.(type) {
		case []any:
			doc[i].Value = append(there, list(item.Value)...)
		case yaml.MapSlice:
			doc[i].Value, err = merge(there, mapping(item.Value))
		default:
			err = errors.New("given twice")
		}
		if err != nil {
			return nil, fmt.Errorf("%v: %w", item.Key, err)
		}
	}
	return doc, nil
}

// mapping is v, or nothing if it is none.
func mapping(v any) yaml.MapSlice { m, _ := v.(yaml.MapSlice); return m }

// list is v, or nothing if it is none.
func list(v any) []any { l, _ := v.([]any); return l }

// get is what stands in v under names, one below the other; nil if nothing does.
func get(v any, names ...string) any {
	for _, name := range names {
		m := mapping(v)
		i := slices.IndexFunc(m, func(item yaml.MapItem) bool { return item.Key == name })
		if i < 0 {
			return nil
		}
		v = m[i].Value
	}
	return v
}

// text is what stands in v under names if it is a string, or "".
func text(v any, names ...string) string { s, _ := get(v, names...).(string); return s }

// encode is v in JSON, with its members in order.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	err := write(&b, v)
	return b.Bytes(), err
}

func write(b *bytes.Buffer, v any) error {
	switch v := v.(type) {
	case yaml.MapSlice:
		b.WriteByte('{')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(b, fmt.Sprint(item.Key)); err != nil {
				return err
			}
			b.WriteByte(':')
			if err := write(b, item.Value); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case []any:
		b.WriteByte('[')
		for i, element := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := write(b, element); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the line's end
	return nil
}
