package ldapd

import (
	"context"
	"slices"
	"strconv"
	"time"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// Transactions (RFC 5805): the changes wait in the session, and are made all
// together when it ends the transaction.

const (
	oidStartTransaction = "1.3.6.1.1.21.1"
	oidEndTransaction   = "1.3.6.1.1.21.3"
)

const (
	maxTransactions = 4         // begun in one session
	maxWaiting      = 4 << 20   // octets of requests in one transaction
	maxWaitingAll   = 128 << 20 // in all transactions of the server
)

// transaction is changes that wait to be made together. conn.mu guards it.
type transaction struct {
	id    string
	who   directory.Requester // on whose behalf they are made
	ops   []*operation
	size  int         // octets of their requests
	timer *time.Timer // aborts it; nil: not yet begun
}

// transactions are those of a session. The zero value has none.
type transactions struct {
	last int // number of the last one begun
	open map[string]*transaction
}

// startTransaction serves RFC 5805, section 3.2.
func (s *Server) startTransaction(_ context.Context, op *operation, req *wire.ExtendedRequest) error {
	if req.Value != nil {
		return directory.Errorf(directory.ProtocolError, "a start of a transaction has no value")
	}
	if op.who.Anonymous() {
		return directory.Errorf(directory.InsufficientAccessRights, "not allowed for anonymous clients: bind first")
	}
	c := op.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.txns.open) >= maxTransactions {
		return directory.Errorf(directory.Busy, "%d transactions are open on this connection", len(c.txns.open))
	}
	if c.txns.open == nil {
		c.txns.open = map[string]*transaction{}
	}
	c.txns.last++
	t := &transaction{id: strconv.Itoa(c.txns.last), who: op.who}
	c.txns.open[t.id] = t
	op.value = []byte(t.id)
	op.then = func() error { // not before the client knows of it
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.txns.open[t.id] == t {
			t.timer = time.AfterFunc(s.cfg.TransactionTimeout, func() { c.abort(t) })
		}
		return nil
	}
	return nil
}

// abort ends a transaction that takes too long (RFC 5805, section 2.4).
func (c *conn) abort(t *transaction) {
	if c.take(t.id) == t {
		c.out.response(&wire.Response{
			Tag:               wire.TagExtendedResponse,
			Code:              directory.TimeLimitExceeded,
			DiagnosticMessage: "the transaction was not ended in time",
			Name:              wire.AbortedTransaction,
			Value:             []byte(t.id),
		}, false)
	}
}

// take takes a transaction out of the session; nil if it has none such.
func (c *conn) take(id string) *transaction {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.txns.open[id]
	if t != nil {
		c.drop(t)
	}
	return t
}

// drop ends t without a word. mu is held.
func (c *conn) drop(t *transaction) {
	if t.timer != nil {
		t.timer.Stop()
	}
	delete(c.txns.open, t.id)
	c.srv.inTransactions.Add(-int64(t.size))
}

// dropTransactions ends all transactions of the session without a word.
func (c *conn) dropTransactions() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range c.txns.open {
		c.drop(t)
	}
}

var errNoTransaction = directory.Errorf(directory.UnwillingToPerform, "there is no such transaction")

// inTransaction takes the transaction that op belongs to (RFC 5805, section
// 2.2).
func inTransaction(op *operation, c *wire.Control) error {
	if !c.Critical {
		return directory.Errorf(directory.ProtocolError, "a transaction specification must be critical")
	}
	op.c.mu.Lock()
	defer op.c.mu.Unlock()
	if op.transaction = op.c.txns.open[string(c.Value)]; op.transaction == nil {
		return errNoTransaction
	}
	return nil
}

// wait puts op, whose controls are taken, into its transaction.
func (op *operation) wait() error {
	t, c := op.transaction, op.c
	switch {
	case op.has(wire.ProxiedAuthorization): // RFC 5805, section 4.4
		return directory.Errorf(directory.ProtocolError, "proxied authorization belongs to the start of the transaction")
	case op.changeControls().NoOp:
		return directory.Errorf(directory.UnwillingToPerform, "a change of a transaction cannot be tried")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	limits := &c.srv.cfg
	switch {
	case c.txns.open[t.id] != t:
		return errNoTransaction
	case slices.ContainsFunc(t.ops, func(other *operation) bool { return other.id == op.id }):
		return directory.Errorf(directory.ProtocolError, "messageID %d is in the transaction already", op.id)
	case len(t.ops) >= limits.MaxTransactionChanges:
		return directory.Errorf(directory.AdminLimitExceeded, "more than %d changes in the transaction", limits.MaxTransactionChanges)
	case t.size+op.size > maxWaiting:
		return directory.Errorf(directory.AdminLimitExceeded, "more than %d octets in the transaction", maxWaiting)
	case c.srv.inTransactions.Add(int64(op.size)) > maxWaitingAll:
		c.srv.inTransactions.Add(-int64(op.size))
		return directory.Errorf(directory.Busy, "too much waits in transactions")
	}
	t.ops = append(t.ops, op)
	t.size += op.size
	return nil
}

// has reports whether op came with the control oid.
func (op *operation) has(oid string) bool {
	return slices.ContainsFunc(op.controls, func(c wire.Control) bool { return c.OID == oid })
}

// endTransaction serves RFC 5805, section 3.4.
func (s *Server) endTransaction(ctx context.Context, op *operation, req *wire.ExtendedRequest) error {
	end, err := wire.DecodeEndTransaction(req.Value)
	if err != nil {
		return &directory.Error{ResultCode: directory.ProtocolError, DiagnosticMessage: "malformed txnEndReq", Cause: err}
	}
	if op.has(wire.ProxiedAuthorization) {
		return directory.Errorf(directory.ProtocolError, "proxied authorization belongs to the start of the transaction")
	}
	t := op.c.take(string(end.Identifier))
	if t == nil {
		return errNoTransaction
	}
	op.transaction = t
	if end.Abort || len(t.ops) == 0 {
		return nil
	}
	requests := make([]any, len(t.ops))
	for i, waiting := range t.ops {
		requests[i] = waiting.request
	}
	failed, err := s.dir.Transact(ctx, t.who, requests)
	if err != nil {
		if failed >= 0 {
			op.value = wire.EncodeTransactionFailed(t.ops[failed].id)
		}
		return err
	}
	var updates []wire.UpdateControls
	for _, waiting := range t.ops {
		if list := waiting.responseControls(directory.Success); list != nil {
			updates = append(updates, wire.UpdateControls{ID: waiting.id, Controls: list})
		}
	}
	op.value = wire.EncodeUpdatesControls(updates)
	return nil
}
