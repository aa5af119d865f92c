package ldapd

import (
	"context"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// synchronization takes what a search is asked to say of changes (RFC 4533).
func synchronization(op *operation, c *wire.Control) error {
	s, err := wire.DecodeSyncRequest(c.Value)
	if err != nil {
		return err
	}
	op.request.(*directory.SearchRequest).Sync = s
	op.answer(func(code directory.ResultCode) *wire.Control {
		if code != directory.Success && s.Next == nil {
			return nil
		}
		return &wire.Control{OID: wire.SyncDone, Value: wire.EncodeSyncDone(s)}
	})
	return nil
}

var errStopping = directory.Errorf(directory.Unavailable, "the server is shutting down")

// persist returns the context of an operation that goes on until somebody ends
// it: the client, the session, or the server when it shuts down. Call done at
// its end.
func (s *Server) persist(op *operation) (ctx context.Context, done func(), err error) {
	if op.size > smallRequest {
		return nil, nil, directory.Errorf(directory.AdminLimitExceeded, "a search that waits for changes has at most %d octets", smallRequest)
	}
	op.share.giveBack() // there are MaxPersistent at most
	leave, ok := s.mayPersist(op.who.Anonymous())
	if !ok {
		return nil, nil, directory.Errorf(directory.Busy, "too many searches wait for changes")
	}
	op.c.mu.Lock()
	op.persists = true // before anybody can read the bind that ends it
	op.c.mu.Unlock()
	op.slow()
	op.c.mu.Lock()
	handed := op.state == handedOn
	op.c.mu.Unlock()
	if !handed { // it would keep the session from being read
		leave()
		return nil, nil, directory.Errorf(directory.Busy, "too many operations are running on this connection")
	}
	ctx, cancel := context.WithCancelCause(op.ctx)
	stop := context.AfterFunc(s.stopping, func() { cancel(errStopping) })
	return ctx, func() {
		stop()
		cancel(nil)
		leave()
	}, nil
}

// mayPersist counts one more operation that goes on, if there is room, until
// leave is called. Those who are not bound have a part of the room, so that
// strangers keep nobody from following.
func (s *Server) mayPersist(anonymous bool) (leave func(), ok bool) {
	strangers := int64(0)
	if anonymous {
		strangers = 1
	}
	leave = func() {
		s.persisting.Add(-1)
		s.strangersPersisting.Add(-strangers)
	}
	most := int64(s.cfg.MaxPersistent)
	all, theirs := s.persisting.Add(1), s.strangersPersisting.Add(strangers)
	if all > most || anonymous && theirs > max(1, most/anonymousShare) {
		leave()
		return nil, false
	}
	return leave, true
}

// endPersistent abandons the operations of the session that would not end by
// themselves, before one that waits for all others (RFC 4511, section 4.2.1).
func (c *conn) endPersistent() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, op := range c.ops {
		if op.persists {
			op.abandoned = true
			op.cancel()
		}
	}
}

// WriteSyncEntry, WriteSyncReference, WriteSyncInfo and Flush make an operation
// a directory.SyncWriter. Their errors are those of WriteEntry.
func (op *operation) WriteSyncEntry(change directory.SyncChange, e *directory.Entry) error {
	op.entries++
	return op.queue(func(b []byte) []byte { return wire.AppendEntry(b, op.id, e, syncState(change)) })
}

func (op *operation) WriteSyncReference(change directory.SyncChange, uris []string) error {
	return op.queue(func(b []byte) []byte { return wire.AppendReference(b, op.id, uris, syncState(change)) })
}

func (op *operation) WriteSyncInfo(info *directory.SyncInfo) error {
	r := wire.Response{ID: op.id, Tag: wire.TagIntermediateResponse, Name: wire.SyncInfo, Value: wire.EncodeSyncInfo(info)}
	return op.queue(r.Append)
}

func (op *operation) Flush() error {
	if op.c.out.flushNow() != nil {
		return context.Canceled
	}
	return nil
}

func syncState(change directory.SyncChange) wire.Control {
	return wire.Control{OID: wire.SyncState, Value: wire.EncodeSyncState(change)}
}
