package ldapd

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// followOne sends a search that goes on, for one person, and reads what there
// is at the beginning.
func (c *raw) followOne(id int32, who string) {
	c.t.Helper()
	req := &directory.SearchRequest{BaseObject: who, Filter: directory.Filter{Kind: directory.FilterPresent, Attribute: "objectClass"}}
	c.send(id, req, wire.Control{OID: wire.SyncRequest, Critical: true, Value: wire.EncodeSyncRequest(&directory.Sync{Persist: true})})
	if r := c.recv(); r.id != id || r.tag != wire.TagSearchResultEntry {
		c.t.Fatalf("%+v, want the entry", r)
	}
	c.expectInfo(id)
}

// expectInfo reads a sync info message.
func (c *raw) expectInfo(id int32) {
	c.t.Helper()
	if r := c.recv(); r.id != id || r.tag != wire.TagIntermediateResponse {
		c.t.Fatalf("%+v, want an intermediate response", r)
	}
}

// expectDone reads the end of a search that went on.
func (c *raw) expectDone(id int32, code directory.ResultCode) {
	c.t.Helper()
	r := c.expect(id, wire.TagSearchResultDone, code)
	if r.control(wire.SyncDone) == nil {
		c.t.Errorf("no sync done control: %+v", r.controls)
	}
}

func TestPersistentSync(t *testing.T) {
	bound := func(t *testing.T, cfg Config) (*server, *raw) {
		s := start(t, cfg)
		c := s.raw(t)
		c.bindRoot(1)
		return s, c
	}
	t.Run("changes come while others are served", func(t *testing.T) {
		_, c := bound(t, Config{})
		c.followOne(2, person(30))
		c.works(3)
		for id := range int32(5) {
			c.send(10+id, describePerson(person(30), fmt.Sprint("change ", id)))
			got := []byte{c.recv().tag, c.recv().tag}
			slices.Sort(got)
			if !slices.Equal(got, []byte{wire.TagSearchResultEntry, wire.TagModifyResponse}) {
				t.Fatalf("%x", got)
			}
		}
	})
	t.Run("canceled", func(t *testing.T) { // RFC 4533, section 3.7
		_, c := bound(t, Config{})
		c.followOne(2, person(31))
		c.send(3, cancelRequest(2))
		c.expectDone(2, directory.Canceled)
		c.expect(3, wire.TagExtendedResponse, directory.Success)
	})
	t.Run("abandoned", func(t *testing.T) {
		s, c := bound(t, Config{})
		c.followOne(2, person(31))
		c.send(3, &wire.AbandonRequest{ID: 2})
		waitFor(t, "the search to end", func() bool { return s.persisting.Load() == 0 })
		c.works(4)
	})
	t.Run("a bind abandons it", func(t *testing.T) { // RFC 4511, section 4.2.1
		s, c := bound(t, Config{})
		c.followOne(2, person(31))
		c.bindRoot(3)
		if n := s.persisting.Load(); n != 0 {
			t.Errorf("%d go on", n)
		}
	})
	t.Run("a bind right behind it", func(t *testing.T) {
		s, c := bound(t, Config{})
		req := &directory.SearchRequest{BaseObject: person(31), Filter: directory.Filter{Kind: directory.FilterPresent, Attribute: "objectClass"}}
		control := wire.Control{OID: wire.SyncRequest, Critical: true, Value: wire.EncodeSyncRequest(&directory.Sync{Persist: true})}
		for id := int32(2); id < 500; id += 2 {
			bind := &directory.BindRequest{Version: 3, Name: rootDN, Password: []byte(rootPassword)}
			c.sendOctets(append(encode(id, req, control), encode(id+1, bind)...))
			for c.recv().tag != wire.TagBindResponse {
			}
			if n := s.persisting.Load(); n != 0 {
				t.Fatalf("%d go on", n)
			}
		}
	})
	t.Run("the end of the session", func(t *testing.T) {
		s, c := bound(t, Config{})
		c.followOne(2, person(31))
		c.Close()
		waitFor(t, "the search to end", func() bool { return s.persisting.Load() == 0 && s.Stats().Connections == 0 })
	})
	t.Run("shutdown", func(t *testing.T) {
		s, c := bound(t, Config{})
		c.followOne(2, person(31))
		ended := make(chan error, 1)
		go func() { ended <- s.Shutdown(context.Background()) }() // waits for all operations
		c.expectDone(2, directory.Unavailable)
		c.expectNotice(directory.Unavailable)
		if err := receive(t, ended); err != nil {
			t.Error(err)
		}
	})
	t.Run("idle for long", func(t *testing.T) { // which an operation that runs is not
		s, c := bound(t, idles)
		c.followOne(2, person(32))
		if s.later(2*time.Hour) != 0 {
			t.Error("cut off")
		}
		c.send(3, describePerson(person(32), "late"))
		if a, b := c.recv(), c.recv(); a.id+b.id != 5 {
			t.Errorf("%+v, %+v", a, b)
		}
	})
	t.Run("too many", func(t *testing.T) {
		_, c := bound(t, Config{MaxPersistent: 2})
		c.followOne(2, person(31))
		c.followOne(3, person(31))
		persist := wire.Control{OID: wire.SyncRequest, Critical: true, Value: wire.EncodeSyncRequest(&directory.Sync{Persist: true})}
		c.send(4, everybody(), persist)
		c.expect(4, wire.TagSearchResultDone, directory.Busy)
		c.send(5, cancelRequest(2))
		c.expectDone(2, directory.Canceled)
		c.expect(5, wire.TagExtendedResponse, directory.Success)
		c.followOne(6, person(31))
	})
	t.Run("strangers leave room", func(t *testing.T) {
		s, c := bound(t, Config{MaxPersistent: 2 * anonymousShare})
		for n := range 2 * anonymousShare {
			if _, ok := s.mayPersist(true); ok != (n < 2) {
				t.Errorf("%d. stranger: %v", n, ok)
			}
		}
		if s.persisting.Load() != 2 {
			t.Errorf("%d go on", s.persisting.Load())
		}
		for id := range int32(2*anonymousShare - 2) {
			c.followOne(2+id, person(31))
		}
		if _, ok := s.mayPersist(false); ok {
			t.Error("one more than may")
		}
	})
	t.Run("as many as may run on a connection", func(t *testing.T) {
		_, c := bound(t, Config{MaxOperations: 1, BusyTimeout: time.Millisecond})
		c.followOne(2, person(31))
		c.send(3, everybody())
		c.expect(3, wire.TagSearchResultDone, directory.Busy)
		c.send(4, &wire.AbandonRequest{ID: 2})
		c.works(5)
	})
	t.Run("a client that does not read", func(t *testing.T) {
		s, c := bound(t, Config{WriteTimeout: 200 * time.Millisecond})
		c.followOne(2, person(33))
		writer := s.raw(t)
		writer.bindRoot(1)
		text := string(make([]byte, 200_000))
		for id := int32(2); s.persisting.Load() > 0; id++ {
			if id == 1000 {
				t.Fatal("it still follows")
			}
			writer.send(id, describePerson(person(33), text[:len(text)-int(id)]))
			writer.expect(id, wire.TagModifyResponse, directory.Success)
		}
		s.works(t)
	})
}

// A persistent search goes on beside others, and ends like one of RFC 4533.
func TestPersistentSearchOnTheWire(t *testing.T) {
	s := start(t, Config{MaxPersistent: 1})
	c := s.raw(t)
	c.bindRoot(1)
	listen := func(id int32) {
		req := &directory.SearchRequest{BaseObject: person(34), Filter: directory.Filter{Kind: directory.FilterPresent, Attribute: "objectClass"}}
		c.send(id, req, wire.Control{OID: wire.PersistentSearch, Critical: true, Value: wire.EncodePersistentSearch(&directory.PersistentSearch{Types: directory.EntryModified, Notify: true})})
		if r := c.recv(); r.id != id || r.tag != wire.TagSearchResultEntry || r.control(wire.EntryChangeNotification) != nil {
			t.Fatalf("%+v, want the entry as it is", r)
		}
	}
	end := func(id int32, by any) {
		c.send(id, by)
		if _, ok := by.(*wire.ExtendedRequest); ok {
			c.expect(id-1, wire.TagSearchResultDone, directory.Canceled)
			c.expect(id, wire.TagExtendedResponse, directory.Success)
		}
		waitFor(t, "the search to end", func() bool { return s.persisting.Load() == 0 })
	}
	listen(2)
	c.works(3)
	c.send(4, describePerson(person(34), "heard"))
	for range 2 {
		if r := c.recv(); r.id == 2 && r.control(wire.EntryChangeNotification) == nil {
			t.Errorf("%+v, without what became of it", r)
		}
	}
	other := s.raw(t) // one more than may wait
	other.bindRoot(1)
	other.send(2, everybody(), wire.Control{OID: wire.PersistentSearch, Critical: true, Value: wire.EncodePersistentSearch(&directory.PersistentSearch{Types: directory.AllChangeTypes})})
	other.expect(2, wire.TagSearchResultDone, directory.Busy)
	end(5, &wire.AbandonRequest{ID: 2})
	listen(6)
	end(7, cancelRequest(6))
	listen(8)
	c.Close()
	waitFor(t, "the search to end", func() bool { return s.persisting.Load() == 0 })
}
