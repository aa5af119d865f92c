package directory

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
)

// AuditBreak is the first place at which the chain of the audit log does not
// hold.
type AuditBreak struct {
	Sequence uint64
	Reason   string
}

func (b *AuditBreak) Error() string {
	return fmt.Sprintf("audit record %d: %s", b.Sequence, b.Reason)
}

// AuditMark is a record of the audit log as somebody has seen it.
type AuditMark struct {
	Sequence uint64
	Hash     AuditHash
}

// String is the mark as ParseAuditMark reads it: number, colon, hash in hex.
func (m AuditMark) String() string { return fmt.Sprintf("%d:%s", m.Sequence, m.Hash) }

// ParseAuditMark is the reverse of AuditMark.String.
func ParseAuditMark(text string) (m AuditMark, err error) {
	number, hash, _ := strings.Cut(text, ":")
	if m.Sequence, err = strconv.ParseUint(number, 10, 64); err == nil {
		err = m.Hash.UnmarshalText([]byte(hash))
	}
	if err != nil {
		return AuditMark{}, fmt.Errorf("%q is not an audit mark, number:hash", text)
	}
	return m, nil
}

// auditVerifier looks at the stored records one after the other. It is pure:
// records in, verdict out.
type auditVerifier struct {
	head     auditHead
	known    []AuditMark
	next     uint64    // sequence that should come
	previous AuditHash // of the record before it

	// What the last record about pruning says; at first, that there was none.
	first  uint64
	anchor AuditHash
}

func newAuditVerifier(head auditHead, known []AuditMark) *auditVerifier {
	return &auditVerifier{head: head, known: known, next: head.first, previous: head.anchor, first: 1}
}

// add looks at the next record. It fails with an *AuditBreak.
func (v *auditVerifier) add(key, value []byte) error {
	rec, err := decodeAudit(key, value)
	switch {
	case err != nil:
		return &AuditBreak{v.next, "cannot be read"}
	case rec.Sequence < v.next:
		return &AuditBreak{rec.Sequence, fmt.Sprintf("stands before the first, which is %d", v.next)}
	case rec.Sequence > v.next:
		return &AuditBreak{v.next, fmt.Sprintf("is missing, as is all up to %d", rec.Sequence)}
	case auditHash(v.previous, rec.Sequence, value[sha256.Size:]) != rec.Hash:
		return &AuditBreak{v.next, "was changed, or does not follow the record before it"}
	}
	for _, m := range v.known {
		if m.Sequence == rec.Sequence && m.Hash != rec.Hash {
			return &AuditBreak{v.next, "is not the one that was seen before"}
		}
	}
	if rec.Kind == AuditPruned && len(rec.anchor) == sha256.Size {
		v.first, v.anchor = rec.Count, AuditHash(rec.anchor)
	}
	v.next, v.previous = v.next+1, rec.Hash
	return nil
}

// end is called behind the last record. It fails with an *AuditBreak.
func (v *auditVerifier) end() error {
	switch {
	case v.next != v.head.last+1:
		return &AuditBreak{v.next, fmt.Sprintf("is missing, as is all up to %d", v.head.last)}
	case v.previous != v.head.hash:
		return &AuditBreak{v.head.last, "is not the one that the log ended with"}
	case v.first != v.head.first, v.anchor != v.head.anchor:
		return &AuditBreak{v.head.first, "is the first, though nothing says that those before it were pruned"}
	}
	for _, m := range v.known {
		if m.Sequence >= v.next {
			return &AuditBreak{m.Sequence, fmt.Sprintf("was seen before and is missing: the log ends with %d", v.head.last)}
		}
	}
	return nil
}
