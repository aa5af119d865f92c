package schema

import (
	"bytes"
	"math/bits"
	"time"
)

// normalizeTime writes a generalizedTime in UTC with nine digits of fraction;
// further ones are cut off.
func normalizeTime(dst, value []byte) ([]byte, error) {
	t, err := ParseGeneralizedTime(value)
	if err != nil {
		return nil, err
	}
	return t.AppendFormat(dst, "20060102150405.000000000Z"), nil
}

// checkUTCTime is RFC 4517, section 3.3.34: YYMMDDHHMM[SS] with Z, an offset or
// neither. It is a generalized time without a century.
func checkUTCTime(value []byte) error {
	digits := bytes.IndexFunc(value, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits, value = len(value), append(value[:len(value):len(value)], 'Z')
	}
	zone := len(value) - digits
	if digits != 10 && digits != 12 || zone != 1 && zone != 5 {
		return valueErrorf("a UTC time is YYMMDDHHMMSSZ")
	}
	_, err := ParseGeneralizedTime(append([]byte("20"), value...))
	return err
}

// ParseGeneralizedTime reads a value of the Generalized Time syntax (RFC 4517,
// section 3.3.13): YYYYMMDDHH[MM[SS]][.fraction](Z|±HH[MM]). A leap second is
// the first second of the next minute. The result is in UTC.
func ParseGeneralizedTime(value []byte) (time.Time, error) {
	rest := value
	malformed := func(what string) (time.Time, error) {
		return time.Time{}, valueErrorf("a generalized time is YYYYMMDDHHMMSSZ: %s", what)
	}
	// number takes n digits off rest; -1 if there are not that many.
	number := func(n int) int {
		v := 0
		if len(rest) < n {
			return -1
		}
		for _, c := range rest[:n] {
			if c < '0' || c > '9' {
				return -1
			}
			v = v*10 + int(c-'0')
		}
		rest = rest[n:]
		return v
	}
	digitNext := func() bool { return len(rest) > 0 && '0' <= rest[0] && rest[0] <= '9' }

	year, month, day, hour := number(4), number(2), number(2), number(2)
	if year < 0 || hour < 0 {
		return malformed("it begins with ten digits")
	}
	minute, second, unit := 0, 0, time.Hour
	if digitNext() {
		minute, unit = number(2), time.Minute
		if digitNext() {
			second, unit = number(2), time.Second
		}
	}
	if month < 1 || month > 12 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 {
		return malformed("month, hour, minute or second is out of range")
	}
	if last := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day(); day < 1 || day > last {
		return malformed("the month has no such day")
	}

	var fraction time.Duration
	if len(rest) > 0 && (rest[0] == '.' || rest[0] == ',') {
		rest = rest[1:]
		if !digitNext() {
			return malformed("the fraction has no digits")
		}
		billionths, weight := uint64(0), uint64(1e8)
		for ; digitNext(); weight /= 10 {
			billionths += weight * uint64(rest[0]-'0')
			rest = rest[1:]
		}
		hi, lo := bits.Mul64(billionths, uint64(unit))
		q, _ := bits.Div64(hi, lo, 1e9)
		fraction = time.Duration(q)
	}

	var offset time.Duration
	switch {
	case len(rest) == 1 && rest[0] == 'Z':
	case len(rest) == 3 || len(rest) == 5:
		sign := time.Duration(1)
		switch rest[0] {
		case '-':
			sign = -1
		case '+':
		default:
			return malformed("it ends with Z or an offset")
		}
		rest = rest[1:]
		h, m := number(2), 0
		if len(rest) > 0 {
			m = number(2)
		}
		if h < 0 || h > 23 || m < 0 || m > 59 {
			return malformed("the offset is out of range")
		}
		offset = sign * (time.Duration(h)*time.Hour + time.Duration(m)*time.Minute)
	default:
		return malformed("it ends with Z or an offset")
	}

	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC).Add(fraction - offset)
	if t.Year() < 0 || t.Year() > 9999 {
		return malformed("the year is out of range")
	}
	return t, nil
}
