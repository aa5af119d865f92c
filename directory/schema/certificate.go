package schema

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// certificateMatch (RFC 4523, section 2.6; X.509, clause 13.3.2): a certificate
// has each of the parts that the assertion names. Those known here are serial
// number, issuer, subject, a moment at which it is valid, and the identifier of
// the subject's key; an assertion that names another is not taken, and the
// filter Undefined.

// certificateParts are what certificateMatch looks at, in the forms that
// assertCertificateParts makes.
type certificateParts struct {
	serial, issuer, subject, subjectKey []byte // nil: not there, or malformed
	notBefore, notAfter                 []byte
}

// The parts of an assertion as they follow each other in its normal form: the
// letter, the length in two octets and the part.
const (
	partSerial     = 's'
	partIssuer     = 'i'
	partSubject    = 'n'
	partValid      = 't'
	partSubjectKey = 'k'
)

// partsOfCertificate takes a certificate in DER apart (RFC 5280, section 4.1).
func (s *Schema) partsOfCertificate(value []byte) (p certificateParts, ok bool) {
	var certificate, tbs, serial, issuer, validity, subject, extensions cryptobyte.String
	in := cryptobyte.String(value)
	var hasExtensions bool
	if !in.ReadASN1(&certificate, asn1.SEQUENCE) ||
		!certificate.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!tbs.SkipOptionalASN1(asn1.Tag(0).ContextSpecific().Constructed()) || // version
		!tbs.ReadASN1Element(&serial, asn1.INTEGER) ||
		!tbs.SkipASN1(asn1.SEQUENCE) || // signature
		!tbs.ReadASN1(&issuer, asn1.SEQUENCE) ||
		!tbs.ReadASN1(&validity, asn1.SEQUENCE) ||
		!tbs.ReadASN1(&subject, asn1.SEQUENCE) ||
		!tbs.SkipASN1(asn1.SEQUENCE) || // subjectPublicKeyInfo
		!tbs.SkipOptionalASN1(asn1.Tag(1).ContextSpecific()) || // issuerUniqueID
		!tbs.SkipOptionalASN1(asn1.Tag(2).ContextSpecific()) || // subjectUniqueID
		!tbs.ReadOptionalASN1(&extensions, &hasExtensions, asn1.Tag(3).ContextSpecific().Constructed()) {
		return p, false
	}
	var err error
	if p.serial, err = normalizeSerial(nil, serial); err != nil {
		return p, false
	}
	p.issuer, _ = s.appendNormName([]byte{}, issuer)
	p.subject, _ = s.appendNormName([]byte{}, subject)
	p.notBefore, _ = readTime(&validity)
	p.notAfter, _ = readTime(&validity)
	if hasExtensions {
		p.subjectKey = subjectKeyIdentifier(extensions)
	}
	return p, true
}

// readTime reads a Time of X.509 in the form of appendTime.
func readTime(in *cryptobyte.String) ([]byte, error) {
	var at cryptobyte.String
	var kind asn1.Tag
	if !in.ReadAnyASN1(&at, &kind) {
		return nil, valueErrorf("malformed time")
	}
	if kind == asn1.GeneralizedTime {
		return appendTime(nil, "generalTime", string(at))
	}
	return appendTime(nil, "utcTime", string(at))
}

// subjectKeyIdentifier is what that extension of a certificate holds (RFC 5280,
// section 4.2.1.2); nil if it is not there.
func subjectKeyIdentifier(extensions cryptobyte.String) []byte {
	var list, extension, oid, octets, key cryptobyte.String
	if !extensions.ReadASN1(&list, asn1.SEQUENCE) {
		return nil
	}
	for !list.Empty() {
		if !list.ReadASN1(&extension, asn1.SEQUENCE) ||
			!extension.ReadASN1Element(&oid, asn1.OBJECT_IDENTIFIER) ||
			!extension.SkipOptionalASN1(asn1.BOOLEAN) ||
			!extension.ReadASN1(&octets, asn1.OCTET_STRING) {
			return nil
		}
		if name, ok := dottedOID(oid); ok && name == "2.5.29.14" && octets.ReadASN1(&key, asn1.OCTET_STRING) {
			return key
		}
	}
	return nil
}

// assertCertificateParts reads a CertificateAssertion in the text of RFC 4523,
// appendix A.2 (GSER).
func (s *Schema) assertCertificateParts(dst, value []byte) ([]byte, error) {
	fields, err := gserFields(string(value))
	if err != nil {
		return nil, err
	}
	for name, f := range fields {
		var letter byte
		var part []byte
		err := valueErrorf("of a certificate, serialNumber, issuer, subject, certificateValid and subjectKeyIdentifier are compared")
		switch {
		case name == "serialNumber" && f.choice == "":
			letter = partSerial
			part, err = normalizeInteger(nil, []byte(f.value))
		case name == "issuer" && f.choice == "rdnSequence":
			letter = partIssuer
			part, err = s.normalizeDN(nil, []byte(f.value))
		case name == "subject" && f.choice == "rdnSequence":
			letter = partSubject
			part, err = s.normalizeDN(nil, []byte(f.value))
		case name == "certificateValid":
			letter = partValid
			part, err = appendTime(nil, f.choice, f.value)
		case name == "subjectKeyIdentifier" && f.choice == "":
			letter = partSubjectKey
			part, err = gserOctets(f.value)
		}
		switch {
		case err != nil:
			return nil, err
		case len(part) > 0xffff:
			return nil, valueErrorf("%s is too long", name)
		}
		dst = append(binary.BigEndian.AppendUint16(append(dst, letter), uint16(len(part))), part...)
	}
	return dst, nil
}

// gserOctets reads an OCTET STRING in GSER (RFC 3641, section 3.8): '0A1B'H.
func gserOctets(text string) ([]byte, error) {
	digits, begins := strings.CutPrefix(text, "'")
	digits, ends := strings.CutSuffix(digits, "'H")
	octets, err := hex.DecodeString(digits)
	if !begins || !ends || err != nil {
		return nil, valueErrorf("octets are '…'H, with hexadecimal digits")
	}
	return octets, nil
}

// hasCertificateParts is certificateMatch; of what is no certificate it is false.
func (s *Schema) hasCertificateParts(value, assertion []byte) bool {
	p, ok := s.partsOfCertificate(value)
	for ok && len(assertion) > 0 {
		letter, n := assertion[0], int(binary.BigEndian.Uint16(assertion[1:]))
		part := assertion[3 : 3+n]
		assertion = assertion[3+n:]
		is := func(have []byte) bool { return have != nil && bytes.Equal(have, part) }
		switch letter {
		case partSerial:
			ok = is(p.serial)
		case partIssuer:
			ok = is(p.issuer)
		case partSubject:
			ok = is(p.subject)
		case partSubjectKey:
			ok = is(p.subjectKey)
		case partValid:
			ok = p.notBefore != nil && p.notAfter != nil && bytes.Compare(p.notBefore, part) <= 0 && bytes.Compare(part, p.notAfter) <= 0
		}
	}
	return ok
}
