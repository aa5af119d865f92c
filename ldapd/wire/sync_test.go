package wire

import (
	"bytes"
	"reflect"
	"testing"

	"tallystick/directory"
)

func decodeSync(value []byte) error {
	_, err := DecodeSyncRequest(value)
	return err
}

// TestSyncRequest is RFC 4533, section 2.2.
func TestSyncRequest(t *testing.T) {
	for _, tt := range []struct {
		what, octets string
		want         directory.Sync
		minimal      bool // what we would write
	}{
		{"refreshOnly", "3003 0a0101", directory.Sync{}, true},
		{"refreshAndPersist", "3003 0a0103", directory.Sync{Persist: true}, true},
		{"with a cookie", "3006 0a0101 040178", directory.Sync{Cookie: []byte("x")}, true},
		{"with reloadHint", "3009 0a0103 040178 0101ff", directory.Sync{Persist: true, Cookie: []byte("x"), Reload: true}, true},
		{"reloadHint without a cookie", "3006 0a0101 0101ff", directory.Sync{Reload: true}, true},
		{"defaults, explicitly", "3006 0a0101 010100", directory.Sync{}, false},
	} {
		octets := unhex(t, tt.octets)
		got, err := DecodeSyncRequest(octets)
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%s: %+v %v, want %+v", tt.what, got, err, tt.want)
		}
		if again := EncodeSyncRequest(&tt.want); tt.minimal && !bytes.Equal(again, octets) {
			t.Errorf("%s: written as %x, want %x", tt.what, again, octets)
		}
	}
	for _, octets := range []string{"", "3000", "3003 0a0100", "3003 0a0102", "3003 0a0104", "3003 020101", "3003 0a0101 00", "3005 0a0101 0401", "0a0101"} {
		if got, err := DecodeSyncRequest(unhex(t, octets)); err == nil {
			t.Errorf("%s: read as %+v", octets, got)
		}
	}
}

// TestSyncResponses is RFC 4533, sections 2.3 to 2.5, octet by octet.
func TestSyncResponses(t *testing.T) {
	id := [16]byte{0x9e, 0xc6, 0xa0, 0x08, 0xf3, 0xaa, 0x47, 0xd4, 0xba, 0xdd, 0xd8, 0xc9, 0x12, 0xe3, 0x94, 0x77}
	const uuid = "0410 9ec6a008f3aa47d4baddd8c912e39477 "
	entry := &directory.Entry{DN: "o=x"}
	info := Response{ID: 2, Tag: TagIntermediateResponse, Name: SyncInfo, Value: EncodeSyncInfo(&directory.SyncInfo{Kind: directory.SyncNewCookie, Cookie: []byte("x")})}
	for _, row := range []struct {
		what string
		got  []byte
		want string
	}{
		{"state", EncodeSyncState(directory.SyncChange{State: directory.SyncAdd, UUID: id}), "3015 0a0101 " + uuid},
		{"state with a cookie", EncodeSyncState(directory.SyncChange{State: directory.SyncDelete, UUID: id, Cookie: []byte("x")}), "3018 0a0103 " + uuid + "040178"},
		{"done", EncodeSyncDone(&directory.Sync{}), "3000"},
		{"done with a cookie", EncodeSyncDone(&directory.Sync{Next: []byte("x"), Deletes: true}), "3006 040178 0101ff"},
		{"new cookie", EncodeSyncInfo(&directory.SyncInfo{Kind: directory.SyncNewCookie, Cookie: []byte("x")}), "800178"},
		{"refreshed by deletes", EncodeSyncInfo(&directory.SyncInfo{Kind: directory.SyncRefreshDelete, Cookie: []byte("x")}), "a103 040178"},
		{"refreshed by what is present", EncodeSyncInfo(&directory.SyncInfo{Kind: directory.SyncRefreshPresent}), "a200"},
		{"an entry", AppendEntry(nil, 2, entry, Control{OID: SyncState, Value: []byte("v")}),
			"302d 020102 6407 04036f3d78 3000 a01f 301d 0418 312e332e362e312e342e312e343230332e312e392e312e32 040176"},
		{"a reference", AppendReference(nil, 2, nil, Control{OID: SyncState, Value: []byte("v")}),
			"3026 020102 7300 a01f 301d 0418 312e332e362e312e342e312e343230332e312e392e312e32 040176"},
		{"a message of its own", info.Append(nil), "3024 020102 791f 8018 312e332e362e312e342e312e343230332e312e392e312e34 8103 800178"},
	} {
		if want := unhex(t, row.want); !bytes.Equal(row.got, want) {
			t.Errorf("%s: %x, want %x", row.what, row.got, want)
		}
	}
}
