package schema

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
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

// Whatever octets come, the rules neither panic nor fail on a stored value.
func FuzzCertificateRules(f *testing.F) {
	f.Add([]byte(`{ serialNumber 17, issuer rdnSequence:"cn=root ca,c=de" }`))
	f.Add([]byte(`{ issuer rdnSequence:"cn=""a""", thisUpdate utcTime:"260102030405Z" }`))
	f.Add([]byte{0x30, 0x0b, 0x30, 0x09, 2, 1, 1, 0x30, 0, 0x30, 2, 0x31, 0})
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, name := range []string{"certificateExactMatch", "certificateListExactMatch"} {
			r := Standard().MatchingRule(name)
			if _, err := r.Normalize(nil, value); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			_, _ = r.NormalizeAssertion(nil, value)
		}
	})
}
