package wire

import (
	"fmt"

	"tallystick/directory"
	"tallystick/internal/ber"
)

// Append appends the encoding of m to b, as a client writes it. It panics on a
// Request of a type that Message does not list.
func (m *Message) Append(b []byte) []byte {
	b, message := ber.Begin(b, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, int64(m.ID))
	b = appendRequest(b, m.Request)
	b = appendControls(b, m.Controls)
	return ber.End(b, message)
}

func appendRequest(b []byte, request any) []byte {
	var op int
	switch r := request.(type) {
	case *directory.BindRequest:
		b, op = ber.Begin(b, TagBindRequest)
		b = ber.AppendInt(b, ber.Integer, int64(r.Version))
		b = ber.AppendString(b, ber.OctetString, r.Name)
		if r.SASL != nil {
			var sasl int
			b, sasl = ber.Begin(b, ber.Context|ber.Constructed|3)
			b = ber.AppendString(b, ber.OctetString, r.SASL.Mechanism)
			if r.SASL.Credentials != nil {
				b = ber.AppendBytes(b, ber.OctetString, r.SASL.Credentials)
			}
			b = ber.End(b, sasl)
		} else {
			b = ber.AppendBytes(b, ber.Context, r.Password)
		}
	case *UnbindRequest:
		return ber.AppendBytes(b, TagUnbindRequest, nil)
	case *directory.SearchRequest:
		b, op = ber.Begin(b, TagSearchRequest)
		b = ber.AppendString(b, ber.OctetString, r.BaseObject)
		b = ber.AppendInt(b, ber.Enumerated, int64(r.Scope))
		b = ber.AppendInt(b, ber.Enumerated, 0) // neverDerefAliases
		b = ber.AppendInt(b, ber.Integer, int64(r.SizeLimit))
		b = ber.AppendInt(b, ber.Integer, int64(r.TimeLimit))
		b = ber.AppendBool(b, ber.Boolean, r.TypesOnly)
		b = appendFilter(b, &r.Filter)
		var attributes int
		b, attributes = ber.Begin(b, ber.Sequence)
		for _, a := range r.Attributes {
			b = ber.AppendString(b, ber.OctetString, a)
		}
		b = ber.End(b, attributes)
	case *directory.ModifyRequest:
		b, op = ber.Begin(b, TagModifyRequest)
		b = ber.AppendString(b, ber.OctetString, r.Object)
		var changes int
		b, changes = ber.Begin(b, ber.Sequence)
		for i := range r.Changes {
			var change int
			b, change = ber.Begin(b, ber.Sequence)
			b = ber.AppendInt(b, ber.Enumerated, int64(r.Changes[i].Operation))
			b = appendAttribute(b, &r.Changes[i].Attribute)
			b = ber.End(b, change)
		}
		b = ber.End(b, changes)
	case *directory.AddRequest:
		b, op = ber.Begin(b, TagAddRequest)
		b = ber.AppendString(b, ber.OctetString, r.Entry)
		b = appendAttributes(b, r.Attributes)
	case *directory.DeleteRequest:
		return ber.AppendString(b, TagDelRequest, r.Entry)
	case *directory.ModifyDNRequest:
		b, op = ber.Begin(b, TagModifyDNRequest)
		b = ber.AppendString(b, ber.OctetString, r.Entry)
		b = ber.AppendString(b, ber.OctetString, r.NewRDN)
		b = ber.AppendBool(b, ber.Boolean, r.DeleteOldRDN)
		if r.NewSuperior != nil {
			b = ber.AppendString(b, ber.Context, *r.NewSuperior)
		}
	case *directory.CompareRequest:
		b, op = ber.Begin(b, TagCompareRequest)
		b = ber.AppendString(b, ber.OctetString, r.Entry)
		var ava int
		b, ava = ber.Begin(b, ber.Sequence)
		b = appendAssertion(b, r.Attribute, r.Value)
		b = ber.End(b, ava)
	case *AbandonRequest:
		return ber.AppendInt(b, TagAbandonRequest, int64(r.ID))
	case *ExtendedRequest:
		b, op = ber.Begin(b, TagExtendedRequest)
		b = ber.AppendString(b, ber.Context, r.Name)
		if r.Value != nil {
			b = ber.AppendBytes(b, ber.Context|1, r.Value)
		}
	default:
		panic(fmt.Sprintf("wire: %T is not a request", request))
	}
	return ber.End(b, op)
}

func appendAssertion(b []byte, attribute string, value []byte) []byte {
	b = ber.AppendString(b, ber.OctetString, attribute)
	return ber.AppendBytes(b, ber.OctetString, value)
}

func appendFilter(b []byte, f *directory.Filter) []byte {
	if f.Kind == directory.FilterPresent {
		return ber.AppendString(b, filterTag(f.Kind), f.Attribute)
	}
	b, filter := ber.Begin(b, filterTag(f.Kind))
	switch f.Kind {
	case directory.FilterAnd, directory.FilterOr, directory.FilterNot:
		for i := range f.Filters {
			b = appendFilter(b, &f.Filters[i])
		}
	case directory.FilterSubstrings:
		b = ber.AppendString(b, ber.OctetString, f.Attribute)
		var parts int
		b, parts = ber.Begin(b, ber.Sequence)
		if f.Initial != nil {
			b = ber.AppendBytes(b, ber.Context, f.Initial)
		}
		for _, part := range f.Any {
			b = ber.AppendBytes(b, ber.Context|1, part)
		}
		if f.Final != nil {
			b = ber.AppendBytes(b, ber.Context|2, f.Final)
		}
		b = ber.End(b, parts)
	case directory.FilterExtensibleMatch:
		if f.MatchingRule != "" {
			b = ber.AppendString(b, ber.Context|1, f.MatchingRule)
		}
		if f.Attribute != "" || f.MatchingRule == "" {
			b = ber.AppendString(b, ber.Context|2, f.Attribute)
		}
		b = ber.AppendBytes(b, ber.Context|3, f.Value)
		if f.DNAttributes {
			b = ber.AppendBool(b, ber.Context|4, true)
		}
	default:
		b = appendAssertion(b, f.Attribute, f.Value)
	}
	return ber.End(b, filter)
}
