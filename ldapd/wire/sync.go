package wire

import (
	"tallystick/directory"
	"tallystick/internal/ber"
)

// What RFC 4533 adds to a search.
const (
	SyncRequest = "1.3.6.1.4.1.4203.1.9.1.1" // control of the request
	SyncState   = "1.3.6.1.4.1.4203.1.9.1.2" // control of an entry or a reference
	SyncDone    = "1.3.6.1.4.1.4203.1.9.1.3" // control of the result
	SyncInfo    = "1.3.6.1.4.1.4203.1.9.1.4" // responseName of an IntermediateResponse
)

const (
	refreshOnly       = 1
	refreshAndPersist = 3
)

// DecodeSyncRequest reads a syncRequestValue (RFC 4533, section 2.2).
func DecodeSyncRequest(value []byte) (*directory.Sync, error) {
	outer := ber.NewReader(value)
	r, err := enterOnly(&outer)
	if err != nil {
		return nil, err
	}
	mode, err := r.Int(ber.Enumerated)
	if err != nil {
		return nil, err
	}
	if mode != refreshOnly && mode != refreshAndPersist {
		return nil, refuse("unknown mode of a synchronization")
	}
	s := &directory.Sync{Persist: mode == refreshAndPersist}
	if s.Cookie, _, err = r.Optional(ber.OctetString); err != nil {
		return nil, err
	}
	s.Reload, err = readDefaultFalse(&r, ber.Boolean)
	return s, err
}

// EncodeSyncRequest is the value of a sync request control, as a client writes
// it.
func EncodeSyncRequest(s *directory.Sync) []byte {
	mode := int64(refreshOnly)
	if s.Persist {
		mode = refreshAndPersist
	}
	b, seq := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Enumerated, mode)
	b = appendCookie(b, ber.OctetString, s.Cookie)
	if s.Reload {
		b = ber.AppendBool(b, ber.Boolean, true)
	}
	return ber.End(b, seq)
}

// EncodeSyncState is the value of a sync state control (RFC 4533, section 2.3).
func EncodeSyncState(c directory.SyncChange) []byte {
	b, seq := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Enumerated, int64(c.State))
	b = ber.AppendBytes(b, ber.OctetString, c.UUID[:])
	b = appendCookie(b, ber.OctetString, c.Cookie)
	return ber.End(b, seq)
}

// EncodeSyncDone is the value of a sync done control (RFC 4533, section 2.4).
func EncodeSyncDone(s *directory.Sync) []byte {
	b, seq := ber.Begin(nil, ber.Sequence)
	b = appendCookie(b, ber.OctetString, s.Next)
	if s.Deletes {
		b = ber.AppendBool(b, ber.Boolean, true)
	}
	return ber.End(b, seq)
}

// EncodeSyncInfo is a syncInfoValue (RFC 4533, section 2.5), the refresh done
// where it is about one.
func EncodeSyncInfo(i *directory.SyncInfo) []byte {
	tag := byte(ber.Context | i.Kind)
	if i.Kind == directory.SyncNewCookie {
		return ber.AppendBytes(nil, tag, i.Cookie)
	}
	b, info := ber.Begin(nil, tag|ber.Constructed)
	b = appendCookie(b, ber.OctetString, i.Cookie)
	return ber.End(b, info)
}

func appendCookie(b []byte, tag byte, cookie []byte) []byte {
	if cookie == nil {
		return b
	}
	return ber.AppendBytes(b, tag, cookie)
}
