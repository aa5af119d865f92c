package directory

import "strconv"

// ResultCode is the resultCode of an LDAPResult (RFC 4511, section 4.1.9 and
// appendix A). It is an error too, so that errors.Is(err, NoSuchObject) works
// on anything that wraps it.
type ResultCode int

// The codes of RFC 4511, and of the extensions named beside them.
const (
	Success                      ResultCode = 0
	OperationsError              ResultCode = 1
	ProtocolError                ResultCode = 2
	TimeLimitExceeded            ResultCode = 3
	SizeLimitExceeded            ResultCode = 4
	CompareFalse                 ResultCode = 5
	CompareTrue                  ResultCode = 6
	AuthMethodNotSupported       ResultCode = 7
	StrongerAuthRequired         ResultCode = 8
	Referral                     ResultCode = 10
	AdminLimitExceeded           ResultCode = 11
	UnavailableCriticalExtension ResultCode = 12
	ConfidentialityRequired      ResultCode = 13
	SaslBindInProgress           ResultCode = 14
	NoSuchAttribute              ResultCode = 16
	UndefinedAttributeType       ResultCode = 17
	InappropriateMatching        ResultCode = 18
	ConstraintViolation          ResultCode = 19
	AttributeOrValueExists       ResultCode = 20
	InvalidAttributeSyntax       ResultCode = 21
	NoSuchObject                 ResultCode = 32
	AliasProblem                 ResultCode = 33
	InvalidDNSyntax              ResultCode = 34
	AliasDereferencingProblem    ResultCode = 36
	InappropriateAuthentication  ResultCode = 48
	InvalidCredentials           ResultCode = 49
	InsufficientAccessRights     ResultCode = 50
	Busy                         ResultCode = 51
	Unavailable                  ResultCode = 52
	UnwillingToPerform           ResultCode = 53
	LoopDetect                   ResultCode = 54
	SortControlMissing           ResultCode = 60 // draft-ietf-ldapext-ldapv3-vlv
	OffsetRangeError             ResultCode = 61 // draft-ietf-ldapext-ldapv3-vlv
	NamingViolation              ResultCode = 64
	ObjectClassViolation         ResultCode = 65
	NotAllowedOnNonLeaf          ResultCode = 66
	NotAllowedOnRDN              ResultCode = 67
	EntryAlreadyExists           ResultCode = 68
	ObjectClassModsProhibited    ResultCode = 69
	AffectsMultipleDSAs          ResultCode = 71
	VirtualListViewError         ResultCode = 76 // draft-ietf-ldapext-ldapv3-vlv
	Other                        ResultCode = 80
	Canceled                     ResultCode = 118   // RFC 3909
	NoSuchOperation              ResultCode = 119   // RFC 3909
	TooLate                      ResultCode = 120   // RFC 3909
	CannotCancel                 ResultCode = 121   // RFC 3909
	AssertionFailed              ResultCode = 122   // RFC 4528
	AuthorizationDenied          ResultCode = 123   // RFC 4370
	SyncRefreshRequired          ResultCode = 4096  // RFC 4533
	NoOperation                  ResultCode = 16654 // draft-zeilenga-ldap-noop
)

// String is the code's name as RFC 4511 spells it: invalidCredentials. A code
// without a name is its number.
func (c ResultCode) String() string {
	if n, ok := resultNames[c]; ok {
		return n[0]
	}
	return strconv.Itoa(int(c))
}

// Phrase is the code's name in words, as PingDirectory's SDK prints it:
// "invalid credentials". A code without a name is its number.
func (c ResultCode) Phrase() string {
	if n, ok := resultNames[c]; ok {
		return n[1]
	}
	return strconv.Itoa(int(c))
}

// Error makes a code an error: invalidCredentials(49).
func (c ResultCode) Error() string {
	return c.String() + "(" + strconv.Itoa(int(c)) + ")"
}

var resultNames = map[ResultCode][2]string{
	Success:                      {"success", "success"},
	OperationsError:              {"operationsError", "operations error"},
	ProtocolError:                {"protocolError", "protocol error"},
	TimeLimitExceeded:            {"timeLimitExceeded", "time limit exceeded"},
	SizeLimitExceeded:            {"sizeLimitExceeded", "size limit exceeded"},
	CompareFalse:                 {"compareFalse", "compare false"},
	CompareTrue:                  {"compareTrue", "compare true"},
	AuthMethodNotSupported:       {"authMethodNotSupported", "auth method not supported"},
	StrongerAuthRequired:         {"strongerAuthRequired", "strong auth required"},
	Referral:                     {"referral", "referral"},
	AdminLimitExceeded:           {"adminLimitExceeded", "admin limit exceeded"},
	UnavailableCriticalExtension: {"unavailableCriticalExtension", "unavailable critical extension"},
	ConfidentialityRequired:      {"confidentialityRequired", "confidentiality required"},
	SaslBindInProgress:           {"saslBindInProgress", "SASL bind in progress"},
	NoSuchAttribute:              {"noSuchAttribute", "no such attribute"},
	UndefinedAttributeType:       {"undefinedAttributeType", "undefined attribute type"},
	InappropriateMatching:        {"inappropriateMatching", "inappropriate matching"},
	ConstraintViolation:          {"constraintViolation", "constraint violation"},
	AttributeOrValueExists:       {"attributeOrValueExists", "attribute or value exists"},
	InvalidAttributeSyntax:       {"invalidAttributeSyntax", "invalid attribute syntax"},
	NoSuchObject:                 {"noSuchObject", "no such object"},
	AliasProblem:                 {"aliasProblem", "alias problem"},
	InvalidDNSyntax:              {"invalidDNSyntax", "invalid DN syntax"},
	AliasDereferencingProblem:    {"aliasDereferencingProblem", "alias dereferencing problem"},
	InappropriateAuthentication:  {"inappropriateAuthentication", "inappropriate authentication"},
	InvalidCredentials:           {"invalidCredentials", "invalid credentials"},
	InsufficientAccessRights:     {"insufficientAccessRights", "insufficient access rights"},
	Busy:                         {"busy", "busy"},
	Unavailable:                  {"unavailable", "unavailable"},
	UnwillingToPerform:           {"unwillingToPerform", "unwilling to perform"},
	LoopDetect:                   {"loopDetect", "loop detect"},
	SortControlMissing:           {"sortControlMissing", "sort control missing"},
	OffsetRangeError:             {"offsetRangeError", "offset range error"},
	NamingViolation:              {"namingViolation", "naming violation"},
	ObjectClassViolation:         {"objectClassViolation", "object class violation"},
	NotAllowedOnNonLeaf:          {"notAllowedOnNonLeaf", "not allowed on non-leaf"},
	NotAllowedOnRDN:              {"notAllowedOnRDN", "not allowed on RDN"},
	EntryAlreadyExists:           {"entryAlreadyExists", "entry already exists"},
	ObjectClassModsProhibited:    {"objectClassModsProhibited", "object class mods prohibited"},
	AffectsMultipleDSAs:          {"affectsMultipleDSAs", "affects multiple DSAs"},
	VirtualListViewError:         {"virtualListViewError", "virtual list view error"},
	Other:                        {"other", "other"},
	Canceled:                     {"canceled", "canceled"},
	NoSuchOperation:              {"noSuchOperation", "no such operation"},
	TooLate:                      {"tooLate", "too late"},
	CannotCancel:                 {"cannotCancel", "cannot cancel"},
	AssertionFailed:              {"assertionFailed", "assertion failed"},
	AuthorizationDenied:          {"authorizationDenied", "authorization denied"},
	SyncRefreshRequired:          {"e-syncRefreshRequired", "sync refresh required"},
	NoOperation:                  {"noOperation", "no operation"},
}
