package schema

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"strings"
	"testing"
	"time"
)

var x509Subject = pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{
	{Type: asn1.ObjectIdentifier{2, 5, 4, 6}, Value: "DE"},
	{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: "Müller, Söhne"},
	{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "Root  CA"},
}}

// aCertificate is one that issued itself, and a list of its issuer's.
func aCertificate(t *testing.T, serial *big.Int) (certificate, list []byte) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: x509Subject, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<31, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCRLSign, SubjectKeyId: []byte{1},
	}
	if certificate, err = x509.CreateCertificate(nil, c, c, public, private); err != nil {
		t.Fatal(err)
	}
	list, err = x509.CreateRevocationList(nil, &x509.RevocationList{
		Number: serial, ThisUpdate: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), NextUpdate: time.Unix(1<<31, 0),
	}, c, private)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, list
}

// RFC 4523, sections 2.5 to 2.7 and appendix A: an assertion names serial number
// and issuer of a certificate, or issuer and thisUpdate of a list.
func TestCertificateRules(t *testing.T) {
	huge, _ := new(big.Int).SetString("1234567890123456789012345678901234567890", 10)
	one, list := aCertificate(t, big.NewInt(17))
	again, otherList := aCertificate(t, big.NewInt(17)) // another key, the same name
	other, _ := aCertificate(t, huge)
	tests := []struct {
		rule      string
		value     []byte
		assertion string
		equal     bool
	}{
		{"certificateExactMatch", one, `{ serialNumber 17, issuer rdnSequence:"cn=root ca,o=m\C3\BCller\2C s\C3\B6hne,c=de" }`, true},
		{"certificateExactMatch", one, `{serialNumber 17,issuer rdnSequence:"CN=Root CA,O=Müller\, Söhne,C=DE"}`, true},
		{"certificateExactMatch", one, `{ issuer rdnSequence:"2.5.4.3=Root CA,O=Müller\, Söhne,C=DE", serialNumber 17 }`, true},
		{"certificateExactMatch", one, `17$cn=Root CA,o=Müller\, Söhne,c=DE`, true},
		{"certificateExactMatch", one, `{ serialNumber 18, issuer rdnSequence:"cn=root ca,o=Müller\, Söhne,c=de" }`, false},
		{"certificateExactMatch", one, `{ serialNumber 17, issuer rdnSequence:"cn=root ca,c=de" }`, false},
		{"certificateExactMatch", one, string(one), true},
		{"certificateExactMatch", one, string(again), true},
		{"certificateExactMatch", one, string(other), false},
		{"certificateExactMatch", other, huge.String() + `$cn=Root CA,o=Müller\, Söhne,c=DE`, true},
		{"certificateExactMatch", []byte("no certificate"), "no certificate", true},
		{"certificateExactMatch", []byte("no certificate"), string(one), false},
		{"certificateListExactMatch", list, `{ issuer rdnSequence:"cn=Root CA,o=Müller\, Söhne,c=DE", thisUpdate utcTime:"260102030405Z" }`, true},
		{"certificateListExactMatch", list, `{ issuer rdnSequence:"cn=Root CA,o=Müller\, Söhne,c=DE", thisUpdate generalTime:"20260102030405Z" }`, true},
		{"certificateListExactMatch", list, `{ issuer rdnSequence:"cn=Root CA,o=Müller\, Söhne,c=DE", thisUpdate utcTime:"760102030405Z" }`, false},
		{"certificateListExactMatch", list, string(otherList), true},
	}
	for _, tt := range tests {
		r := Standard().MatchingRule(tt.rule)
		value, err := r.Normalize(nil, tt.value)
		if err != nil {
			t.Fatal(err)
		}
		assertion, err := r.NormalizeAssertion(nil, []byte(tt.assertion))
		if err != nil {
			t.Errorf("%.60q: %v", tt.assertion, err)
		}
		if bytes.Equal(value, assertion) != tt.equal {
			t.Errorf("%.60q: equal is not %v:\n%q\n%q", tt.assertion, tt.equal, value, assertion)
		}
	}
	for _, assertion := range []string{
		"{", "{}", "{ serialNumber 1 }", `{ serialNumber x, issuer rdnSequence:"c=de" }`, `{ serialNumber 1, issuer rdnSequence:"c=de }`,
		`{ serialNumber 1, issuer rdnSequence:"nonsense" }`, `{ serialNumber 1, serialNumber 1 }`, `{ serialNumber 1, issuer rdnSequence:"c=de" } x`,
	} {
		if _, err := Standard().MatchingRule("certificateExactMatch").NormalizeAssertion(nil, []byte(assertion)); err == nil {
			t.Errorf("%q is taken", assertion)
		}
	}
}

// RFC 4523, section 2.6 and appendix A.2: an assertion names parts of a
// certificate, which has them all.
func TestCertificateMatch(t *testing.T) {
	one, list := aCertificate(t, big.NewInt(17))
	const name = `rdnSequence:"cn=root ca,o=Müller\2C Söhne,c=de"`
	r := Standard().MatchingRule("certificateMatch")
	for assertion, want := range map[string]bool{
		`{ serialNumber 17 }`:                                true,
		`{ serialNumber 18 }`:                                false,
		`{ issuer ` + name + ` }`:                            true,
		`{ issuer rdnSequence:"c=de" }`:                      false,
		`{ subject ` + name + `, issuer ` + name + ` }`:      true,
		`{ subject rdnSequence:"" }`:                         false,
		`{ subjectKeyIdentifier '01'H }`:                     true,
		`{ subjectKeyIdentifier '0102'H }`:                   false,
		`{ subjectKeyIdentifier ''H }`:                       false,
		`{ certificateValid utcTime:"700101000000Z" }`:       true,
		`{ certificateValid generalTime:"20380119031408Z" }`: true,
		`{ certificateValid generalTime:"20380119031409Z" }`: false,
		`{ certificateValid generalTime:"19691231235959Z" }`: false,
		`{ serialNumber 17, subjectKeyIdentifier '02'H }`:    false,
		`{ serialNumber 17, issuer ` + name + `, subject ` + name + `, subjectKeyIdentifier '01'H, certificateValid utcTime:"260102030405Z" }`: true,
	} {
		norm, err := r.NormalizeAssertion(nil, []byte(assertion))
		if err != nil {
			t.Errorf("%s: %v", assertion, err)
			continue
		}
		if got := r.Holds(one, norm); got != want {
			t.Errorf("%s: %v", assertion, got)
		}
		if r.Holds(list, norm) || r.Holds(nil, norm) {
			t.Errorf("%s: what is no certificate has it", assertion)
		}
	}
	for _, assertion := range []string{
		"", "{ }", "17$c=de", `{ keyUsage '1'B }`, `{ issuer "c=de" }`, `{ subjectKeyIdentifier '1'H }`, `{ subjectKeyIdentifier 01 }`,
		`{ certificateValid "260102030405Z" }`, `{ serialNumber 17, pathToName rdnSequence:"c=de" }`,
	} {
		if _, err := r.NormalizeAssertion(nil, []byte(assertion)); err == nil {
			t.Errorf("%q is taken", assertion)
		}
	}
}

// A request may be as long as that, and what is done for it grows no faster.
func TestCertificateRulesOfMuch(t *testing.T) {
	const n = 1 << 15
	r := Standard().MatchingRule("certificateMatch")
	quotes := []byte(`{ issuer rdnSequence:"cn=` + strings.Repeat(`""`, n) + `" }`)
	if got := testing.AllocsPerRun(1, func() {
		if _, err := r.NormalizeAssertion(nil, quotes); err == nil {
			t.Error("so long a name is taken")
		}
	}); got > n/8 {
		t.Errorf("%v allocations for %d quotes", got, n)
	}
	serial := append([]byte{2, 0x83, 1, 0, 0, 1}, make([]byte, 0xffff)...)
	if got := testing.AllocsPerRun(1, func() {
		if _, err := normalizeSerial(nil, serial); err == nil {
			t.Error("so large a serial number is taken")
		}
	}); got > 8 {
		t.Errorf("%v allocations for a serial number that is too large", got)
	}
}

// Whatever octets come, the rules neither panic nor fail on a stored value.
func FuzzCertificateRules(f *testing.F) {
	f.Add([]byte(`{ serialNumber 17, issuer rdnSequence:"cn=root ca,c=de" }`))
	f.Add([]byte(`{ issuer rdnSequence:"cn=""a""", thisUpdate utcTime:"260102030405Z" }`))
	f.Add([]byte(`{ serialNumber 17, certificateValid utcTime:"260102030405Z", subjectKeyIdentifier '01'H }`))
	f.Add([]byte{0x30, 0x0b, 0x30, 0x09, 2, 1, 1, 0x30, 0, 0x30, 2, 0x31, 0})
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, name := range []string{"certificateExactMatch", "certificateListExactMatch"} {
			r := Standard().MatchingRule(name)
			if _, err := r.Normalize(nil, value); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			_, _ = r.NormalizeAssertion(nil, value)
		}
		r := Standard().MatchingRule("certificateMatch")
		all, err := r.NormalizeAssertion(nil, []byte(`{ serialNumber 1, issuer rdnSequence:"c=de", subject rdnSequence:"c=de", certificateValid utcTime:"260102030405Z", subjectKeyIdentifier '01'H }`))
		if err != nil {
			t.Fatal(err)
		}
		r.Holds(value, all)
		if norm, err := r.NormalizeAssertion(nil, value); err == nil {
			r.Holds(value, norm)
		}
	})
}
