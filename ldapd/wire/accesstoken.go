package wire

import (
	"encoding/json"
	"time"
)

// AccessToken is the value of PingDirectory's response control to a bind that
// asked for an access token: JSON with a token and when it expires, or with
// why there is none.
type AccessToken struct {
	Token        string
	Expires      time.Time
	ErrorMessage string // "": there is a token
}

// Encode returns the value of the control.
func (t AccessToken) Encode() []byte {
	var text struct {
		Token        string `json:"token,omitempty"`
		Expires      string `json:"expiration-time,omitempty"` // RFC 3339
		ErrorMessage string `json:"error-message,omitempty"`
	}
	if text.ErrorMessage = t.ErrorMessage; t.ErrorMessage == "" {
		text.Token, text.Expires = t.Token, t.Expires.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // strings only
	}
	return b
}
