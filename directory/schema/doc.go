// Package schema knows what attributes, object classes and matching rules
// mean: the standard definitions, parsers of their descriptions (RFC 4512),
// the syntaxes and matching rules of RFC 4517, the string preparation of
// RFC 4518 and distinguished names (RFC 4514), which need all of those.
//
// Matching works on normalised values: two values are equal under an equality
// rule if and only if their normalised octets are equal, and the octets of an
// ordering rule sort as the values do. So indexes and comparisons are bytewise
// everywhere else.
//
// Definitions of our own live under [Arc].
package schema

// Arc is the root of the object identifiers that this server assigns: an arc
// under 2.25 made of one UUID, ff5d2ba2-87d3-49a3-80ee-c9226e19e20a
// (ITU-T X.667), that never changes.
const Arc = "2.25.339436907553608478315258445179521720842"
