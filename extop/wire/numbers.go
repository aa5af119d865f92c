package wire

import (
	"time"

	"tallystick/internal/ber"
)

const (
	maxSmall = 1 << 31         // of counts, digits and seconds of a period, exclusive
	maxTime  = 253_402_300_800 // the year 10000, in seconds since 1970, exclusive
)

// numbers reads the contents of INTEGER, ENUMERATED and BOOLEAN elements. The
// first error stays; nil contents are absent and read as 0.
type numbers struct{ err error }

// read reads a number from least on and below limit.
func (n *numbers) read(contents []byte, least, limit int64) int64 {
	if contents == nil || n.err != nil {
		return 0
	}
	v, err := ber.ParseInt(contents)
	if err == nil && (v < least || v >= limit) {
		err = ber.ErrValue
	}
	if err != nil {
		n.err = err
		return 0
	}
	return v
}

func (n *numbers) bool(contents []byte) bool {
	if contents == nil || n.err != nil {
		return false
	}
	v, err := ber.ParseBool(contents)
	n.err = err
	return v
}

// time reads seconds since 1970, which is itself the zero time: absent.
func (n *numbers) time(contents []byte) time.Time {
	v := n.read(contents, 0, maxTime)
	if v == 0 {
		return time.Time{}
	}
	return time.Unix(v, 0).UTC()
}

// millis is time in milliseconds.
func (n *numbers) millis(contents []byte) time.Time {
	v := n.read(contents, 0, maxTime*1000)
	if v == 0 {
		return time.Time{}
	}
	return time.UnixMilli(v).UTC()
}

// appendNumber appends an INTEGER, unless it is 0.
func appendNumber(b []byte, number byte, v int64) []byte {
	if v == 0 {
		return b
	}
	return ber.AppendInt(b, ber.Context|number, v)
}

// appendTrue appends a BOOLEAN, unless it is FALSE.
func appendTrue(b []byte, number byte, v bool) []byte {
	if !v {
		return b
	}
	return ber.AppendBool(b, ber.Context|number, true)
}

// appendTime appends a time as an INTEGER, unless it is zero.
func appendTime(b []byte, number byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return appendNumber(b, number, t.Unix())
}

// appendMillis is appendTime in milliseconds.
func appendMillis(b []byte, number byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return appendNumber(b, number, t.UnixMilli())
}

// appendSome is appendText for a string that means absent if it is empty.
func appendSome(b []byte, number byte, s string) []byte {
	if s == "" {
		return b
	}
	return ber.AppendString(b, ber.Context|number, s)
}
