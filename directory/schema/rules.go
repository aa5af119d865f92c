package schema

// A normalizer appends the normal form of value to dst.
type normalizer = func(dst, value []byte) ([]byte, error)

// behaviour is what a matching rule does: the part of its definition that is
// code.
type behaviour struct {
	kind      RuleKind
	normalize normalizer
	assertion normalizer                         // nil: as normalize
	holds     func(value, assertion []byte) bool // RelationKind only
	substring func(dst []byte, pos Position, value []byte) ([]byte, error)
	syntaxes  []string // of the attributes to which it applies, last arcs under 1.3.6.1.4.1.1466.115.121.1
}

// prepared makes a normalizer of string preparation.
func prepared(fold bool, mode spaces) normalizer {
	return func(dst, value []byte) ([]byte, error) { return prepare(dst, value, fold, mode) }
}

var (
	// Any rule of character strings may be asked of any of these syntaxes;
	// the assertion says which.
	stringSyntaxes = []string{"15", "26", "44", "11", "50", "36"}

	octets = behaviour{normalize: normalizeOctets, syntaxes: []string{"40", "4", "5", "8", "9", "10", "23", "28", "49"}}
)

func stringEquality(fold bool) behaviour {
	return behaviour{normalize: prepared(fold, spacesCompact), syntaxes: stringSyntaxes}
}

func stringSubstrings(fold bool) behaviour {
	return behaviour{
		kind:      SubstringsKind,
		normalize: prepared(fold, spacesValue),
		substring: func(dst []byte, pos Position, value []byte) ([]byte, error) {
			return prepare(dst, value, fold, substringSpaces(pos))
		},
		syntaxes: stringSyntaxes,
	}
}

// withoutSpaces is a behaviour for which some characters do not count wherever
// they stand.
func withoutSpaces(kind RuleKind, mode spaces, syntaxes ...string) behaviour {
	b := behaviour{kind: kind, normalize: prepared(true, mode), syntaxes: syntaxes}
	if kind == SubstringsKind {
		b.substring = func(dst []byte, _ Position, value []byte) ([]byte, error) {
			return prepare(dst, value, true, mode)
		}
	}
	return b
}

func equality(n normalizer, syntaxes ...string) behaviour {
	return behaviour{normalize: n, syntaxes: syntaxes}
}

func firstComponent(n normalizer, syntaxes ...string) behaviour {
	return behaviour{normalize: normalizeFirst(n), assertion: n, syntaxes: syntaxes}
}

// ordering is an equality behaviour whose octets sort.
func ordering(b behaviour) behaviour {
	b.kind = OrderingKind
	return b
}

// relation is a behaviour that only an extensible match can ask for.
func relation(n normalizer, holds func(value, assertion []byte) bool, syntaxes ...string) behaviour {
	return behaviour{kind: RelationKind, normalize: n, holds: holds, syntaxes: syntaxes}
}

// behaviours is what each matching rule of the standard schema does, by name.
func (s *Schema) behaviours() map[string]behaviour {
	integer := equality(normalizeInteger, "27")
	generalizedTime := equality(normalizeTime, "24")
	uuid := equality(normalizeUUID, uuidSyntax)
	numeric := withoutSpaces(EqualityKind, spacesNone, "36")
	return map[string]behaviour{
		"objectIdentifierMatch":  equality(s.normalizeOID, "38"),
		"distinguishedNameMatch": equality(s.normalizeDN, "12"),
		"uniqueMemberMatch":      equality(s.normalizeNameAndUID, "34"),

		"caseIgnoreMatch":              stringEquality(true),
		"caseIgnoreOrderingMatch":      ordering(stringEquality(true)),
		"caseIgnoreSubstringsMatch":    stringSubstrings(true),
		"caseExactMatch":               stringEquality(false),
		"caseExactOrderingMatch":       ordering(stringEquality(false)),
		"caseExactSubstringsMatch":     stringSubstrings(false),
		"caseExactIA5Match":            stringEquality(false),
		"caseIgnoreIA5Match":           stringEquality(true),
		"caseIgnoreIA5SubstringsMatch": stringSubstrings(true),
		"caseExactIA5SubstringsMatch":  stringSubstrings(false),

		"caseIgnoreListMatch": equality(func(dst, value []byte) ([]byte, error) {
			return prepareList(dst, value, true, spacesCompact)
		}, "41"),
		"caseIgnoreListSubstringsMatch": {
			kind: SubstringsKind,
			normalize: func(dst, value []byte) ([]byte, error) {
				return prepareList(dst, value, true, spacesValue)
			},
			substring: stringSubstrings(true).substring,
			syntaxes:  []string{"41"},
		},

		"numericStringMatch":             numeric,
		"numericStringOrderingMatch":     ordering(numeric),
		"numericStringSubstringsMatch":   withoutSpaces(SubstringsKind, spacesNone, "36"),
		"telephoneNumberMatch":           withoutSpaces(EqualityKind, spacesAndHyphens, "50"),
		"telephoneNumberSubstringsMatch": withoutSpaces(SubstringsKind, spacesAndHyphens, "50"),

		"booleanMatch":                 equality(normalizeBoolean, "7"),
		"integerMatch":                 integer,
		"integerOrderingMatch":         ordering(integer),
		"bitStringMatch":               equality(normalizeBitString, "6"),
		"octetStringMatch":             octets,
		"octetStringOrderingMatch":     ordering(octets),
		"generalizedTimeMatch":         generalizedTime,
		"generalizedTimeOrderingMatch": ordering(generalizedTime),
		"uuidMatch":                    uuid,
		"uuidOrderingMatch":            ordering(uuid),

		"wordMatch":          relation(prepared(true, spacesCompact), hasWord, stringSyntaxes...),
		"keywordMatch":       relation(prepared(true, spacesCompact), hasKeyword, stringSyntaxes...),
		"integerBitAndMatch": relation(normalizeDecimal, hasAllBits, "27"),
		"integerBitOrMatch":  relation(normalizeDecimal, hasAnyBit, "27"),

		"authPasswordExactMatch": equality(normalizeAuthPassword, authPasswordSyntax),
		"authPasswordMatch":      {kind: RelationKind, normalize: normalizeAuthPassword, assertion: assertPassword, syntaxes: []string{authPasswordSyntax}},

		"certificateExactMatch":     {normalize: s.normalizeCertificate, assertion: s.assertCertificate, syntaxes: []string{"8"}},
		"certificateMatch":          {kind: RelationKind, normalize: normalizeOctets, assertion: s.assertCertificateParts, holds: s.hasCertificateParts, syntaxes: []string{"8"}},
		"certificateListExactMatch": {normalize: s.normalizeCertificateList, assertion: s.assertCertificateList, syntaxes: []string{"9"}},

		"integerFirstComponentMatch":          firstComponent(normalizeInteger, "17"),
		"objectIdentifierFirstComponentMatch": firstComponent(s.normalizeOID, "3", "16", "30", "31", "35", "37", "54"),
		"directoryStringFirstComponentMatch":  firstComponent(prepared(true, spacesCompact)),
	}
}
