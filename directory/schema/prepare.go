package schema

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// spaces is what string preparation does with insignificant characters
// (RFC 4518, section 2.6).
type spaces int

const (
	// spacesCompact drops spaces at the ends and leaves one of several
	// inside. It tells values apart exactly as the form of section 2.6.1
	// does, is shorter and reads better.
	spacesCompact spaces = iota

	// The forms of section 2.6.1: of a whole value in which substrings are
	// looked for, and of those.
	spacesValue
	spacesInitial
	spacesAny
	spacesFinal

	spacesNone       // section 2.6.2: numericString
	spacesAndHyphens // section 2.6.3: telephoneNumber
)

// substringSpaces is how a substring at pos is prepared.
func substringSpaces(pos Position) spaces {
	return spacesInitial + spaces(pos)
}

// prepare appends to dst the value after string preparation (RFC 4518), with
// case folded or not. Code points that Unicode has assigned since version 3.2
// are taken as they are: values in use have them.
func prepare(dst, value []byte, fold bool, mode spaces) ([]byte, error) {
	if mode == spacesCompact && plain(value) {
		dst = append(dst, value...)
		if fold {
			lower(dst[len(dst)-len(value):])
		}
		return dst, nil
	}
	w := spaceWriter{dst: dst, mode: mode}
	for _, c := range value {
		if c >= utf8.RuneSelf {
			w.dst = w.dst[:len(dst)]
			return prepareUnicode(dst, value, fold, mode)
		}
		switch {
		case 'A' <= c && c <= 'Z' && fold:
			w.put(c + 'a' - 'A')
		case c > ' ' && c < 0x7f:
			w.put(c)
		case c == ' ' || '\t' <= c && c <= '\r':
			w.space()
		}
	}
	return w.finish(), nil
}

// plain reports whether a value is visible ASCII with at most single spaces
// inside: all that prepare can do to it is fold case.
func plain(value []byte) bool {
	space := true
	for _, c := range value {
		if c == ' ' && space || c < ' ' || c >= 0x7f {
			return false
		}
		space = c == ' '
	}
	return !space
}

func lower(b []byte) {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
}

// prepareUnicode is prepare for a value that is not all ASCII.
func prepareUnicode(dst, value []byte, fold bool, mode spaces) ([]byte, error) {
	if !utf8.Valid(value) {
		return nil, valueErrorf("not UTF-8")
	}
	text := make([]byte, 0, len(value)+8)
	for _, r := range string(value) {
		if r = mapRune(r); r >= 0 {
			text = utf8.AppendRune(text, r)
		}
	}
	if fold {
		// Twice, for what a compatibility mapping yields may have case again;
		// RFC 3454, table B.2, has that built in.
		for range 2 {
			text = norm.NFKC.Bytes(cases.Fold().Bytes(text))
		}
	} else {
		text = norm.NFKC.Bytes(text)
	}

	w := spaceWriter{dst: dst, mode: mode}
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		next := rune(-1)
		if n < len(text) {
			next, _ = utf8.DecodeRune(text[n:])
		}
		switch {
		case prohibited(r):
			return nil, valueErrorf("holds the code point %U, which no value may have", r)
		case r == ' ' && !unicode.Is(unicode.M, next):
			w.space()
		case mode == spacesAndHyphens && isHyphen(r):
		default:
			w.put(text[:n]...)
		}
		text = text[n:]
	}
	return w.finish(), nil
}

// spaceWriter appends characters and puts spaces between them as mode says.
type spaceWriter struct {
	dst     []byte
	mode    spaces
	begun   bool // a character that is no space was written
	pending bool // a space was seen since
}

func (w *spaceWriter) space() { w.pending = true }

func (w *spaceWriter) put(c ...byte) {
	switch {
	case w.mode >= spacesNone:
		if w.mode == spacesAndHyphens && c[0] == '-' {
			return
		}
	case !w.begun:
		switch w.mode {
		case spacesValue, spacesInitial:
			w.dst = append(w.dst, ' ')
		case spacesAny, spacesFinal:
			if w.pending {
				w.dst = append(w.dst, ' ')
			}
		}
	case w.pending && w.mode == spacesCompact:
		w.dst = append(w.dst, ' ')
	case w.pending:
		w.dst = append(w.dst, ' ', ' ')
	}
	w.begun, w.pending = true, false
	w.dst = append(w.dst, c...)
}

func (w *spaceWriter) finish() []byte {
	switch {
	case w.mode >= spacesNone:
	case !w.begun && w.mode == spacesValue:
		w.dst = append(w.dst, ' ', ' ')
	case !w.begun:
		w.dst = append(w.dst, ' ')
	case w.mode == spacesValue || w.mode == spacesFinal:
		w.dst = append(w.dst, ' ')
	case w.mode != spacesCompact && w.pending:
		w.dst = append(w.dst, ' ')
	}
	return w.dst
}

// mapRune is the mapping of RFC 4518, section 2.2, without case: another code
// point, or -1 for none.
func mapRune(r rune) rune {
	switch {
	case r == 0x85 || '\t' <= r && r <= '\r':
		return ' '
	case unicode.Is(unicode.Z, r):
		return ' '
	case unicode.Is(unicode.Cc, r) || unicode.Is(mappedToNothing, r):
		return -1
	}
	return r
}

// mappedToNothing is the rest of section 2.2's list.
var mappedToNothing = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00ad, 0x00ad, 1}, {0x034f, 0x034f, 1}, {0x06dd, 0x06dd, 1}, {0x070f, 0x070f, 1},
		{0x1806, 0x1806, 1}, {0x180b, 0x180e, 1}, {0x200b, 0x200f, 1}, {0x202a, 0x202e, 1},
		{0x2060, 0x2063, 1}, {0x206a, 0x206f, 1}, {0xfe00, 0xfe0f, 1}, {0xfeff, 0xfeff, 1},
		{0xfff9, 0xfffc, 1},
	},
	R32: []unicode.Range32{
		{0x1d173, 0x1d17a, 1}, {0xe0001, 0xe0001, 1}, {0xe0020, 0xe007f, 1},
	},
	LatinOffset: 1,
}

// prohibited is RFC 4518, section 2.4, but for unassigned code points.
func prohibited(r rune) bool {
	return r >= 0x80 && (r == utf8.RuneError || unicode.Is(unicode.Co, r) || unicode.Is(unicode.Noncharacter_Code_Point, r))
}

// isHyphen is the list of RFC 4518, section 2.6.3; normalisation leaves no
// other of it.
func isHyphen(r rune) bool {
	return bytes.ContainsRune([]byte("-\u058a\u2010\u2011\u2212\ufe63\uff0d"), r)
}
