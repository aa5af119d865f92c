package schema

import (
	"bytes"
	encodingasn1 "encoding/asn1"
	"math/big"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// The rules of RFC 4523 that look into certificates and revocation lists. A
// stored value that is none is compared octet by octet: it may be older than
// these rules.

// normalizeCertificate is what certificateExactMatch compares of a certificate
// in DER (RFC 5280, section 4.1): serial number and issuer.
func (s *Schema) normalizeCertificate(dst, value []byte) ([]byte, error) {
	var certificate, tbs, serial, issuer cryptobyte.String
	in := cryptobyte.String(value)
	if !in.ReadASN1(&certificate, asn1.SEQUENCE) ||
		!certificate.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(asn1.Tag(0).ContextSpecific().Constructed()) || // version
		!tbs.ReadASN1Element(&serial, asn1.INTEGER) ||
		!tbs.SkipASN1(asn1.SEQUENCE) || // signature
		!tbs.ReadASN1(&issuer, asn1.SEQUENCE) {
		return appendUnknown(dst, value), nil
	}
	out, err := normalizeSerial(dst, serial)
	if err == nil {
		out, err = s.appendNormName(out, issuer)
	}
	if err != nil {
		return appendUnknown(dst, value), nil
	}
	return out, nil
}

func normalizeSerial(dst []byte, element cryptobyte.String) ([]byte, error) {
	number := new(big.Int)
	// Longer ones have too many digits, and to find that out takes time that
	// grows faster than they do.
	if len(element) > maxDigits || !element.ReadASN1Integer(number) {
		return nil, valueErrorf("malformed serial number")
	}
	return normalizeInteger(dst, []byte(number.String()))
}

// normalizeCertificateList is what certificateListExactMatch compares of a
// revocation list in DER (RFC 5280, section 5.1): issuer and thisUpdate.
// Distribution points are not looked at.
func (s *Schema) normalizeCertificateList(dst, value []byte) ([]byte, error) {
	var list, tbs, issuer, at cryptobyte.String
	var kind asn1.Tag
	in := cryptobyte.String(value)
	if !in.ReadASN1(&list, asn1.SEQUENCE) ||
		!list.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(asn1.INTEGER) || // version
		!tbs.SkipASN1(asn1.SEQUENCE) || // signature
		!tbs.ReadASN1(&issuer, asn1.SEQUENCE) ||
		!tbs.ReadAnyASN1(&at, &kind) {
		return appendUnknown(dst, value), nil
	}
	name := "utcTime"
	if kind == asn1.GeneralizedTime {
		name = "generalTime"
	}
	out, err := appendTime(dst, name, string(at))
	if err == nil {
		out, err = s.appendNormName(out, issuer)
	}
	if err != nil {
		return appendUnknown(dst, value), nil
	}
	return out, nil
}

// assertCertificate reads a CertificateExactAssertion in the text of RFC 4523,
// appendix A.1 (GSER), in OpenLDAP's older form number$issuer, or takes a
// certificate for its own assertion.
func (s *Schema) assertCertificate(dst, value []byte) ([]byte, error) {
	serial, issuer, ok := strings.Cut(string(value), "$")
	switch {
	case bytes.HasPrefix(value, []byte("{")):
		fields, err := gserFields(string(value))
		if err != nil {
			return nil, err
		}
		serial, issuer = fields["serialNumber"].value, fields["issuer"].value
		if fields["issuer"].choice != "rdnSequence" {
			return nil, valueErrorf(`an assertion of a certificate is { serialNumber 1, issuer rdnSequence:"cn=…" }`)
		}
	case !ok || checkInteger([]byte(strings.TrimSpace(serial))) != nil:
		return s.normalizeCertificate(dst, value)
	}
	dst, err := normalizeInteger(dst, []byte(strings.TrimSpace(serial)))
	if err != nil {
		return nil, err
	}
	return s.normalizeDN(dst, []byte(issuer))
}

// assertCertificateList reads a CertificateListExactAssertion (RFC 4523,
// appendix A.3), or takes a list for its own assertion.
func (s *Schema) assertCertificateList(dst, value []byte) ([]byte, error) {
	if !bytes.HasPrefix(value, []byte("{")) {
		return s.normalizeCertificateList(dst, value)
	}
	fields, err := gserFields(string(value))
	if err != nil {
		return nil, err
	}
	issuer, at := fields["issuer"], fields["thisUpdate"]
	if issuer.choice != "rdnSequence" || len(fields) != 2 {
		return nil, valueErrorf(`an assertion of a revocation list is { issuer rdnSequence:"cn=…", thisUpdate utcTime:"…" }`)
	}
	if dst, err = appendTime(dst, at.choice, at.value); err != nil {
		return nil, err
	}
	return s.normalizeDN(dst, []byte(issuer.value))
}

// appendUnknown is the form of a value that has not the parts to compare; no
// other begins like it.
func appendUnknown(dst, value []byte) []byte { return append(append(dst, 0), value...) }

// appendTime appends a time of X.509 in the form of generalizedTimeMatch. kind
// is its name in ASN.1.
func appendTime(dst []byte, kind, text string) ([]byte, error) {
	layout := map[string]string{"utcTime": "060102150405Z", "generalTime": "20060102150405Z"}[kind]
	at, err := time.Parse(layout, text)
	if layout == "" || err != nil {
		return nil, valueErrorf("a time of X.509 is utcTime:\"YYMMDDHHMMSSZ\" or generalTime:\"YYYYMMDDHHMMSSZ\"")
	}
	if kind == "utcTime" && at.Year() >= 2050 { // RFC 5280, section 4.1.2.5.1
		at = at.AddDate(-100, 0, 0)
	}
	return normalizeTime(dst, []byte(at.Format("20060102150405Z")))
}

// appendNormName appends what DN.Norm is of the contents of a Name in DER,
// which has the RDNs from the root down.
func (s *Schema) appendNormName(dst []byte, name cryptobyte.String) ([]byte, error) {
	var rdns [][]AVA
	for !name.Empty() {
		var set cryptobyte.String
		if !name.ReadASN1(&set, asn1.SET) || len(rdns) == maxRDNs {
			return nil, valueErrorf("malformed name")
		}
		var avas []AVA
		for !set.Empty() {
			var ava, oid, value cryptobyte.String
			var kind asn1.Tag
			if !set.ReadASN1(&ava, asn1.SEQUENCE) || !ava.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER) ||
				!ava.ReadAnyASN1(&value, &kind) || len(avas) == maxRDNs {
				return nil, valueErrorf("malformed name")
			}
			typ, ok := dottedOID(oid)
			if !ok {
				return nil, valueErrorf("malformed name")
			}
			avas = append(avas, AVA{typ, stringOf(kind, value)})
		}
		if len(avas) == 0 {
			return nil, valueErrorf("malformed name")
		}
		rdns = append(rdns, avas)
	}
	for i := len(rdns) - 1; i >= 0; i-- {
		var err error
		if dst, err = s.appendNorm(dst, rdns[i], 0); err != nil {
			return nil, err
		}
		if i > 0 {
			dst = append(dst, ',')
		}
	}
	return dst, nil
}

func dottedOID(element cryptobyte.String) (string, bool) {
	var oid encodingasn1.ObjectIdentifier
	if !element.ReadASN1ObjectIdentifier(&oid) {
		return "", false
	}
	return oid.String(), true
}

// stringOf is a DirectoryString's text in UTF-8. What is not of the two odd
// kinds is ASCII or UTF-8 already.
func stringOf(kind asn1.Tag, value []byte) []byte {
	const bmpString, t61String = asn1.Tag(30), asn1.T61String
	switch {
	case kind == bmpString && len(value)%2 == 0:
		units := make([]uint16, len(value)/2)
		for i := range units {
			units[i] = uint16(value[2*i])<<8 | uint16(value[2*i+1])
		}
		return []byte(string(utf16.Decode(units)))
	case kind == t61String && !utf8.Valid(value): // as everybody writes it: Latin 1
		var text []byte
		for _, c := range value {
			text = utf8.AppendRune(text, rune(c))
		}
		return text
	}
	return value
}

// gserField is one component of a sequence in GSER; choice is empty unless it
// is one of a choice.
type gserField struct{ choice, value string }

// gserFields reads a sequence of numbers and strings in GSER (RFC 3641), such
// as { serialNumber 1, issuer rdnSequence:"cn=a" }.
func gserFields(text string) (map[string]gserField, error) {
	malformed := valueErrorf(`malformed: it is { name value, name choice:"value" }`)
	rest, ok := strings.CutPrefix(text, "{")
	if !ok {
		return nil, malformed
	}
	fields := map[string]gserField{}
	for {
		rest = strings.TrimLeft(rest, " ")
		n := strings.IndexByte(rest, ' ')
		if n <= 0 {
			return nil, malformed
		}
		name := rest[:n]
		rest = strings.TrimLeft(rest[n:], " ")
		if _, twice := fields[name]; twice {
			return nil, malformed
		}
		var f gserField
		n = strings.IndexAny(rest, ` ,}:"`)
		if n < 0 {
			return nil, malformed
		}
		f.value, rest = rest[:n], rest[n:]
		if quoted, ok := strings.CutPrefix(rest, `:"`); ok {
			var value strings.Builder // as long as a request may be, with a quote in every place
			for {
				n := strings.IndexByte(quoted, '"')
				if n < 0 {
					return nil, malformed
				}
				value.WriteString(quoted[:n])
				if quoted = quoted[n+1:]; !strings.HasPrefix(quoted, `"`) {
					break
				}
				value.WriteByte('"')
				quoted = quoted[1:]
			}
			f.choice, f.value = f.value, value.String()
			rest = quoted
		}
		fields[name] = f
		rest = strings.TrimLeft(rest, " ")
		switch {
		case strings.HasPrefix(rest, ","):
			rest = rest[1:]
		case strings.TrimRight(rest, " ") == "}":
			return fields, nil
		default:
			return nil, malformed
		}
	}
}
