package upstream

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"tallystick/internal/ber"
)

// pipe is a server that has its answer ready, whatever is asked.
type pipe struct {
	io.Reader // the answer
	sent      bytes.Buffer
}

func (p *pipe) Write(b []byte) (int, error) { return p.sent.Write(b) }

func answer(id, code int64, tag byte, diagnosticMessage string) []byte {
	b, message := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, id)
	b, op := ber.Begin(b, tag)
	b = ber.AppendInt(b, ber.Enumerated, code)
	b = ber.AppendString(b, ber.OctetString, "")
	b = ber.AppendString(b, ber.OctetString, diagnosticMessage)
	b = ber.End(b, op)
	return ber.End(b, message)
}

// The octets of RFC 4616: version 3, no name, mechanism and credentials.
func TestPlainRequest(t *testing.T) {
	p := &pipe{Reader: bytes.NewReader(answer(bindID, 0, bindResponse, ""))}
	if _, err := plain(p, "u:tim", "tanstaaftanstaaf"); err != nil {
		t.Fatal(err)
	}
	const want = "\x30\x2f\x02\x04\x7f\xff\xff\xfe" + // messageID
		"\x60\x27\x02\x01\x03\x04\x00\xa3\x20" +
		"\x04\x05PLAIN\x04\x17\x00u:tim\x00tanstaaftanstaaf"
	if got := p.sent.String(); got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

func TestExchange(t *testing.T) {
	const id = bindID
	success := answer(id, 0, bindResponse, "")
	long := strings.Repeat("x", 1000)
	for _, tt := range []struct {
		name   string
		answer []byte
		err    error // matched by errors.Is; a *Result is compared
	}{
		{"success", success, nil},
		{"lengths in a longer form", append([]byte{0x30, 0x84, 0, 0, 0, byte(len(success) - 2)}, success[2:]...), nil},
		{"invalid credentials", answer(id, 49, bindResponse, "no"), &Result{Code: 49, DiagnosticMessage: "no"}},
		{"a vendor's code", answer(id, 30221004, bindResponse, ""), &Result{Code: 30221004}},
		{"a long message", answer(id, 53, bindResponse, long), &Result{Code: 53, DiagnosticMessage: long}},
		{"goodbye", answer(0, 52, extendedResponse, "shutting down"), ErrUnavailable},
		{"nothing", nil, ErrUnavailable},
		{"half a header", success[:1], ErrUnavailable},
		{"cut off", success[:len(success)-1], ErrUnavailable},
		{"another message's answer", answer(1, 0, bindResponse, ""), ErrProtocol},
		{"another operation's answer", answer(id, 0, extendedResponse, ""), ErrProtocol},
		{"a negative code", answer(id, -1, bindResponse, ""), ErrProtocol},
		{"a length beyond all limits", []byte{0x30, 0x84, 0x7f, 0xff, 0xff, 0xff}, ErrProtocol},
		{"an indefinite length", []byte{0x30, 0x80, 0, 0}, ErrProtocol},
		{"not BER", []byte("HTTP/1.1 400 Bad Request\r\n" + long), ErrProtocol},
		{"an empty message", []byte{0x30, 0}, ErrProtocol},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rest := []byte("\x16\x03\x01") // what follows is not ours to read
			in := bytes.NewReader(tt.answer)
			if tt.err == nil {
				in = bytes.NewReader(append(bytes.Clone(tt.answer), rest...))
			}
			_, err := plain(&pipe{Reader: in}, "u:a", "b")
			var result *Result
			switch {
			case tt.err == nil:
				if err != nil || in.Len() != len(rest) {
					t.Errorf("%v, %d octets left", err, in.Len())
				}
			case errors.As(tt.err, &result):
				var got *Result
				if !errors.As(err, &got) || *got != *result {
					t.Errorf("%v, want %v", err, result)
				}
			case !errors.Is(err, tt.err):
				t.Errorf("%v, want %v", err, tt.err)
			}
		})
	}
}

// A NUL would move the border between the name and the password.
func TestOAuthBearerRequest(t *testing.T) {
	p := &pipe{Reader: bytes.NewReader(answer(bindID, 0, bindResponse, ""))}
	if _, err := oauthBearer(p, "abc.def"); err != nil {
		t.Fatal(err)
	}
	const want = "\x30\x37\x02\x04\x7f\xff\xff\xfe" + // messageID
		"\x60\x2f\x02\x01\x03\x04\x00\xa3\x28" +
		"\x04\x0bOAUTHBEARER\x04\x19n,,\x01auth=Bearer abc.def\x01\x01"
	if got := p.sent.String(); got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}

// A token that is not taken ends in two steps (RFC 7628, section 3.2.3).
func TestOAuthBearerRefused(t *testing.T) {
	challenge := answer(bindID, 14, bindResponse, "")
	for name, tt := range map[string]struct {
		second []byte
		want   error
	}{
		"as it should":       {answer(bindEndID, 49, bindResponse, ""), &Result{Code: 49}},
		"a success after it": {answer(bindEndID, 0, bindResponse, ""), ErrProtocol},
		"nothing after it":   {nil, ErrUnavailable},
	} {
		p := &pipe{Reader: io.MultiReader(bytes.NewReader(challenge), bytes.NewReader(tt.second))}
		_, err := oauthBearer(p, "t")
		var got, want *Result
		if errors.As(tt.want, &want) && (!errors.As(err, &got) || *got != *want) || want == nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasSuffix(p.sent.String(), "OAUTHBEARER\x04\x01\x01") {
			t.Errorf("%s: the exchange was not ended: %q", name, p.sent.String())
		}
	}
}

func TestPlainRefusesNUL(t *testing.T) {
	for _, c := range [][2]string{{"u:a\x00b", "c"}, {"u:a", "b\x00c"}} {
		p := &pipe{Reader: bytes.NewReader(nil)}
		var r *Result
		if _, err := plain(p, c[0], c[1]); !errors.As(err, &r) || r.Code != 49 || p.sent.Len() != 0 {
			t.Errorf("%q: %v, sent %q", c, err, p.sent.String())
		}
	}
}

func FuzzDecodeResult(f *testing.F) {
	f.Add(answer(bindID, 0, bindResponse, ""), byte(bindResponse))
	f.Add(answer(bindID, 49, bindResponse, "no"), byte(bindResponse))
	f.Add(answer(0, 52, extendedResponse, ""), byte(extendedResponse))
	f.Add([]byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}, byte(0))
	f.Fuzz(func(t *testing.T, message []byte, tag byte) {
		read, err := readMessage(bytes.NewReader(message))
		if err != nil {
			if !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrProtocol) {
				t.Fatal(err)
			}
			read = message
		} else if !bytes.HasPrefix(message, read) {
			t.Fatal("more than was sent")
		}
		r, err := decodeResult(read, bindID, tag)
		if (r == nil) == (err == nil) {
			t.Fatalf("%v, %v", r, err)
		}
	})
}
