package directory

import (
	"context"
	"slices"
	"strings"
	"testing"

	"tallystick/directory/store"
)

// Check must find whatever is broken, whoever broke it.
func TestCheckFinds(t *testing.T) {
	ann := func(t *testing.T, d *Directory, w store.Writer) (entryID, *record) {
		dn, err := d.parseDN(person("ann"))
		if err != nil {
			t.Fatal(err)
		}
		id, err := d.resolve(w, dn)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := readRecord(w, id)
		if err != nil {
			t.Fatal(err)
		}
		return id, rec
	}
	for _, test := range []struct {
		damage string
		do     func(d *Directory, w store.Writer, id entryID, rec *record)
		faults []string // what is in them, in order
	}{
		{"nothing", func(*Directory, store.Writer, entryID, *record) {}, nil},
		{"an index key is gone", func(_ *Directory, w store.Writer, id entryID, _ *record) {
			w.Delete(id.append(equalityPrefix("uid", []byte("ann"))))
		}, []string{"is missing"}},
		{"an index key too many", func(_ *Directory, w store.Writer, id entryID, _ *record) {
			w.Set(id.append(equalityPrefix("uid", []byte("eve"))), nil)
		}, []string{"does not have the value"}},
		{"one for another", func(_ *Directory, w store.Writer, id entryID, _ *record) {
			w.Delete(id.append(equalityPrefix("uid", []byte("ann"))))
			w.Set(id.append(equalityPrefix("uid", []byte("eve"))), nil)
		}, []string{"is missing", "does not have the value"}},
		{"the index of an entry that is not", func(_ *Directory, w store.Writer, _ entryID, _ *record) {
			w.Set(entryID(999).append(presencePrefix("uid")), nil)
		}, []string{"entry 999, which does not exist"}},
		{"an entry without its name", func(d *Directory, w store.Writer, _ entryID, rec *record) {
			norm, _ := d.placeNorm(rec)
			w.Delete(childKey(rec.parent, norm))
		}, []string{"does not lead to it"}},
		{"a name without its entry", func(_ *Directory, w store.Writer, id entryID, _ *record) {
			w.Set(childKey(id, "uid=x"), entryID(999).append(nil))
		}, []string{"leads to entry 999, which does not exist"}},
		{"a second name", func(_ *Directory, w store.Writer, id entryID, rec *record) {
			w.Set(childKey(rec.parent, "uid=x"), id.append(nil))
		}, []string{"which is named"}},
		{"an entry that cannot be read", func(_ *Directory, w store.Writer, id entryID, _ *record) {
			w.Set(entryKey(id), []byte{0xff})
		}, []string{"malformed record"}},
	} {
		t.Run(test.damage, func(t *testing.T) {
			d := newDirectory(t)
			addPeople(t, d, "ann")
			undo := map[string][]byte{}
			err := d.store.Update(context.Background(), func(w store.Writer) error {
				if err := w.Scan(store.Range{}, func(key, value []byte) bool {
					undo[string(key)] = slices.Clone(value)
					return true
				}); err != nil {
					return err
				}
				id, rec := ann(t, d, w)
				test.do(d, w, id, rec)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			var faults []string
			if _, err := d.Check(context.Background(), func(f string) { faults = append(faults, f) }); err != nil {
				t.Fatal(err)
			}
			for _, want := range test.faults {
				if !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, want) }) {
					t.Errorf("no fault with %q in %q", want, faults)
				}
			}
			if len(test.faults) == 0 && len(faults) > 0 {
				t.Errorf("faults in a sound store: %q", faults)
			}
			restore(t, d, undo)
		})
	}
}

// restore makes the store what it was, for the check behind every test.
func restore(t *testing.T, d *Directory, was map[string][]byte) {
	t.Helper()
	err := d.store.Update(context.Background(), func(w store.Writer) error {
		var extra [][]byte
		err := w.Scan(store.Range{KeysOnly: true}, func(key, _ []byte) bool {
			if _, ok := was[string(key)]; !ok {
				extra = append(extra, slices.Clone(key))
			}
			return true
		})
		for _, k := range extra {
			w.Delete(k)
		}
		for k, v := range was {
			w.Set([]byte(k), v)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
