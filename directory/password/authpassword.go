package password

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"slices"
	"strings"
)

// Values of authPassword (RFC 3112) are stored as SCHEME$authInfo$authValue,
// without the spaces that the syntax lets stand around the dollars. Each is
// one of userPassword in other words.

// authDigests are the schemes of which authInfo is the salt, in base64, and
// authValue the digest (section 3; those of SHA-2 as PingDS has them), with
// what they are called between braces.
var authDigests = map[Scheme]struct {
	of   Scheme
	size int // of the digest
}{
	"MD5":    {"SMD5", md5.Size},
	"SHA1":   {SSHA, sha1.Size},
	"SHA256": {SSHA256, sha256.Size},
	"SHA512": {SSHA512, sha512.Size},
}

// authOthers are those of which authValue is what stands behind the last
// dollar of a userPassword value, and authInfo what is before it, with colons
// for the other dollars. The text has none of them.
var authOthers = []Scheme{PBKDF2SHA512, Bcrypt, Argon2id}

// AuthSchemes are the schemes of authPassword, in order: the values of
// supportedAuthPasswordSchemes.
func AuthSchemes() []string {
	var list []string
	for name := range authDigests {
		list = append(list, string(name))
	}
	for _, name := range authOthers {
		list = append(list, string(name))
	}
	slices.Sort(list)
	return list
}

// IsAuthPassword reports whether a stored value is one of authPassword, and
// not of userPassword.
func IsAuthPassword(value []byte) bool { return len(value) > 0 && value[0] != '{' }

// AuthPassword is a userPassword value that Hash made as one of authPassword.
func AuthPassword(value []byte) []byte {
	scheme, rest, _ := cutScheme(value)
	for name, d := range authDigests {
		if d.of == scheme {
			b, _ := base64.StdEncoding.DecodeString(rest) // Hash encoded it
			return authPassword(name, base64.StdEncoding.EncodeToString(b[d.size:]), base64.StdEncoding.EncodeToString(b[:d.size]))
		}
	}
	last := strings.LastIndexByte(rest, '$')
	return authPassword(scheme, strings.ReplaceAll(rest[:last], "$", ":"), rest[last+1:])
}

func authPassword(name Scheme, authInfo, authValue string) []byte {
	return []byte(string(name) + "$" + authInfo + "$" + authValue)
}

// cutAuthPassword is cutScheme for a value of authPassword: as which scheme
// and value of userPassword it is verified.
func cutAuthPassword(value []byte) (name Scheme, rest string, err error) {
	parts := strings.Split(string(value), "$")
	if len(parts) != 3 {
		return "", "", ErrScheme
	}
	name = Scheme(parts[0])
	if d, ok := authDigests[name]; ok {
		salt, bad := base64.StdEncoding.DecodeString(parts[1])
		digest, bad2 := base64.StdEncoding.DecodeString(parts[2])
		if bad != nil || bad2 != nil || len(digest) != d.size {
			return d.of, "", ErrMalformed
		}
		return d.of, base64.StdEncoding.EncodeToString(append(digest, salt...)), nil
	}
	if !slices.Contains(authOthers, name) {
		return "", "", ErrScheme
	}
	return name, strings.ReplaceAll(parts[1], ":", "$") + "$" + parts[2], nil
}
