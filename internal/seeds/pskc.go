package seeds

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tallystick/directory/seal"
)

// pskcContainer is a Portable Symmetric Key Container (RFC 6030) as far as it
// is of use here.
type pskcContainer struct {
	XMLName       xml.Name           `xml:"KeyContainer"`
	EncryptionKey *pskcEncryptionKey `xml:"EncryptionKey"`
	MACMethod     *pskcMACMethod     `xml:"MACMethod"`
	Packages      []struct {
		Device struct {
			SerialNo   string
			UserID     string `xml:"UserId"`
			StartDate  string
			ExpiryDate string
		} `xml:"DeviceInfo"`
		Key *pskcKey
	} `xml:"KeyPackage"`
}

type pskcKey struct {
	ID         string `xml:"Id,attr"`
	Algorithm  string `xml:"Algorithm,attr"`
	Parameters struct {
		Suite    string
		Response struct {
			Length      string `xml:"Length,attr"`
			Encoding    string `xml:"Encoding,attr"`
			CheckDigits bool   `xml:"CheckDigits,attr"`
		} `xml:"ResponseFormat"`
	} `xml:"AlgorithmParameters"`
	FriendlyName string
	UserID       string `xml:"UserId"`
	Data         struct {
		Secret       pskcValue
		Time         pskcValue
		TimeInterval pskcValue
		TimeDrift    pskcValue
		Counter      pskcValue
	}
	Policy struct {
		StartDate            string
		ExpiryDate           string
		KeyUsage             []string
		PINPolicy            *struct{}
		NumberOfTransactions string
	}
}

// pskcValue is a value in the clear or encrypted.
type pskcValue struct {
	Plain     string         `xml:"PlainValue"`
	Encrypted *pskcEncrypted `xml:"EncryptedValue"`
	MAC       string         `xml:"ValueMAC"`
}

func isPSKC(data []byte) bool {
	head := data[:min(len(data), 4096)]
	return bytes.HasPrefix(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff"))), []byte("<")) && bytes.Contains(head, []byte("KeyContainer"))
}

// readPSKC reads a key container. Signatures are not checked.
func readPSKC(f File) ([]Seed, error) {
	var c pskcContainer
	if err := xml.Unmarshal(f.Data, &c); err != nil {
		if at := (*xml.SyntaxError)(nil); errors.As(err, &at) { // it may quote the file
			return nil, fmt.Errorf("line %d is not XML", at.Line)
		}
		return nil, errors.New("not a key container (RFC 6030)")
	}
	opener, err := c.opener(f.Keys)
	if err != nil {
		return nil, err
	}
	defer opener.wipe()
	var list []Seed
	for _, p := range c.Packages {
		if p.Key == nil {
			continue // a device without a key
		}
		s := Seed{Where: "key " + p.Key.ID, Owner: strings.TrimSpace(p.Key.UserID), Serial: strings.TrimSpace(p.Device.SerialNo)}
		if s.Owner == "" {
			s.Owner = strings.TrimSpace(p.Device.UserID)
		}
		if s.Serial == "" {
			s.Serial = p.Key.ID
		}
		if err := s.pskc(p.Key, opener); err != nil {
			return nil, err
		}
		s.NotBefore = s.xmlTime(p.Key.Policy.StartDate, p.Device.StartDate)
		s.NotAfter = s.xmlTime(p.Key.Policy.ExpiryDate, p.Device.ExpiryDate)
		list = append(list, s)
	}
	return list, nil
}

// pskc takes over what a key says (RFC 6030, sections 4 and 5). The error is
// errPSKCKey, which is about the whole file.
func (s *Seed) pskc(k *pskcKey, opener *pskcOpener) error {
	s.Name = strings.TrimSpace(k.FriendlyName)
	switch algorithm := strings.ToLower(k.Algorithm); {
	case strings.HasSuffix(algorithm, ":totp"), strings.HasSuffix(algorithm, "#totp"):
	case strings.HasSuffix(algorithm, ":hotp"), strings.HasSuffix(algorithm, "#hotp"):
		s.counter(s.xmlNumber(k.Data.Counter)) // 0 where a new token's file does not say
	default:
		s.refuse("a key that is neither for TOTP nor for HOTP")
		return nil
	}
	if r := k.Parameters.Response; r.Encoding != "" && r.Encoding != "DECIMAL" || r.CheckDigits {
		s.refuse("its codes are not plain decimal digits")
	}
	if len(k.Policy.KeyUsage) > 0 && !contains(k.Policy.KeyUsage, "OTP") {
		s.refuse("its policy does not allow its use for one-time passwords")
	}
	if k.Policy.PINPolicy != nil {
		s.remark("its PIN policy is not taken over")
	}
	if k.Policy.NumberOfTransactions != "" {
		s.remark("that it may be used only so many times is not taken over")
	}
	s.algorithm(strings.TrimSpace(k.Parameters.Suite))
	s.digits(s.xmlNumber(pskcValue{Plain: k.Parameters.Response.Length}))
	s.period(s.xmlNumber(k.Data.TimeInterval))
	drift := s.xmlNumber(k.Data.TimeDrift) // in intervals; behind is negative
	if drift >= 1<<31 {
		drift -= 1 << 32 // libpskc knows no negative ones
	}
	s.drift(drift)
	if k.Data.Time.Encrypted != nil || s.xmlNumber(k.Data.Time) != 0 {
		s.remark("the time interval at which it was made says nothing here")
	}
	secret, err := opener.secret(k.Data.Secret)
	if err != nil && err != errPSKCKey {
		s.refuse("%v", err)
		err = nil
	}
	s.Secret = secret
	return err
}

func contains(list []string, word string) bool {
	for _, text := range list {
		if strings.TrimSpace(text) == word {
			return true
		}
	}
	return false
}

// xmlNumber is a number in the clear; 0 if there is none.
func (s *Seed) xmlNumber(v pskcValue) int64 {
	if v.Encrypted != nil {
		s.refuse("numbers in it are encrypted")
	}
	text := strings.TrimSpace(v.Plain)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		s.refuse("a number in it is malformed")
	}
	return n
}

// xmlTime is the first time that is there; zero if none is.
func (s *Seed) xmlTime(texts ...string) time.Time {
	for _, text := range texts {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t, err = time.Parse("2006-01-02T15:04:05.999999999", text) // xs:dateTime may have no zone
		}
		if err != nil {
			s.refuse("a date in it is malformed")
		}
		return t.UTC()
	}
	return time.Time{}
}

// xmlBase64 decodes base64 with white space anywhere.
func xmlBase64(text string) ([]byte, error) {
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
}

var errPSKCSecret = errors.New("its secret is malformed")

// secret is a value as octets.
func (o *pskcOpener) secret(v pskcValue) (seal.Secret, error) {
	if v.Encrypted != nil {
		return o.open(v)
	}
	secret, err := xmlBase64(v.Plain)
	if err != nil {
		return nil, errPSKCSecret
	}
	return secret, nil
}
