package ldapd

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// log writes the one record of an operation; docs/logs.md has its keys. Names,
// OIDs and filters go into it; passwords, codes and the values of secret
// attributes never do. The messageID is not under the key msg, which is slog's
// own.
func (op *operation) log(r *directory.Error, took time.Duration, abandoned bool) {
	level := slog.LevelInfo
	if r.ResultCode == directory.Other {
		level = slog.LevelError // our fault
	}
	log := op.c.srv.access
	if !log.Enabled(op.ctx, level) {
		return
	}
	attrs := describe(op.request, append(make([]slog.Attr, 0, 20),
		slog.Uint64("conn", op.c.id),
		slog.Int("messageID", int(op.id))))
	if len(op.controls) > 0 {
		attrs = append(attrs, slog.String("controls", controlOIDs(op.controls)))
	}
	attrs = append(attrs,
		slog.Int("code", int(r.ResultCode)),
		slog.Float64("ms", float64(took.Microseconds())/1000),
		slog.String("peer", op.who.Peer),
		slog.String("listener", op.who.Listener),
		slog.Bool("tls", op.tls),
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
	if r.DiagnosticMessage != "" {
		attrs = append(attrs, text("why", r.DiagnosticMessage))
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
			return add("bind", name("dn", r.Name), text("mechanism", r.SASL.Mechanism))
		}
		return add("bind", name("dn", r.Name))
	case *directory.SearchRequest:
		return add("search", name("base", r.BaseObject), slog.Int("scope", int(r.Scope)),
			text("filter", r.Filter.Brief(longest)), text("attrs", list(r.Attributes)))
	case *directory.CompareRequest:
		return add("compare", name("dn", r.Entry), text("attrs", r.Attribute))
	case *directory.AddRequest:
		names := make([]string, 0, 16)
		for i := range r.Attributes[:min(len(r.Attributes), longest)] {
			names = append(names, r.Attributes[i].Name)
		}
		return add("add", name("dn", r.Entry), text("attrs", list(names)))
	case *directory.ModifyRequest:
		names := make([]string, 0, 16)
		for _, c := range r.Changes[:min(len(r.Changes), longest)] {
			names = append(names, changeNames[c.Operation]+":"+c.Attribute.Name)
		}
		return add("modify", name("dn", r.Object), text("attrs", list(names)))
	case *directory.DeleteRequest:
		return add("delete", name("dn", r.Entry))
	case *directory.ModifyDNRequest:
		attrs = add("modifyDN", name("dn", r.Entry), name("newRDN", r.NewRDN))
		if r.NewSuperior != nil {
			attrs = append(attrs, name("newSuperior", *r.NewSuperior))
		}
		return attrs
	case *wire.ExtendedRequest:
		return add("extended", text("oid", r.Name))
	case *wire.AbandonRequest:
		return add("abandon", slog.Int("id", int(r.ID)))
	}
	return add("unknown")
}

var changeNames = map[directory.ChangeOperation]string{
	directory.AddValues: "add", directory.DeleteValues: "delete", directory.ReplaceValues: "replace", directory.IncrementValues: "increment",
}

// list is names with blanks between them.
func list(names []string) string { return strings.Join(names[:min(len(names), longest)], " ") }

// controlOIDs are those of the controls of a request.
func controlOIDs(controls []wire.Control) string {
	var oids []string
	for _, c := range controls[:min(len(controls), longest)] {
		oids = append(oids, c.OID)
	}
	return clip(list(oids))
}

// name is a DN or RDN that a client wrote.
func name(key, value string) slog.Attr { return text(key, directory.RedactName(clip(value))) }

// text is what a client wrote, not more of it than one wants to read.
func text(key, value string) slog.Attr { return slog.String(key, clip(value)) }

// longest is how many octets of what a client wrote are logged.
const longest = 256

// clip cuts a long text short.
func clip(s string) string {
	if len(s) > longest {
		return s[:longest] + "…"
	}
	return s
}
