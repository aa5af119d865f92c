package wire

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"
)

// What the vendor's library writes and what we write are the same JSON.
func TestAccessToken(t *testing.T) {
	text, err := os.ReadFile("../../testdata/vectors/pingdirectory.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors struct {
			Responses []struct {
				Controls []struct {
					OID   string
					Value string `json:"value_hex"`
				}
			} `json:"sasl_bind_response"`
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	ours := AccessToken{Token: "token-123", Expires: time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC)}.Encode()
	found := false
	for _, r := range file.Vectors.Responses {
		for _, c := range r.Controls {
			if c.OID != AccessTokenResponse {
				continue
			}
			found = true
			theirs, err := hex.DecodeString(c.Value)
			if err != nil {
				t.Fatal(err)
			}
			var a, b map[string]string
			if err := json.Unmarshal(theirs, &a); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(ours, &b); err != nil || !reflect.DeepEqual(a, b) {
				t.Errorf("%s, theirs is %s: %v", ours, theirs, err)
			}
		}
	}
	if !found {
		t.Error("no vector")
	}
	if got := string(AccessToken{Token: "t", ErrorMessage: "none"}.Encode()); got != `{"error-message":"none"}` {
		t.Error(got)
	}
}
