package totp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
	"time"
)

// vectors are the golden vectors of one group.
func vectors[T any](t *testing.T, group string) []T {
	t.Helper()
	b, err := os.ReadFile("../../testdata/vectors/pingdirectory.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors map[string]json.RawMessage }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	var rows []T
	if err := json.Unmarshal(file.Vectors[group], &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		t.Fatalf("no vectors in group %s", group)
	}
	return rows
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectorsHOTP(t *testing.T) {
	for _, v := range vectors[struct {
		Name, Code string
		SecretHex  string `json:"secret_hex"`
		Counter    int64
		Digits     int
	}](t, "hotp") {
		got, err := Parameters{Digits: v.Digits}.Code(unhex(t, v.SecretHex), v.Counter)
		if err != nil || got != v.Code {
			t.Errorf("%s: %s, %v; want %s", v.Name, got, err, v.Code)
		}
	}
}

func TestVectorsTOTP(t *testing.T) {
	for _, v := range vectors[struct {
		Name, Code   string
		SecretBase32 string `json:"secret_base32"`
		TimeSeconds  int64  `json:"time_seconds"`
		TimeStep     int64  `json:"time_step"`
		Digits       int
		Counter      int64
	}](t, "totp") {
		p := Parameters{Digits: v.Digits, Period: time.Duration(v.TimeStep) * time.Second}
		secret, err := DecodeSecret(v.SecretBase32)
		if err != nil {
			t.Fatal(err)
		}
		step := p.Step(time.Unix(v.TimeSeconds, 0))
		got, err := p.Code(secret, step)
		if err != nil || got != v.Code || step != v.Counter {
			t.Errorf("%s: step %d code %s, %v; want step %d code %s", v.Name, step, got, err, v.Counter, v.Code)
		}
	}
}

func TestVectorsWindow(t *testing.T) {
	for _, v := range vectors[struct {
		Name         string
		SecretBase32 string `json:"secret_base32"`
		TimeSeconds  int64  `json:"time_seconds"`
		TimeStep     int64  `json:"time_step"`
		Digits       int
		Codes        []struct {
			Offset int
			Code   string
		}
	}](t, "totp_window") {
		p := Parameters{Digits: v.Digits, Period: time.Duration(v.TimeStep) * time.Second}
		secret, err := DecodeSecret(v.SecretBase32)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Unix(v.TimeSeconds, 0)
		for window := range 4 {
			for _, c := range v.Codes {
				want := Wrong
				if c.Offset >= -window && c.Offset <= window {
					want = Accepted
				}
				got, _, err := Verify(p, secret, State{LastStep: NoStep}, Limits{Window: window}, now, []byte(c.Code))
				if err != nil || got != want {
					t.Errorf("%s: window %d, offset %d: %v, %v; want %v", v.Name, window, c.Offset, got, err, want)
				}
			}
		}
	}
}

func TestVectorsBase32(t *testing.T) {
	for _, v := range vectors[struct {
		Name, Base32 string
		BytesHex     string `json:"bytes_hex"`
	}](t, "base32") {
		want := unhex(t, v.BytesHex)
		got, err := DecodeSecret(v.Base32)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: decoded %x, %v; want %x", v.Name, got, err, want)
		}
		if text := EncodeSecret(want); text != string(bytes.TrimRight([]byte(v.Base32), "=")) {
			t.Errorf("%s: encoded %s; want %s without padding", v.Name, text, v.Base32)
		}
	}
}

// Whatever PingDirectory's SDK decodes we decode to the same key; and some
// that it refuses, because people type them.
func TestVectorsBase32Decoding(t *testing.T) {
	lenient := map[string]string{
		"MFRGGZDFMY": "616263646566", // padding missing
		"MFRG GZDF":  "6162636465",   // blank
	}
	for _, v := range vectors[struct {
		Name, Base32 string
		BytesHex     *string `json:"bytes_hex"`
	}](t, "base32_decoding") {
		want, ok := lenient[v.Base32]
		if v.BytesHex != nil {
			want, ok = *v.BytesHex, true
		}
		got, err := DecodeSecret(v.Base32)
		if (err == nil) != ok || ok && hex.EncodeToString(got) != want {
			t.Errorf("%s: %x, %v; want %s", v.Name, got, err, want)
		}
	}
}

// RFC 6238, appendix B, for the two algorithms that the vectors lack.
func TestRFC6238(t *testing.T) {
	for _, row := range []struct {
		seconds   int64
		algorithm Algorithm
		secret    string
		want      string
	}{
		{59, SHA1, "12345678901234567890", "94287082"},
		{59, SHA256, "12345678901234567890123456789012", "46119246"},
		{59, SHA512, "1234567890123456789012345678901234567890123456789012345678901234", "90693936"},
		{1111111109, SHA256, "12345678901234567890123456789012", "68084774"},
		{1111111109, SHA512, "1234567890123456789012345678901234567890123456789012345678901234", "25091201"},
		{20000000000, SHA1, "12345678901234567890", "65353130"},
		{20000000000, SHA256, "12345678901234567890123456789012", "77737706"},
		{20000000000, SHA512, "1234567890123456789012345678901234567890123456789012345678901234", "47863826"},
	} {
		p := Parameters{Algorithm: row.algorithm, Digits: 8}
		got, err := p.Code([]byte(row.secret), p.Step(time.Unix(row.seconds, 0)))
		if err != nil || got != row.want {
			t.Errorf("%v at %d: %s, %v; want %s", row.algorithm, row.seconds, got, err, row.want)
		}
	}
}

func TestStep(t *testing.T) {
	for _, row := range []struct {
		seconds int64
		period  time.Duration
		want    int64
	}{
		{0, 0, 0},
		{29, 0, 0},
		{30, 0, 1},
		{-1, 0, -1},
		{-30, 0, -1},
		{-31, 0, -2},
		{59, time.Minute, 0},
		{60, time.Minute, 1},
	} {
		if got := (Parameters{Period: row.period}).Step(time.Unix(row.seconds, 0)); got != row.want {
			t.Errorf("second %d, period %v: step %d; want %d", row.seconds, row.period, got, row.want)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, row := range []struct {
		p  Parameters
		ok bool
	}{
		{Parameters{}, true},
		{Parameters{Algorithm: SHA512, Digits: 8, Period: time.Minute}, true},
		{Parameters{Algorithm: 3}, false},
		{Parameters{Algorithm: -1}, false},
		{Parameters{Digits: 5}, false},
		{Parameters{Digits: 9}, false},
		{Parameters{Period: time.Millisecond}, false},
		{Parameters{Period: 1500 * time.Millisecond}, false},
		{Parameters{Period: -time.Second}, false},
		{Parameters{Period: 2 * time.Hour}, false},
	} {
		if err := row.p.Check(); (err == nil) != row.ok {
			t.Errorf("%+v: %v", row.p, err)
		}
		if _, err := row.p.Code(make([]byte, 20), 1); (err == nil) != row.ok {
			t.Errorf("%+v: Code: %v", row.p, err)
		}
	}
	if _, err := (Parameters{}).Code(make([]byte, 20), -1); err == nil {
		t.Error("a step before 1970 has a code")
	}
	for _, n := range []int{0, 9, 65} {
		if CheckSecret(make([]byte, n)) == nil {
			t.Errorf("a secret of %d octets is taken", n)
		}
	}
}

func TestAlgorithmNames(t *testing.T) {
	for a := SHA1; a <= SHA512; a++ {
		if got, err := ParseAlgorithm(a.String()); err != nil || got != a {
			t.Errorf("%v: %v, %v", a, got, err)
		}
	}
	if _, err := ParseAlgorithm("MD5"); err == nil {
		t.Error("MD5 is taken")
	}
	if s := Algorithm(9).String(); s != "Algorithm(9)" {
		t.Error(s)
	}
}
