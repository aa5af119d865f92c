package jsoncontrol

import "tallystick/httpbridge/strictjson"

// control is what is known of one.
type control struct {
	name   string                                 // control-name
	decode func(*members) []byte                  // value-json to value; nil: it has none
	encode func([]byte) (strictjson.Value, error) // value to value-json; nil: it has none
}

// known is the controls whose JSON form is known, by OID.
var known = map[string]control{
	"1.3.6.1.1.12":   {"Assertion Request Control", decodeAssertion, encodeAssertion},
	"1.3.6.1.1.13.1": {"Pre-Read Request Control", decodeReadEntry, encodeReadEntry},
	"1.3.6.1.1.13.2": {"Post-Read Request Control", decodeReadEntry, encodeReadEntry},

	"2.16.840.1.113730.3.4.2":  {name: "ManageDsaIT Request Control"},
	"1.2.840.113556.1.4.1413":  {name: "Permissive Modify Request Control"},
	"1.2.840.113556.1.4.805":   {name: "Subtree Delete Request Control"},
	"2.16.840.1.113730.3.4.18": {"Proxied Authorization v2 Request Control", decodeAuthorizationID, encodeAuthorizationID},
	"1.2.840.113556.1.4.319":   {"Simple Paged Results Control", decodePagedResults, encodePagedResults},

	"2.16.840.1.113730.3.4.16": {name: "Authorization Identity Request Control"},
	"2.16.840.1.113730.3.4.15": {"Authorization Identity Response Control", decodeAuthorizationID, encodeAuthorizationID},

	"1.3.6.1.4.1.30221.2.5.2":  {"Intermediate Client Request Control", decodeIntermediateClient, encodeIntermediateClient},
	"1.3.6.1.4.1.30221.2.5.6":  {"Get Authorization Entry Request Control", decodeAuthorizationEntry, encodeAuthorizationEntry},
	"1.3.6.1.4.1.30221.2.5.19": {"Operation Purpose Request Control", decodeOperationPurpose, encodeOperationPurpose},
	"1.3.6.1.4.1.30221.2.5.25": {"Get User Resource Limits Request Control", decodeResourceLimits, encodeResourceLimits},
	"1.3.6.1.4.1.30221.2.5.31": {name: "Retire Password Request Control"},
	"1.3.6.1.4.1.30221.2.5.32": {name: "Purge Password Request Control"},
	"1.3.6.1.4.1.30221.2.5.40": {name: "Password Validation Details Request Control"},
	"1.3.6.1.4.1.30221.2.5.44": {name: "Name with entryUUID Request Control"},
	"1.3.6.1.4.1.30221.2.5.46": {name: "Get Password Policy State Issues Request Control"},
	"1.3.6.1.4.1.30221.2.5.58": {name: "Generate Password Request Control"},
	"1.3.6.1.4.1.30221.2.5.67": {name: "Generate Access Token Request Control"},
	"1.3.6.1.4.1.30221.2.5.68": {"Generate Access Token Response Control", decodeAccessToken, encodeAccessToken},

	"1.3.6.1.4.1.42.2.27.8.5.1": {name: "Password Policy Request Control"},
	"1.3.6.1.4.1.42.2.27.9.5.8": {name: "Account Usable Request Control"},
	"1.3.6.1.4.1.4203.1.10.2":   {name: "No-Op Request Control"},
}
