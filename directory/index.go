package directory

import (
	"bytes"
	"slices"

	"github.com/google/uuid"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// An IndexKind is which filters an index serves.
type IndexKind string

const (
	EqualityIndex  IndexKind = "equality"  // (a=v), and (a>=v), (a<=v) where the attribute's two rules agree
	PresenceIndex  IndexKind = "presence"  // (a=*)
	SubstringIndex IndexKind = "substring" // (a=*v*)
)

var indexKinds = []IndexKind{EqualityIndex, PresenceIndex, SubstringIndex}

// builtInIndexes are the attributes that are always indexed. Values of subtypes
// and of options (cn;lang-de) are in the index of their supertype. Changing
// these lists changes what is on disk: raise formatVersion with them.
var builtInIndexes = map[IndexKind][]string{
	EqualityIndex: {
		"objectClass", "uid", "cn", "sn", "givenName", "mail", "ou", "telephoneNumber", "employeeNumber",
		"member", "uniqueMember", "memberUid", "uidNumber", "gidNumber", "entryUUID",
	},
	PresenceIndex:  {"uid", "cn", "mail", "member", "uniqueMember", "memberUid", "uidNumber", "gidNumber", privilegeAttribute, aciAttribute},
	SubstringIndex: {"uid", "cn", "sn", "givenName", "mail"},
}

// indexPlan is which index keys a value of an attribute type gives, and on
// which of them searches may rely. It does not change once made.
type indexPlan struct {
	written map[IndexKind]map[*schema.AttributeType]bool
	ready   map[IndexKind]map[*schema.AttributeType]bool // those of which no key is missing
	types   map[*schema.AttributeType]bool               // that written has in any kind

	uuid, created, modified *schema.AttributeType
}

// newIndexPlan is the plan for the indexes that are built in and those of list.
func newIndexPlan(s *schema.Schema, list []index) *indexPlan {
	p := &indexPlan{
		written: map[IndexKind]map[*schema.AttributeType]bool{},
		ready:   map[IndexKind]map[*schema.AttributeType]bool{},
		types:   map[*schema.AttributeType]bool{},
		uuid:    s.Attribute("entryUUID"), created: s.Attribute("createTimestamp"), modified: s.Attribute("modifyTimestamp"),
	}
	for _, kind := range indexKinds {
		p.written[kind], p.ready[kind] = map[*schema.AttributeType]bool{}, map[*schema.AttributeType]bool{}
		for _, name := range builtInIndexes[kind] {
			if t := s.Attribute(name); t != nil {
				p.written[kind][t], p.ready[kind][t], p.types[t] = true, true, true
			}
		}
	}
	for _, x := range list {
		t := s.Attribute(x.attribute)
		if t == nil || x.state == indexRemoving {
			continue
		}
		p.written[x.kind][t], p.types[t] = true, true
		if x.state == indexReady {
			p.ready[x.kind][t] = true
		}
	}
	return p
}

// indexKeys returns the index keys of an entry, sorted and unique.
func (d *Directory) indexKeys(id entryID, rec *record) [][]byte {
	k := keyList{}
	d.indexes.Load().collect(&k, d.schema, id, rec)
	return k.sorted()
}

// keys returns the index keys of an entry, sorted and unique.
func (p *indexPlan) keys(s *schema.Schema, id entryID, rec *record) [][]byte {
	k := keyList{}
	p.collect(&k, s, id, rec)
	return k.sorted()
}

// collect makes k the index keys of an entry, as they come. A value is in the
// indexes of its attribute type and of all supertypes.
func (p *indexPlan) collect(k *keyList, s *schema.Schema, id entryID, rec *record) {
	k.id, k.buf, k.ends = id, k.buf[:0], k.ends[:0]
	equality, presence, substring := p.written[EqualityIndex], p.written[PresenceIndex], p.written[SubstringIndex]
	for _, a := range rec.attributes {
		for t := s.Attribute(a.Name); t != nil; t = t.Sup {
			if !p.types[t] {
				continue
			}
			if presence[t] {
				k.add(appendPresence(k.buf, t.Name()))
			}
			if equality[t] {
				for _, v := range a.Values {
					k.addEquality(t, v)
				}
			}
			if substring[t] {
				for _, v := range a.Values {
					if norm, ok := k.normalized(t.SubstringRule(), v); ok {
						k.addTrigrams(t.Name(), norm)
					}
				}
			}
		}
	}
	if equality[p.uuid] {
		k.addEquality(p.uuid, []byte(uuid.UUID(rec.uuid).String()))
	}
	if equality[p.created] {
		k.addEquality(p.created, generalizedTime(rec.created))
	}
	if equality[p.modified] {
		k.addEquality(p.modified, generalizedTime(rec.modified))
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

func (k *keyList) addEquality(t *schema.AttributeType, value []byte) {
	if norm, ok := k.normalized(t.EqualityRule(), value); ok {
		k.add(appendEquality(k.buf, t.Name(), norm))
	}
}

func (k *keyList) addTrigrams(attribute string, norm []byte) {
	k.gram = append(append(append(k.gram[:0], startMark), norm...), endMark)
	for i := 0; i+trigramLen <= len(k.gram); i++ {
		k.add(appendSubstring(k.buf, attribute, k.gram[i:i+trigramLen]))
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

const trigramLen = 3

func trigrams(b []byte) [][]byte {
	if len(b) < trigramLen {
		return nil
	}
	t := make([][]byte, 0, len(b)-trigramLen+1)
	for i := 0; i+trigramLen <= len(b); i++ {
		t = append(t, b[i:i+trigramLen:i+trigramLen])
	}
	return t
}

// writeIndex brings the index from the entry old to new, and writes down that
// it changes; either may be nil.
func (d *Directory) writeIndex(w store.Writer, id entryID, old, new *record) error {
	d.policies.follow(d, w, old, new)
	d.passwordPolicies.follow(d, w, old, new)
	if new != nil && !d.referrals.Load() && d.isReferral(new) {
		d.referrals.Store(true) // before anybody can see it; that it may come to nothing is no harm
	}
	if err := d.remember(w, id, old); err != nil {
		return err
	}
	if !slices.EqualFunc(d.acisOf(old), d.acisOf(new), bytes.Equal) {
		d.acis.changed(w)
	}
	if old == nil {
		return d.addPostings(w, d.indexKeys(id, new))
	}
	if new != nil {
		if o, n := differences(old, new); !d.indexes.Load().shares(d.schema, new, o, n) {
			old, new = o, n
		}
	}
	var after, lost [][]byte
	before := d.indexKeys(id, old)
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
			lost = append(lost, before[0])
			before = before[1:]
		case order > 0:
			w.Set(after[0], nil)
			after = after[1:]
		default:
			before, after = before[1:], after[1:]
		}
	}
	return removePostings(w, lost)
}

// shares reports whether an attribute of rec that is not among the changed ones
// gives keys to an index that one of those does, like cn;lang-de to that of cn:
// what the one loses the other may still have.
func (p *indexPlan) shares(s *schema.Schema, rec *record, changed ...*record) bool {
	var touched []*schema.AttributeType
	for _, c := range changed {
		for _, a := range c.attributes {
			touched = p.appendTypes(touched, s, a)
		}
	}
	if len(touched) == 0 {
		return false
	}
	var types []*schema.AttributeType
	return slices.ContainsFunc(rec.attributes, func(a Attribute) bool {
		for _, c := range changed {
			if slices.ContainsFunc(c.attributes, func(b Attribute) bool { return a.Name == b.Name }) {
				return false
			}
		}
		types = p.appendTypes(types[:0], s, a)
		return slices.ContainsFunc(types, func(t *schema.AttributeType) bool { return slices.Contains(touched, t) })
	})
}

// appendTypes appends the types whose indexes have the values of a.
func (p *indexPlan) appendTypes(list []*schema.AttributeType, s *schema.Schema, a Attribute) []*schema.AttributeType {
	for t := s.Attribute(a.Name); t != nil; t = t.Sup {
		if p.types[t] {
			list = append(list, t)
		}
	}
	return list
}

// differences returns two states of an entry without the attributes that did
// not change: most changes touch one of many.
func differences(old, new *record) (*record, *record) {
	same := func(list []Attribute) func(Attribute) bool {
		next := 0 // they are in the same order but for what was added or taken away
		return func(a Attribute) bool {
			for i := range list {
				at := (next + i) % len(list)
				if b := list[at]; a.Name == b.Name {
					next = at + 1
					return slices.EqualFunc(a.Values, b.Values, bytes.Equal)
				}
			}
			return false
		}
	}
	o, n := *old, *new
	o.attributes = slices.DeleteFunc(slices.Clone(old.attributes), same(new.attributes))
	n.attributes = slices.DeleteFunc(slices.Clone(new.attributes), same(old.attributes))
	return &o, &n
}
