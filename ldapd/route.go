package ldapd

import (
	"context"
	"fmt"

	"github.com/lor00x/goldap/message"
	"github.com/vjeantet/ldapserver"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// This file is the only one that sees the routing library and its messages.
// Requests reach the library's RouteMux not as the client's octets but as
// small stand-ins of our own: same messageID, same operation, same OID. What
// the client sent, decoded by package wire, travels behind the ResponseWriter.

// The library logs to standard output unless told otherwise.
func init() { ldapserver.Logger = ldapserver.DiscardingLogger }

// router finds the function that serves an operation.
type router struct {
	mux      *ldapserver.RouteMux
	extended map[string]*message.LDAPMessage // stand-ins by requestName
}

// envelope is what the library is given of an operation.
type envelope struct {
	message ldapserver.Message
	ldap    message.LDAPMessage
	op      *operation
	result  error
}

// Write is the library's way to answer. No handler of ours takes it.
func (e *envelope) Write(po message.ProtocolOp) {
	panic(fmt.Sprintf("ldapd: %T written through the routing library", po))
}

func newRouter(s *Server) *router {
	r := &router{mux: ldapserver.NewRouteMux(), extended: make(map[string]*message.LDAPMessage)}
	// The library tries routes in this order.
	r.mux.Search(handler(s.search))
	r.mux.Bind(handler(s.bind))
	r.mux.Compare(handler(s.compare))
	r.mux.Modify(handler(s.modify))
	r.mux.Add(handler(s.add))
	r.mux.Delete(handler(s.delete))
	r.mux.Abandon(handler(s.abandon))
	r.route(oidCancel, handler(s.cancel))
	r.route(oidStartTransaction, handler(s.startTransaction))
	r.route(oidEndTransaction, handler(s.endTransaction))
	if s.cfg.TLS != nil {
		r.route(oidStartTLS, handler(s.startTLS))
	}
	for _, oid := range s.ops.OIDs() {
		r.route(oid, handler(s.extended))
	}
	modifyDN, unknown := handler(s.modifyDN), handler(s.unknownExtended)
	r.mux.NotFound(func(w ldapserver.ResponseWriter, m *ldapserver.Message) {
		// The library has no route for ModifyDN, so it ends up here.
		if _, ok := w.(*envelope).op.request.(*directory.ModifyDNRequest); ok {
			modifyDN(w, m)
		} else {
			unknown(w, m)
		}
	})
	return r
}

// route makes h serve the extended operation oid.
func (r *router) route(oid string, h ldapserver.HandlerFunc) {
	r.mux.Extended(h).RequestName(message.LDAPOID(oid))
	m := wire.Message{Request: &wire.ExtendedRequest{Name: oid}}
	standIn, err := message.ReadLDAPMessage(message.NewBytes(0, m.Append(nil)))
	if err != nil {
		panic(fmt.Sprintf("ldapd: no stand-in for %s: %v", oid, err))
	}
	r.extended[oid] = &standIn
}

// handler makes a function that serves requests of type R one the library can
// call.
func handler[R any](serve func(context.Context, *operation, R) error) ldapserver.HandlerFunc {
	return func(w ldapserver.ResponseWriter, _ *ldapserver.Message) {
		e := w.(*envelope)
		e.result = serve(e.op.ctx, e.op, e.op.request.(R))
	}
}

var (
	standInBind     = message.NewLDAPMessageWithProtocolOp(message.BindRequest{})
	standInSearch   = message.NewLDAPMessageWithProtocolOp(message.SearchRequest{})
	standInCompare  = message.NewLDAPMessageWithProtocolOp(message.CompareRequest{})
	standInAdd      = message.NewLDAPMessageWithProtocolOp(message.AddRequest{})
	standInModify   = message.NewLDAPMessageWithProtocolOp(message.ModifyRequest{})
	standInDelete   = message.NewLDAPMessageWithProtocolOp(message.DelRequest(""))
	standInModifyDN = message.NewLDAPMessageWithProtocolOp(message.ModifyDNRequest{})
	standInAbandon  = message.NewLDAPMessageWithProtocolOp(message.AbandonRequest(0))
	standInUnknown  = message.NewLDAPMessageWithProtocolOp(message.ExtendedRequest{})
)

func (r *router) standIn(request any) *message.LDAPMessage {
	switch req := request.(type) {
	case *directory.BindRequest:
		return standInBind
	case *directory.SearchRequest:
		return standInSearch
	case *directory.CompareRequest:
		return standInCompare
	case *directory.AddRequest:
		return standInAdd
	case *directory.ModifyRequest:
		return standInModify
	case *directory.DeleteRequest:
		return standInDelete
	case *directory.ModifyDNRequest:
		return standInModifyDN
	case *wire.AbandonRequest:
		return standInAbandon
	case *wire.ExtendedRequest:
		if m, ok := r.extended[req.Name]; ok {
			return m
		}
	}
	return standInUnknown
}

// serve runs the function that serves op and returns its error.
func (r *router) serve(op *operation) error {
	e := &op.envelope
	e.op = op
	e.ldap = *r.standIn(op.request)
	e.ldap.SetMessageID(int(op.id))
	e.message.LDAPMessage = &e.ldap
	r.mux.ServeLDAP(e, &e.message)
	return e.result
}
