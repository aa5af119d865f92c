package schema

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// syntaxArc is where the syntaxes of RFC 4517 are.
	syntaxArc = "1.3.6.1.4.1.1466.115.121.1."

	directoryString  = syntaxArc + "15"
	nameSyntax       = syntaxArc + "12"
	nameAndUIDSyntax = syntaxArc + "34"
	uuidSyntax       = "1.3.6.1.1.16.1"
)

// checks is how values of each syntax are checked, by OID without syntaxArc.
// What is not in it takes any octets.
func (s *Schema) checks() map[string]func(value []byte) error {
	return map[string]func([]byte) error{
		"3":  description(ParseAttributeType),
		"6":  normalizes(normalizeBitString),
		"7":  checkBoolean,
		"11": checkCountry,
		"12": normalizes(s.normalizeDN),
		"14": checkDeliveryMethod,
		"15": checkDirectoryString,
		"16": checkContentRule,
		"17": checkStructureRule,
		"21": checkEnhancedGuide,
		"22": checkFax,
		"24": normalizes(normalizeTime),
		"25": checkGuide,
		"26": checkIA5,
		"27": checkInteger,
		"30": description(ParseMatchingRule),
		"31": checkRuleUse,
		"34": normalizes(s.normalizeNameAndUID),
		"35": checkNameForm,
		"36": checkNumeric,
		"37": description(ParseObjectClass),
		"38": checkOID,
		"39": checkOtherMailbox,
		"41": checkPostalAddress,
		"44": checkPrintable,
		"50": checkPrintable, // PrintableString, says RFC 4517, section 3.3.31
		"51": checkTeletex,
		"52": checkTelex,
		"53": checkUTCTime,
		"54": description(ParseLDAPSyntax),

		uuidSyntax:         normalizes(normalizeUUID),
		authPasswordSyntax: normalizes(normalizeAuthPassword),
		"1.3.6.1.1.1.0.0":  checkNISNetgroupTriple,
		"1.3.6.1.1.1.0.1":  checkIA5,
	}
}

// normalizes checks values by normalising them.
func normalizes(n normalizer) func([]byte) error {
	return func(value []byte) error {
		_, err := n(nil, value)
		return err
	}
}

// description checks values by parsing them.
func description[T any](parse func(string) (*T, error)) func([]byte) error {
	return func(value []byte) error {
		if _, err := parse(string(value)); err != nil {
			return valueErrorf("%s", err)
		}
		return nil
	}
}

func checkBoolean(value []byte) error {
	if string(value) != "TRUE" && string(value) != "FALSE" {
		return valueErrorf("a boolean is TRUE or FALSE")
	}
	return nil
}

func checkInteger(value []byte) error {
	digits, _ := bytes.CutPrefix(value, []byte("-"))
	if len(digits) > 0 && digits[0] == '0' && len(value) > 1 {
		return valueErrorf("an integer has no zeros in front")
	}
	_, err := normalizeInteger(nil, value)
	return err
}

func checkDirectoryString(value []byte) error {
	if len(value) == 0 {
		return valueErrorf("a directory string is not empty")
	}
	if !utf8.Valid(value) {
		return valueErrorf("a directory string is UTF-8")
	}
	return nil
}

func checkIA5(value []byte) error {
	for _, c := range value {
		if c >= utf8.RuneSelf {
			return valueErrorf("an IA5 string has only ASCII characters")
		}
	}
	return nil
}

// isPrintable is PrintableCharacter of RFC 4517, section 3.2.
func isPrintable(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("'()+,-./:? =", c) >= 0
}

func checkPrintable(value []byte) error {
	if len(value) == 0 {
		return valueErrorf("a printable string is not empty")
	}
	for _, c := range value {
		if !isPrintable(c) {
			return valueErrorf("a printable string has only letters, digits, spaces and '()+,-./:?=")
		}
	}
	return nil
}

func checkCountry(value []byte) error {
	if len(value) != 2 || !isPrintable(value[0]) || !isPrintable(value[1]) {
		return valueErrorf("a country string is two letters")
	}
	return nil
}

func checkNumeric(value []byte) error {
	if len(value) == 0 {
		return valueErrorf("a numeric string is not empty")
	}
	for _, c := range value {
		if c != ' ' && (c < '0' || c > '9') {
			return valueErrorf("a numeric string has only digits and spaces")
		}
	}
	return nil
}

var numericOIDPattern = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+$`)

func checkOID(value []byte) error {
	if !isDescr(value) && !numericOIDPattern.Match(value) {
		return valueErrorf("an object identifier is a name or numbers with dots")
	}
	return nil
}

// isDescr reports whether a value is a descr (RFC 4512, section 1.4).
func isDescr(value []byte) bool {
	for i, c := range value {
		letter := 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
		if !letter && (i == 0 || c != '-' && (c < '0' || c > '9')) {
			return false
		}
	}
	return len(value) > 0
}

// checkPostalAddress is RFC 4517, section 3.3.28: a dollar in a line is \24, and a
// backslash \5C.
func checkPostalAddress(value []byte) error {
	for line := range bytes.SplitSeq(value, []byte("$")) {
		if !utf8.Valid(line) {
			return valueErrorf("a postal address is UTF-8")
		}
		if len(line) == 0 {
			return valueErrorf("a postal address has no empty lines")
		}
		for rest := line; ; {
			_, escaped, ok := bytes.Cut(rest, []byte(`\`))
			if !ok {
				break
			}
			if len(escaped) < 2 || !bytes.Equal(escaped[:2], []byte("24")) && !bytes.EqualFold(escaped[:2], []byte("5C")) {
				return valueErrorf(`a backslash in a postal address is \5C`)
			}
			rest = escaped[2:]
		}
	}
	return nil
}

var deliveryMethods = []string{"any", "mhs", "physical", "telex", "teletex", "g3fax", "g4fax", "ia5", "videotex", "telephone"}

func checkDeliveryMethod(value []byte) error {
	for method := range strings.SplitSeq(string(value), "$") {
		known := false
		for _, m := range deliveryMethods {
			known = known || strings.Trim(method, " ") == m
		}
		if !known {
			return valueErrorf("a delivery method is one of %s, or several with $ between them", strings.Join(deliveryMethods, ", "))
		}
	}
	return nil
}

var faxParameters = []string{"twoDimensional", "fineResolution", "unlimitedLength", "b4Length", "a3Width", "b4Width", "uncompressed"}

// checkFax is RFC 4517, section 3.3.11: a number with parameters behind $.
func checkFax(value []byte) error {
	number, rest, more := strings.Cut(string(value), "$")
	if err := checkPrintable([]byte(number)); err != nil {
		return err
	}
	for more {
		var parameter string
		parameter, rest, more = strings.Cut(rest, "$")
		known := false
		for _, p := range faxParameters {
			known = known || parameter == p
		}
		if !known {
			return valueErrorf("the parameters of a fax number are %s", strings.Join(faxParameters, ", "))
		}
	}
	return nil
}

// checkTelex is RFC 4517, section 3.3.33: number, country and answerback.
func checkTelex(value []byte) error {
	parts := bytes.Split(value, []byte("$"))
	if len(parts) != 3 {
		return valueErrorf("a telex number is number$country$answerback")
	}
	for _, p := range parts {
		if err := checkPrintable(p); err != nil {
			return err
		}
	}
	return nil
}

var teletexParameters = []string{"graphic", "control", "misc", "page", "private"}

// checkTeletex is RFC 4517, section 3.3.32: an identifier with parameters behind $.
func checkTeletex(value []byte) error {
	id, rest, more := bytes.Cut(value, []byte("$"))
	if err := checkPrintable(id); err != nil {
		return err
	}
	for more {
		var parameter []byte
		parameter, rest, more = bytes.Cut(rest, []byte("$"))
		if key, _, ok := bytes.Cut(parameter, []byte(":")); !ok || !slices.Contains(teletexParameters, string(key)) {
			return valueErrorf("the parameters of a teletex terminal are %s, with a colon and a value behind", strings.Join(teletexParameters, ", "))
		}
	}
	return nil
}

func checkOtherMailbox(value []byte) error {
	kind, mailbox, ok := bytes.Cut(value, []byte("$"))
	if !ok || checkPrintable(kind) != nil || checkIA5(mailbox) != nil {
		return valueErrorf("another mailbox is type$mailbox in ASCII")
	}
	return nil
}

// checkNISNetgroupTriple is RFC 2307, section 2.4: (host,user,domain).
func checkNISNetgroupTriple(value []byte) error {
	if len(value) < 2 || value[0] != '(' || value[len(value)-1] != ')' || bytes.Count(value, []byte(",")) != 2 || checkIA5(value) != nil {
		return valueErrorf("a netgroup triple is (host,user,domain)")
	}
	return nil
}
