package directory

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// copied is a client's copy of the content of a search, kept as RFC 4533 says.
type copied struct {
	mu       sync.Mutex
	entries  map[[16]byte]Entry
	sent     map[[16]byte]bool // in this refresh
	messages []string
	cookie   []byte
	ended    chan error    // gets the result of a search that went on
	done     chan struct{} // closed with the end of a refresh that goes on; nil: nobody waits
}

func (c *copied) WriteEntry(*Entry) error { return errors.New("an entry without a state") }

func (c *copied) WriteSyncEntry(change SyncChange, e *Entry) error {
	var one collected
	if err := one.WriteEntry(e); err != nil {
		return err
	}
	return c.take(change, one[0])
}

func (c *copied) WriteSyncReference(change SyncChange, uris []string) error {
	return c.take(change, Entry{DN: strings.Join(uris, " ")})
}

func (c *copied) take(change SyncChange, e Entry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.messages = append(c.messages, fmt.Sprint([]string{"present", "add", "modify", "delete"}[change.State], " ", e.DN))
	if change.Cookie != nil {
		c.cookie = change.Cookie
	}
	old, had := c.entries[change.UUID]
	if change.State == SyncDelete {
		delete(c.entries, change.UUID)
		return nil
	}
	if had && old.DN != e.DN { // what is below goes with it
		for id, other := range c.entries {
			if above, ok := strings.CutSuffix(other.DN, ","+old.DN); ok {
				other.DN = above + "," + e.DN
				c.entries[id] = other
			}
		}
	}
	c.entries[change.UUID] = e
	c.sent[change.UUID] = true
	return nil
}

func (c *copied) WriteSyncInfo(info *SyncInfo) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cookie = info.Cookie
	if info.Kind == SyncNewCookie {
		c.messages = append(c.messages, "cookie")
		return nil
	}
	c.refreshed(info.Kind == SyncRefreshDelete)
	if c.done != nil {
		close(c.done)
	}
	return nil
}

func (c *copied) Flush() error { return nil }

// refreshed is the end of a refresh.
func (c *copied) refreshed(deletes bool) {
	if !deletes {
		maps.DeleteFunc(c.entries, func(id [16]byte, _ Entry) bool { return !c.sent[id] })
	}
	c.sent = map[[16]byte]bool{}
}

func (c *copied) text(names bool) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var lines []string
	for id, e := range c.entries {
		if !names {
			e.DN = ""
		}
		lines = append(lines, fmt.Sprintf("%x %s\n%s\n", id[:2], e.DN, e.text()))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func newCopied() *copied {
	return &copied{entries: map[[16]byte]Entry{}, sent: map[[16]byte]bool{}}
}

// follow is a search that goes on until end is called.
func follow(t *testing.T, d *Directory, who Requester, req SearchRequest) (c *copied, end func() error) {
	t.Helper()
	c = newCopied()
	c.done = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	c.ended = make(chan error, 1)
	over := make(chan struct{})
	go func() {
		defer close(over)
		c.ended <- d.Search(ctx, who, &req, c)
	}()
	t.Cleanup(func() {
		cancel()
		<-over
	})
	select {
	case <-c.done:
	case err := <-c.ended:
		t.Fatalf("%v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("the refresh goes on")
	}
	return c, func() error {
		t.Helper()
		cancel()
		return endOf(t, c.ended)
	}
}

// endOf is the error that a search ends with.
func endOf(t *testing.T, ended <-chan error) (err error) {
	t.Helper()
	select {
	case err = <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the search goes on")
	}
	return err
}

// mustEnd fails the test unless the search ends by itself, with one of codes.
func (c *copied) mustEnd(t *testing.T, codes ...ResultCode) {
	t.Helper()
	if err := endOf(t, c.ended); !slices.Contains(codes, Result(err).ResultCode) {
		t.Errorf("the search ends with %v, want %v", err, codes)
	}
}

// poll asks once, and returns the error.
func (c *copied) poll(d *Directory, who Requester, req SearchRequest) error {
	s := *req.Sync
	s.Cookie = c.cookie
	req.Sync = &s
	c.messages = nil
	err := d.Search(context.Background(), who, &req, c)
	if err == nil {
		c.refreshed(s.Deletes)
		c.cookie = s.Next
	}
	return err
}

// comesTrue polls until ok.
func comesTrue(t *testing.T, ok func() bool) bool {
	t.Helper()
	for range 3000 {
		if ok() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// world makes random changes.
type world struct {
	t      *testing.T
	d      *Directory
	random *rand.Rand
	next   func() any // nil: request
}

func (w *world) container() string {
	return []string{"dc=example,dc=com", "ou=a,dc=example,dc=com", "ou=b,dc=example,dc=com", "ou=c,ou=a,dc=example,dc=com", "ou=c,ou=b,dc=example,dc=com"}[w.random.IntN(5)]
}

func (w *world) name() string {
	return fmt.Sprintf("cn=%c,%s", 'a'+w.random.IntN(6), w.container())
}

func (w *world) request() any {
	text := fmt.Sprintf("description: %d", w.random.IntN(4))
	switch w.random.IntN(9) {
	case 0, 1, 2:
		return &AddRequest{Entry: w.name(), Attributes: attributes("objectClass: person", "sn: x", text)}
	case 3:
		return &DeleteRequest{Entry: w.name()}
	case 4:
		superior := w.container()
		return &ModifyDNRequest{Entry: w.name(), NewRDN: strings.SplitN(w.name(), ",", 2)[0], DeleteOldRDN: true, NewSuperior: &superior}
	case 5: // a subtree
		superior := w.container()
		return &ModifyDNRequest{Entry: w.container(), NewRDN: "ou=" + string(rune('a'+w.random.IntN(3))), DeleteOldRDN: true, NewSuperior: &superior}
	case 6:
		if w.random.IntN(4) > 0 {
			return &AddRequest{Entry: w.container(), Attributes: attributes("objectClass: organizationalUnit")}
		}
		return &DeleteRequest{Entry: "ou=c,ou=" + string(rune('a'+w.random.IntN(2))) + ",dc=example,dc=com", Subtree: true}
	}
	return &ModifyRequest{Object: w.name(), Changes: []Change{{ReplaceValues, attributes(text)[0]}}}
}

// change makes some, and returns how many.
func (w *world) change(n int) (made int) {
	request := w.next
	if request == nil {
		request = w.request
	}
	for range n {
		if w.random.IntN(5) == 0 {
			requests := []any{request(), request()}
			if _, err := w.d.Transact(context.Background(), root, requests); err == nil {
				made += 2
			}
			continue
		}
		err := operate(w.d, root, request())
		if errors.Is(err, Other) {
			w.t.Fatal(err)
		}
		if err == nil {
			made++
		}
	}
	return made
}

// contents are searches whose copies must agree with them.
var contents = []struct {
	base   string
	scope  Scope
	filter string
}{
	{"dc=example,dc=com", WholeSubtree, "(objectClass=*)"},
	{"dc=example,dc=com", WholeSubtree, "(description=1)"},
	{"dc=example,dc=com", WholeSubtree, "(!(description=1))"},
	{"dc=example,dc=com", SingleLevel, "(objectClass=*)"},
	{"dc=example,dc=com", SubordinateSubtree, "(ou:dn:=c)"},
	{"", WholeSubtree, "(|(description>=2)(ou=b))"},
	{"dc=example,dc=com", BaseObject, "(objectClass=*)"},
}

// contentOf is the content as an ordinary search has it.
func contentOf(t *testing.T, d *Directory, req SearchRequest) *copied {
	req.Sync = &Sync{}
	c := newCopied()
	if err := c.poll(d, root, req); err != nil {
		t.Fatal(err)
	}
	plain := req
	plain.Sync = nil
	var found collected
	if err := d.Search(context.Background(), root, &plain, &found); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range c.entries {
		names = append(names, e.DN)
	}
	slices.Sort(names)
	if !slices.Equal(names, found.names()) {
		t.Fatalf("the first content is %v, want %v", names, found.names())
	}
	return c
}

// TestSyncModel: whatever is changed, and however often a client asks, its
// copy becomes the same as the content. The names of entries whose ancestors
// are renamed are left to the client (RFC 4533, section 4.1), see
// TestSyncNames.
func TestSyncModel(t *testing.T) {
	d := newDirectory(t)
	mustAdd(t, d, "dc=example,dc=com", "objectClass: domain")
	w := &world{t: t, d: d, random: rand.New(rand.NewPCG(4533, 1))}
	type client struct {
		req     SearchRequest
		polls   *copied
		follows *copied
		end     func() error
	}
	var clients []client
	for _, c := range contents {
		req := SearchRequest{BaseObject: c.base, Scope: c.scope, Filter: *filter(t, c.filter), Attributes: []string{"*", "+"}}
		polling, following := req, req
		polling.Sync, following.Sync = &Sync{}, &Sync{Persist: true}
		one := client{req: polling, polls: newCopied()}
		one.follows, one.end = follow(t, d, root, following)
		clients = append(clients, one)
	}
	made := 0
	for range 100 {
		made += w.change(1 + w.random.IntN(12))
		for i, c := range clients {
			want := contentOf(t, d, c.req)
			if w.random.IntN(3) == 0 {
				if err := c.polls.poll(d, root, c.req); err != nil {
					t.Fatal(err)
				}
				if got, want := c.polls.text(false), want.text(false); got != want {
					t.Fatalf("%v: the copy of who polls is\n%s\nwant\n%s\nafter %q", contents[i], got, want, c.polls.messages)
				}
			}
			if !comesTrue(t, func() bool { return c.follows.text(false) == want.text(false) }) {
				t.Fatalf("%v: the copy of who follows is\n%s\nwant\n%s\nafter %q", contents[i], c.follows.text(false), want.text(false), c.follows.messages)
			}
		}
	}
	kinds := map[string]int{}
	for _, c := range clients {
		for _, m := range c.follows.messages {
			kind, _, _ := strings.Cut(m, " ")
			kinds[kind]++
		}
		if err := c.end(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	if n := d.followers.waiting.Load(); n != 0 {
		t.Errorf("%d still follow", n)
	}
	if made < 50 || kinds["add"] == 0 || kinds["modify"] == 0 || kinds["delete"] == 0 {
		t.Errorf("%d changes made %v", made, kinds)
	}
}

// TestSyncNames: a client that renames what is below an entry with it has the
// names too, as long as it is told of one change after the other.
func TestSyncNames(t *testing.T) {
	d := newDirectory(t)
	mustAdd(t, d, "dc=example,dc=com", "objectClass: domain")
	w := &world{t: t, d: d, random: rand.New(rand.NewPCG(4533, 2))}
	req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree, Filter: *filter(t, "(objectClass=*)"), Sync: &Sync{}}
	c := newCopied()
	for range 300 {
		if err := c.poll(d, root, req); err != nil {
			t.Fatal(err)
		}
		if got, want := c.text(true), contentOf(t, d, req).text(true); got != want {
			t.Fatalf("the copy is\n%s\nwant\n%s\nafter %q", got, want, c.messages)
		}
		_ = operate(d, root, w.request())
	}
}
