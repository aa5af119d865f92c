package directory

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
)

// Random adds, deletions, modifications, renames and moves of whole subtrees, and
// searches between them, agree with a model that knows nothing but RFC 4511; at the
// end, and after the directory was opened again, every index is in step.
func TestDirectoryModel(t *testing.T) {
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			folder := t.TempDir()
			d := openDirectory(t, folder)
			mustAdd(t, d, "dc=example,dc=com", "objectClass: domain", "objectClass: extensibleObject")
			r := newModelRun(t, d, seed)
			for range 400 {
				r.step()
			}
			r.compareAll()
			closeDirectory(t, d)
			r.d = openDirectory(t, folder)
			r.compareAll()
			t.Logf("%d entries, %v", len(r.all()), r.codes)
		})
	}
}

// modelEntry is an entry of the model. Values are compared in lower case.
type modelEntry struct {
	name     string // attribute=value
	parent   *modelEntry
	children map[string]*modelEntry // by name in lower case
	values   map[string][]string    // by attribute
}

func (e *modelEntry) dn() string {
	if e.parent == nil {
		return e.name
	}
	return e.name + "," + e.parent.dn()
}

func (e *modelEntry) under(base *modelEntry) bool {
	for ; e != nil; e = e.parent {
		if e == base {
			return true
		}
	}
	return false
}

func (e *modelEntry) find(attribute, value string) int {
	return slices.IndexFunc(e.values[attribute], func(v string) bool { return strings.EqualFold(v, value) })
}

// put adds a value unless it is there.
func (e *modelEntry) put(attribute, value string) {
	if e.find(attribute, value) < 0 {
		e.values[attribute] = append(e.values[attribute], value)
	}
}

func (e *modelEntry) drop(attribute, value string) {
	if i := e.find(attribute, value); i >= 0 {
		e.values[attribute] = slices.Delete(e.values[attribute], i, i+1)
	}
}

type modelRun struct {
	t     *testing.T
	d     *Directory
	rnd   *rand.Rand
	root  *modelEntry
	codes map[ResultCode]int
}

func newModelRun(t *testing.T, d *Directory, seed uint64) *modelRun {
	return &modelRun{
		t: t, d: d, rnd: rand.New(rand.NewPCG(seed, 0)), codes: map[ResultCode]int{},
		root: &modelEntry{name: "dc=example,dc=com", children: map[string]*modelEntry{}, values: map[string][]string{"dc": {"example"}}},
	}
}

var (
	modelAttributes = []string{"cn", "uid", "mail", "sn", "l"}
	modelTypes      = []string{"cn", "uid", "l"} // of names
)

func pick[T any](r *modelRun, list []T) T { return list[r.rnd.IntN(len(list))] }

// value is one of few, in some spelling.
func (r *modelRun) value() string {
	v := fmt.Sprintf("value %c%d", 'a'+rune(r.rnd.IntN(3)), r.rnd.IntN(4))
	if r.rnd.IntN(3) == 0 {
		v = strings.ToUpper(v)
	}
	return v
}

func (r *modelRun) rdn() (attribute, value string) { return pick(r, modelTypes), r.value() }

// all is every entry, parents first.
func (r *modelRun) all() []*modelEntry {
	list := []*modelEntry{r.root}
	for i := 0; i < len(list); i++ {
		for _, name := range slices.Sorted(maps.Keys(list[i].children)) {
			list = append(list, list[i].children[name])
		}
	}
	return list
}

func (r *modelRun) step() {
	e := pick(r, r.all())
	switch r.rnd.IntN(20) {
	case 0, 1, 2, 3, 4, 5:
		r.add(e)
	case 6, 7:
		r.delete(e)
	case 8, 9, 10, 11:
		r.modify(e)
	case 12, 13, 14, 15, 16:
		r.modifyDN(e)
	default:
		r.search(e)
	}
}

// expect compares what the directory answered with what the model says.
func (r *modelRun) expect(what string, err error, want ResultCode) {
	r.t.Helper()
	got := Result(err).ResultCode
	r.codes[got]++
	if got != want {
		r.t.Fatalf("%s: %v, want %v", what, err, want)
	}
}

func (r *modelRun) add(parent *modelEntry) {
	attribute, value := r.rdn()
	e := &modelEntry{
		name: attribute + "=" + value, parent: parent, children: map[string]*modelEntry{},
		values: map[string][]string{attribute: {value}},
	}
	lines := []string{"objectClass: locality", "objectClass: extensibleObject"}
	for range r.rnd.IntN(4) {
		a, v := pick(r, modelAttributes), r.value()
		if e.find(a, v) < 0 {
			e.put(a, v)
			lines = append(lines, a+": "+v)
		}
	}
	err := r.d.Add(r.t.Context(), root, &AddRequest{Entry: e.dn(), Attributes: attributes(lines...)})
	key := strings.ToLower(e.name)
	if parent.children[key] != nil {
		r.expect("add "+e.dn(), err, EntryAlreadyExists)
		return
	}
	r.expect("add "+e.dn(), err, Success)
	parent.children[key] = e
}

func (r *modelRun) delete(e *modelEntry) {
	if e == r.root {
		return
	}
	err := r.d.Delete(r.t.Context(), root, &DeleteRequest{Entry: strings.ToUpper(e.dn())})
	if len(e.children) > 0 {
		r.expect("delete "+e.dn(), err, NotAllowedOnNonLeaf)
		return
	}
	r.expect("delete "+e.dn(), err, Success)
	delete(e.parent.children, strings.ToLower(e.name))
}

func (r *modelRun) modify(e *modelEntry) {
	next := &modelEntry{values: map[string][]string{}}
	for a, values := range e.values {
		next.values[a] = slices.Clone(values)
	}
	req := ModifyRequest{Object: e.dn()}
	want := Success
	for range 1 + r.rnd.IntN(3) {
		a, v := pick(r, modelAttributes), r.value()
		op := pick(r, []ChangeOperation{AddValues, DeleteValues, ReplaceValues})
		req.Changes = append(req.Changes, Change{op, Attribute{Name: a, Values: [][]byte{[]byte(v)}}})
		if want != Success {
			continue
		}
		switch i := next.find(a, v); {
		case op == ReplaceValues:
			next.values[a] = []string{v}
		case op == AddValues && i >= 0:
			want = AttributeOrValueExists
		case op == AddValues:
			next.put(a, v)
		case i < 0:
			want = NoSuchAttribute
		default:
			next.drop(a, v)
		}
	}
	rdn, _, _ := strings.Cut(e.name, ",") // the root's has two
	attribute, value, _ := strings.Cut(rdn, "=")
	if want == Success && next.find(attribute, value) < 0 {
		want = NotAllowedOnRDN
	}
	r.expect(fmt.Sprintf("modify %s %s", e.dn(), changesText(req.Changes)), r.d.Modify(r.t.Context(), root, &req), want)
	if want == Success {
		e.values = next.values
	}
}

func changesText(changes []Change) string {
	var parts []string
	for _, c := range changes {
		parts = append(parts, fmt.Sprintf("%d %s: %s", c.Operation, c.Attribute.Name, c.Attribute.Values))
	}
	return strings.Join(parts, ", ")
}

func (r *modelRun) modifyDN(e *modelEntry) {
	attribute, value := r.rdn()
	req := ModifyDNRequest{Entry: e.dn(), NewRDN: attribute + "=" + value, DeleteOldRDN: r.rnd.IntN(2) == 0}
	parent, missing := e.parent, false
	switch r.rnd.IntN(4) {
	case 0:
	case 1:
		superior := "cn=nowhere," + pick(r, r.all()).dn()
		req.NewSuperior, missing = &superior, true
	default:
		parent = pick(r, r.all())
		superior := parent.dn()
		req.NewSuperior = &superior
	}
	what := fmt.Sprintf("rename %s to %s under %v, deleteOldRDN %v", e.dn(), req.NewRDN, parent, req.DeleteOldRDN)
	err := r.d.ModifyDN(r.t.Context(), root, &req)
	key := strings.ToLower(req.NewRDN)
	switch {
	case e == r.root:
		r.expect(what, err, UnwillingToPerform)
		return
	case missing:
		r.expect(what, err, NoSuchObject)
		return
	case parent.under(e):
		r.expect(what, err, UnwillingToPerform)
		return
	case parent.children[key] != nil && parent.children[key] != e:
		r.expect(what, err, EntryAlreadyExists)
		return
	}
	r.expect(what, err, Success)
	delete(e.parent.children, strings.ToLower(e.name))
	oldAttribute, oldValue, _ := strings.Cut(e.name, "=")
	if req.DeleteOldRDN {
		e.drop(oldAttribute, oldValue)
	}
	e.put(attribute, value)
	e.name, e.parent = req.NewRDN, parent
	parent.children[key] = e
}

// modelFilter is a filter as text, and what it says of an entry.
type modelFilter struct {
	text string
	is   func(*modelEntry) bool
}

func (r *modelRun) filter(depth int) modelFilter {
	has := func(a string, is func(string) bool) func(*modelEntry) bool {
		return func(e *modelEntry) bool {
			return slices.ContainsFunc(e.values[a], func(v string) bool { return is(strings.ToLower(v)) })
		}
	}
	a, v := pick(r, modelAttributes), r.value()
	lower := strings.ToLower(v)
	switch kind := r.rnd.IntN(9); {
	case kind == 0:
		return modelFilter{"(" + a + "=*)", has(a, func(string) bool { return true })}
	case kind == 1:
		return modelFilter{"(" + a + "=*" + v[6:] + ")", has(a, func(have string) bool { return strings.HasSuffix(have, lower[6:]) })}
	case kind == 2:
		return modelFilter{"(" + a + "=*" + v[4:7] + "*)", has(a, func(have string) bool { return strings.Contains(have, lower[4:7]) })}
	case kind < 6 || depth == 0:
		return modelFilter{"(" + a + "=" + v + ")", has(a, func(have string) bool { return have == lower })}
	case kind == 6:
		f := r.filter(depth - 1)
		return modelFilter{"(!" + f.text + ")", func(e *modelEntry) bool { return !f.is(e) }}
	case kind == 7:
		f, g := r.filter(depth-1), r.filter(depth-1)
		return modelFilter{"(&" + f.text + g.text + ")", func(e *modelEntry) bool { return f.is(e) && g.is(e) }}
	default:
		f, g := r.filter(depth-1), r.filter(depth-1)
		return modelFilter{"(|" + f.text + g.text + ")", func(e *modelEntry) bool { return f.is(e) || g.is(e) }}
	}
}

func (r *modelRun) search(base *modelEntry) {
	f := r.filter(2)
	scope := pick(r, []Scope{BaseObject, SingleLevel, WholeSubtree})
	var want []string
	for _, e := range r.all() {
		in := map[Scope]bool{BaseObject: e == base, SingleLevel: e.parent == base, WholeSubtree: e.under(base)}[scope]
		if in && f.is(e) {
			want = append(want, strings.ToLower(e.dn()))
		}
	}
	found, err := find(r.t, r.d, root, SearchRequest{BaseObject: strings.ToUpper(base.dn()), Scope: scope, Attributes: []string{"1.1"}}, f.text)
	what := fmt.Sprintf("search %s %v %s", base.dn(), scope, f.text)
	r.expect(what, err, Success)
	got := found.names()
	for i := range got {
		got[i] = strings.ToLower(got[i])
	}
	sort.Strings(got)
	sort.Strings(want)
	if !slices.Equal(got, want) {
		r.t.Fatalf("%s:\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// compareAll compares every entry: names as they are spelt, and all values.
func (r *modelRun) compareAll() {
	r.t.Helper()
	text := func(dn string, lines []string) string {
		sort.Strings(lines)
		return dn + "\n" + strings.Join(lines, "\n")
	}
	var want, got []string
	for _, e := range r.all() {
		var lines []string
		for a, values := range e.values {
			for _, v := range values {
				lines = append(lines, a+": "+v)
			}
		}
		want = append(want, text(e.dn(), lines))
	}
	found, err := find(r.t, r.d, root, SearchRequest{BaseObject: r.root.dn(), Scope: WholeSubtree}, "(objectClass=*)")
	if err != nil {
		r.t.Fatal(err)
	}
	for _, e := range found {
		var lines []string
		for _, a := range e.Attributes {
			for _, v := range a.Values {
				if a.Name != "objectClass" {
					lines = append(lines, a.Name+": "+string(v))
				}
			}
		}
		got = append(got, text(e.DN, lines))
	}
	sort.Strings(want)
	sort.Strings(got)
	if !slices.Equal(got, want) {
		r.t.Fatalf("%d entries, want %d:\n%s\n\nwant\n\n%s", len(got), len(want), strings.Join(got, "\n\n"), strings.Join(want, "\n\n"))
	}
}
