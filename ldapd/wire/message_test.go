package wire

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"tallystick/directory"
)

// vector is one message of testdata/vectors/pingdirectory.json.
type vector struct {
	Name, Kind  string
	OID         string `json:"oid"`
	Mechanism   string
	Fields      struct{ Password string }
	MessageID   int32    `json:"message_id"`
	MessageHex  string   `json:"message_hex"`
	ValueHex    *string  `json:"value_hex"`
	Credentials *string  `json:"credentials_hex"`
	ResultCode  int      `json:"result_code"`
	MatchedDN   string   `json:"matched_dn"`
	Diagnostic  string   `json:"diagnostic_message"`
	Referrals   []string `json:"referral_urls"`
	ServerCreds *string  `json:"server_sasl_credentials"`
	Controls    []struct {
		OID      string `json:"oid"`
		Critical bool
		ValueHex *string `json:"value_hex"`
	}
}

func (v *vector) controls(t *testing.T) []Control {
	var out []Control
	for _, c := range v.Controls {
		out = append(out, Control{c.OID, c.Critical, octets(t, c.ValueHex)})
	}
	return out
}

// octets is the meaning of a hex string; nil if it is absent.
func octets(t *testing.T, h *string) []byte {
	t.Helper()
	if h == nil {
		return nil
	}
	b, err := hex.DecodeString(*h)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func messageVectors(t *testing.T) []vector {
	text, err := os.ReadFile("../../testdata/vectors/pingdirectory.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors map[string]json.RawMessage }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	var all []vector
	for _, raw := range file.Vectors {
		var group []vector
		if json.Unmarshal(raw, &group) != nil {
			continue // groups of OTP values have other columns
		}
		for _, v := range group {
			if v.MessageHex != "" {
				all = append(all, v)
			}
		}
	}
	return all
}

func TestGoldenMessages(t *testing.T) {
	count := map[string]int{}
	for _, v := range messageVectors(t) {
		count[v.Kind]++
		t.Run(v.Name, func(t *testing.T) {
			message := octets(t, &v.MessageHex)
			switch v.Kind {
			case "extended_request":
				want := &Message{ID: v.MessageID, Controls: v.controls(t),
					Request: &ExtendedRequest{Name: v.OID, Value: octets(t, v.ValueHex)}}
				testRequest(t, message, want)
			case "bind_request":
				got, err := Decode(message, DefaultLimits)
				if err != nil {
					t.Fatal(err)
				}
				bind := got.Request.(*directory.BindRequest)
				req := &directory.BindRequest{Version: 3, Name: bind.Name}
				if v.Mechanism == "simple" {
					req.Password = []byte(v.Fields.Password)
				} else {
					req.SASL = &directory.SASLCredentials{Mechanism: v.Mechanism, Credentials: octets(t, v.Credentials)}
				}
				want := &Message{ID: v.MessageID, Controls: v.controls(t), Request: req}
				testRequest(t, message, want)
			case "extended_response", "bind_response":
				r := Response{ID: v.MessageID, Code: directory.ResultCode(v.ResultCode), MatchedDN: v.MatchedDN,
					DiagnosticMessage: v.Diagnostic, Controls: v.controls(t)}
				if len(v.Referrals) > 0 {
					r.Referral = v.Referrals
				}
				if v.Kind == "bind_response" {
					r.Tag, r.ServerSASLCreds = TagBindResponse, octets(t, v.ServerCreds)
				} else {
					r.Tag, r.Name, r.Value = TagExtendedResponse, v.OID, octets(t, v.ValueHex)
				}
				if got := hex.EncodeToString(r.Append(nil)); got != v.MessageHex {
					t.Errorf("got  %s\nwant %s", got, v.MessageHex)
				}
			}
		})
	}
	want := map[string]int{"extended_request": 79, "extended_response": 33, "bind_request": 19, "bind_response": 7}
	if !reflect.DeepEqual(count, want) {
		t.Errorf("messages by kind: %v, want %v", count, want)
	}
}

// testRequest checks that message decodes to want and want encodes to message.
func testRequest(t *testing.T, message []byte, want *Message) {
	t.Helper()
	got, err := Decode(message, DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v %+v\nwant %+v %+v", got, got.Request, want, want.Request)
	}
	if again := want.Append(nil); hex.EncodeToString(again) != hex.EncodeToString(message) {
		t.Errorf("encoded %x\nwant    %x", again, message)
	}
}

// unhex reads hex digits with spaces in between.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
