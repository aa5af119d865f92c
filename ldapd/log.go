package ldapd

import (
	"context"
	"log/slog"
	"time"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// log writes the one record of an operation. Names and OIDs go into it;
// passwords, codes and values never do. The messageID is not under the key
// msg, which is slog's own.
func (op *operation) log(r *directory.Error, took time.Duration, abandoned bool) {
	level := slog.LevelInfo
	if r.ResultCode == directory.Other {
		level = slog.LevelError // our fault
	}
	log := op.c.srv.log
	if !log.Enabled(op.ctx, level) {
		return
	}
	attrs := describe(op.request, append(make([]slog.Attr, 0, 13),
		slog.Uint64("conn", op.c.id),
		slog.Int("messageID", int(op.id))))
	attrs = append(attrs,
		slog.Int("code", int(r.ResultCode)),
		slog.Int64("ms", took.Milliseconds()),
		slog.String("peer", op.who.Peer),
	)
	if op.who.DN != "" {
		attrs = append(attrs, text("by", op.who.DN))
	}
	if op.who.Proxy != "" {
		attrs = append(attrs, text("proxy", op.who.Proxy))
	}
	if op.transaction != nil {
		attrs = append(attrs, slog.String("transaction", op.transaction.id))
	}
	if abandoned {
		attrs = append(attrs, slog.Bool("abandoned", true))
	}
	if _, ok := op.request.(*directory.SearchRequest); ok {
		attrs = append(attrs, slog.Int("n", op.entries))
	}
	if _, plain := r.Cause.(directory.ResultCode); r.Cause != nil && !plain {
		attrs = append(attrs, slog.Any("err", r.Cause))
	}
	log.LogAttrs(context.Background(), level, "operation", attrs...)
}

// describe appends the name of an operation and what it is about.
func describe(request any, attrs []slog.Attr) []slog.Attr {
	add := func(op string, about ...slog.Attr) []slog.Attr {
		return append(append(attrs, slog.String("op", op)), about...)
	}
	switch r := request.(type) {
	case *directory.BindRequest:
		if r.SASL != nil {
			return add("bind", text("dn", r.Name), text("mechanism", r.SASL.Mechanism))
		}
		return add("bind", text("dn", r.Name))
	case *directory.SearchRequest:
		return add("search", text("base", r.BaseObject), slog.Int("scope", int(r.Scope)))
	case *directory.CompareRequest:
		return add("compare", text("dn", r.Entry), text("attribute", r.Attribute))
	case *directory.AddRequest:
		return add("add", text("dn", r.Entry))
	case *directory.ModifyRequest:
		return add("modify", text("dn", r.Object))
	case *directory.DeleteRequest:
		return add("delete", text("dn", r.Entry))
	case *directory.ModifyDNRequest:
		return add("modifyDN", text("dn", r.Entry), text("newRDN", r.NewRDN))
	case *wire.ExtendedRequest:
		return add("extended", text("oid", r.Name))
	case *wire.AbandonRequest:
		return add("abandon", slog.Int("id", int(r.ID)))
	}
	return add("unknown")
}

// text is what a client wrote, not more of it than one wants to read.
func text(key, value string) slog.Attr { return slog.String(key, clip(value)) }

// clip cuts a long text short.
func clip(s string) string {
	const most = 256
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
