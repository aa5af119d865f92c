//go:build linux

package main

import (
	"bufio"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
)

const (
	suffix   = "dc=example,dc=com"
	peopleDN = "ou=people," + suffix
	tokensDN = "ou=tokens," + suffix
	password = "password" // of everybody
)

// population is the entries a server is filled with: people, uid=user.0 and
// on, and behind them more people who hold a TOTP secret. Everything about a
// person follows from the number, so that both servers and the load agree
// without sharing state.
type population struct {
	people  int
	holders int
}

func (p population) entries() int { return p.people + p.holders }

func userDN(i int) string { return fmt.Sprintf("uid=user.%d,%s", i, peopleDN) }

// secret is the TOTP key of person i: 20 octets, HMAC-SHA1, six digits, 30 s.
func secret(i int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "secret of user.%d", i))
	return sum[:20]
}

// hashed is person i's password as {SSHA512}.
func hashed(i int) string {
	salt := fmt.Appendf(nil, "%08d", i)
	sum := sha512.Sum512(append([]byte(password), salt...))
	return "{SSHA512}" + base64.StdEncoding.EncodeToString(append(sum[:], salt...))
}

// flavour is how a server wants TOTP secrets in LDIF.
type flavour int

const (
	valueFlavour flavour = iota // ds-auth-totp-shared-secret, as PingDirectory has it
	tokenFlavour                // a token entry of slapo-otp(5) for each holder
)

// writeLDIF writes the suffix, ou=people and the people, about 700 octets each.
func (p population) writeLDIF(w io.Writer, f flavour) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "dn: %s\nobjectClass: top\nobjectClass: organization\nobjectClass: dcObject\ndc: example\no: Example\n\n", suffix)
	fmt.Fprintf(b, "dn: %s\nobjectClass: top\nobjectClass: organizationalUnit\nou: people\n\n", peopleDN)
	if f == tokenFlavour {
		fmt.Fprintf(b, "dn: %s\nobjectClass: top\nobjectClass: organizationalUnit\nobjectClass: oathTOTPParams\nou: tokens\n"+
			"oathOTPLength: 6\noathHMACAlgorithm: 1.2.840.113549.2.7\noathTOTPTimeStepPeriod: 30\noathTOTPTimeStepWindow: 1\n\n", tokensDN)
	}
	for i := range p.entries() {
		holder := i >= p.people
		class := ""
		if holder && f == tokenFlavour {
			class = "objectClass: oathTOTPUser\n" // slapadd wants the values of an attribute together
		}
		writePerson(b, i, class)
		switch {
		case holder && f == valueFlavour:
			fmt.Fprintf(b, "ds-auth-totp-shared-secret: %s\n\n", base32.StdEncoding.EncodeToString(secret(i)))
		case holder && f == tokenFlavour:
			token := fmt.Sprintf("cn=user.%d,%s", i, tokensDN)
			fmt.Fprintf(b, "oathTOTPToken: %s\n\n", token)
			fmt.Fprintf(b, "dn: %s\nobjectClass: top\nobjectClass: device\nobjectClass: oathTOTPToken\ncn: user.%d\n"+
				"oathTOTPParams: %s\noathSecret:: %s\n\n", token, i, tokensDN, base64.StdEncoding.EncodeToString(secret(i)))
		default:
			b.WriteByte('\n')
		}
	}
	return b.Flush()
}

var (
	givenNames = []string{"Aaccf", "Aaren", "Abbie", "Carlos", "Dimitri", "Émile", "Ingrid", "Keiko", "Ljubica", "Zoë"}
	surnames   = []string{"Amar", "Atp", "Brännström", "Castillo", "Dubois", "Iversen", "Novák", "Okafor", "Smith", "Yamada", "Zhou"}
	cities     = []string{"Albuquerque", "Bergen", "Cork", "Gdansk", "Nairobi", "Osaka", "Porto", "Quito"}
)

// writePerson writes person i, with another object class if class is a line,
// and without the blank line that ends the record.
func writePerson(b *bufio.Writer, i int, class string) {
	given := givenNames[i%len(givenNames)]
	sn := surnames[i/len(givenNames)%len(surnames)]
	city := cities[i%len(cities)]
	fmt.Fprintf(b, "dn: %s\nobjectClass: top\nobjectClass: person\nobjectClass: organizationalPerson\nobjectClass: inetOrgPerson\n%s", userDN(i), class)
	fmt.Fprintf(b, "uid: user.%d\n", i)
	writeText(b, "givenName", given)
	writeText(b, "sn", sn)
	writeText(b, "cn", given+" "+sn)
	fmt.Fprintf(b, "mail: user.%d@example.com\nemployeeNumber: %d\n", i, i)
	fmt.Fprintf(b, "telephoneNumber: +1 %03d 555 %04d\nmobile: +1 %03d 556 %04d\n", i%900+100, i%10000, i%900+100, i%10000)
	fmt.Fprintf(b, "street: %d Fifth Street\nl: %s\nst: NM\npostalCode: %05d\n", i%9999, city, i%100000)
	fmt.Fprintf(b, "postalAddress: %d Fifth Street$%s, NM  %05d\n", i%9999, city, i%100000)
	fmt.Fprintf(b, "homePhone: +1 %03d 557 %04d\npager: +1 %03d 558 %04d\n", i%900+100, i%10000, i%900+100, i%10000)
	fmt.Fprintf(b, "description: the person of the load with number %d, before anything was modified\nuserPassword: %s\n", i, hashed(i))
}

// writeText writes one line, in base64 where RFC 2849 asks for it.
func writeText(b *bufio.Writer, attribute, value string) {
	for _, c := range []byte(value) {
		if c >= 0x80 {
			fmt.Fprintf(b, "%s:: %s\n", attribute, base64.StdEncoding.EncodeToString([]byte(value)))
			return
		}
	}
	fmt.Fprintf(b, "%s: %s\n", attribute, value)
}
