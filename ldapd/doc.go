// Package ldapd is the LDAP front: listeners, the loop that serves a
// connection, and one file for each operation of RFC 4511. It decides nothing
// about entries or who may see them; that is package directory's.
//
// A session is read by one goroutine at a time. It reads a whole LDAPMessage,
// decodes it, and runs the operation itself, on a warm stack; that is all that
// happens to most operations. One that turns out to take long says so
// (directory.Slow). Then another goroutine takes over the reading, so that
// Abandon, Unbind and further requests are served meanwhile, and the old one
// ends with its operation. Bind and StartTLS wait for all others and hold back
// what follows (RFC 4511, sections 4.2.1 and 4.14.1).
//
// Of github.com/vjeantet/ldapserver only the routing is used; see route.go.
package ldapd
