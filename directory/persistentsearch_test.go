package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tallystick/directory/store"
)

// told is what a persistent search sends.
type told struct {
	mu       sync.Mutex
	messages []string
	flushed  chan struct{} // gets one when there is nothing more to send for now
}

func (w *told) add(text string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.messages = append(w.messages, text)
	return nil
}

func (w *told) WriteEntry(e *Entry) error { return w.add("entry " + e.DN) }

func (w *told) WriteChangedEntry(c EntryChange, e *Entry) error {
	kind := map[ChangeType]string{EntryAdded: "add", EntryDeleted: "delete", EntryModified: "modify", EntryRenamed: "modDN"}[c.Type]
	text := kind + " " + e.DN
	if c.PreviousDN != "" {
		text += " was " + c.PreviousDN
	}
	for _, a := range e.Attributes {
		if a.Name == "description" && len(a.Values[0]) < 100 {
			text += " " + string(a.Values[0])
		}
	}
	return w.add(text)
}

func (w *told) Flush() error {
	select {
	case w.flushed <- struct{}{}:
	default:
	}
	return nil
}

// begins waits for what there is at the beginning.
func (w *told) begins(t *testing.T, ended <-chan error) {
	t.Helper()
	select {
	case <-w.flushed:
	case err := <-ended:
		t.Fatal(err)
	case <-time.After(30 * time.Second):
		t.Fatal("the search does not begin")
	}
}

// text is the messages, sorted if they are of the beginning, without what is
// common to all names.
func (w *told) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.NewReplacer(","+people, "", ",dc=example,dc=com", "", "uid=", "").Replace(strings.Join(w.messages, ", "))
}

// persistently starts a persistent search, and waits for what there is at the
// beginning.
func persistently(t *testing.T, d *Directory, who Requester, req SearchRequest) (w *told, ended <-chan error) {
	t.Helper()
	w = &told{flushed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	end := make(chan error, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		end <- d.Search(ctx, who, &req, w)
	}()
	t.Cleanup(func() {
		cancel()
		<-over
	})
	w.begins(t, end)
	return w, end
}

// TestPersistentSearch is draft-ietf-ldapext-psearch-03, section 4.
func TestPersistentSearch(t *testing.T) {
	replace := func(uid, line string) any {
		return &ModifyRequest{Object: person(uid), Changes: []Change{{ReplaceValues, attributes(line)[0]}}}
	}
	eve := &AddRequest{Entry: person("eve"), Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x", "description: in")}
	for _, tt := range []struct {
		name    string
		psearch PersistentSearch
		changes []any
		want    string
	}{
		{"what there is comes first", PersistentSearch{Types: AllChangeTypes, Notify: true}, nil, "entry in"},
		{"changesOnly: it does not", PersistentSearch{Types: AllChangeTypes, Notify: true, ChangesOnly: true}, nil, ""},
		{"each change, in order, as it was then", PersistentSearch{Types: AllChangeTypes, Notify: true, ChangesOnly: true},
			[]any{eve, replace("eve", "title: x"), &ModifyDNRequest{Entry: person("eve"), NewRDN: "uid=adam"}, replace("adam", "title: y"), &DeleteRequest{Entry: person("adam")}},
			"add eve in, modify eve in, modDN adam was eve in, modify adam in, delete adam in"},
		{"of the types asked for", PersistentSearch{Types: EntryAdded | EntryDeleted, Notify: true, ChangesOnly: true},
			[]any{eve, replace("eve", "title: x"), &ModifyDNRequest{Entry: person("eve"), NewRDN: "uid=adam"}, &DeleteRequest{Entry: person("adam")}}, "add eve in, delete adam in"},
		{"without returnECs: the entries alone", PersistentSearch{Types: AllChangeTypes, ChangesOnly: true}, []any{eve, &DeleteRequest{Entry: person("eve")}}, "entry eve, entry eve"},
		{"what does not match is not sent", PersistentSearch{Types: AllChangeTypes, Notify: true, ChangesOnly: true},
			[]any{replace("out", "title: x"), replace("in", "description: out"), replace("out", "description: in"), &DeleteRequest{Entry: person("in")}}, "modify out in"},
		{"out of scope and into it", PersistentSearch{Types: AllChangeTypes, Notify: true, ChangesOnly: true},
			[]any{&ModifyDNRequest{Entry: person("in"), NewRDN: "uid=in", NewSuperior: id("dc=example,dc=com")},
				&ModifyDNRequest{Entry: "uid=in,dc=example,dc=com", NewRDN: "uid=in", NewSuperior: id(people)}}, "modDN in was in in"},
		{"a transaction", PersistentSearch{Types: AllChangeTypes, Notify: true, ChangesOnly: true},
			[]any{[]any{eve, replace("eve", "description: now in"), replace("eve", "description: in")}}, "add eve in, modify eve in"},
		{"a subtree", PersistentSearch{Types: AllChangeTypes, Notify: true, ChangesOnly: true},
			[]any{&AddRequest{Entry: "uid=below," + person("in"), Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x")}, &DeleteRequest{Entry: person("in"), Subtree: true}}, "delete in in"},
		{"a long entry that goes has its name alone", PersistentSearch{Types: EntryDeleted, Notify: true, ChangesOnly: true},
			[]any{replace("in", "jpegPhoto: "+strings.Repeat("x", maxLoggedEntry)), &DeleteRequest{Entry: person("in")}}, "delete in"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDirectory(t)
			addPeople(t, d, "in", "out")
			describe(t, d, "in", "in")
			req := peopleRequest(t, "(description=in)")
			req.Sync, req.Persistent = nil, &tt.psearch
			w, _ := persistently(t, d, root, req)
			for _, change := range tt.changes {
				var err error
				if list, ok := change.([]any); ok {
					_, err = d.Transact(context.Background(), root, list)
				} else {
					err = operate(d, root, change)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			comesTrueSoon(t, w.text, tt.want)
			describe(t, d, "out", "last") // nothing
			mustAdd(t, d, person("last"), "objectClass: inetOrgPerson", "cn: x", "sn: x", "description: in")
			if err := operate(d, root, &DeleteRequest{Entry: person("last")}); err != nil {
				t.Fatal(err)
			}
			if !comesTrue(t, func() bool {
				return strings.Contains(w.text(), "last") || tt.psearch.Types&(EntryAdded|EntryDeleted) == 0
			}) || !strings.HasPrefix(w.text(), tt.want) {
				t.Errorf("sent: %s", w.text())
			}
		})
	}
}

func comesTrueSoon(t *testing.T, got func() string, want string) {
	t.Helper()
	if !comesTrue(t, func() bool { return got() == want }) {
		t.Fatalf("sent: %s; want: %s", got(), want)
	}
}

// Who sees part of the entries is told of what he sees.
func TestPersistentSearchLimited(t *testing.T) {
	d := closed(t, "ann", "bob", "pat")
	replace := func(uid, line string) {
		t.Helper()
		if err := operate(d, root, &ModifyRequest{Object: person(uid), Changes: []Change{{ReplaceValues, attributes(line)[0]}}}); err != nil {
			t.Fatal(err)
		}
	}
	replace("pat", "title: shown")
	setACIs(t, d, "dc=example,dc=com", `(targetattr="objectClass || description || uid")(targetfilter="(title=shown)") allow (read, search)`+everyone)
	req := SearchRequest{BaseObject: people, Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Persistent: &PersistentSearch{Types: AllChangeTypes, Notify: true}}
	w, _ := persistently(t, d, as("ann"), req)
	replace("bob", "description: hidden") // not seen
	replace("pat", "mail: x@example.com") // not seen
	replace("pat", "description: 1")
	replace("bob", "title: shown") // now he is
	if err := operate(d, root, &ModifyDNRequest{Entry: person("bob"), NewRDN: "uid=rob"}); err != nil {
		t.Fatal(err)
	}
	replace("pat", "title: hidden") // the draft has no message for it
	if err := operate(d, root, &DeleteRequest{Entry: person("pat")}); err != nil {
		t.Fatal(err)
	}
	comesTrueSoon(t, w.text, "entry pat, modify pat 1, modify bob hidden, modDN rob was bob hidden")
	describe(t, d, "rob", "heard") // by whom has looked at all before
	comesTrueSoon(t, w.text, "entry pat, modify pat 1, modify bob hidden, modDN rob was bob hidden, modify rob heard")
	setACIs(t, d, "dc=example,dc=com", `(targetattr="objectClass || uid") allow (read, search)`+everyone)
	mustAdd(t, d, person("new"), "objectClass: inetOrgPerson", "cn: x", "sn: x", "description: hidden")
	comesTrueSoon(t, w.text, "entry pat, modify pat 1, modify bob hidden, modDN rob was bob hidden, modify rob heard, add new")
}

// What ends a persistent search, and what it cannot go with.
func TestPersistentSearchEnds(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob")
	req := SearchRequest{BaseObject: person("ann"), Filter: *filter(t, "(objectClass=*)"), Persistent: &PersistentSearch{Types: AllChangeTypes, Notify: true, ChangesOnly: true}}
	gone := func(change any) {
		t.Helper()
		w, ended := persistently(t, d, root, req)
		if err := operate(d, root, change); err != nil {
			t.Fatal(err)
		}
		if err := endOf(t, ended); !errors.Is(err, NoSuchObject) || len(w.messages) != 1 {
			t.Errorf("%T: %v, after %q", change, err, w.messages)
		}
	}
	gone(&ModifyDNRequest{Entry: person("ann"), NewRDN: "uid=other"})
	req.BaseObject = person("other")
	gone(&DeleteRequest{Entry: person("other")})

	req.BaseObject = person("bob")
	_, ended := persistently(t, d, root, req)
	if err := d.RenewHistory(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := endOf(t, ended); !errors.Is(err, AdminLimitExceeded) {
		t.Errorf("another history: %v", err)
	}
	for what, change := range map[string]func(*SearchRequest){
		"pages":      func(r *SearchRequest) { r.Paged = &Paged{Size: 1} },
		"sync":       func(r *SearchRequest) { r.Sync = &Sync{} },
		"the schema": func(r *SearchRequest) { r.BaseObject = "cn=schema" },
	} {
		r := req
		change(&r)
		if err := d.Search(context.Background(), root, &r, newCopied()); !errors.Is(err, UnwillingToPerform) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := d.Search(context.Background(), Requester{}, &req, &told{}); !errors.Is(err, InsufficientAccessRights) {
		t.Errorf("strangers: %v", err)
	}
}

// However fast changes come, each is told once, in order.
func TestPersistentSearchOfMany(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "in")
	req := SearchRequest{BaseObject: person("in"), Filter: *filter(t, "(objectClass=*)"), Attributes: []string{"description"}, Persistent: &PersistentSearch{Types: AllChangeTypes, Notify: true, ChangesOnly: true}}
	w, _ := persistently(t, d, root, req)
	var want []string
	for i := range 200 {
		describe(t, d, "in", fmt.Sprint(i))
		want = append(want, fmt.Sprintf("modify in %d", i))
	}
	comesTrueSoon(t, w.text, strings.Join(slices.Clone(want), ", "))
}

// slowly is one who reads when he is let.
type slowly struct {
	told
	read chan struct{} // closed when he goes on
}

func (w *slowly) WriteChangedEntry(c EntryChange, e *Entry) error {
	err := w.told.WriteChangedEntry(c, e)
	<-w.read
	return err
}

// What was changed before somebody might see it he is not told, however slowly
// he reads: of what has become of it meanwhile he has no right to know.
func TestPersistentSearchRightsOfThen(t *testing.T) {
	ctx := context.Background()
	const admins = "cn=admins,dc=example,dc=com"
	shown := []string{`(targetattr="objectClass || description || uid")(targetfilter="(title=shown)") allow (read, search)` + everyone,
		`(targetattr="objectClass || description || uid") allow (read, search) groupdn="ldap:///` + admins + `"`}
	for _, tt := range []struct {
		name    string
		changes func(t *testing.T, d *Directory, do func(request any))
		grant   func(t *testing.T, d *Directory)
		want    string
		behind  bool
	}{
		{"deleted before ACIs show it", func(t *testing.T, d *Directory, do func(any)) { do(&DeleteRequest{Entry: person("bob")}) },
			func(t *testing.T, d *Directory) {
				setACIs(t, d, "dc=example,dc=com", `(targetattr="*") allow (read, search)`+everyone)
			}, "modify pat go", true},
		{"deleted before a group may see it", func(t *testing.T, d *Directory, do func(any)) { do(&DeleteRequest{Entry: person("bob")}) },
			func(t *testing.T, d *Directory) {
				if err := operate(d, root, &ModifyRequest{Object: admins, Changes: []Change{{AddValues, attributes("member: " + person("ann"))[0]}}}); err != nil {
					t.Fatal(err)
				}
			}, "modify pat go", true},
		{"changed again before he may see it", func(t *testing.T, d *Directory, do func(any)) {
			describe(t, d, "bob", "secret")
			describe(t, d, "bob", "known")
		}, func(t *testing.T, d *Directory) {
			setACIs(t, d, "dc=example,dc=com", `(targetattr="*") allow (read, search)`+everyone)
		}, "modify pat go", true},
		{"as it is now", func(t *testing.T, d *Directory, do func(any)) { describe(t, d, "bob", "known") },
			func(t *testing.T, d *Directory) {
				setACIs(t, d, "dc=example,dc=com", `(targetattr="*") allow (read, search)`+everyone)
			}, "modify pat go, modify bob known", false},
		{"its name of then", func(t *testing.T, d *Directory, do func(any)) {
			do(&ModifyDNRequest{Entry: person("bob"), NewRDN: "uid=rob", DeleteOldRDN: true})
		}, func(t *testing.T, d *Directory) {
			setACIs(t, d, "dc=example,dc=com", `(targetattr="*") allow (read, search)`+everyone)
		}, "modify pat go, modDN rob", false},
		{"nothing he may see now", func(t *testing.T, d *Directory, do func(any)) { do(&DeleteRequest{Entry: person("bob")}) },
			func(t *testing.T, d *Directory) {
				setACIs(t, d, "dc=example,dc=com", shown[0])
			}, "modify pat go", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := closed(t, "ann", "bob", "pat")
			do := func(request any) {
				t.Helper()
				if err := operate(d, root, request); err != nil {
					t.Fatal(err)
				}
			}
			mustAdd(t, d, admins, "objectClass: groupOfNames", "member: "+person("pat"))
			do(&ModifyRequest{Object: person("pat"), Changes: []Change{{ReplaceValues, attributes("title: shown")[0]}}})
			setACIs(t, d, "dc=example,dc=com", shown...)
			w := &slowly{told: told{flushed: make(chan struct{}, 1)}, read: make(chan struct{})}
			var searching sync.WaitGroup
			defer searching.Wait()
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			goOn := sync.OnceFunc(func() { close(w.read) })
			defer goOn()
			ended := make(chan error, 1)
			searching.Go(func() {
				req := SearchRequest{BaseObject: people, Scope: SingleLevel, Filter: *filter(t, "(objectClass=*)"), Persistent: &PersistentSearch{Types: AllChangeTypes, Notify: true, ChangesOnly: true}}
				ended <- d.Search(ctx, as("ann"), &req, w)
			})
			w.begins(t, ended)
			describe(t, d, "pat", "go")
			comesTrueSoon(t, w.text, "modify pat go") // and no more is read
			tt.changes(t, d, do)
			tt.grant(t, d)
			goOn()
			if !tt.behind {
				describe(t, d, "pat", "end")
				comesTrueSoon(t, w.text, tt.want+", modify pat end")
				return
			}
			if err := endOf(t, ended); !errors.Is(err, AdminLimitExceeded) {
				t.Errorf("it ends with %v", err)
			}
			if got := w.text(); got != tt.want {
				t.Errorf("sent: %s; want: %s", got, tt.want)
			}
		})
	}
}

// The ACIs of the past are those of the present, also for whoever reads them
// first.
func TestPastHasPresentACIs(t *testing.T) {
	d := closed(t, "ann")
	if err := d.beginHistory(context.Background()); err != nil {
		t.Fatal(err)
	}
	setACIs(t, d, "dc=example,dc=com", `(targetattr="*") allow (read)`+everyone)
	setACIs(t, d, "dc=example,dc=com", `(targetattr="*") deny (read)`+everyone)
	d.acis.compiled.Store(nil)
	if err := d.view(context.Background(), func(r store.Reader) error {
		head, err := readHistoryHead(r)
		if err != nil {
			return err
		}
		p, _, err := pastOf(r, head.last, head.last)
		if err != nil {
			return err
		}
		for _, r := range []store.Reader{p, r} {
			acis, err := d.acisIn(r)
			if err != nil || acis.denied == 0 {
				t.Errorf("%T: %+v, %v", r, acis, err)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}
