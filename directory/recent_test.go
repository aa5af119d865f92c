package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tallystick/directory/store"
)

// trigramKeys are the index keys of trigrams of cn, which ascend.
func trigramKeys(id entryID, trigrams ...string) (keys [][]byte) {
	for _, t := range trigrams {
		keys = append(keys, id.append(substringPrefix("cn", []byte(t))))
	}
	return keys
}

// A page has what was put into it and not taken out again.
func TestPage(t *testing.T) {
	type set = map[string]uint32
	for _, row := range []struct {
		name   string
		before set
		change func(p page) page
		after  set
	}{
		{"the first entry", set{}, func(p page) page { return p.with(trigramKeys(64, "abc", "bcd"), pageBit(64)) }, set{"abc": 1, "bcd": 1}},
		{"the last one", set{"abc": 1}, func(p page) page { return p.with(trigramKeys(95, "abc"), pageBit(95)) }, set{"abc": 1<<31 | 1}},
		{"before, between and behind", set{"bbb": 1, "ddd": 1}, func(p page) page { return p.with(trigramKeys(65, "aaa", "bbb", "ccc", "eee"), pageBit(65)) },
			set{"aaa": 2, "bbb": 3, "ccc": 2, "ddd": 1, "eee": 2}},
		{"once more", set{"abc": 1}, func(p page) page { return p.with(trigramKeys(64, "abc"), pageBit(64)) }, set{"abc": 1}},
		{"one goes", set{"abc": 3}, func(p page) page { p, _ = p.without(trigramKeys(65, "abc"), pageBit(65)); return p }, set{"abc": 1}},
		{"the last one goes", set{"abc": 1, "bcd": 2}, func(p page) page { p, _ = p.without(trigramKeys(64, "abc"), pageBit(64)); return p }, set{"bcd": 2}},
		{"who was not there goes", set{"abc": 1}, func(p page) page {
			p, others := p.without(trigramKeys(65, "abc", "xyz"), pageBit(65))
			if len(others) != 2 {
				t.Errorf("%d keys were not there", len(others))
			}
			return p
		}, set{"abc": 1}},
	} {
		var p page
		for i, trigram := range []string{"aaa", "abc", "bbb", "bcd", "ccc", "ddd", "eee"} {
			if row.before[trigram] != 0 {
				p = p.with(trigramKeys(entryID(i), trigram), row.before[trigram])
			}
		}
		was := slices.Clone(p)
		got := row.change(p)
		if !bytes.Equal(was, p) {
			t.Errorf("%s: the page before it has changed", row.name)
		}
		found := set{}
		for i := range len(got) / pageItem {
			found[string(got.trigram(i))] = got.bits(i)
		}
		if fmt.Sprint(found) != fmt.Sprint(row.after) || !got.sound() {
			t.Errorf("%s: %v, want %v", row.name, found, row.after)
		}
	}
	p := page(nil).with(trigramKeys(0, "abc", "bcd"), 0b0110).with(trigramKeys(0, "cde"), 0b1100)
	for trigram, want := range map[string]uint32{"abc": 0b0110, "cde": 0b1100, "aaa": 0, "zzz": 0} {
		if got := p.of([]byte(trigram)); got != want {
			t.Errorf("%s: %04b, want %04b", trigram, got, want)
		}
	}
}

// Whatever the octets of a page are, it is read without harm, and one that is
// sound stays so.
func FuzzPage(f *testing.F) {
	f.Add([]byte{}, byte(0), "abcabc")
	f.Add([]byte("abc\x00\x00\x00\x01bcd\x80\x00\x00\x00"), byte(31), "abcxyz")
	f.Fuzz(func(t *testing.T, value []byte, entry byte, text string) {
		p := page(value[:len(value)/pageItem*pageItem])
		id := entryID(entry % pageSize)
		list := map[string]bool{}
		for i := 0; i+trigramLen <= len(text); i += trigramLen {
			list[text[i:i+trigramLen]] = true
		}
		var sorted []string
		for trigram := range list {
			sorted = append(sorted, trigram)
		}
		slices.Sort(sorted)
		keys := trigramKeys(id, sorted...)
		more := p.with(keys, pageBit(id))
		less, others := more.without(slices.Clone(keys), pageBit(id))
		if !p.sound() {
			return
		}
		for _, key := range keys {
			if more.of(trigramOf(key))&pageBit(id) == 0 {
				t.Errorf("%q was put and is not there", key)
			}
		}
		if !more.sound() || !less.sound() || len(others) > 0 {
			t.Errorf("%q becomes %q and %q, which had not %q", p, more, less, others)
		}
	})
}

// keysOf returns the keys of the store that begin with prefix.
func keysOf(t *testing.T, d *Directory, prefix []byte) (keys []string) {
	t.Helper()
	if err := d.store.View(context.Background(), func(r store.Reader) error {
		return r.Scan(store.Prefix(prefix), func(key, _ []byte) bool {
			keys = append(keys, string(key))
			return true
		})
	}); err != nil {
		t.Fatal(err)
	}
	return keys
}

// Entries are found by substrings while they are in a page, when they have been
// folded, and when they were changed or deleted at either time; there are never
// many pages. The fixture checks that every index is in step.
func TestRecent(t *testing.T) {
	ctx := context.Background()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	d := openDirectory(t, dir)
	d.maxPages = 3
	addPeople(t, d)
	value := func() string {
		b := make([]byte, 3+random.IntN(6))
		for i := range b {
			b[i] = "abcd"[random.IntN(4)]
		}
		return string(b)
	}
	const long = 200 // more trigrams than a page takes of one entry
	model := map[string]string{}
	most := 0
	for step := range 1200 {
		uid, cn := fmt.Sprint(random.IntN(400)), value()
		if random.IntN(50) == 0 {
			cn = strings.Repeat(cn, long/len(cn)) + fmt.Sprint(random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64())
		}
		_, there := model[uid]
		switch {
		case !there:
			mustAdd(t, d, person(uid), "objectClass: inetOrgPerson", "cn: "+cn, "sn: s"+cn)
			model[uid] = cn
		case random.IntN(2) == 0:
			if err := d.Delete(ctx, root, &DeleteRequest{Entry: person(uid)}); err != nil {
				t.Fatal(err)
			}
			delete(model, uid)
		default:
			if err := d.Modify(ctx, root, &ModifyRequest{Object: person(uid), Changes: []Change{{ReplaceValues, attributes("cn: " + cn)[0]}}}); err != nil {
				t.Fatal(err)
			}
			model[uid] = cn
		}
		if step == 700 {
			closeDirectory(t, d)
			d = openDirectory(t, dir)
			d.maxPages = 3
		}
		if step%20 == 0 {
			most = max(most, len(keysOf(t, d, recentPrefix("cn")))-1)
		}
		part := value()
		filter, matches := "(cn=*"+part+"*)", strings.Contains
		switch random.IntN(3) {
		case 0:
			filter, matches = "(cn="+part+"*)", strings.HasPrefix
		case 1:
			filter, matches = "(cn=*"+part+")", strings.HasSuffix
		}
		want := 0
		for _, cn := range model {
			if matches(cn, part) {
				want++
			}
		}
		got, err := find(t, d, root, SearchRequest{BaseObject: "ou=people,dc=example,dc=com", Scope: WholeSubtree}, filter)
		if err != nil || len(got) != want {
			t.Fatalf("%s: %d entries, want %d, %v", filter, len(got), want, err)
		}
	}
	if most < 2 || most > 5 {
		t.Errorf("at most %d pages", most)
	}
	blocks := 0
	for _, key := range keysOf(t, d, substringPrefix("cn", nil)) {
		if len(key) == len(substringPrefix("cn", nil))+trigramLen+9 {
			blocks++
		}
	}
	if blocks == 0 {
		t.Error("nothing was folded")
	}
}

// An index that is taken away leaves no pages, and the one made anew is whole.
func TestRecentOfRemovedIndex(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d)
	index := func(change func(context.Context, Requester, string, IndexKind) error) {
		t.Helper()
		if err := change(ctx, root, "description", SubstringIndex); err != nil {
			t.Fatal(err)
		}
		if err := d.BuildIndexes(ctx); err != nil {
			t.Fatal(err)
		}
	}
	index(d.AddIndex)
	for i := range pageSize + 1 {
		mustAdd(t, d, person(fmt.Sprint(i)), "objectClass: account", fmt.Sprintf("description: number %d", i))
	}
	if n := len(keysOf(t, d, recentPrefix("description"))); n != 3 {
		t.Errorf("%d keys, want a list and two pages", n)
	}
	index(d.RemoveIndex)
	if n := len(keysOf(t, d, recentPrefix("description"))); n != 0 {
		t.Errorf("%d keys are left", n)
	}
	index(d.AddIndex)
	got, err := find(t, d, root, SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, "(description=*number 1*)")
	if err != nil || len(got) != 11 {
		t.Errorf("%d entries, want 1 and 10 to 19, %v", len(got), err)
	}
}

// A folder whose server ended while it removed an index is sound behind each batch.
func TestCheckOfIndexBeingRemoved(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	d.maxPages = maxPages // nothing is folded
	addPeople(t, d)
	if err := d.AddIndex(ctx, root, "description", SubstringIndex); err != nil {
		t.Fatal(err)
	}
	if err := d.BuildIndexes(ctx); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * pageSize {
		mustAdd(t, d, person(fmt.Sprint(i)), "objectClass: account", "description: abc")
	}
	if err := d.RemoveIndex(ctx, root, "description", SubstringIndex); err != nil {
		t.Fatal(err)
	}
	if err := d.store.Update(ctx, func(w store.Writer) error {
		for i := range indexBatchKeys - 1 { // which leave room for the list of pages and not for them
			w.Set(entryID(3).append(substringPrefix("description", fmt.Appendf(nil, "%03x", i))), nil)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	batches := 0
	for done := false; !done; batches++ {
		var err error
		if done, err = d.tend(ctx, index{attribute: "description", kind: SubstringIndex, state: indexRemoving}); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Check(ctx, func(fault string) { t.Errorf("batch %d: %s", batches, fault) }); err != nil {
			t.Fatal(err)
		}
	}
	if batches < 2 {
		t.Errorf("%d batches", batches)
	}
}

// What is due of very many attributes together is not folded all at once.
func TestFoldOneAtATime(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	pages := func(attribute string) int { return len(keysOf(t, d, recentPrefix(attribute))) - 1 }
	names := []string{"uid", "cn", "sn", "mail"}
	least := map[string]int{}
	for i := range 4 * pageSize {
		mustAdd(t, d, person(fmt.Sprint(i)), "objectClass: inetOrgPerson", "cn: cn", "sn: sn", "mail: mail@example.com")
		folded := 0
		for _, name := range names {
			if n := pages(name); i > 0 && n < least[name] {
				folded++
			}
			least[name] = pages(name)
		}
		if folded > 1 {
			t.Errorf("addition %d folds %d attributes", i, folded)
		}
	}
}

// A page that is not there, or cannot be read, is refused by whoever needs it,
// and never taken for one without the entries.
func TestDamagedPage(t *testing.T) {
	ctx := context.Background()
	for _, row := range []struct {
		damage string
		page   []byte // nil: none
	}{{"no page", nil}, {"not of whole items", []byte{1}}} {
		t.Run(row.damage, func(t *testing.T) {
			d := newDirectory(t)
			addPeople(t, d, "ann")
			was := map[string][]byte{}
			if err := d.store.Update(ctx, func(w store.Writer) error {
				if err := w.Scan(store.Range{}, func(key, value []byte) bool {
					was[string(key)] = slices.Clone(value)
					return true
				}); err != nil {
					return err
				}
				if key := pageOf(1).append(recentPrefix("cn")); row.page == nil {
					w.Delete(key)
				} else {
					w.Set(key, row.page)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if got, err := find(t, d, root, SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, "(cn=*Example)"); !errors.Is(err, errPage) {
				t.Errorf("a search: %d entries, %v", len(got), err)
			}
			if err := d.Add(ctx, root, &AddRequest{Entry: person("bob"), Attributes: attributes("objectClass: inetOrgPerson", "cn: Bob", "sn: Bob")}); !errors.Is(err, errPage) {
				t.Errorf("an addition: %v", err)
			}
			if err := d.store.View(ctx, func(r store.Reader) error {
				pages := entryID(pageSize).append(pageOf(1).append(nil))
				if _, err := fold(&putterOn{Reader: r}, recentPrefix("cn"), pages); !errors.Is(err, errPage) {
					t.Errorf("a fold: %v", err)
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			faults := 0
			if _, err := d.Check(ctx, func(string) { faults++ }); err != nil || faults == 0 {
				t.Errorf("check: %d faults, %v", faults, err)
			}
			restore(t, d, was)
		})
	}
}

// putterOn is a Writer whose writes lead nowhere.
type putterOn struct{ store.Reader }

func (putterOn) Set(_, _ []byte) {}
func (putterOn) Delete([]byte)   {}
