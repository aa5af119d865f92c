package ldapd

import (
	"context"
	"errors"
	"time"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// operation is one request being served.
type operation struct {
	envelope // what the routing sees of it

	c        *conn
	id       int32
	request  any // see wire.Message
	controls []wire.Control
	size     int                 // octets of the message
	share    share               // of the budget for requests
	who      directory.Requester // on whose behalf; as of its beginning
	ctx      context.Context     // ends with Abandon, Cancel and the session
	cancel   context.CancelFunc
	begun    time.Time
	tls      bool // it came inside TLS

	// What to answer beside the result; set by the function that serves it.
	name    string       // responseName; "" if absent
	value   []byte       // responseValue; nil if absent
	entries int          // sent so far
	then    func() error // to do once the answer is queued; nil: nothing
	answers []answer     // to ask for response controls

	transaction *transaction                  // it waits in; nil: none
	refusedBy   directory.PasswordPolicyError // what the password policy refused; 0: nothing

	// Guarded by conn.mu.
	state     state
	abandoned bool // nobody waits for the answer
	persists  bool // it goes on until somebody ends it

	done chan struct{}        // closed when answered; nil unless handed on
	code directory.ResultCode // valid once done is closed
}

// state says who reads the session while an operation runs.
type state int

const (
	inline   state = iota // nobody: the operation has the goroutine that reads
	handedOn              // another goroutine
	ended
)

func newOperation(c *conn, m *wire.Message, size int) *operation {
	op := &operation{c: c, id: m.ID, request: m.Request, controls: m.Controls, size: size, who: c.who, begun: time.Now()}
	op.share, c.share = c.share, share{}
	op.tls = c.nc != c.raw
	op.ctx, op.cancel = context.WithCancel(c.ctx)
	if !exclusive(m.Request) {
		op.ctx = directory.WithSlow(op.ctx, op.slow)
	}
	return op
}

// exclusive reports whether no other operation may run beside request
// (RFC 4511, sections 4.2.1 and 4.14.1).
func exclusive(request any) bool {
	switch r := request.(type) {
	case *directory.BindRequest:
		return true
	case *wire.ExtendedRequest:
		return r.Name == oidStartTLS
	}
	return false
}

// manages reports whether request is about other operations, so that it must
// not wait for them.
func manages(request any) bool {
	switch r := request.(type) {
	case *wire.AbandonRequest:
		return true
	case *wire.ExtendedRequest:
		return r.Name == oidCancel
	}
	return false
}

// slow hands the reading of the session to another goroutine. If there is no
// room (a Cancel has not waited for it), it does not.
func (op *operation) slow() {
	c := op.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if op.state != inline || len(c.ops) >= c.srv.cfg.MaxOperations {
		return
	}
	op.state = handedOn
	op.done = make(chan struct{})
	if c.ops == nil {
		c.ops = make(map[int32]*operation)
	}
	c.ops[op.id] = op
	c.running.Add(1)
	c.srv.handOn(c)
}

// perform runs op and answers it. If handedOn, another goroutine reads the
// session by now; otherwise an error ends it.
func (c *conn) perform(op *operation) (handed bool, err error) {
	defer op.share.giveBack()
	defer op.cancel()
	if exclusive(op.request) {
		c.endPersistent()
		c.running.Wait()
	}
	if _, ok := op.request.(*directory.BindRequest); ok {
		c.forget()
	}
	result := op.run()

	if errors.Is(result, context.Canceled) {
		result = directory.Canceled // by Cancel; otherwise nobody will see it
	}

	c.mu.Lock()
	handed = op.state == handedOn
	op.state = ended
	if handed {
		if since := c.idleSince.Load(); since != 0 {
			c.idleSince.CompareAndSwap(since, c.srv.clock.now())
		}
		delete(c.ops, op.id) // before the client can see the answer
	}
	abandoned := op.abandoned
	more := len(c.ops) > 0
	c.mu.Unlock()

	r := directory.Result(result)
	op.refusedBy = r.PasswordPolicy
	took := time.Since(op.begun)
	c.srv.counters.ended(op.request, r.ResultCode, took) // before the client can see the answer
	if tag := responseTag(op.request); tag != 0 && !abandoned {
		c.out.response(&wire.Response{
			ID:                op.id,
			Tag:               tag,
			Code:              r.ResultCode,
			MatchedDN:         r.MatchedDN,
			Referral:          r.Referral,
			DiagnosticMessage: r.DiagnosticMessage,
			ServerSASLCreds:   r.ServerSASLCreds,
			Name:              op.name,
			Value:             op.value,
			Controls:          op.responseControls(r.ResultCode),
		}, more)
	}
	op.log(r, took, abandoned)
	if handed {
		op.code = r.ResultCode
		close(op.done)
		c.running.Done()
		select {
		case c.freed <- struct{}{}:
		default:
		}
		return true, nil
	}
	if op.then != nil && r.ResultCode == directory.Success {
		return false, op.then()
	}
	return false, nil
}

// run serves op and returns its error. A panic is one.
func (op *operation) run() (err error) {
	defer recovered(&err)
	if _, binds := op.request.(*directory.BindRequest); !binds && !manages(op.request) {
		if err := op.refresh(); err != nil {
			return err
		}
	}
	if len(op.controls) > 0 {
		if err := op.takeControls(); err != nil {
			return err
		}
	}
	if op.transaction != nil {
		return op.wait()
	}
	if !manages(op.request) && !op.c.room() {
		return directory.Errorf(directory.Busy, "too many operations are running on this connection")
	}
	return op.c.srv.router.serve(op)
}

// refresh makes the session's user, and op's, who he is now.
func (op *operation) refresh() error {
	who, err := op.c.srv.dir.Refresh(op.ctx, op.who)
	if err != nil {
		return err
	}
	if !op.who.Same(who) {
		op.c.who = who // this goroutine reads
	}
	op.who = who
	return nil
}

// WriteEntry sends e to the client. It makes an operation a
// directory.EntryWriter. Its error is context.Canceled, whatever became of
// the client.
func (op *operation) WriteEntry(e *directory.Entry) error {
	op.entries++
	return op.queue(func(b []byte) []byte { return wire.AppendEntry(b, op.id, e) })
}

// WriteReference sends a continuation. It makes an operation a
// directory.ReferenceWriter. Its error is that of WriteEntry.
func (op *operation) WriteReference(uris []string) error {
	return op.queue(func(b []byte) []byte { return wire.AppendReference(b, op.id, uris) })
}

// queue sends the message that encode appends.
func (op *operation) queue(encode func([]byte) []byte) error {
	if err := op.ctx.Err(); err != nil {
		return err
	}
	if op.c.out.queue(encode) != nil {
		return context.Canceled
	}
	return nil
}

// responseTag is the tag of the response to request; 0: it has none.
func responseTag(request any) byte {
	switch request.(type) {
	case *directory.BindRequest:
		return wire.TagBindResponse
	case *directory.SearchRequest:
		return wire.TagSearchResultDone
	case *directory.CompareRequest:
		return wire.TagCompareResponse
	case *directory.AddRequest:
		return wire.TagAddResponse
	case *directory.ModifyRequest:
		return wire.TagModifyResponse
	case *directory.DeleteRequest:
		return wire.TagDelResponse
	case *directory.ModifyDNRequest:
		return wire.TagModifyDNResponse
	case *wire.ExtendedRequest:
		return wire.TagExtendedResponse
	}
	return 0
}
