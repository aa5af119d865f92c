package jsoncontrol

import "tallystick/httpbridge/strictjson"

// control is what is known of one.
type control struct {
	name   string                                 // control-name
	decode func(*members) []byte                  // value-json to value; nil: it has none
	encode func([]byte) (strictjson.Value, error) // value to value-json; nil: it has none

	// answer is the control-name of a response that has the OID of the request,
	// and is told from it by its value.
	answer string
}

// named is the control-name of a control with that value.
func (c control) named(value []byte) string {
	if c.answer != "" && len(value) > 0 && (c.encode == nil || value[0] == searchResultEntry) {
		return c.answer
	}
	return c.name
}

// known is the controls whose JSON form is known, by OID.
var known = map[string]control{
	"1.3.6.1.1.12":   {name: "Assertion Request Control", decode: decodeAssertion, encode: encodeAssertion},
	"1.3.6.1.1.13.1": {name: "Pre-Read Request Control", decode: decodeReadEntry, encode: encodeReadEntry, answer: "Pre-Read Response Control"},
	"1.3.6.1.1.13.2": {name: "Post-Read Request Control", decode: decodeReadEntry, encode: encodeReadEntry, answer: "Post-Read Response Control"},

	"2.16.840.1.113730.3.4.2":  {name: "ManageDsaIT Request Control"},
	"1.2.840.113556.1.4.1413":  {name: "Permissive Modify Request Control"},
	"1.2.840.113556.1.4.805":   {name: "Subtree Delete Request Control"},
	"2.16.840.1.113730.3.4.18": {name: "Proxied Authorization v2 Request Control", decode: decodeAuthorizationID, encode: encodeAuthorizationID},
	"1.2.840.113556.1.4.319":   {name: "Simple Paged Results Control", decode: decodePagedResults, encode: encodePagedResults},

	"2.16.840.1.113730.3.4.16": {name: "Authorization Identity Request Control"},
	"2.16.840.1.113730.3.4.15": {name: "Authorization Identity Response Control", decode: decodeAuthorizationID, encode: encodeAuthorizationID},

	"1.3.6.1.4.1.30221.2.5.2":  {name: "Intermediate Client Request Control", decode: decodeIntermediateClient, encode: encodeIntermediateClient},
	"1.3.6.1.4.1.30221.2.5.6":  {name: "Get Authorization Entry Request Control", decode: decodeAuthorizationEntry, encode: encodeAuthorizationEntry},
	"1.3.6.1.4.1.30221.2.5.19": {name: "Operation Purpose Request Control", decode: decodeOperationPurpose, encode: encodeOperationPurpose},
	"1.3.6.1.4.1.30221.2.5.25": {name: "Get User Resource Limits Request Control", decode: decodeResourceLimits, encode: encodeResourceLimits},
	"1.3.6.1.4.1.30221.2.5.31": {name: "Retire Password Request Control"},
	"1.3.6.1.4.1.30221.2.5.32": {name: "Purge Password Request Control"},
	"1.3.6.1.4.1.30221.2.5.40": {name: "Password Validation Details Request Control"},
	"1.3.6.1.4.1.30221.2.5.44": {name: "Name with entryUUID Request Control"},
	"1.3.6.1.4.1.30221.2.5.46": {name: "Get Password Policy State Issues Request Control"},
	"1.3.6.1.4.1.30221.2.5.58": {name: "Generate Password Request Control"},
	"1.3.6.1.4.1.30221.2.5.67": {name: "Generate Access Token Request Control"},
	"1.3.6.1.4.1.30221.2.5.68": {name: "Generate Access Token Response Control", decode: decodeAccessToken, encode: encodeAccessToken},

	"1.3.6.1.4.1.42.2.27.8.5.1": {name: "Password Policy Request Control", answer: "Password Policy Response Control"},
	"1.3.6.1.4.1.42.2.27.9.5.8": {name: "Account Usable Request Control", answer: "Account Usable Response Control"},
	"1.3.6.1.4.1.4203.1.10.2":   {name: "No-Op Request Control"},
}
