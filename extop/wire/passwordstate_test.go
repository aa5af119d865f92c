package wire_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"tallystick/extop/wire"
)

// stateVectors are what the vendor's client library sends.
func stateVectors(t testing.TB) map[string]wire.PasswordStateMessage {
	t.Helper()
	data, err := os.ReadFile("../../testdata/vectors/pingdirectory.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors struct {
			State []struct {
				OID      string
				ValueHex string `json:"value_hex"`
				Fields   struct {
					TargetUser string
					Op         *int
					Values     []string
				}
			} `json:"password_policy_state"`
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	all := map[string]wire.PasswordStateMessage{}
	for _, v := range file.Vectors.State {
		m := wire.PasswordStateMessage{TargetUser: v.Fields.TargetUser}
		if v.Fields.Op != nil {
			m.Operations = []wire.PasswordStateOperation{{Type: *v.Fields.Op, Values: v.Fields.Values}}
		}
		if v.OID != wire.PasswordStateOID {
			t.Errorf("OID %s", v.OID)
		}
		all[v.ValueHex] = m
	}
	if len(all) != 6 {
		t.Fatalf("%d vectors, want 6", len(all))
	}
	return all
}

func TestPasswordStateVectors(t *testing.T) {
	for text, want := range stateVectors(t) {
		value, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wire.DecodePasswordStateMessage(value)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if again := want.Encode(); !bytes.Equal(again, value) {
			t.Errorf("%s: encoded %x", text, again)
		}
	}
}

// What decodes is encoded to something that decodes to the same.
func FuzzPasswordState(f *testing.F) {
	for text := range stateVectors(f) {
		value, _ := hex.DecodeString(text)
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		m, err := wire.DecodePasswordStateMessage(value)
		if err != nil {
			return
		}
		again, err := wire.DecodePasswordStateMessage(m.Encode())
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Errorf("%x: %+v, then %+v, %v", value, m, again, err)
		}
	})
}
