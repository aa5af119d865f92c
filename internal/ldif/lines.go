package ldif

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// lines joins folded lines and leaves out comments.
type lines struct {
	r      *bufio.Reader
	max    int    // longest logical line taken, in octets
	number int    // physical lines read so far
	text   []byte // the logical line; overwritten by the next call
}

func newLines(r io.Reader, max int) *lines {
	l := &lines{r: bufio.NewReaderSize(r, 64<<10), max: max}
	if mark, _ := l.r.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		l.r.Discard(3)
	}
	return l
}

// next returns the next logical line without its newline, and the number of
// the physical line it begins on. An empty line is a blank one, which ends a
// record. At the end of the file it returns io.EOF; an *Error is about this
// line alone, and anything else is a failed read.
func (l *lines) next() (text []byte, at int, err error) {
	for {
		at = l.number + 1
		l.text = l.text[:0]
		tooLong, err := l.physical()
		if err != nil {
			return nil, at, err
		}
		if len(l.text) == 0 && !tooLong {
			return l.text, at, nil
		}
		comment := l.text[0] == '#'
		orphan := l.text[0] == ' '
		for {
			if c, err := l.r.Peek(1); err != nil || c[0] != ' ' {
				break
			}
			l.r.Discard(1)
			if comment {
				l.text = l.text[:0]
			}
			more, err := l.physical()
			if err != nil && err != io.EOF {
				return nil, at, err
			}
			tooLong = tooLong || more
		}
		switch {
		case comment:
			continue
		case orphan:
			return nil, at, &Error{at, "begins with a space, but there is no line before it to continue"}
		case tooLong:
			return nil, at, &Error{at, fmt.Sprintf("longer than %d octets", l.max)}
		}
		return l.text, at, nil
	}
}

// physical appends one physical line to l.text, without its newline and
// without what does not fit. It returns io.EOF if there was none.
func (l *lines) physical() (tooLong bool, err error) {
	start := len(l.text)
	for {
		part, err := l.r.ReadSlice('\n')
		if room := l.max + 2 - len(l.text); len(part) > room {
			tooLong = true
			part = part[:max(room, 0)]
		}
		l.text = append(l.text, part...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && err != io.EOF:
			return tooLong, err
		case err == io.EOF && len(l.text) == start:
			return tooLong, io.EOF
		}
		l.number++
		if n := len(l.text); n > start && l.text[n-1] == '\n' {
			l.text = l.text[:n-1]
		}
		if n := len(l.text); n > start && l.text[n-1] == '\r' {
			l.text = l.text[:n-1]
		}
		return tooLong || len(l.text) > l.max, nil
	}
}

// blank skips the rest of the record that an error was found in.
func (l *lines) blank() error {
	for {
		text, _, err := l.next()
		if e := (*Error)(nil); errors.As(err, &e) {
			continue
		}
		if err != nil {
			return err
		}
		if len(text) == 0 {
			return nil
		}
	}
}
