// Package directory is the domain: entries and their names, the operations of
// RFC 4511 on them, access control, passwords and TOTP credentials. It knows
// no sockets and no storage engine; fronts hand it requests as values and it
// answers with a nil error or an *Error that says what to tell the client.
package directory
