package directory

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tallystick/directory/aci"
)

// aciModelEntry is an entry of the model: what is in it, and what stands above.
type aciModelEntry struct {
	d          *Directory
	dn         DN
	parent     *aciModelEntry
	attributes map[string][]string
	acis       []string
	requester  DN
}

func (e *aciModelEntry) DN() (DN, error)            { return e.dn, nil }
func (e *aciModelEntry) IsRequester() (bool, error) { return e.dn.Equal(e.requester), nil }
func (e *aciModelEntry) BelowRequester() (bool, error) {
	return e.parent != nil && e.parent.dn.Equal(e.requester), nil
}

// Matches knows the one kind of filter that the model has: (attribute=value).
func (e *aciModelEntry) Matches(f aci.Filter) (bool, error) {
	filter := f.(*aciFilter).Filter
	return slices.Contains(e.attributes[filter.Attribute], string(filter.Value)), nil
}

func (e *aciModelEntry) Values(level int, attribute string) ([][]byte, error) {
	for ; level > 0 && e != nil; level-- {
		e = e.parent
	}
	if e == nil {
		return nil, nil
	}
	var values [][]byte
	for _, v := range e.attributes[attribute] {
		values = append(values, []byte(v))
	}
	return values, nil
}

// may is what a requester may do with an attribute, found out in the simplest
// way: every ACI above is parsed and asked, one after the other.
func (e *aciModelEntry) may(t *testing.T, q *aci.Requester, attribute string) aci.Rights {
	var allowed, denied aci.Rights
	e.requester = q.DN
	for above, depth := e, 0; above != nil; above, depth = above.parent, depth+1 {
		for _, text := range above.acis {
			a, err := e.d.parseACI(text)
			if err != nil {
				t.Fatal(err)
			}
			if applies, err := a.Applies(false, depth, e); err != nil || !applies || !a.Covers(e.d.schema.AttributeOrUndefined(attribute)) {
				continue
			}
			for i := range a.Permissions {
				p := &a.Permissions[i]
				if v, err := p.For(q, e); err != nil || v != aci.Yes {
					continue
				}
				if p.Allow {
					allowed |= p.Rights
				} else {
					denied |= p.Rights
				}
			}
		}
	}
	return allowed &^ denied
}

// TestACIModel: in random trees with random ACIs everybody finds what the
// simplest reading of the rules allows, and nothing else.
func TestACIModel(t *testing.T) {
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 389))
		pick := func(list ...string) string { return list[random.IntN(len(list))] }
		d := newDirectory(t, func(c *Config) { c.ACIs = []string{} })
		var entries []*aciModelEntry
		add := func(parent *aciModelEntry, dn string, attributes map[string][]string) {
			var lines []string
			for name, values := range attributes {
				for _, v := range values {
					lines = append(lines, name+": "+v)
				}
			}
			mustAdd(t, d, dn, lines...)
			parsed, err := d.parseDN(dn)
			if err != nil {
				t.Fatal(err)
			}
			attributes["objectClass"] = append(attributes["objectClass"], "top")
			entries = append(entries, &aciModelEntry{d: d, dn: parsed, parent: parent, attributes: attributes})
		}
		add(nil, "dc=example,dc=com", map[string][]string{"objectClass": {"domain"}, "dc": {"example"}})
		var names []string
		for i := range 12 {
			parent := entries[random.IntN(len(entries))]
			dn := fmt.Sprintf("uid=u%d,%s", i, parent.dn)
			person := map[string][]string{"objectClass": {"account"}, "uid": {fmt.Sprintf("u%d", i)}, "l": {pick("north", "south")}}
			if len(names) > 0 && random.IntN(2) == 0 {
				person["seeAlso"] = []string{names[random.IntN(len(names))]}
			}
			add(parent, dn, person)
			names = append(names, dn)
		}
		group := map[string][]string{"objectClass": {"groupOfNames"}, "cn": {"g"}, "member": {names[0], names[3], names[5]}}
		add(entries[0], "cn=g,dc=example,dc=com", group)

		for range 14 {
			holder := entries[random.IntN(len(entries))]
			var b strings.Builder
			b.WriteString(pick(`(targetattr="*")`, `(targetattr="uid || l")`, `(targetattr!="l")`, `(targetattr="seeAlso")`, ``))
			b.WriteString(pick(``, ``, `(targetscope="onelevel")`, `(targetscope="base")`, `(targetscope="subordinate")`))
			if random.IntN(4) == 0 {
				b.WriteString(`(targetfilter` + pick("=", "!=") + `"(l=north)")`)
			}
			if below := entries[random.IntN(len(entries))]; random.IntN(4) == 0 && below.dn.IsUnder(holder.dn) {
				b.WriteString(`(target` + pick("=", "!=") + `"ldap:///` + below.dn.String() + `")`)
			} else if random.IntN(6) == 0 {
				b.WriteString(`(target="ldap:///uid=u1*,**,dc=com")`)
			}
			for i := range 1 + random.IntN(2) {
				if i == 0 {
					b.WriteString(`(version 3.0; acl "m"; `)
				}
				b.WriteString(pick("allow", "allow", "deny") + pick(" (read)", " (search)", " (read, search)", " (all)"))
				rule := func() string {
					return pick(`userdn="ldap:///all"`, `userdn="ldap:///anyone"`, `userdn="ldap:///self"`, `userdn!="ldap:///self"`, `userdn="ldap:///parent"`,
						`userattr="seeAlso#USERDN"`, `userattr="parent[0,1].seeAlso#USERDN"`, `groupdn="ldap:///cn=g,dc=example,dc=com"`,
						`userdn="ldap:///`+names[random.IntN(len(names))]+`"`, `userdn="ldap:///dc=example,dc=com??sub?(l=south)"`, `not userdn="ldap:///uid=*,**,dc=example,dc=com"`)
				}
				b.WriteString(" (" + rule() + pick(")", " and "+rule()+")", " or "+rule()+")") + ";")
			}
			b.WriteString(")")
			holder.acis = append(holder.acis, b.String())
		}
		for _, e := range entries {
			c := Change{Operation: ReplaceValues, Attribute: Attribute{Name: "aci"}}
			for _, text := range e.acis {
				if findValue(d.schema.Attribute("aci"), c.Attribute.Values, []byte(text)) < 0 {
					c.Attribute.Values = append(c.Attribute.Values, []byte(text))
				}
			}
			if err := d.Modify(context.Background(), root, &ModifyRequest{Object: e.dn.String(), Changes: []Change{c}}); err != nil {
				t.Fatalf("%q: %v", e.acis, err)
			}
		}
		for _, dn := range append([]string{""}, names...) {
			checkACIModel(t, d, fmt.Sprintf("seed %d, %q", seed, dn), entries, dn)
		}
		closeDirectory(t, d)
	}
}

// checkACIModel compares what somebody finds with what the model says.
func checkACIModel(t *testing.T, d *Directory, what string, entries []*aciModelEntry, dn string) {
	t.Helper()
	who := Requester{DN: dn}
	q := &aci.Requester{InGroup: func(DN) (bool, error) { return false, nil }, Matches: func(aci.Filter) (bool, error) { return false, nil }}
	if dn != "" {
		who.How = ByPassword
		i := slices.IndexFunc(entries, func(e *aciModelEntry) bool { return e.dn.String() == dn })
		own := entries[i]
		q.DN, q.Matches = own.dn, own.Matches
		q.InGroup = func(group DN) (bool, error) {
			g := slices.IndexFunc(entries, func(e *aciModelEntry) bool { return e.dn.Equal(group) })
			return g >= 0 && slices.Contains(entries[g].attributes["member"], dn), nil
		}
	}
	for _, filter := range []string{"(&)", "(l=north)", "(!(l=north))", "(|(l=south)(uid=u1))"} {
		var want []string
		for _, e := range entries {
			may := func(right aci.Rights, attribute string) bool { return e.may(t, q, attribute)&right != 0 }
			is := func(attribute, value string) truth {
				switch {
				case !may(aci.Search, attribute):
					return isUndefined
				case slices.Contains(e.attributes[attribute], value):
					return isTrue
				}
				return isFalse
			}
			matches := map[string]truth{"(&)": isTrue, "(l=north)": is("l", "north"), "(!(l=north))": -is("l", "north"), "(|(l=south)(uid=u1))": max(is("l", "south"), is("uid", "u1"))}[filter]
			var lines []string
			for name, values := range e.attributes {
				if may(aci.Read, name) {
					for _, v := range values {
						lines = append(lines, name+": "+v)
					}
				}
			}
			slices.Sort(lines)
			if matches == isTrue && len(lines) > 0 {
				want = append(want, e.dn.String()+"\n"+strings.Join(lines, "\n"))
			}
		}
		found, _ := find(t, d, who, SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, filter)
		var got []string
		for _, e := range found {
			got = append(got, e.DN+"\n"+e.text())
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			for _, e := range entries {
				t.Logf("%s: %q", e.dn, e.acis)
			}
			t.Fatalf("%s, %s:\ngot\n%s\nwant\n%s", what, filter, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}
