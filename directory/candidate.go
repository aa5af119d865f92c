package directory

import (
	"tallystick/directory/aci"
	"tallystick/directory/schema"
)

// view is a candidate as the matcher sees it.
type view struct {
	s           *search
	id          entryID
	rec         record
	operational []Attribute
	text        string // its name, once known
	err         error  // what went wrong while it was matched
	ruling      *ruling
}

func (v *view) reset(s *search, id entryID) { *v = view{s: s, id: id} }

func (v *view) name() (string, error) {
	if v.text != "" || v.id == 0 {
		return v.text, nil
	}
	v.text = v.rec.rdn
	if v.rec.parent != 0 {
		a, err := v.s.ancestor(v.rec.parent)
		if err != nil {
			return "", err
		}
		v.text += "," + a.name
	}
	return v.text, nil
}

func (v *view) eachAttribute(yield func(*Attribute) bool) {
	for _, list := range [][]Attribute{v.rec.attributes, v.operational} {
		for i := range list {
			if v.ruling != nil && !v.ruling.may(aci.Search, list[i].Name) {
				continue
			}
			if !yield(&list[i]) {
				return
			}
		}
	}
}

func (v *view) maySearch(t *schema.AttributeType) bool { return v.ruling.mayType(aci.Search, t) }

func (v *view) entryDN() DN {
	name, err := v.name()
	if err == nil {
		var dn DN
		if dn, err = v.s.d.parseDN(name); err == nil {
			return dn
		}
	}
	v.err = err
	return DN{}
}

// ancestor is what a search remembers of an entry that has others below it.
type ancestor struct {
	name  string
	under bool // at or below the base
}

func (s *search) inScope(id entryID, rec *record) (bool, error) {
	switch s.req.Scope {
	case BaseObject:
		return id == s.baseID, nil
	case SingleLevel:
		return rec.parent == s.baseID && id != s.baseID, nil
	case WholeSubtree:
		if id == s.baseID {
			return true, nil
		}
	}
	if rec.parent == s.baseID {
		return true, nil
	}
	if rec.parent == 0 {
		return false, nil
	}
	a, err := s.ancestor(rec.parent)
	return a.under, err
}

// ancestor returns what is known of an ancestor, finding out the first time.
func (s *search) ancestor(id entryID) (ancestor, error) {
	if a, ok := s.above[id]; ok {
		return a, nil
	}
	c, err := s.d.containerOf(s.r, id)
	if err != nil {
		return ancestor{}, err
	}
	a := ancestor{c.name, id == s.baseID || s.baseID == 0}
	if !a.under && c.parent != 0 {
		up, err := s.ancestor(c.parent)
		if err != nil {
			return ancestor{}, err
		}
		a.under = up.under
	}
	if s.above == nil {
		s.above = map[entryID]ancestor{}
	}
	s.above[id] = a
	return a, nil
}
