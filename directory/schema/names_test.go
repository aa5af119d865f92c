package schema

import (
	"fmt"
	"strings"
	"testing"
)

// Names are found in any case, however many there are, and others are not.
func TestNames(t *testing.T) {
	var m names[int]
	if lookup(&m, "x") != nil {
		t.Error("something is found among no names")
	}
	name := func(i int) string { return fmt.Sprintf("attribute-Type.%d", i) }
	for i := range 1000 {
		if lookup(&m, name(i)) != nil {
			t.Fatalf("%s is found before it is there", name(i))
		}
		m.put(name(i), &i)
	}
	other := m.clone()
	other.put("another", new(int))
	for i := range 1000 {
		for _, n := range []string{name(i), strings.ToUpper(name(i)), strings.ToLower(name(i))} {
			if got := lookup(&m, n); got == nil || *got != i || lookup(&m, []byte(n)) != got || lookup(&other, n) != got {
				t.Errorf("%s is not found", n)
			}
		}
	}
	for _, n := range []string{"", "another", "attribute-Type.", "attribute\rType.1", "attribute-Type.1000"} {
		if lookup(&m, n) != nil {
			t.Errorf("%q is found", n)
		}
	}
}

func BenchmarkAttribute(b *testing.B) {
	s, err := New()
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if s.Attribute("employeeNumber") == nil || s.Attribute("cn;lang-de") == nil {
			b.Fatal("not found")
		}
	}
}
