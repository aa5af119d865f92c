package pingdirectory

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/subschema"
)

// kind is how the values of an attribute look in JSON.
type kind int

const (
	aString   kind = iota
	anInteger      // a number without fraction
	aBoolean
	aTime    // ISO 8601 in UTC, milliseconds at least
	aBinary  // base64
	anObject // a JSON object, which PingDirectory has a syntax for
)

func (k kind) String() string {
	return [...]string{"a string", "an integer", "a boolean", "a time like 2026-01-02T03:04:05Z", "base64 text", "an object"}[k]
}

// rfc4517 is where the OIDs of the LDAP syntaxes begin.
const rfc4517 = "1.3.6.1.4.1.1466.115.121.1."

// kinds are those of the syntaxes that are not strings.
var kinds = map[string]kind{
	rfc4517 + "4":  aBinary, // audio
	rfc4517 + "5":  aBinary,
	rfc4517 + "7":  aBoolean,
	rfc4517 + "8":  aBinary, // certificates, lists of them, and pairs
	rfc4517 + "9":  aBinary,
	rfc4517 + "10": aBinary,
	rfc4517 + "23": aBinary, // fax
	rfc4517 + "24": aTime,
	rfc4517 + "27": anInteger,
	rfc4517 + "28": aBinary, // JPEG
	rfc4517 + "40": aBinary, // octet string
	rfc4517 + "49": aBinary, // supported algorithm

	"1.3.6.1.4.1.30221.2.3.4": anObject,
}

// kindOf is how the values of t look; t may be nil. A password is octets for
// LDAP and text for everybody who types one.
func kindOf(t *subschema.AttributeType, description string) kind {
	if t == nil {
		return aString
	}
	if _, options, _ := strings.Cut(description, ";"); strings.EqualFold(options, "binary") {
		return aBinary
	}
	if strings.EqualFold(t.Name(), "userPassword") {
		return aString
	}
	return kinds[t.Syntax]
}

// toJSON is a value for encoding/json. What a server keeps against its own
// syntax is a string as it is, and octets that are not UTF-8 are base64.
func (k kind) toJSON(value string) any {
	switch k {
	case anInteger:
		if integer.MatchString(value) {
			return json.Number(value)
		}
	case aBoolean:
		if value == "TRUE" || value == "FALSE" {
			return value == "TRUE"
		}
	case aTime:
		if t, ok := parseGeneralizedTime(value); ok {
			return isoTime(t)
		}
	case anObject:
		if doc, err := strictjson.Parse([]byte(value), deepest); err == nil && doc.Root.Kind == strictjson.Object {
			return doc.Root
		}
	case aBinary:
		return base64.StdEncoding.EncodeToString([]byte(value))
	}
	if !utf8.ValidString(value) {
		return base64.StdEncoding.EncodeToString([]byte(value))
	}
	return value
}

// appendJSON appends a value as toJSON has it.
func (k kind) appendJSON(b []byte, value string) ([]byte, error) {
	if k == aString && utf8.ValidString(value) { // most are
		return appendString(b, value), nil
	}
	return appendJSON(b, k.toJSON(value))
}

// integer is RFC 4517, section 3.3.16, which JSON agrees with.
var integer = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

var errKind = errors.New("of another kind")

// fromJSON is the LDAP value of v. The error says only that v is not of the
// kind.
func (k kind) fromJSON(v strictjson.Value) (string, error) {
	switch {
	case k == anInteger && v.Kind == strictjson.Number && integer.MatchString(v.Text):
		return v.Text, nil
	case k == aBoolean && v.Kind == strictjson.Bool:
		if v.Bool {
			return "TRUE", nil
		}
		return "FALSE", nil
	case k == anObject && v.Kind == strictjson.Object:
		b, err := json.Marshal(v)
		return string(b), err
	case v.Kind != strictjson.String:
	case k == aString:
		return v.Text, nil
	case k == aBinary:
		b, err := base64.StdEncoding.DecodeString(v.Text)
		if err != nil {
			return "", errKind
		}
		return string(b), nil
	case k == aTime:
		t, err := time.Parse(time.RFC3339, v.Text)
		if err != nil || t.UTC().Year() < 0 || t.UTC().Year() > 9999 {
			return "", errKind
		}
		return generalizedTime(t), nil
	}
	return "", errKind
}

// isoTime is t as the API writes it.
func isoTime(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond()%int(time.Millisecond) != 0 {
		return t.Format(time.RFC3339Nano)
	}
	return t.Format("2006-01-02T15:04:05.000Z07:00")
}

// generalizedTime is t as LDAP writes it (RFC 4517, section 3.3.13).
func generalizedTime(t time.Time) string {
	return t.UTC().Format("20060102150405.999999999Z")
}

// parseGeneralizedTime reads the forms that have minutes. A fraction of a
// minute or an hour is not read: nobody writes it.
func parseGeneralizedTime(s string) (time.Time, bool) {
	s = strings.Replace(s, ",", ".", 1)
	for _, layout := range []string{"20060102150405Z0700", "20060102150405Z07", "200601021504Z0700", "200601021504Z07"} {
		// A fraction behind the seconds is read though the layout has none.
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
