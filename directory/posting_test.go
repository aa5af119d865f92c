package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"tallystick/directory/store"
)

// What is put into a block comes out of it, however many ids there are.
func TestBlock(t *testing.T) {
	every := func(n int) (ids []uint16) {
		for id := 0; id < blockSize; id += n {
			ids = append(ids, uint16(id))
		}
		return ids
	}
	for _, row := range []struct {
		name string
		ids  []uint16
		size int // of the block, in octets
	}{
		{"the lowest", []uint16{0}, 1},
		{"the highest", []uint16{blockSize - 1}, 2},
		{"both", []uint16{0, blockSize - 1}, 3},
		{"neighbours", []uint16{7, 8, 9}, 3},
		{"far apart", every(200), 2*len(every(200)) - 1},
		{"all", every(1), blockSize / 8},
		{"every other", every(2), blockSize / 8},
		{"512 distances of one octet are bits", every(1)[:512], blockSize / 8},
		{"511 of them are not", every(1)[:511], 511},
	} {
		block := appendBlock(nil, row.ids)
		if len(block) != row.size {
			t.Errorf("%s: %d octets, want %d", row.name, len(block), row.size)
		}
		got, err := appendIDs(nil, 3*blockSize, block, blockSize)
		var want []entryID
		for _, id := range row.ids {
			want = append(want, 3*blockSize+entryID(id))
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d ids of %d, %v", row.name, len(got), len(want), err)
		}
		if got, err := appendIDs(nil, 0, block, 1); err != nil || len(got) > 2 {
			t.Errorf("%s: %d ids where one is wanted, %v", row.name, len(got), err)
		}
	}
	for _, bad := range []string{"\x80", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "\x80\x20", "\xff\x1f\x01"} {
		if ids, err := appendIDs(nil, 0, []byte(bad), blockSize); err == nil {
			t.Errorf("%q is taken for %v", bad, ids)
		}
	}
}

func FuzzBlock(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{1, 2, 3})
	f.Add(bytes.Repeat([]byte{0xa5}, blockSize/8))
	f.Fuzz(func(t *testing.T, block []byte) {
		ids, err := appendIDs(nil, 0, block, blockSize)
		if err != nil {
			return
		}
		if len(ids) > blockSize+1 {
			t.Fatalf("%d ids", len(ids))
		}
		ids = slices.Compact(ids)
		var back []uint16
		for _, id := range ids {
			if id >= blockSize {
				t.Fatalf("%d is not in the block", id)
			}
			back = append(back, uint16(id))
		}
		again, err := appendIDs(nil, 0, appendBlock(nil, back), blockSize)
		if err != nil || !slices.Equal(again, ids) {
			t.Fatalf("%v, and then %v, %v", ids, again, err)
		}
	})
}

// mustLoad loads entries, of which each is its DN and its attributes.
func mustLoad(t testing.TB, d *Directory, entries ...Entry) {
	t.Helper()
	n, at := len(entries), 0
	got, err := d.Load(context.Background(), ImportSource{
		Next: func() (*ImportRecord, error) {
			if at == n {
				return nil, io.EOF
			}
			at++
			return &ImportRecord{Line: at, Request: &AddRequest{Entry: entries[at-1].DN, Attributes: entries[at-1].Attributes}}, nil
		},
		Bad: func(rec *ImportRecord, err error) error { return fmt.Errorf("entry %d: %w", rec.Line, err) },
	})
	if got != n || err != nil {
		t.Fatalf("%d of %d entries loaded, %v", got, n, err)
	}
}

// Entries that were loaded, over several blocks and in two goes, are changed
// and deleted like others, and the index stays in step: the fixture checks it.
func TestChangeLoaded(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d, "ann")
	account := func(i int) Entry {
		return Entry{person(fmt.Sprint(i)), attributes("objectClass: account", fmt.Sprint("host: ", i), "ou: "+[]string{"odd", "even"}[i%2])}
	}
	var entries []Entry
	for i := range blockSize + 10 {
		entries = append(entries, account(i))
	}
	mustLoad(t, d, entries[:5]...)
	mustLoad(t, d, entries[5:]...)
	mustAdd(t, d, person("late"), "objectClass: account", "ou: odd")
	count := func(filter string, want int) {
		t.Helper()
		got, err := find(t, d, root, SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, filter)
		if err != nil || len(got) != want {
			t.Errorf("%s: %d entries, want %d, %v", filter, len(got), want, err)
		}
	}
	half := len(entries) / 2
	count("(ou=odd)", half+1)
	count("(uid=*)", len(entries)+2)
	count("(uid=4095)", 1)
	count("(uid=late)", 1)
	for _, i := range []int{0, 2, 4, blockSize} { // of the first load all that are odd
		if err := d.Delete(ctx, root, &DeleteRequest{Entry: entries[i].DN}); err != nil {
			t.Fatal(err)
		}
	}
	for _, i := range []int{6, 8} {
		if err := d.Modify(ctx, root, &ModifyRequest{Object: entries[i].DN, Changes: []Change{{ReplaceValues, attributes("ou: even")[0]}}}); err != nil {
			t.Fatal(err)
		}
	}
	count("(ou=odd)", half+1-6)
	count("(ou=even)", half+2)
	count("(uid=4096)", 0)
	count("(uid=409*)", 10) // 409, and 4090 to 4099 without 4096
	mustAdd(t, d, entries[0].DN, "objectClass: account")
	count("(uid=0)", 1)
}

// Nothing is lost when a block has more postings than are gathered at once.
func TestManyPostings(t *testing.T) {
	const prefixes = 5
	found := map[string]bool{}
	p := postings{room: 3 * blockSize, put: func(key, value []byte) {
		if found[string(key)] {
			t.Errorf("%q is put twice", key)
		}
		found[string(key)] = true
		ids, err := postingIDs(nil, key, value, 5, blockSize)
		if err != nil || len(ids) == 0 {
			t.Errorf("%q: %d ids, %v", key, len(ids), err)
		}
		for _, id := range ids {
			found[string(id.append(append([]byte("is "), key[:5]...)))] = true
		}
	}}
	for id := range entryID(blockSize) {
		for n := range prefixes {
			p.add(id.append(fmt.Appendf(nil, "%05d", n)))
		}
	}
	p.flush()
	for id := range entryID(blockSize) {
		for n := range prefixes {
			if !found[string(id.append(fmt.Appendf(nil, "is %05d", n)))] {
				t.Fatalf("prefix %d has not id %d", n, id)
			}
		}
	}
}

// A store of format 1 or 2 is as good as ever, and one of 3 from its first Load or
// Add on.
func TestOlderFormats(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	d := openDirectory(t, dir)
	format := func() (text string) {
		if err := d.store.View(ctx, func(r store.Reader) error {
			v, err := r.Get(metaKey("format"))
			text = string(v)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return text
	}
	addPeople(t, d, "ann")
	set := func(format string) {
		if err := d.store.Update(ctx, func(w store.Writer) error {
			w.Set(metaKey("format"), []byte(format))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		closeDirectory(t, d)
	}
	for _, old := range []string{"1", "2"} {
		for what, add := range map[string]func(){
			"an Add": func() {
				// As a program of that time left it.
				if err := d.store.Update(ctx, func(w store.Writer) error {
					keys := keysOf(t, d, []byte{recentSpace})
					for _, key := range keys {
						w.Delete([]byte(key))
					}
					rec, err := readRecord(w, 3)
					if err != nil {
						return err
					}
					for _, key := range d.indexKeys(3, rec) {
						w.Set(key, nil)
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				mustAdd(t, d, person("bob"), "objectClass: account")
				if err := d.Delete(ctx, root, &DeleteRequest{Entry: person("bob")}); err != nil {
					t.Fatal(err)
				}
			},
			"a Load": func() { mustLoad(t, d, Entry{person("eve" + old), attributes("objectClass: account")}) },
		} {
			set(old)
			d = openDirectory(t, dir)
			if err := d.Modify(ctx, root, &ModifyRequest{Object: person("ann"), Changes: []Change{{ReplaceValues, attributes("mail: " + old + "@example.com")[0]}}}); err != nil {
				t.Fatal(err)
			}
			if got := format(); got != old {
				t.Errorf("format %s behind a Modify of %s", got, old)
			}
			add()
			if got := format(); got != formatVersion {
				t.Errorf("format %s behind %s", got, what)
			}
		}
	}
	if err := d.store.Update(ctx, func(w store.Writer) error { w.Set(metaKey("format"), []byte("4")); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := d.checkFormat(ctx); err == nil {
		t.Error("a store of format 4 is opened")
	}
}

// A block that cannot be read is refused where it is needed, and told of.
func TestDamagedBlock(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d)
	mustLoad(t, d,
		Entry{person("one"), attributes("objectClass: account", "ou: x")},
		Entry{person("two"), attributes("objectClass: account", "ou: x")})
	was := map[string][]byte{}
	if err := d.store.Update(ctx, func(w store.Writer) error {
		if err := w.Scan(store.Range{}, func(key, value []byte) bool {
			was[string(key)] = slices.Clone(value)
			return true
		}); err != nil {
			return err
		}
		w.Set(append(entryID(blockSize).append(equalityPrefix("ou", []byte("x"))), 0), []byte{0x80})
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := find(t, d, root, SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}, "(ou=x)"); !errors.Is(err, errBlock) {
		t.Errorf("a search: %v", err)
	}
	if err := d.Delete(ctx, root, &DeleteRequest{Entry: person("one")}); !errors.Is(err, errBlock) {
		t.Errorf("a deletion: %v", err)
	}
	faults := 0
	if _, err := d.Check(ctx, func(string) { faults++ }); err != nil || faults == 0 {
		t.Errorf("check: %d faults, %v", faults, err)
	}
	restore(t, d, was)
}
