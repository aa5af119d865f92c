package seeds

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Google Authenticator exports its accounts as QR codes of
// otpauth-migration://offline?data=…, the base64 of this protobuf message:
//
//	message MigrationPayload {
//	  repeated OtpParameters otp_parameters = 1;
//	  int32 version = 2;
//	  int32 batch_size = 3;   // QR codes of the export
//	  int32 batch_index = 4;  // which of them this is, from 0
//	  int32 batch_id = 5;
//	}
//	message OtpParameters {
//	  bytes secret = 1;
//	  string name = 2;
//	  string issuer = 3;
//	  Algorithm algorithm = 4;  // 1: SHA1, 2: SHA256, 3: SHA512, 4: MD5
//	  DigitCount digits = 5;    // 1: six, 2: eight
//	  OtpType type = 6;         // 1: HOTP, 2: TOTP
//	  int64 counter = 7;
//	}
//
// 0 is not said, and means SHA1, six and TOTP. The period is always 30 seconds.

// batch is which QR codes of one export were seen.
type batch struct {
	where string // the first
	size  uint64
	seen  map[uint64]bool
}

// seedsOfMigration reads one such URI, and notes which part it is.
func seedsOfMigration(where string, u *url.URL, parts map[uint64]*batch) []Seed {
	list, b, id, err := decodeMigration(where, u)
	if err != nil {
		return []Seed{{Where: where, Refused: "not an export of Google Authenticator"}}
	}
	if b.size > 1 {
		if parts[id] == nil {
			parts[id] = &b
		}
		maps.Copy(parts[id].seen, b.seen)
	}
	return list
}

// missingParts tells of exports of which QR codes are missing.
func missingParts(parts map[uint64]*batch) (list []Seed) {
	for _, id := range slices.Sorted(maps.Keys(parts)) {
		if b := parts[id]; uint64(len(b.seen)) < b.size {
			list = append(list, Seed{Where: b.where, Refused: fmt.Sprintf("the export has %d QR codes, and only %d of them are here", b.size, len(b.seen))})
		}
	}
	return list
}

var errMigration = errors.New("malformed")

func decodeMigration(where string, u *url.URL) (list []Seed, b batch, id uint64, err error) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, b, 0, err
	}
	// A "+" that was not escaped has become a blank.
	text := strings.NewReplacer(" ", "+", "-", "+", "_", "/", "=", "").Replace(values.Get("data"))
	payload, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(payload) == 0 {
		return nil, b, 0, errMigration
	}
	b = batch{where: where, seen: map[uint64]bool{}}
	var index uint64
	err = protoFields(payload, func(field protowire.Number, n uint64, data []byte) error {
		switch field {
		case 1:
			s, err := decodeOTPParameters(data)
			s.Where = fmt.Sprintf("%s, account %d", where, len(list)+1)
			list = append(list, s)
			return err
		case 3:
			b.size = n
		case 4:
			index = n
		case 5:
			id = n
		}
		return nil
	})
	b.seen[index] = true
	return list, b, id, err
}

func decodeOTPParameters(b []byte) (s Seed, err error) {
	var name, issuer string
	var hotp bool
	var counter uint64
	err = protoFields(b, func(field protowire.Number, n uint64, data []byte) error {
		switch field {
		case 1:
			s.Secret = slices.Clone(data)
		case 2:
			name = string(data)
		case 3:
			issuer = string(data)
		case 4:
			if n > 3 {
				s.refuse("an algorithm other than SHA-1, SHA-256 and SHA-512")
				return nil
			}
			s.algorithm([]string{"", "SHA1", "SHA256", "SHA512"}[n])
		case 5:
			if n > 2 {
				s.refuse("a number of digits that is not known")
				return nil
			}
			s.digits([]int64{0, 6, 8}[n])
		case 6:
			hotp = n == 1
		case 7:
			counter = min(n, math.MaxInt64-1)
		}
		return nil
	})
	if hotp {
		s.counter(int64(counter) + 1) // Google's app keeps the last
	}
	s.label(name, issuer)
	return s, err
}

// protoFields calls fn with each field of a protobuf message: n of a varint,
// data of a string, a message or octets.
func protoFields(b []byte, fn func(field protowire.Number, n uint64, data []byte) error) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errMigration
		}
		b = b[n:]
		var number uint64
		var data []byte
		switch kind {
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			data, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return errMigration
		}
		if err := fn(field, number, data); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}
