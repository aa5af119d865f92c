package ldif

import (
	"bufio"
	"encoding/base64"
	"io"
	"strings"

	"tallystick/directory"
)

// columns is the width that lines are folded at, the newline not counted.
const columns = 76

// Writer writes records. The first is preceded by "version: 1". Errors stick:
// Flush reports the first one.
type Writer struct {
	w       *bufio.Writer
	started bool
	line    []byte
}

// NewWriter returns a writer to w. Call Flush at the end.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, 64<<10)}
}

// AppendTo is NewWriter for a file that has records already, or has no version.
func AppendTo(w io.Writer) *Writer {
	x := NewWriter(w)
	x.started = true
	return x
}

// Flush writes what is still in the buffer.
func (w *Writer) Flush() error { return w.w.Flush() }

// Comment writes text as comment lines. It stands before the record that is
// written next.
func (w *Writer) Comment(text string) error {
	w.start()
	for line := range strings.SplitSeq(text, "\n") {
		w.w.WriteString("# ")
		w.w.WriteString(strings.TrimRight(line, "\r"))
		w.w.WriteByte('\n')
	}
	return w.w.WriteByte('\n')
}

// WriteEntry writes e as a content record. Attributes without values are left
// out, since LDIF has no form for them.
func (w *Writer) WriteEntry(e *directory.Entry) error {
	w.start()
	w.text("dn", e.DN)
	w.attributes(e.Attributes)
	return w.w.WriteByte('\n')
}

// Write writes a record of any kind.
func (w *Writer) Write(rec *Record) error {
	if rec.Change == Content {
		return w.WriteEntry(&directory.Entry{DN: rec.DN, Attributes: rec.Attributes})
	}
	w.start()
	w.text("dn", rec.DN)
	for _, c := range rec.Controls {
		w.control(c)
	}
	w.text("changetype", rec.Change.String())
	switch rec.Change {
	case Add:
		w.attributes(rec.Attributes)
	case Modify:
		for _, c := range rec.Changes {
			w.text(stepNames[c.Operation], c.Attribute.Name)
			w.attributes([]directory.Attribute{c.Attribute})
			w.w.WriteString("-\n")
		}
	case ModifyDN:
		w.text("newrdn", rec.NewRDN)
		if rec.DeleteOldRDN {
			w.text("deleteoldrdn", "1")
		} else {
			w.text("deleteoldrdn", "0")
		}
		if rec.NewSuperior != nil {
			w.text("newsuperior", *rec.NewSuperior)
		}
	}
	return w.w.WriteByte('\n')
}

var stepNames = map[directory.ChangeOperation]string{
	directory.AddValues:       "add",
	directory.DeleteValues:    "delete",
	directory.ReplaceValues:   "replace",
	directory.IncrementValues: "increment",
}

func (w *Writer) start() {
	if !w.started {
		w.started = true
		w.w.WriteString("version: 1\n\n")
	}
}

func (w *Writer) attributes(attrs []directory.Attribute) {
	for _, a := range attrs {
		for _, v := range a.Values {
			w.line = append(w.line[:0], a.Name...)
			w.line = appendValue(w.line, v)
			w.fold()
		}
	}
}

func (w *Writer) text(name, value string) {
	w.line = append(w.line[:0], name...)
	w.line = appendValue(w.line, []byte(value))
	w.fold()
}

func (w *Writer) control(c Control) {
	w.line = append(w.line[:0], "control: "...)
	w.line = append(w.line, c.OID...)
	if c.Critical {
		w.line = append(w.line, " true"...)
	} else {
		w.line = append(w.line, " false"...)
	}
	if c.Value != nil {
		w.line = appendValue(w.line, c.Value)
	}
	w.fold()
}

// fold writes w.line on as many lines as it needs.
func (w *Writer) fold() {
	rest := w.line
	for width := columns; len(rest) > width; width = columns - 1 {
		w.w.Write(rest[:width])
		w.w.WriteString("\n ")
		rest = rest[width:]
	}
	w.w.Write(rest)
	w.w.WriteByte('\n')
}

// appendValue appends a value-spec: ": text", or ":: base64" where the text
// would not come back as it is.
func appendValue(dst, value []byte) []byte {
	switch {
	case len(value) == 0:
		return append(dst, ':')
	case safe(value):
		return append(append(dst, ": "...), value...)
	}
	return base64.StdEncoding.AppendEncode(append(dst, ":: "...), value)
}

// safe reports whether value is a SAFE-STRING that does not end in a space.
func safe(value []byte) bool {
	switch value[0] {
	case ' ', ':', '<':
		return false
	}
	for _, c := range value {
		if c == 0 || c == '\n' || c == '\r' || c >= 0x80 {
			return false
		}
	}
	return value[len(value)-1] != ' '
}
