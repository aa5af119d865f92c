package ldif

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"tallystick/directory"
)

// Options of a Reader. The zero value is strict and has limits.
type Options struct {
	MaxLine   int  // longest logical line or file taken as a value, in octets; 0: 16 MiB
	MaxRecord int  // most octets in the lines and files of one record; 0: 64 MiB
	Files     bool // take values from local files: "jpegPhoto:< file:///tmp/ann.jpg"
	Keep      bool // a record stays valid after the next one is read, which costs memory of its own for each
}

// Reader reads records one after another.
type Reader struct {
	opts    Options
	lines   *lines
	started bool  // a line that is not blank was seen
	failed  error // a failed read, which every later call repeats

	rec    Record
	values []byte            // the octets of rec's values
	size   int               // octets in the lines and files of rec
	names  map[string]string // attribute descriptions seen, so that each is made a string once
}

// NewReader returns a reader of what r holds.
func NewReader(r io.Reader, opts Options) *Reader {
	if opts.MaxLine <= 0 {
		opts.MaxLine = 16 << 20
	}
	if opts.MaxRecord <= 0 {
		opts.MaxRecord = 64 << 20
	}
	return &Reader{opts: opts, lines: newLines(r, opts.MaxLine), names: make(map[string]string)}
}

// Next returns the next record, or io.EOF after the last. After an *Error the
// next call goes on with the record behind the faulty one; any other error is
// a failed read and final.
func (r *Reader) Next() (*Record, error) {
	if r.failed != nil {
		return nil, r.failed
	}
	rec, inside, err := r.read()
	if err == nil {
		return rec, nil
	}
	if e := (*Error)(nil); !errors.As(err, &e) {
		r.failed = err
		return nil, err
	}
	if inside {
		if skip := r.lines.blank(); skip != nil {
			r.failed = skip
		}
	}
	return nil, err
}

// Line is the number of the last line read.
func (r *Reader) Line() int { return r.lines.number }

// read reads one record. With an error, inside says that lines of the record
// are left to skip.
func (r *Reader) read() (rec *Record, inside bool, err error) {
	r.reset()
	first, err := r.first()
	if err != nil {
		return nil, true, err
	}
	if err := r.dn(first); err != nil {
		return nil, true, err
	}
	ended, err := r.body()
	rec = &r.rec
	if r.opts.Keep {
		rec = &Record{}
		*rec = r.rec
	}
	return rec, !ended, err
}

// first returns the record's first line.
func (r *Reader) first() (line, error) {
	for {
		l, err := r.line()
		if err == errBlank {
			continue
		}
		if err != nil {
			return line{}, err
		}
		if !r.started {
			r.started = true
			if strings.EqualFold(l.name, "version") {
				if string(l.value) != "1" {
					return line{}, &Error{l.at, fmt.Sprintf("version %.20q: only version 1 exists", l.value)}
				}
				continue
			}
		}
		return l, nil
	}
}

func (r *Reader) dn(l line) error {
	if !strings.EqualFold(l.name, "dn") {
		return &Error{l.at, fmt.Sprintf("a record begins with \"dn:\", not with %.80q", l.name+":")}
	}
	dn, err := l.text()
	r.rec.Line, r.rec.DN = l.at, dn
	return err
}

// body reads what follows the dn. ended says that the record's last line was
// read, whether or not there was an error in it.
func (r *Reader) body() (ended bool, err error) {
	l, err := r.line()
	for ; err == nil && strings.EqualFold(l.name, "control"); l, err = r.line() {
		c, err := parseControl(l)
		if err != nil {
			return false, err
		}
		r.rec.Controls = append(r.rec.Controls, c)
	}
	if err == nil && strings.EqualFold(l.name, "changetype") {
		return r.change(l)
	}
	if len(r.rec.Controls) > 0 && (err == nil || atEnd(err)) {
		return err != nil, &Error{r.rec.Line, "a record with a control needs a changetype"}
	}
	return r.attributes(l, err)
}

// attributes reads the lines of an entry, beginning with l and its error.
func (r *Reader) attributes(l line, err error) (ended bool, _ error) {
	for ; err == nil; l, err = r.line() {
		if err := notDN(l); err != nil {
			return false, err
		}
		if err := checkName(l); err != nil {
			return false, err
		}
		if !r.add(l) {
			return false, &Error{l.at, fmt.Sprintf("more than %d attributes in one entry", maxAttributes)}
		}
	}
	if !atEnd(err) {
		return false, err
	}
	if len(r.rec.Attributes) == 0 {
		return true, &Error{r.rec.Line, "an entry without attributes"}
	}
	return true, nil
}

// maxAttributes bounds the attributes of one entry, which add looks through.
const maxAttributes = 4096

// add puts a value to the attribute it belongs to, which mostly is the last
// one. It reports false if there are too many attributes.
func (r *Reader) add(l line) bool {
	attrs := r.rec.Attributes
	for i := len(attrs) - 1; i >= 0; i-- {
		if attrs[i].Name == l.name || strings.EqualFold(attrs[i].Name, l.name) {
			attrs[i].Values = append(attrs[i].Values, l.value)
			return true
		}
	}
	if len(attrs) == maxAttributes {
		return false
	}
	if len(attrs) < cap(attrs) {
		attrs = attrs[:len(attrs)+1] // with the room for values it had in an earlier record
	} else {
		attrs = append(attrs, directory.Attribute{})
	}
	a := &attrs[len(attrs)-1]
	a.Name, a.Values = l.name, append(a.Values[:0], l.value)
	r.rec.Attributes = attrs
	return true
}

// reset makes room for the next record: that of the last one, unless it may
// still be in use or was so huge that it must not be held for ever.
func (r *Reader) reset() {
	r.size = 0
	if r.opts.Keep || cap(r.values) > 1<<20 {
		r.rec, r.values = Record{}, nil
		return
	}
	r.rec, r.values = Record{Attributes: r.rec.Attributes[:0]}, r.values[:0]
}

// line is one logical line, taken apart: a name and a value.
type line struct {
	at    int
	name  string // "-" for the line that ends a change
	value []byte
}

var errBlank = errors.New("ldif: blank line")

// atEnd reports whether err of Reader.line is the end of a record.
func atEnd(err error) bool { return err == errBlank || err == io.EOF }

// line reads and takes apart one line: errBlank for a blank one, io.EOF at
// the end of the file. The value is a copy.
func (r *Reader) line() (line, error) {
	text, at, err := r.lines.next()
	if err != nil {
		return line{}, err
	}
	if len(text) == 0 {
		return line{}, errBlank
	}
	if r.size += len(text); r.size > r.opts.MaxRecord {
		return line{}, &Error{at, fmt.Sprintf("the record has more than %d octets", r.opts.MaxRecord)}
	}
	if string(text) == "-" {
		return line{at: at, name: "-"}, nil
	}
	name, rest, ok := bytes.Cut(text, []byte(":"))
	if !ok {
		return line{}, &Error{at, fmt.Sprintf("no colon in %.40q", text)}
	}
	value, err := r.value(at, rest)
	return line{at, r.intern(name), value}, err
}

// value decodes what follows the first colon into r.values.
func (r *Reader) value(at int, rest []byte) ([]byte, error) {
	var kind byte
	if len(rest) > 0 && (rest[0] == ':' || rest[0] == '<') {
		kind, rest = rest[0], rest[1:]
	}
	rest = bytes.TrimLeft(rest, " ")
	start := len(r.values)
	switch kind {
	case ':':
		var err error
		if r.values, err = appendBase64(r.values, bytes.TrimRight(rest, " ")); err != nil {
			return nil, &Error{at, "base64: " + err.Error()}
		}
	case '<':
		content, err := r.file(string(rest))
		if err != nil {
			return nil, &Error{at, err.Error()}
		}
		r.values = append(r.values, content...)
		r.size += len(content)
	default:
		if bytes.IndexByte(rest, 0) >= 0 {
			return nil, &Error{at, "a NUL octet must be written in base64, behind two colons"}
		}
		r.values = append(r.values, rest...)
	}
	return r.values[start:len(r.values):len(r.values)], nil
}

// maxNames bounds the names kept for reuse, since a file may have any number.
const maxNames = 10_000

func (r *Reader) intern(name []byte) string {
	if s, ok := r.names[string(name)]; ok {
		return s
	}
	s := string(name)
	if len(r.names) < maxNames && len(s) < 256 {
		r.names[s] = s
	}
	return s
}

// text is the value as a string that has to be UTF-8.
func (l line) text() (string, error) {
	if !utf8.Valid(l.value) {
		return "", &Error{l.at, l.name + " is not valid UTF-8"}
	}
	return string(l.value), nil
}

// notDN refuses the dn of a next record.
func notDN(l line) error {
	if strings.EqualFold(l.name, "dn") {
		return &Error{l.at, "a second dn in one record: is the blank line before it missing?"}
	}
	return nil
}

// checkName refuses what cannot be an attribute description (RFC 4512,
// section 2.5). The underscore is in no RFC, but in many a directory.
func checkName(l line) error {
	if l.name == "" {
		return &Error{l.at, "no attribute name before the colon"}
	}
	for i := range len(l.name) {
		c := l.name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case i > 0 && (c == '-' || c == '.' || c == ';' || c == '_'):
		default:
			return &Error{l.at, fmt.Sprintf("%.80q is not an attribute name", l.name)}
		}
	}
	return nil
}
