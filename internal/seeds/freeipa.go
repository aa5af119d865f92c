package seeds

import (
	"bytes"
	"math"
	"strings"
	"time"

	"tallystick/directory/schema"
)

// readFreeIPA reads an LDIF of FreeIPA's tokens (cn=otp in its tree), searched
// as the Directory Manager: nobody else sees ipatokenOTPkey.
func readFreeIPA(f File) (list []Seed, err error) {
	err = eachEntry(f.Data, func(e entry) {
		if e.isA("ipatokenHOTP") {
			s := ipaToken(e)
			s.counter(e.number(&s, "ipatokenHOTPcounter")) // that of the next code
			list = append(list, s)
		} else if e.isA("ipatokenTOTP") {
			s := ipaToken(e)
			s.ipaTOTP(e)
			list = append(list, s)
		}
	})
	return list, err
}

// ipaToken is what tokens of both kinds have.
func ipaToken(e entry) Seed {
	s := Seed{Where: e.DN, Owner: e.text("ipatokenOwner"), Name: e.text("description"), Serial: e.text("ipatokenSerial")}
	if s.Name == "" {
		s.Name = e.text("ipatokenUniqueID")
	}
	s.algorithm(e.text("ipatokenOTPalgorithm"))
	s.digits(e.number(&s, "ipatokenOTPdigits"))
	s.Secret = bytes.Clone(e.octets("ipatokenOTPkey"))
	s.Disabled = strings.EqualFold(e.text("ipatokenDisabled"), "TRUE")
	s.NotBefore = e.time(&s, "ipatokenNotBefore")
	if s.NotAfter = e.time(&s, "ipatokenNotAfter"); !s.NotAfter.IsZero() {
		s.NotAfter = s.NotAfter.Add(time.Second) // there it is the last second that counts
	}
	return s
}

func (e entry) time(s *Seed, name string) time.Time {
	value := e.octets(name)
	if value == nil {
		return time.Time{}
	}
	t, err := schema.ParseGeneralizedTime(value)
	if err != nil {
		s.refuse("%s is not a time", name)
	}
	return t
}

func (s *Seed) ipaTOTP(e entry) {
	seconds := e.number(s, "ipatokenTOTPtimeStep")
	if seconds < 5 {
		seconds = 30 // as FreeIPA does
	}
	s.period(seconds)
	offset := e.number(s, "ipatokenTOTPclockOffset")
	s.drift(int64(math.Round(float64(offset) / float64(seconds))))
	if watermark := e.number(s, "ipatokenTOTPwatermark"); watermark > 0 {
		s.LastStep = watermark - 1 // it is the first step that still counts
	}
}
