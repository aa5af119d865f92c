package directory

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"tallystick/directory/store"
)

// The chain. Each record's hash covers the one before it, and the head, kept
// under a key of its own, has the hash of the last: a record that is changed,
// exchanged, inserted or removed is found, and so is a tail cut off without
// the head. When records are pruned from the front, a record of that carries
// the hash of the last one removed, so that the front is held by the chain too.
//
// There is no key in it, because there is no place on this machine to keep one
// from whoever can write the database: such a person can write the whole chain
// anew, or cut it and the head. What tells of that is a mark kept elsewhere:
// "audit verify" prints the newest, and takes those printed before.

// auditHead is where the chain begins and ends. The zero value is that of an
// empty log, but for first.
type auditHead struct {
	first  uint64    // sequence of the oldest record kept; last+1 if there is none
	last   uint64    // sequence of the newest record
	hash   AuditHash // of the newest record
	anchor AuditHash // of the record before the oldest one
}

var auditHeadKey = metaKey("audit head")

const (
	fieldAuditFirst      = 1
	fieldAuditLast       = 2
	fieldAuditHash       = 3
	fieldAuditHeadAnchor = 4
)

func (h *auditHead) encode() []byte {
	b := appendUint(make([]byte, 0, 96), fieldAuditFirst, h.first)
	b = appendUint(b, fieldAuditLast, h.last)
	b = protowire.AppendBytes(protowire.AppendTag(b, fieldAuditHash, protowire.BytesType), h.hash[:])
	return protowire.AppendBytes(protowire.AppendTag(b, fieldAuditHeadAnchor, protowire.BytesType), h.anchor[:])
}

func decodeAuditHead(b []byte) (auditHead, error) {
	var h auditHead
	hashes := 0
	err := fields(b, func(field protowire.Number, v uint64, data []byte) error {
		switch field {
		case fieldAuditFirst:
			h.first = v
		case fieldAuditLast:
			h.last = v
		case fieldAuditHash, fieldAuditHeadAnchor:
			if len(data) != sha256.Size {
				return errRecord
			}
			hashes++
			if field == fieldAuditHash {
				h.hash = AuditHash(data)
			} else {
				h.anchor = AuditHash(data)
			}
		}
		return nil
	})
	if err == nil && (hashes != 2 || h.first == 0 || h.first > h.last+1 || h.last+1 == 0) {
		err = errRecord
	}
	if err != nil {
		return h, fmt.Errorf("the head of the audit log: %w", err)
	}
	return h, nil
}

// readAuditHead reads the head. If it is missing where there are records, the
// log goes on behind them, and the chain is broken there.
func readAuditHead(r store.Reader) (auditHead, error) {
	value, err := r.Get(auditHeadKey)
	if err == nil {
		return decodeAuditHead(value)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return auditHead{}, err
	}
	h := auditHead{first: 1}
	backwards := store.Prefix([]byte{auditSpace})
	backwards.Reverse, backwards.KeysOnly = true, true
	err = r.Scan(backwards, func(key, _ []byte) bool {
		h.last = uint64(idAtEnd(key))
		return false
	})
	return h, err
}

// add puts one more record into the log. anchor is only for AuditPruned.
func (h *auditHead) add(w interface{ Set(key, value []byte) }, now time.Time, e AuditEvent, anchor []byte) {
	rec := AuditRecord{Sequence: h.last + 1, Time: now, AuditEvent: e, anchor: anchor}
	value, hash := encodeAudit(h.hash, &rec)
	w.Set(auditKey(rec.Sequence), value)
	h.last, h.hash = rec.Sequence, hash
}

// Pruning is done once in a while and in pieces, so that no attempt pays much
// for it.
const (
	pruneEvery  = 64
	pruneAtMost = 4 * pruneEvery
)

// prune removes records that are too many or too old from the front, and
// leaves a record of it.
func (h *auditHead) prune(w store.Writer, now time.Time, cfg AuditConfig) error {
	var doomed [][]byte
	kept, anchor := h.first, h.anchor
	all := store.Prefix([]byte{auditSpace})
	all.Start = auditKey(h.first)
	err := w.Scan(all, func(key, value []byte) bool {
		rec, err := decodeAudit(key, value)
		if err != nil {
			return false // evidence
		}
		many := h.last-rec.Sequence >= cfg.keep()
		old := cfg.KeepFor > 0 && now.Sub(rec.Time) > cfg.KeepFor
		if !many && !old || len(doomed) == pruneAtMost {
			return false
		}
		doomed = append(doomed, slices.Clone(key))
		kept, anchor = rec.Sequence+1, rec.Hash
		return true
	})
	if err != nil || len(doomed) == 0 {
		return err
	}
	for _, key := range doomed {
		w.Delete(key)
	}
	h.first, h.anchor = kept, anchor
	h.add(w, now, AuditEvent{Kind: AuditPruned, Count: kept}, anchor[:])
	return nil
}
