package wire

import (
	"strings"

	"tallystick/directory"
	"tallystick/internal/ber"
)

// NoticeOfDisconnection is the responseName of RFC 4511, section 4.4.1.
const NoticeOfDisconnection = "1.3.6.1.4.1.1466.20036"

// Response is one LDAPMessage from the server with an LDAPResult in it, or an
// IntermediateResponse. Entries have AppendEntry.
type Response struct {
	ID  int32 // 0 in an unsolicited notification
	Tag byte  // TagSearchResultDone, TagExtendedResponse, …

	Code              directory.ResultCode
	MatchedDN         string
	DiagnosticMessage string
	Referral          []string // URIs; nil if absent

	ServerSASLCreds []byte // BindResponse; nil if absent
	Name            string // ExtendedResponse, IntermediateResponse; "" if absent
	Value           []byte // ExtendedResponse, IntermediateResponse; nil if absent

	Controls []Control
}

// Append appends the encoding of r to b. Octets in DiagnosticMessage that are
// not UTF-8 are replaced.
func (r *Response) Append(b []byte) []byte {
	b, message := ber.Begin(b, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, int64(r.ID))
	b, op := ber.Begin(b, r.Tag)
	nameTag, valueTag := byte(ber.Context|10), byte(ber.Context|11)
	if r.Tag == TagIntermediateResponse {
		nameTag, valueTag = ber.Context, ber.Context|1
	} else {
		b = r.appendResult(b)
	}
	if r.ServerSASLCreds != nil {
		b = ber.AppendBytes(b, ber.Context|7, r.ServerSASLCreds)
	}
	if r.Name != "" {
		b = ber.AppendString(b, nameTag, r.Name)
	}
	if r.Value != nil {
		b = ber.AppendBytes(b, valueTag, r.Value)
	}
	b = ber.End(b, op)
	b = appendControls(b, r.Controls)
	return ber.End(b, message)
}

// appendResult appends the components of an LDAPResult (RFC 4511, section
// 4.1.9).
func (r *Response) appendResult(b []byte) []byte {
	b = ber.AppendInt(b, ber.Enumerated, int64(r.Code))
	b = ber.AppendString(b, ber.OctetString, r.MatchedDN)
	b = ber.AppendString(b, ber.OctetString, strings.ToValidUTF8(r.DiagnosticMessage, "\uFFFD"))
	if r.Referral != nil {
		var uris int
		b, uris = ber.Begin(b, ber.Context|ber.Constructed|3)
		for _, uri := range r.Referral {
			b = ber.AppendString(b, ber.OctetString, uri)
		}
		b = ber.End(b, uris)
	}
	return b
}

// AppendEntry appends an LDAPMessage with a SearchResultEntry to b.
func AppendEntry(b []byte, id int32, e *directory.Entry, controls ...Control) []byte {
	b, message := ber.Begin(b, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, int64(id))
	b = appendEntry(b, e)
	b = appendControls(b, controls)
	return ber.End(b, message)
}

// AppendReference appends an LDAPMessage with a SearchResultReference (RFC
// 4511, section 4.5.3) to b.
func AppendReference(b []byte, id int32, uris []string, controls ...Control) []byte {
	b, message := ber.Begin(b, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, int64(id))
	b, op := ber.Begin(b, TagSearchResultReference)
	for _, uri := range uris {
		b = ber.AppendString(b, ber.OctetString, uri)
	}
	b = appendControls(ber.End(b, op), controls)
	return ber.End(b, message)
}

// appendEntry appends a SearchResultEntry (RFC 4511, section 4.5.2).
func appendEntry(b []byte, e *directory.Entry) []byte {
	b, op := ber.Begin(b, TagSearchResultEntry)
	b = ber.AppendString(b, ber.OctetString, e.DN)
	b = appendAttributes(b, e.Attributes)
	return ber.End(b, op)
}

// appendAttributes appends a PartialAttributeList.
func appendAttributes(b []byte, attributes []directory.Attribute) []byte {
	b, list := ber.Begin(b, ber.Sequence)
	for i := range attributes {
		b = appendAttribute(b, &attributes[i])
	}
	return ber.End(b, list)
}

// appendAttribute appends a PartialAttribute (RFC 4511, section 4.1.7).
func appendAttribute(b []byte, a *directory.Attribute) []byte {
	b, attribute := ber.Begin(b, ber.Sequence)
	b = ber.AppendString(b, ber.OctetString, a.Name)
	b, values := ber.Begin(b, ber.Set)
	for _, v := range a.Values {
		b = ber.AppendBytes(b, ber.OctetString, v)
	}
	b = ber.End(b, values)
	return ber.End(b, attribute)
}

func appendControls(b []byte, controls []Control) []byte {
	if controls == nil {
		return b
	}
	b, list := ber.Begin(b, tagControls)
	for _, c := range controls {
		var control int
		b, control = ber.Begin(b, ber.Sequence)
		b = ber.AppendString(b, ber.OctetString, c.OID)
		if c.Critical {
			b = ber.AppendBool(b, ber.Boolean, true)
		}
		if c.Value != nil {
			b = ber.AppendBytes(b, ber.OctetString, c.Value)
		}
		b = ber.End(b, control)
	}
	return ber.End(b, list)
}
