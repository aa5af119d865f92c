package wire

import (
	"time"

	"tallystick/internal/ber"
)

// Explanation is what a user would be asked for, and why.
//
//	Explanation ::= SEQUENCE {
//	     logIn         [0] OCTET STRING,
//	     secondFactor  [1] OCTET STRING,
//	     policy        [2] OCTET STRING OPTIONAL,
//	     because       [3] SEQUENCE OF OCTET STRING OPTIONAL,
//	     fault         [4] OCTET STRING OPTIONAL,
//	     credentials   [5] SEQUENCE OF Credential OPTIONAL,
//	     recoveryCodes [6] INTEGER OPTIONAL,
//	     graceUntil    [7] INTEGER OPTIONAL,
//	     graceLogins   [8] INTEGER OPTIONAL,
//	     rebindFor     [9] INTEGER OPTIONAL,
//	     applications  [10] SEQUENCE OF ApplicationPassword OPTIONAL,
//	     waitUntil     [11] INTEGER OPTIONAL }
type Explanation struct {
	LogIn         string // what is enough, in words
	SecondFactor  string // required, optional, exempt, refused
	Policy        string // DN of the one that decides; "": none
	Because       []string
	Fault         string
	Credentials   []ManagedCredential // whose codes count
	RecoveryCodes int
	GraceUntil    time.Time // UTC, whole seconds; zero: no such bound
	GraceLogins   int       // that are left; 0: no such bound
	RebindFor     time.Duration
	Applications  []ApplicationPassword // that count
	WaitUntil     time.Time             // when the next attempt is judged: UTC, whole milliseconds; zero: at once
}

func (e Explanation) append(b []byte) []byte {
	b, start := ber.Begin(b, ber.Context|ber.Constructed|10)
	b = appendSome(b, 0, e.LogIn)
	b = appendSome(b, 1, e.SecondFactor)
	b = appendSome(b, 2, e.Policy)
	b = appendTexts(b, 3, e.Because)
	b = appendSome(b, 4, e.Fault)
	b = appendCredentials(b, 5, e.Credentials)
	b = appendNumber(b, 6, int64(e.RecoveryCodes))
	b = appendTime(b, 7, e.GraceUntil)
	b = appendNumber(b, 8, int64(e.GraceLogins))
	b = appendNumber(b, 9, int64(e.RebindFor/time.Second))
	b = appendApplications(b, 10, e.Applications)
	b = appendMillis(b, 11, e.WaitUntil)
	return ber.End(b, start)
}

// decodeExplanation reads an Explanation; elements that are not known are
// ignored.
func decodeExplanation(contents []byte) (*Explanation, error) {
	var e Explanation
	n := numbers{}
	for in := ber.NewReader(contents); !in.Done() && n.err == nil; {
		tag, contents, err := in.Next()
		if err != nil {
			return nil, err
		}
		switch tag {
		case ber.Context:
			e.LogIn = text(contents)
		case ber.Context | 1:
			e.SecondFactor = text(contents)
		case ber.Context | 2:
			e.Policy = text(contents)
		case ber.Context | ber.Constructed | 3:
			e.Because, err = decodeTexts(contents)
		case ber.Context | 4:
			e.Fault = text(contents)
		case ber.Context | ber.Constructed | 5:
			e.Credentials, err = decodeManagedCredentials(contents)
		case ber.Context | 6:
			e.RecoveryCodes = int(n.read(contents, 0, maxSmall))
		case ber.Context | 7:
			e.GraceUntil = n.time(contents)
		case ber.Context | 8:
			e.GraceLogins = int(n.read(contents, 0, maxSmall))
		case ber.Context | 9:
			e.RebindFor = time.Duration(n.read(contents, 0, maxSmall)) * time.Second
		case ber.Context | ber.Constructed | 10:
			e.Applications, err = decodeApplications(contents)
		case ber.Context | 11:
			e.WaitUntil = n.millis(contents)
		}
		if err != nil {
			return nil, err
		}
	}
	return &e, n.err
}
