package ber

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHeader(t *testing.T) {
	for _, row := range []struct {
		octets         string
		tag            byte
		header, length int
		err            error
	}{
		{"0400", 0x04, 2, 0, nil},
		{"307f", 0x30, 2, 127, nil},
		{"308180", 0x30, 3, 128, nil},
		{"308101", 0x30, 3, 1, nil}, // not minimal
		{"3084000000ff", 0x30, 6, 255, nil},
		{"30847fffffff", 0x30, 6, 1<<31 - 1, nil},
		{"308a000000000000000000ff", 0x30, 12, 255, nil},
		{"", 0, 0, 0, ErrTruncated},
		{"30", 0, 0, 0, ErrTruncated},
		{"3082ff", 0, 0, 0, ErrTruncated},
		{"3080", 0, 0, 0, ErrIndefinite},
		{"30ff00", 0, 0, 0, ErrLength},
		{"308480000000", 0, 0, 0, ErrLength},
		{"3088ffffffffffffffff", 0, 0, 0, ErrLength},
		{"1f8100", 0, 0, 0, ErrHighTag},
		{"ff00", 0, 0, 0, ErrHighTag},
	} {
		tag, header, length, err := Header(unhex(t, row.octets))
		if tag != row.tag || header != row.header || length != row.length || err != row.err {
			t.Errorf("%s: %#x %d %d %v", row.octets, tag, header, length, err)
		}
	}
}

func TestParseInt(t *testing.T) {
	for _, row := range []struct {
		octets string
		want   int64
		err    error
	}{
		{"00", 0, nil},
		{"7f", 127, nil},
		{"80", -128, nil},
		{"0080", 128, nil},
		{"ff7f", -129, nil},
		{"00000001", 1, nil},
		{"7fffffffffffffff", math.MaxInt64, nil},
		{"8000000000000000", math.MinInt64, nil},
		{"000000000000000000000000000000000005", 5, nil},
		{"fffffffffffffffffffffffffffffffffffe", -2, nil},
		{"", 0, ErrValue},
		{"00ffffffffffffffff", 0, ErrValue}, // 2^64-1
		{"ff0000000000000000", 0, ErrValue},
		{"010000000000000000", 0, ErrValue},
	} {
		got, err := ParseInt(unhex(t, row.octets))
		if got != row.want || err != row.err {
			t.Errorf("%s: %d, %v", row.octets, got, err)
		}
	}
}

func TestParseBool(t *testing.T) {
	for octets, want := range map[string]bool{"00": false, "01": true, "80": true, "ff": true} {
		if got, err := ParseBool(unhex(t, octets)); err != nil || got != want {
			t.Errorf("%s: %v, %v", octets, got, err)
		}
	}
	for _, octets := range []string{"", "0000", "ff00"} {
		if _, err := ParseBool(unhex(t, octets)); err != ErrValue {
			t.Errorf("%q: %v", octets, err)
		}
	}
}

// TestIntegers goes over the borders where the sign octet comes and goes.
func TestIntegers(t *testing.T) {
	values := []int64{0, math.MaxInt64, math.MinInt64}
	for shift := range 63 {
		v := int64(1) << shift
		values = append(values, v-1, v, v+1, -v-1, -v, -v+1)
	}
	for _, want := range values {
		b := AppendInt(nil, Integer, want)
		r := NewReader(b)
		got, err := r.Int(Integer)
		if err != nil || got != want || !r.Done() {
			t.Errorf("%d: %x is %d, %v", want, b, got, err)
		}
		if c := b[2:]; len(c) > 1 && (c[0] == 0 && c[1] < 0x80 || c[0] == 0xff && c[1] >= 0x80) {
			t.Errorf("%d: %x is not minimal", want, b)
		}
	}
	for want, v := range map[string]int64{"02020080": 128, "020180": -128, "02017f": 127, "0203008000": 32768, "02047fffffff": 1<<31 - 1} {
		if got := hex.EncodeToString(AppendInt(nil, Integer, v)); got != want {
			t.Errorf("%d: %s, want %s", v, got, want)
		}
	}
}

// TestConstructed has contents of all sizes round where the length grows.
func TestConstructed(t *testing.T) {
	for _, n := range []int{0, 1, 126, 127, 128, 129, 254, 255, 256, 257, 65534, 65535, 65536, 1<<24 - 1, 1 << 24} {
		contents := bytes.Repeat([]byte{0xa5}, n)
		b, start := Begin([]byte("before"), Sequence)
		b = append(b, contents...)
		b = append(End(b, start), "behind"...)
		want := append(AppendBytes([]byte("before"), Sequence, contents), "behind"...)
		if !bytes.Equal(b, want) {
			t.Errorf("%d octets: begins %x, want %x", n, b[:min(len(b), 20)], want[:min(len(want), 20)])
		}
	}
}

func TestReader(t *testing.T) {
	b := AppendString(nil, OctetString, "name")
	b = AppendBool(b, Context, true)
	b = AppendBytes(b, Context|1, nil)
	r := NewReader(b)
	if r.Peek() != OctetString {
		t.Errorf("peek %#x", r.Peek())
	}
	if _, err := r.Read(Integer); err != ErrTag {
		t.Errorf("another tag: %v", err)
	}
	if c, err := r.Read(OctetString); err != nil || string(c) != "name" {
		t.Errorf("%q, %v", c, err)
	}
	if c, ok, err := r.Optional(Context | 1); c != nil || ok || err != nil {
		t.Errorf("optional that is not there: %x, %v, %v", c, ok, err)
	}
	if c, ok, err := r.Optional(Context); !ok || err != nil || !bytes.Equal(c, []byte{0xff}) {
		t.Errorf("optional: %x, %v, %v", c, ok, err)
	}
	if c, ok, err := r.Optional(Context | 1); c == nil || len(c) != 0 || !ok || err != nil {
		t.Errorf("empty optional: %x, %v, %v", c, ok, err)
	}
	if !r.Done() || r.Peek() != 0 {
		t.Error("not at the end")
	}
	if _, err := r.Read(OctetString); err != ErrTruncated {
		t.Errorf("behind the end: %v", err)
	}
	if _, ok, err := r.Optional(OctetString); ok || err != nil {
		t.Errorf("optional behind the end: %v, %v", ok, err)
	}
	if _, _, err := r.Next(); err != ErrTruncated {
		t.Errorf("next behind the end: %v", err)
	}
}

// TestContentsDoNotReachFurther: appending to what was read leaves the rest
// of the message alone.
func TestContentsDoNotReachFurther(t *testing.T) {
	b := AppendString(AppendString(nil, OctetString, "one"), OctetString, "two")
	r := NewReader(b)
	one, err := r.Read(OctetString)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(one, "overwritten"...)
	if two, err := r.Read(OctetString); err != nil || string(two) != "two" {
		t.Errorf("%q, %v", two, err)
	}
}

// FuzzReader: what is read has the length its header says, stays within the
// input, and is the same after being written.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"", "0400", "30050201010500", "308101ff", "3088ffffffffffffffff", "0280", "1f01"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(b)
		for left := len(b); !r.Done(); left = len(r.b) {
			tag, contents, err := r.Next()
			if err != nil {
				return
			}
			if len(r.b)+len(contents)+2 > left {
				t.Fatalf("an element of %d octets out of %d", len(contents), left)
			}
			again := NewReader(AppendBytes(nil, tag, contents))
			if c, err := again.Read(tag); err != nil || !bytes.Equal(c, contents) {
				t.Fatalf("%x is %x, %v", contents, c, err)
			}
			v, err := ParseInt(contents)
			if err != nil && !errors.Is(err, ErrValue) {
				t.Fatal(err)
			}
			if err == nil {
				again = NewReader(AppendInt(nil, Integer, v))
				if w, err := again.Int(Integer); err != nil || w != v {
					t.Fatalf("%d is %d, %v", v, w, err)
				}
			}
		}
	})
}
