package directory

import "encoding/binary"

// The store's keys. ids are 8 bytes, big-endian, never reused; 0 stands above
// the naming contexts and belongs to the root user where credentials are
// concerned. Names and values are normalised by their matching rules, so that
// equal ones are equal bytes.
//
//	'e' id                          entry, see record.go
//	'd' parent-id RDN               id of the child; below id 0 the whole DN of a naming context
//	'i' attribute 0 value 0 id      equality index, see posting.go
//	'p' attribute 0 id              presence index
//	's' attribute 0 trigram id      substring index
//	'r' attribute 0 page            trigrams of the entries added last, see recent.go
//	'c' entry-id credential-id      TOTP credential, sealed; never leaves this package
//	't' number 0 entry-id credential-id  index of serial and device numbers, see serial.go
//	'l' entry-id                    attempt counter and lockout
//	'a' sequence                    audit record, hash-chained, see auditchain.go
//	'h' number entry-id             what an entry was before a change, see history.go
//	'm' name                        format version, next id, root user's password, …
//
// An index only proposes: every candidate is matched against the filter, so a
// key may stand for more than one value (long ones are cut).
const (
	entrySpace      = 'e'
	childSpace      = 'd'
	equalitySpace   = 'i'
	presenceSpace   = 'p'
	substringSpace  = 's'
	recentSpace     = 'r'
	credentialSpace = 'c'
	numberSpace     = 't'
	attemptSpace    = 'l'
	auditSpace      = 'a'
	historySpace    = 'h'
	metaSpace       = 'm'
)

// maxIndexedValue is how much of a normalised value goes into an index key.
const maxIndexedValue = 200

// An entryID names an entry for life, whatever its DN becomes.
type entryID uint64

func (id entryID) append(b []byte) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(id))
}

// idAtEnd is the id that the last 8 bytes of an index key hold.
func idAtEnd(key []byte) entryID {
	return entryID(binary.BigEndian.Uint64(key[len(key)-8:]))
}

func spaceKey(space byte, id entryID) []byte {
	return id.append(append(make([]byte, 0, 9), space))
}

func entryKey(id entryID) []byte { return spaceKey(entrySpace, id) }

// childPrefix begins the keys of all children of parent.
func childPrefix(parent entryID) []byte { return spaceKey(childSpace, parent) }

func childKey(parent entryID, norm string) []byte {
	b := make([]byte, 0, 9+len(norm))
	return append(parent.append(append(b, childSpace)), norm...)
}

// credentialPrefix begins the keys of all credentials of an entry.
func credentialPrefix(id entryID) []byte { return spaceKey(credentialSpace, id) }

func credentialKey(id entryID, credentialID string) []byte {
	return append(credentialPrefix(id), credentialID...)
}

// numberPrefix begins the keys of the credentials that have a serial or device
// number.
func numberPrefix(number string) []byte {
	return append(append([]byte{numberSpace}, number...), 0)
}

func numberKey(number string, id entryID, credentialID string) []byte {
	return append(id.append(numberPrefix(number)), credentialID...)
}

func attemptKey(id entryID) []byte { return spaceKey(attemptSpace, id) }

func auditKey(sequence uint64) []byte { return spaceKey(auditSpace, entryID(sequence)) }

func metaKey(name string) []byte { return append([]byte{metaSpace}, name...) }

// equalityPrefix begins the equality index keys of one value.
func equalityPrefix(attribute string, norm []byte) []byte {
	return appendEquality(nil, attribute, norm)
}

func appendEquality(b []byte, attribute string, norm []byte) []byte {
	if len(norm) > maxIndexedValue {
		norm = norm[:maxIndexedValue]
	}
	b = append(append(b, equalitySpace), attribute...)
	b = append(append(b, 0), norm...)
	return append(b, 0)
}

// equalityAttribute begins the equality index keys of an attribute.
func equalityAttribute(attribute string) []byte {
	return append(append([]byte{equalitySpace}, attribute...), 0)
}

// presencePrefix begins the presence index keys of an attribute.
func presencePrefix(attribute string) []byte { return appendPresence(nil, attribute) }

func appendPresence(b []byte, attribute string) []byte {
	return append(append(append(b, presenceSpace), attribute...), 0)
}

// recentPrefix begins the keys of what the entries added last have in a
// substring index.
func recentPrefix(attribute string) []byte {
	b := append(make([]byte, 0, len(attribute)+10), recentSpace) // and a page
	return append(append(b, attribute...), 0)
}

// substringPrefix begins the substring index keys of one trigram.
func substringPrefix(attribute string, trigram []byte) []byte {
	return appendSubstring(nil, attribute, trigram)
}

func appendSubstring(b []byte, attribute string, trigram []byte) []byte {
	return append(append(append(append(b, substringSpace), attribute...), 0), trigram...)
}
