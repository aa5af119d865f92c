package seeds

import "bytes"

// readOpenLDAP reads the LDIF that slapcat writes of a tree with the overlay
// slapo-otp: a user (oathTOTPUser, oathHOTPUser) names a token, and that its
// parameters. The three may be one entry or many, in any order. See slapo-otp(5).
func readOpenLDAP(f File) ([]Seed, error) {
	var tokens []entry
	params := map[string]entry{} // by nameKey, here and below
	owners := map[string][]string{}
	err := eachEntry(f.Data, func(e entry) {
		if e.isA("oathTOTPParams") || e.isA("oathHOTPParams") {
			params[nameKey(e.DN)] = e
		}
		if e.isA("oathTOTPToken") || e.isA("oathHOTPToken") {
			tokens = append(tokens, e)
		}
		for _, attribute := range []string{"oathTOTPToken", "oathHOTPToken"} {
			for _, v := range e.all(attribute) {
				key := attribute + nameKey(string(v))
				owners[key] = append(owners[key], e.DN)
			}
		}
	})
	var list []Seed
	for _, token := range tokens {
		for _, kind := range []string{"oathTOTP", "oathHOTP"} {
			class := kind + "Token"
			if !token.isA(class) {
				continue
			}
			s := Seed{Where: token.DN, Serial: token.text("oathTokenSerialNumber"), Name: token.text("oathTokenIdentifier")}
			s.oathToken(kind, token, params)
			users := owners[class+nameKey(token.DN)]
			switch {
			case kind == "oathTOTP":
			case token.isA("oathTOTPToken"):
				s.refuse("it is taken as a TOTP token")
			case len(users) > 1:
				s.refuse("several users have it: a code that one has used would count for the others")
			}
			if len(users) == 0 {
				list = append(list, s)
			}
			for _, user := range users {
				s.Owner = user
				s.Secret = bytes.Clone(s.Secret)
				list = append(list, s)
			}
		}
	}
	return list, err
}

// hmacs are the algorithms of RFC 8018, appendix B.1.
var hmacs = map[string]string{
	"1.2.840.113549.2.7":  "SHA1",
	"1.2.840.113549.2.9":  "SHA256",
	"1.2.840.113549.2.11": "SHA512",
}

// oathToken takes over what a token and its parameters say.
func (s *Seed) oathToken(kind string, token entry, params map[string]entry) {
	p, ok := params[nameKey(token.text(kind+"Params"))]
	if !ok {
		s.refuse("its %sParams are not in the file", kind)
		return
	}
	if token.text("oathEncKey")+p.text("oathEncKey") != "" {
		s.refuse("its secret is encrypted with oathEncKey")
		return
	}
	oid := p.text("oathHMACAlgorithm")
	name, ok := hmacs[oid]
	if !ok {
		name = "HMAC " + oid
	}
	s.algorithm(name)
	s.digits(p.number(s, "oathOTPLength"))
	switch last := token.text("oathHOTPCounter"); {
	case kind == "oathTOTP":
		s.period(p.number(s, "oathTOTPTimeStepPeriod"))
		s.LastStep = token.number(s, "oathTOTPLastTimeStep")
		s.drift(token.number(s, "oathTOTPTimeStepDrift"))
	case last == "": // never used
		s.counter(0)
	default:
		s.counter(token.number(s, "oathHOTPCounter") + 1)
	}
	s.Secret = bytes.Clone(token.octets("oathSecret"))
}
