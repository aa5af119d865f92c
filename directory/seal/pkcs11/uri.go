// Package pkcs11 wraps keysets with an RSA key in a PKCS#11 token: a smart
// card, a TPM, an HSM. The private key never leaves the token. What it opens is
// a fresh AES-256 key, with which the keyset is encrypted; so the token is asked
// when the keyset is read, and not for every code.
package pkcs11

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	pkcs11uri "github.com/stefanberger/go-pkcs11uri"
)

// ErrURI means that a text is no URI of a key that can be used.
var ErrURI = errors.New("pkcs11: not the URI of a key")

// Key is a private RSA key in a token. It is looked for, and the PIN read, each
// time it is needed.
type Key struct {
	module string            // file of the token's library
	token  map[string]string // what its label, serial number, … must be, by the URI's names
	label  string            // of the key; "": any
	id     string            // of the key, CKA_ID; "": any
	pin    string            // where the PIN comes from, see readPIN; "": the token wants none
	file   string            // "": not said
}

// Parse reads a PKCS#11 URI (RFC 7512):
//
//	pkcs11:token=…;object=…?module-path=…&pin-source=…
//
// In its path token, serial, manufacturer and model say which token is meant,
// and object and id which key; what is not said may be anything, but one key
// must be left. module-path is the token's library. pin-source is a file that
// nobody but its owner may read (file:NAME, or NAME), env:NAME for a variable of
// the environment, or |LINE for what a command prints. A PIN in the URI itself
// (pin-value) is refused. x-keyset, an attribute of our own, is the file of the
// keyset. The error is ErrURI.
func Parse(text string) (*Key, error) {
	uri := pkcs11uri.New()
	if err := uri.Parse(text); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrURI, err)
	}
	path, query, _ := strings.Cut(strings.TrimPrefix(text, "pkcs11:"), "?")
	if err := known(path, ";", "token", "serial", "manufacturer", "model", "object", "id", "type"); err != nil {
		return nil, err
	}
	if slices.Contains(names(query, "&"), "pin-value") {
		return nil, fmt.Errorf("%w: a PIN does not belong here: have pin-source name a file", ErrURI)
	}
	if err := known(query, "&", "module-path", "pin-source", "x-keyset"); err != nil {
		return nil, err
	}
	inPath := func(name string) string { v, _ := uri.GetPathAttribute(name, false); return v }
	inQuery := func(name string) string { v, _ := uri.GetQueryAttribute(name, false); return v }
	k := &Key{
		module: inQuery("module-path"),
		token:  map[string]string{},
		label:  inPath("object"),
		id:     inPath("id"),
		pin:    inQuery("pin-source"),
		file:   inQuery("x-keyset"),
	}
	for _, name := range []string{"token", "serial", "manufacturer", "model"} {
		if v := inPath(name); v != "" {
			k.token[name] = v
		}
	}
	switch class := inPath("type"); {
	case class != "" && class != "private":
		return nil, fmt.Errorf("%w: type=%s: it has to be a private key", ErrURI, class)
	case k.label == "" && k.id == "":
		return nil, fmt.Errorf("%w: neither object nor id names a key", ErrURI)
	case !filepath.IsAbs(k.module):
		return nil, fmt.Errorf("%w: module-path has to be the whole name of the token's library", ErrURI)
	}
	return k, nil
}

// File is the name of the file that the keyset is in; "": the URI does not say.
func (k *Key) File() string { return k.file }

// names are those of the attributes in a part of a URI.
func names(part, separator string) []string {
	var list []string
	for attribute := range strings.SplitSeq(part, separator) {
		if name, _, _ := strings.Cut(attribute, "="); name != "" {
			list = append(list, name)
		}
	}
	return list
}

// known refuses what would be ignored.
func known(part, separator string, wanted ...string) error {
	for _, name := range names(part, separator) {
		if !slices.Contains(wanted, name) {
			return fmt.Errorf("%w: %s is none of %s", ErrURI, name, strings.Join(wanted, ", "))
		}
	}
	return nil
}
