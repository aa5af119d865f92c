//go:build linux

package main

import (
	"fmt"

	"tallystick/internal/ber"
)

// Identifier octets of the operations (RFC 4511, appendix B).
const (
	bindRequest      = 0x60
	bindResponse     = 0x61
	searchRequest    = 0x63
	searchEntry      = 0x64
	searchDone       = 0x65
	modifyRequest    = 0x66
	modifyResponse   = 0x67
	addRequest       = 0x68
	addResponse      = 0x69
	extendedRequest  = 0x77
	extendedResponse = 0x78
)

// OIDs of the TOTP operations.
const (
	generateOID = "1.3.6.1.4.1.30221.2.6.56"
	validateOID = "1.3.6.1.4.1.30221.2.6.15"
)

// messageID is that of every request as it is encoded, once for all
// connections. Those that are outstanding together get others on the way out.
const messageID = 1

// maxOutstanding is how many messageIDs have one octet, and so fit in its place.
const maxOutstanding = 127

// appendRequest appends an encoded request with another messageID.
func appendRequest(b, request []byte, id int) []byte {
	_, header, _, err := ber.Header(request)
	if err != nil || id < 1 || id > maxOutstanding {
		panic("bench: not a request of ours") // message made it
	}
	at := len(b) + header + 2 // behind the tag and length of the messageID
	b = append(b, request...)
	b[at] = byte(id)
	return b
}

// message wraps the operation whose contents body appends.
func message(op byte, body func(b []byte) []byte) []byte {
	b, whole := ber.Begin(make([]byte, 0, 256), ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, messageID)
	b, at := ber.Begin(b, op)
	b = body(b)
	return ber.End(ber.End(b, at), whole)
}

func bind(dn, password string) []byte {
	return message(bindRequest, func(b []byte) []byte {
		b = ber.AppendInt(b, ber.Integer, 3)
		b = ber.AppendString(b, ber.OctetString, dn)
		return ber.AppendString(b, ber.Context, password)
	})
}

// searchByUID asks for all user attributes of whoever has uid below ou=people.
func searchByUID(uid string) []byte {
	const wholeSubtree, equalityMatch = 2, ber.Context | ber.Constructed | 3
	return search(peopleDN, wholeSubtree, func(b []byte) []byte {
		b, at := ber.Begin(b, equalityMatch)
		b = ber.AppendString(b, ber.OctetString, "uid")
		return ber.End(ber.AppendString(b, ber.OctetString, uid), at)
	})
}

// searchBase asks for all user attributes of one entry.
func searchBase(dn string) []byte {
	const baseObject, present = 0, ber.Context | 7
	return search(dn, baseObject, func(b []byte) []byte {
		return ber.AppendString(b, present, "objectClass")
	})
}

func search(base string, scope int64, filter func(b []byte) []byte) []byte {
	return message(searchRequest, func(b []byte) []byte {
		b = ber.AppendString(b, ber.OctetString, base)
		b = ber.AppendInt(b, ber.Enumerated, scope)
		b = ber.AppendInt(b, ber.Enumerated, 0) // neverDerefAliases
		b = ber.AppendInt(b, ber.Integer, 0)    // sizeLimit
		b = ber.AppendInt(b, ber.Integer, 0)    // timeLimit
		b = ber.AppendBool(b, ber.Boolean, false)
		b = filter(b)
		return ber.AppendHeader(b, ber.Sequence, 0)
	})
}

// modify replaces the only value of attribute.
func modify(dn, attribute, value string) []byte {
	const replace = 2
	return message(modifyRequest, func(b []byte) []byte {
		b = ber.AppendString(b, ber.OctetString, dn)
		b, changes := ber.Begin(b, ber.Sequence)
		b, change := ber.Begin(b, ber.Sequence)
		b = ber.AppendInt(b, ber.Enumerated, replace)
		b, partial := ber.Begin(b, ber.Sequence)
		b = ber.AppendString(b, ber.OctetString, attribute)
		b, values := ber.Begin(b, ber.Set)
		b = ber.AppendString(b, ber.OctetString, value)
		for _, at := range []int{values, partial, change, changes} {
			b = ber.End(b, at)
		}
		return b
	})
}

// addPerson adds another person beside those of the population, with the
// attributes and indexes that these have.
func addPerson(n int) []byte {
	uid := fmt.Sprintf("new.%d", n)
	given, sn := givenNames[n%len(givenNames)], surnames[n%len(surnames)]
	return message(addRequest, func(b []byte) []byte {
		b = ber.AppendString(b, ber.OctetString, "uid="+uid+","+peopleDN)
		b, list := ber.Begin(b, ber.Sequence)
		for _, a := range [][]string{
			{"objectClass", "top", "person", "organizationalPerson", "inetOrgPerson"},
			{"uid", uid}, {"givenName", given}, {"sn", sn}, {"cn", given + " " + sn},
			{"mail", uid + "@example.com"}, {"employeeNumber", fmt.Sprint(n)},
			{"telephoneNumber", fmt.Sprintf("+1 555 %07d", n)}, {"mobile", fmt.Sprintf("+1 556 %07d", n)},
			{"street", "1 Fifth Street"}, {"l", cities[n%len(cities)]}, {"st", "NM"}, {"postalCode", fmt.Sprintf("%05d", n%100000)},
			{"description", "a person who came later"}, {"userPassword", passwordOfAdded},
		} {
			var attribute, values int
			b, attribute = ber.Begin(b, ber.Sequence)
			b = ber.AppendString(b, ber.OctetString, a[0])
			b, values = ber.Begin(b, ber.Set)
			for _, v := range a[1:] {
				b = ber.AppendString(b, ber.OctetString, v)
			}
			b = ber.End(ber.End(b, values), attribute)
		}
		return ber.End(b, list)
	})
}

var passwordOfAdded = hashed(0)

// validate asks whether code is dn's; its value has a plain DN.
func validate(dn, code string) []byte { return extended(validateOID, dn, code) }

// generate asks for another secret, proved by the static password.
func generate(dn, password string) []byte { return extended(generateOID, "dn:"+dn, password) }

// extended is an extended request whose value is two strings, [0] and [1].
func extended(oid, first, second string) []byte {
	return message(extendedRequest, func(b []byte) []byte {
		b = ber.AppendString(b, ber.Context, oid)
		b, value := ber.Begin(b, ber.Context|1)
		b, sequence := ber.Begin(b, ber.Sequence)
		b = ber.AppendString(b, ber.Context, first)
		b = ber.AppendString(b, ber.Context|1, second)
		return ber.End(ber.End(b, sequence), value)
	})
}
