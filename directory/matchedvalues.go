package directory

// matchedValue is one element of a matched values control (RFC 3876) made
// ready.
type matchedValue struct {
	*node
	all bool // all values of the attribute: a presence filter
}

// compileMatchedValues prepares elements; nil for nil.
func (m *matcher) compileMatchedValues(elements []Filter) ([]matchedValue, error) {
	if elements == nil {
		return nil, nil
	}
	compiled := make([]matchedValue, 0, len(elements))
	for i := range elements {
		f := &elements[i]
		if f.Kind <= FilterNot || f.DNAttributes {
			return nil, Errorf(ProtocolError, "matched values are chosen by simple filters")
		}
		n, err := m.compile(f)
		if err != nil {
			return nil, err
		}
		compiled = append(compiled, matchedValue{n, f.Kind == FilterPresent})
	}
	return compiled, nil
}

// matchedValues is the values of a that any element is true of, unless the
// matcher has an error then.
func (s *search) matchedValues(a *Attribute) [][]byte {
	var values [][]byte
	for _, v := range a.Values {
		for _, m := range s.matched {
			if !s.matcher.goesOn() {
				return nil
			}
			if m.matches(a.Name, v) {
				values = append(values, v)
				break
			}
		}
	}
	return values
}

func (m matchedValue) matches(description string, value []byte) bool {
	if m.all {
		return m.covers(description)
	}
	if m.constant || !m.covers(description) {
		return false
	}
	m.result = isFalse
	m.visitValue(value)
	return m.result == isTrue
}
