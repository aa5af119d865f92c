package directory

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tallystick/directory/store"
)

// auditChain is a chain of n records as it is stored.
type auditChain struct {
	head   auditHead
	keys   [][]byte
	values [][]byte
}

func (c *auditChain) Set(key, value []byte) {
	c.keys = append(c.keys, bytes.Clone(key))
	c.values = append(c.values, bytes.Clone(value))
}

func newAuditChain(n int) *auditChain {
	c := &auditChain{head: auditHead{first: 1}}
	for i := range n {
		c.head.add(c, time.Unix(int64(i), 0), AuditEvent{Kind: AuditAccepted, User: person("ann"), Count: uint64(i)}, nil)
	}
	return c
}

// prune removes the first n records, with a record of it.
func (c *auditChain) prune(n int) {
	last, _ := decodeAudit(c.keys[n-1], c.values[n-1])
	c.keys, c.values = c.keys[n:], c.values[n:]
	c.head.first, c.head.anchor = last.Sequence+1, last.Hash
	c.head.add(c, time.Unix(99, 0), AuditEvent{Kind: AuditPruned, Count: c.head.first}, last.Hash[:])
}

func (c *auditChain) remove(i int) {
	c.keys, c.values = slices.Delete(c.keys, i, i+1), slices.Delete(c.values, i, i+1)
}

// mark is what somebody saw of the record with the given index.
func (c *auditChain) mark(i int) AuditMark {
	rec, _ := decodeAudit(c.keys[i], c.values[i])
	return AuditMark{rec.Sequence, rec.Hash}
}

func (c *auditChain) verify(known ...AuditMark) error {
	v := newAuditVerifier(c.head, known)
	for i := range c.keys {
		if err := v.add(c.keys[i], c.values[i]); err != nil {
			return err
		}
	}
	return v.end()
}

// Each row is something done to a chain of ten records, and the first that
// does not fit.
func TestAuditChain(t *testing.T) {
	const none = -1
	var known []AuditMark
	for _, row := range []struct {
		name string
		do   func(c *auditChain)
		want int
	}{
		{"nothing", func(c *auditChain) {}, none},
		{"nothing, and seen before", func(c *auditChain) { known = []AuditMark{c.mark(0), c.mark(9)} }, none},
		{"empty", func(c *auditChain) { *c = *newAuditChain(0) }, none},
		{"a record changed", func(c *auditChain) { c.values[4][40] ^= 1 }, 5},
		{"its hash changed", func(c *auditChain) { c.values[4][0] ^= 1 }, 5},
		{"a record changed and hashed again", func(c *auditChain) {
			rec, _ := decodeAudit(c.keys[4], c.values[4])
			rec.User = "somebody else"
			c.values[4], _ = encodeAudit(c.mark(3).Hash, rec)
		}, 6},
		{"the last changed and hashed again", func(c *auditChain) {
			rec, _ := decodeAudit(c.keys[9], c.values[9])
			rec.User = "somebody else"
			c.values[9], _ = encodeAudit(c.mark(8).Hash, rec)
		}, 10},
		{"a record removed", func(c *auditChain) { c.remove(4) }, 5},
		{"a record removed, those behind it moved up", func(c *auditChain) {
			c.keys = slices.Delete(c.keys, 9, 10)
			c.values = slices.Delete(c.values, 4, 5)
		}, 5},
		{"two exchanged", func(c *auditChain) { c.values[4], c.values[5] = c.values[5], c.values[4] }, 5},
		{"a record twice", func(c *auditChain) { c.values[5] = c.values[4] }, 6},
		{"one inserted in front", func(c *auditChain) {
			c.keys = slices.Insert(c.keys, 0, auditKey(0))
			c.values = slices.Insert(c.values, 0, c.values[0])
		}, 0},
		{"cut short", func(c *auditChain) { c.values[4] = c.values[4][:20] }, 5},
		{"a malformed key", func(c *auditChain) { c.keys[4] = []byte("a4") }, 5},
		{"the tail removed", func(c *auditChain) { c.remove(9); c.remove(8) }, 9},
		{"all removed", func(c *auditChain) { c.keys, c.values = nil, nil }, 1},
		{"tail and head cut: not seen", func(c *auditChain) { *c = *newAuditChain(7) }, none},
		{"tail and head cut, seen before", func(c *auditChain) { known = []AuditMark{c.mark(9)}; *c = *newAuditChain(7) }, 10},
		{"all written anew: not seen", func(c *auditChain) { *c = *otherAuditChain(10) }, none},
		{"all written anew, seen before", func(c *auditChain) { known = []AuditMark{c.mark(6)}; *c = *otherAuditChain(10) }, 7},
		{"pruned", func(c *auditChain) { c.prune(3) }, none},
		{"pruned twice", func(c *auditChain) { c.prune(3); c.prune(2) }, none},
		{"pruned, one seen before that is gone", func(c *auditChain) { known = []AuditMark{c.mark(1)}; c.prune(3) }, none},
		{"the front removed", func(c *auditChain) { c.remove(0) }, 1},
		{"the front removed, and the head says so", func(c *auditChain) {
			c.head.first, c.head.anchor = 2, c.mark(0).Hash
			c.remove(0)
		}, 2},
		{"pruned, and more removed, and the head says so", func(c *auditChain) {
			c.prune(3)
			c.head.first, c.head.anchor = 5, c.mark(0).Hash
			c.remove(0)
		}, 5},
	} {
		known = nil
		c := newAuditChain(10)
		row.do(c)
		err := c.verify(known...)
		var broken *AuditBreak
		switch ok := errors.As(err, &broken); {
		case err == nil && row.want == none:
		case !ok, broken.Sequence != uint64(row.want):
			t.Errorf("%s: %v; want a break at %d", row.name, err, row.want)
		}
	}
}

func otherAuditChain(n int) *auditChain {
	c := &auditChain{head: auditHead{first: 1}}
	for range n {
		c.head.add(c, time.Unix(7, 0), AuditEvent{Kind: AuditRefused}, nil)
	}
	return c
}

// What is done to the records in the store is found by Check as well, and does
// not keep the log from going on.
func TestAuditTampering(t *testing.T) {
	for name, tamper := range map[string]func(w store.Writer){
		"a record removed": func(w store.Writer) { w.Delete(auditKey(2)) },
		"the head removed": func(w store.Writer) { w.Delete(auditHeadKey) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.activate("ann", h.enrol("ann"))
			if err := h.update(context.Background(), func(w store.Writer) error { tamper(w); return nil }); err != nil {
				t.Fatal(err)
			}
			_, err := h.bind(person("bob"), "wrong")
			h.want("bind", err, InvalidCredentials)
			faults := 0
			_, err = h.Check(context.Background(), func(string) { faults++ })
			if err != nil || faults != 1 {
				t.Errorf("check: %d faults, %v; want one", faults, err)
			}
			if err := h.store.Close(); err != nil {
				t.Error(err)
			}
			h.store = nil // or the clean-up would check again
		})
	}
}

func TestAuditMark(t *testing.T) {
	m := newAuditChain(3).mark(2)
	if got, err := ParseAuditMark(m.String()); err != nil || got != m {
		t.Errorf("%v becomes %v, %v", m, got, err)
	}
	for _, text := range []string{"", "3", "3:", ":ab", "x:" + m.Hash.String(), "3:" + m.Hash.String()[2:], "3:" + m.Hash.String() + "00"} {
		if _, err := ParseAuditMark(text); err == nil {
			t.Errorf("%q is taken for a mark", text)
		}
	}
}

func FuzzDecodeAudit(f *testing.F) {
	c := newAuditChain(3)
	c.prune(1)
	for i := range c.keys {
		f.Add(c.keys[i], c.values[i])
	}
	f.Add(auditHeadKey, c.head.encode())
	f.Add([]byte("a"), []byte{})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if len(key) == 0 {
			return
		}
		if rec, err := decodeAudit(key, value); err == nil {
			again, hash := encodeAudit(AuditHash{}, rec)
			back, err := decodeAudit(key, again)
			if err != nil || back.Hash != hash || back.AuditEvent != rec.AuditEvent {
				t.Errorf("%+v becomes %+v, %v", rec, back, err)
			}
		}
		if h, err := decodeAuditHead(value); err == nil {
			if back, err := decodeAuditHead(h.encode()); err != nil || back != h {
				t.Errorf("%+v becomes %+v, %v", h, back, err)
			}
		}
	})
}
