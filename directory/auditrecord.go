package directory

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// AuditHash is the SHA-256 that an audit record carries.
type AuditHash [sha256.Size]byte

// MarshalText writes the hash in hex.
func (h AuditHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText is the reverse of MarshalText.
func (h *AuditHash) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(h) {
		return fmt.Errorf("a hash is %d hexadecimal digits", 2*len(h))
	}
	copy(h[:], b)
	return nil
}

func (h AuditHash) String() string { return hex.EncodeToString(h[:]) }

// AuditRecord is one record of the audit log.
type AuditRecord struct {
	Sequence uint64    `json:"sequence"` // from 1, without gaps
	Time     time.Time `json:"time"`     // UTC, to the millisecond
	AuditEvent
	Hash AuditHash `json:"hash"`

	anchor []byte // of AuditPruned: the hash of the last record removed
}

// A record is stored as its hash and, behind that, its content: protobuf wire
// format. The hash is SHA-256 of the hash of the record before (zeros for the
// first of all), the sequence number, 8 bytes big-endian, and the content.
const (
	fieldAuditTime       = 1 // milliseconds
	fieldAuditKind       = 2
	fieldAuditUser       = 3
	fieldAuditBy         = 4
	fieldAuditPeer       = 5
	fieldAuditDoor       = 6
	fieldAuditCredential = 7
	fieldAuditCause      = 8
	fieldAuditCount      = 9
	fieldAuditAnchor     = 10
	fieldAuditProxy      = 11
)

// auditHash is the hash of a record that follows previous.
func auditHash(previous AuditHash, sequence uint64, content []byte) AuditHash {
	b := make([]byte, 0, 512)
	b = append(b, previous[:]...)
	b = binary.BigEndian.AppendUint64(b, sequence)
	return sha256.Sum256(append(b, content...))
}

func encodeAudit(previous AuditHash, rec *AuditRecord) (value []byte, hash AuditHash) {
	b := make([]byte, sha256.Size, 256)
	b = appendUint(b, fieldAuditTime, uint64(rec.Time.UnixMilli()))
	b = appendText(b, fieldAuditKind, string(rec.Kind))
	b = appendText(b, fieldAuditUser, rec.User)
	b = appendText(b, fieldAuditBy, rec.By)
	b = appendText(b, fieldAuditProxy, rec.Proxy)
	b = appendText(b, fieldAuditPeer, rec.Peer)
	b = appendText(b, fieldAuditDoor, rec.Door)
	b = appendText(b, fieldAuditCredential, rec.Credential)
	b = appendText(b, fieldAuditCause, rec.Cause)
	if rec.Count > 0 {
		b = appendUint(b, fieldAuditCount, rec.Count)
	}
	if rec.anchor != nil {
		b = protowire.AppendBytes(protowire.AppendTag(b, fieldAuditAnchor, protowire.BytesType), rec.anchor)
	}
	hash = auditHash(previous, rec.Sequence, b[sha256.Size:])
	copy(b, hash[:])
	return b, hash
}

// decodeAudit reads a record; nothing of it aliases key or value.
func decodeAudit(key, value []byte) (*AuditRecord, error) {
	if len(key) != 9 || len(value) < sha256.Size {
		return nil, fmt.Errorf("audit record %q: %w", key[1:], errRecord)
	}
	rec := &AuditRecord{Sequence: uint64(idAtEnd(key)), Hash: AuditHash(value[:sha256.Size])}
	err := fields(value[sha256.Size:], func(field protowire.Number, v uint64, data []byte) error {
		switch field {
		case fieldAuditTime:
			rec.Time = time.UnixMilli(int64(v)).UTC()
		case fieldAuditKind:
			rec.Kind = AuditKind(data)
		case fieldAuditUser:
			rec.User = string(data)
		case fieldAuditBy:
			rec.By = string(data)
		case fieldAuditProxy:
			rec.Proxy = string(data)
		case fieldAuditPeer:
			rec.Peer = string(data)
		case fieldAuditDoor:
			rec.Door = string(data)
		case fieldAuditCredential:
			rec.Credential = string(data)
		case fieldAuditCause:
			rec.Cause = string(data)
		case fieldAuditCount:
			rec.Count = v
		case fieldAuditAnchor:
			rec.anchor = append([]byte{}, data...)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("audit record %d: %w", rec.Sequence, err)
	}
	return rec, nil
}
