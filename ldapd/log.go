package ldapd

import (
	"context"
	"log/slog"
	"time"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// log writes the one record of an operation. Names and OIDs go into it;
// passwords, codes and values never do.
func (op *operation) log(r *directory.Error, abandoned bool) {
	level := slog.LevelInfo
	if r.ResultCode == directory.Other {
		level = slog.LevelError // our fault
	}
	log := op.c.srv.log
	if !log.Enabled(op.ctx, level) {
		return
	}
	attrs := describe(op.request, append(make([]slog.Attr, 0, 12),
		slog.Uint64("conn", op.c.id),
		slog.Int("msg", int(op.id))))
	attrs = append(attrs,
		slog.Int("code", int(r.ResultCode)),
		slog.Int64("ms", time.Since(op.begun).Milliseconds()),
		slog.String("peer", op.who.Peer),
	)
	if op.who.DN != "" {
		attrs = append(attrs, slog.String("by", op.who.DN))
	}
	if abandoned {
		attrs = append(attrs, slog.Bool("abandoned", true))
	}
	if _, ok := op.request.(*directory.SearchRequest); ok {
		attrs = append(attrs, slog.Int("n", op.entries))
	}
	if r.Cause != nil {
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
			return add("bind", slog.String("dn", r.Name), slog.String("mechanism", r.SASL.Mechanism))
		}
		return add("bind", slog.String("dn", r.Name))
	case *directory.SearchRequest:
		return add("search", slog.String("base", r.BaseObject), slog.Int("scope", int(r.Scope)))
	case *directory.CompareRequest:
		return add("compare", slog.String("dn", r.Entry), slog.String("attribute", r.Attribute))
	case *directory.AddRequest:
		return add("add", slog.String("dn", r.Entry))
	case *directory.ModifyRequest:
		return add("modify", slog.String("dn", r.Object))
	case *directory.DeleteRequest:
		return add("delete", slog.String("dn", r.Entry))
	case *directory.ModifyDNRequest:
		return add("modifyDN", slog.String("dn", r.Entry), slog.String("newRDN", r.NewRDN))
	case *wire.ExtendedRequest:
		return add("extended", slog.String("oid", r.Name))
	case *wire.AbandonRequest:
		return add("abandon", slog.Int("id", int(r.ID)))
	}
	return add("unknown")
}
