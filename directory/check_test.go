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
		{"a page that is not listed", func(_ *Directory, w store.Writer, _ entryID, _ *record) {
			w.Set(entryID(pageSize).append(recentPrefix("uid")), page(nil).with(trigramKeys(pageSize, "abc"), 1))
		}, []string{"is not listed"}},
		{"a page is gone", func(_ *Directory, w store.Writer, id entryID, _ *record) {
			w.Delete(pageOf(id).append(recentPrefix("uid")))
		}, []string{"is listed and not there", "is missing"}},
		{"a page that cannot be read", func(_ *Directory, w store.Writer, id entryID, _ *record) {
			w.Set(pageOf(id).append(recentPrefix("uid")), []byte{1})
		}, []string{"is malformed"}},
		{"a list of pages that cannot be read", func(_ *Directory, w store.Writer, _ entryID, _ *record) {
			w.Set(recentPrefix("uid"), []byte{1})
		}, []string{"is malformed"}},
		{"a trigram too many in a page", func(_ *Directory, w store.Writer, id entryID, _ *record) {
			w.Set(pageOf(id).append(recentPrefix("uid")), page(nil).with(trigramKeys(id, "\x02an", "ann", "nn\x03", "xyz"), pageBit(id)))
		}, []string{"does not have the value"}},
		{"a trigram in a page and elsewhere", func(_ *Directory, w store.Writer, id entryID, _ *record) {
			w.Set(id.append(substringPrefix("uid", []byte("ann"))), nil)
		}, []string{"is there twice"}},
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

// The same of what is kept of users: ann has a credential, recovery codes, an
// application password, and a policy.
func TestCheckFindsOfUsers(t *testing.T) {
	h := newHouse(t)
	secret := h.enrol("ann")
	h.activate("ann", secret)
	_, err := h.NewRecoveryCodes(t.Context(), root, Claim{AuthenticationID: id("u:ann")})
	h.want("recovery codes", err, Success)
	h.application("ann")
	h.policy("p", 1, "optional", "tallystickPolicyNetwork: 192.0.2.0/24")
	change := func(w store.Writer, u *user, change func(a *attempts)) {
		a := u.attempts
		change(&a)
		w.Set(attemptKey(u.id), a.encode())
	}
	for _, row := range []struct {
		damage string
		do     func(w store.Writer, u *user, c *credential)
		fault  string // what is in it
	}{
		{"nothing", func(store.Writer, *user, *credential) {}, ""},
		{"a credential is gone", func(w store.Writer, u *user, c *credential) { dropCredential(w, u.id, c) }, "has 0 credentials where there should be 1"},
		{"a credential that cannot be read", func(w store.Writer, u *user, c *credential) {
			w.Set(credentialKey(u.id, c.id), []byte{0xff})
		}, "credential %s of entry"},
		{"a credential under another id", func(w store.Writer, u *user, c *credential) {
			other := *c
			other.id = "copy"
			w.Set(credentialKey(u.id, other.id), other.encode())
		}, "credential copy of entry"},
		{"a credential of nobody's", func(w store.Writer, _ *user, c *credential) {
			w.Set(credentialKey(999, c.id), c.encode())
		}, "belongs to entry 999"},
		{"a number that leads nowhere", func(w store.Writer, u *user, _ *credential) { w.Set(numberKey("1", u.id, "x"), nil) }, "number"},
		{"the state is gone", func(w store.Writer, u *user, _ *credential) { w.Delete(attemptKey(u.id)) }, "their state is missing"},
		{"a state that cannot be read", func(w store.Writer, u *user, _ *credential) { w.Set(attemptKey(u.id), []byte{0xff}) }, "attempt counter of entry"},
		{"a state of nobody's", func(w store.Writer, _ *user, _ *credential) { w.Set(attemptKey(999), attempts{}.encode()) }, "an attempt counter belongs to entry 999"},
		{"recovery codes cut short", func(w store.Writer, u *user, _ *credential) {
			change(w, u, func(a *attempts) { a.recovery.Hashes = [][]byte{{1}} })
		}, "attempt counter of entry"},
		{"an application password for no network", func(w store.Writer, u *user, _ *credential) {
			change(w, u, func(a *attempts) {
				one := *a.applications[0]
				one.networks = []string{"everywhere"}
				a.applications = []*applicationPassword{&one}
			})
		}, "application password"},
		{"an application password without a hash", func(w store.Writer, u *user, _ *credential) {
			change(w, u, func(a *attempts) {
				one := *a.applications[0]
				one.hash = nil
				a.applications = []*applicationPassword{&one}
			})
		}, "attempt counter of entry"},
		{"an entry that says nothing of its credentials", func(w store.Writer, u *user, _ *credential) {
			rec := u.entry.clone()
			rec.enrolled = false
			w.Set(entryKey(u.id), rec.encode())
		}, "has credentials and does not say so"},
		{"an entry that says it has a token", func(w store.Writer, u *user, _ *credential) {
			rec := u.entry.clone()
			rec.oathUser = true
			w.Set(entryKey(u.id), rec.encode())
		}, "has a token of OATH-LDAP or not"},
	} {
		t.Run(row.damage, func(t *testing.T) {
			undo := map[string][]byte{}
			err := h.view("ann", func(u *user) {
				if row.fault = strings.ReplaceAll(row.fault, "%s", u.credentials[0].id); u.fault != nil {
					t.Fatal(u.fault)
				}
				if err := h.store.Update(t.Context(), func(w store.Writer) error {
					if err := w.Scan(store.Range{}, func(key, value []byte) bool {
						undo[string(key)] = slices.Clone(value)
						return true
					}); err != nil {
						return err
					}
					row.do(w, u, u.credentials[0])
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			var faults []string
			if _, err := h.Check(t.Context(), func(f string) { faults = append(faults, f) }); err != nil {
				t.Fatal(err)
			}
			if row.fault == "" && len(faults) > 0 || row.fault != "" && !slices.ContainsFunc(faults, func(f string) bool { return strings.Contains(f, row.fault) }) {
				t.Errorf("%q; want one with %q", faults, row.fault)
			}
			restore(t, h.Directory, undo)
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
