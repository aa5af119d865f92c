package store

import (
	"bytes"
	"testing"
)

func TestPrefix(t *testing.T) {
	tests := []struct{ prefix, end string }{
		{"", ""}, // all keys: no bound
		{"a", "b"},
		{"ab", "ac"},
		{"a\xff", "b"},
		{"a\xff\xff", "b"},
		{"a\xfe", "a\xff"},
		{"\xff", ""}, // nothing can be behind
		{"\xff\xff", ""},
		{"\x00", "\x01"},
	}
	for _, test := range tests {
		p := []byte(test.prefix)
		r := Prefix(p)
		if string(r.Start) != test.prefix || string(r.End) != test.end {
			t.Errorf("Prefix(%q) = %q to %q, want to %q", test.prefix, r.Start, r.End, test.end)
		}
		if !bytes.Equal(p, []byte(test.prefix)) {
			t.Errorf("Prefix(%q) changed its argument to %q", test.prefix, p)
		}
	}
}
