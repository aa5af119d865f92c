// Package testdata holds the sample tree, which the server can load and the
// tests use. Beside it lie the tests' scripts and golden vectors.
package testdata

import _ "embed"

// Sample is sample.ldif: dc=example,dc=com with users uid=user.0 to
// uid=user.9, an administrator and three groups.
//
//go:embed sample.ldif
var Sample []byte
