package directory

import (
	"bytes"
	"slices"

	"github.com/google/uuid"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// The indexed attributes. Values of subtypes and of options (cn;lang-de) are
// in the index of their supertype. Changing these lists changes what is on
// disk: raise formatVersion with them.
var (
	equalityIndexes = []string{
		"objectClass", "uid", "cn", "sn", "givenName", "mail", "ou", "telephoneNumber", "employeeNumber",
		"member", "uniqueMember", "memberUid", "uidNumber", "gidNumber", "entryUUID",
	}
	presenceIndexes  = []string{"uid", "cn", "mail", "member", "uniqueMember", "memberUid", "uidNumber", "gidNumber", privilegeAttribute}
	substringIndexes = []string{"uid", "cn", "sn", "givenName", "mail"}
)

// indexPlan knows which index keys a value of an attribute type gives.
type indexPlan struct {
	equality, presence, substring map[*schema.AttributeType]bool
	uuid                          *schema.AttributeType
}

func newIndexPlan(s *schema.Schema) *indexPlan {
	all := func(names []string) map[*schema.AttributeType]bool {
		m := map[*schema.AttributeType]bool{}
		for _, n := range names {
			if t := s.Attribute(n); t != nil {
				m[t] = true
			}
		}
		return m
	}
	return &indexPlan{all(equalityIndexes), all(presenceIndexes), all(substringIndexes), s.Attribute("entryUUID")}
}

// indexed returns the type under whose name values of t are indexed: t itself
// or the nearest supertype that is; nil if none.
func indexed(m map[*schema.AttributeType]bool, t *schema.AttributeType) *schema.AttributeType {
	for ; t != nil; t = t.Sup {
		if m[t] {
			return t
		}
	}
	return nil
}

// indexKeys returns the index keys of an entry, sorted and unique.
func (d *Directory) indexKeys(id entryID, rec *record) [][]byte {
	k := keyList{}
	d.collectKeys(&k, id, rec)
	return k.sorted()
}

// collectKeys makes k the index keys of an entry, as they come.
func (d *Directory) collectKeys(k *keyList, id entryID, rec *record) {
	k.id, k.buf, k.ends = id, k.buf[:0], k.ends[:0]
	for _, a := range rec.attributes {
		t := d.schema.Attribute(a.Name)
		if t == nil {
			continue
		}
		if in := indexed(d.plan.presence, t); in != nil {
			k.add(appendPresence(k.buf, in.Name()))
		}
		if in := indexed(d.plan.equality, t); in != nil {
			for _, v := range a.Values {
				if norm, ok := k.normalized(in.EqualityRule(), v); ok {
					k.add(appendEquality(k.buf, in.Name(), norm))
				}
			}
		}
		if in := indexed(d.plan.substring, t); in != nil {
			for _, v := range a.Values {
				if norm, ok := k.normalized(in.SubstringRule(), v); ok {
					k.addTrigrams(in.Name(), norm)
				}
			}
		}
	}
	if norm, ok := k.normalized(d.plan.uuid.EqualityRule(), []byte(uuid.UUID(rec.uuid).String())); ok {
		k.add(appendEquality(k.buf, d.plan.uuid.Name(), norm))
	}
}

// keyList collects the index keys of one entry in one piece of memory.
type keyList struct {
	id      entryID
	buf     []byte // the keys, one behind the other
	ends    []int  // where they end
	scratch []byte // normalised value being looked at
	gram    []byte
}

// add ends the key that was appended to buf, which is the new buf, with the id.
func (k *keyList) add(buf []byte) {
	k.buf = k.id.append(buf)
	k.ends = append(k.ends, len(k.buf))
}

func (k *keyList) normalized(rule *schema.MatchingRule, value []byte) ([]byte, bool) {
	if rule == nil {
		return nil, false
	}
	norm, err := rule.Normalize(k.scratch[:0], value)
	if err != nil {
		return nil, false
	}
	k.scratch = norm
	return norm, true
}

func (k *keyList) addTrigrams(attribute string, norm []byte) {
	k.gram = append(append(append(k.gram[:0], startMark), norm...), endMark)
	for i := 0; i+3 <= len(k.gram); i++ {
		k.add(appendSubstring(k.buf, attribute, k.gram[i:i+3]))
	}
}

func (k *keyList) each(fn func(key []byte)) {
	start := 0
	for _, end := range k.ends {
		fn(k.buf[start:end:end])
		start = end
	}
}

func (k *keyList) sorted() [][]byte {
	keys := make([][]byte, 0, len(k.ends))
	k.each(func(key []byte) { keys = append(keys, key) })
	slices.SortFunc(keys, bytes.Compare)
	return slices.CompactFunc(keys, bytes.Equal)
}

func normalized(rule *schema.MatchingRule, value []byte) ([]byte, bool) {
	if rule == nil {
		return nil, false
	}
	norm, err := rule.Normalize(nil, value)
	return norm, err == nil
}

// Marks around a value, so that its beginning and end have trigrams of their
// own: (cn=jo*) looks for "\x02jo".
const (
	startMark = 2
	endMark   = 3
)

func trigrams(b []byte) [][]byte {
	if len(b) < 3 {
		return nil
	}
	t := make([][]byte, 0, len(b)-2)
	for i := 0; i+3 <= len(b); i++ {
		t = append(t, b[i:i+3:i+3])
	}
	return t
}

// writeIndex brings the index from the entry old to new; either may be nil.
func (d *Directory) writeIndex(w store.Writer, id entryID, old, new *record) error {
	if old != nil && d.isPolicy(old) || new != nil && d.isPolicy(new) {
		d.policies.changed(w)
	}
	if new != nil && !d.referrals.Load() && d.isReferral(new) {
		d.referrals.Store(true) // before anybody can see it; that it may come to nothing is no harm
	}
	if old != nil && new != nil {
		old, new = differences(old, new)
	}
	var before, after [][]byte
	if old != nil {
		before = d.indexKeys(id, old)
	}
	if new != nil {
		after = d.indexKeys(id, new)
	}
	for len(before) > 0 || len(after) > 0 {
		order := 0
		switch {
		case len(before) == 0:
			order = 1
		case len(after) == 0:
			order = -1
		default:
			order = bytes.Compare(before[0], after[0])
		}
		switch {
		case order < 0:
			if err := removePosting(w, before[0]); err != nil {
				return err
			}
			before = before[1:]
		case order > 0:
			w.Set(after[0], nil)
			after = after[1:]
		default:
			before, after = before[1:], after[1:]
		}
	}
	return nil
}

// differences returns two states of an entry without the attributes that did
// not change: most changes touch one of many.
func differences(old, new *record) (*record, *record) {
	same := func(list []Attribute) func(Attribute) bool {
		return func(a Attribute) bool {
			return slices.ContainsFunc(list, func(b Attribute) bool {
				return a.Name == b.Name && slices.EqualFunc(a.Values, b.Values, bytes.Equal)
			})
		}
	}
	o, n := *old, *new
	o.attributes = slices.DeleteFunc(slices.Clone(old.attributes), same(new.attributes))
	n.attributes = slices.DeleteFunc(slices.Clone(new.attributes), same(old.attributes))
	return &o, &n
}
