package pingdirectory

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"tallystick/httpbridge/upstream"
)

// The table of section 2.5: what each LDAP result of an operation becomes.
func TestStatusOfResults(t *testing.T) {
	for _, tt := range []struct {
		status int
		word   string
		codes  []int
	}{
		{200, "", []int{0, 5, 6, 10}},
		{401, "INVALID_REQUEST", []int{48, 8, 7}},
		{400, "INVALID_REQUEST", []int{49}},
		{403, "ACCESS_FAILED", []int{50}},
		{404, "NOT_FOUND", []int{32}},
		{409, "UNIQUENESS_VIOLATION", []int{68}},
		{400, "INVALID_REQUEST", []int{2, 12, 16, 17, 18, 19, 20, 21, 34, 53, 64, 65, 66, 67, 69, 71}},
		{400, "LIMIT_EXCEEDED", []int{3, 4, 11}},
		{503, "SERVICE_UNAVAILABLE", []int{51, 52}},
		{500, "UNEXPECTED_ERROR", []int{1, 80, 13, 14, 54, 118, 9999}},
	} {
		for _, code := range tt.codes {
			p := problemOf(fmt.Errorf("wrapped: %w", &upstream.Result{Code: code, MatchedDN: "dc=a", DiagnosticMessage: "why"}))
			if p.status != tt.status || p.code != tt.word {
				t.Errorf("%d: %d %s, want %d %s", code, p.status, p.code, tt.status, tt.word)
			}
		}
	}
}

// What the server says of the header's identity is 401, unless it is about the server.
func TestStatusOfErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		err    error
		status int
		header [2]string
		code   int // resultCode.value; -1: none
	}{
		{"rejected", &upstream.RejectedError{Result: upstream.Result{Code: 49, DiagnosticMessage: "x"}}, 401, challenge, 49},
		{"rejected as unknown", &upstream.RejectedError{Result: upstream.Result{Code: 32, MatchedDN: "dc=a"}}, 401, challenge, 49},
		{"rejected in part", &upstream.RejectedError{Result: upstream.Result{Code: 53}}, 401, challenge, 49},
		{"unavailable", fmt.Errorf("%w: x", upstream.ErrUnavailable), 503, [2]string{"Retry-After", "5"}, -1},
		{"busy", &upstream.Result{Code: 51}, 503, [2]string{"Retry-After", "5"}, 51},
		{"more authentication needed", &upstream.Result{Code: 8}, 401, challenge, 8},
		{"not understood", fmt.Errorf("%w: x", upstream.ErrProtocol), 500, [2]string{}, -1},
		{"unknown", errors.New("secret things"), 500, [2]string{}, -1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			problemOf(tt.err).write(w)
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			if tt.header[0] != "" && w.Header().Get(tt.header[0]) != tt.header[1] {
				t.Errorf("header %v", w.Header())
			}
			var b struct {
				Code, Message string
				ResultCode    *resultCode
				MatchedDN     *string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
				t.Fatal(err)
			}
			if b.Code == "" || b.Message == "" || b.MatchedDN != nil {
				t.Errorf("body %s", w.Body)
			}
			code := -1
			if b.ResultCode != nil {
				code = b.ResultCode.Value
			}
			if code != tt.code {
				t.Errorf("resultCode %d, want %d", code, tt.code)
			}
		})
	}
}

func TestProblemBody(t *testing.T) {
	w := httptest.NewRecorder()
	problemOf(&upstream.Result{Code: 32, MatchedDN: "ou=people,dc=example,dc=com", DiagnosticMessage: "no such entry"}).write(w)
	const want = `{"code":"NOT_FOUND","message":"no such object: no such entry",` +
		`"details":[{"code":"INVALID_REQUEST","message":"no such object: no such entry"}],` +
		`"resultCode":{"value":32,"name":"no such object"},"diagnosticMessage":"no such entry","matchedDN":"ou=people,dc=example,dc=com"}` + "\n"
	if got := w.Body.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %s", got)
	}
}

func TestSuccessBodies(t *testing.T) {
	for want, v := range map[string]any{
		`{"resultCode":{"value":0,"name":"success"}}`:                             object{succeeded},
		`{"resultCode":{"value":0,"name":"success"},"totpSharedSecret":"RG6..."}`: object{succeeded, {"totpSharedSecret", "RG6..."}},
	} {
		w := httptest.NewRecorder()
		write(w, http.StatusOK, "application/hal+json", v)
		if got := w.Body.String(); got != want+"\n" {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// The names are those of PingDirectory's SDK.
func TestResultNames(t *testing.T) {
	b, err := os.ReadFile("../../testdata/vectors/pingdirectory.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Vectors struct {
			ResultCodes []struct {
				Value int
				Name  string
			} `json:"result_codes"`
		}
	}
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, v := range file.Vectors.ResultCodes {
		if r, ok := results[v.Value]; ok {
			found++
			if r.name != v.Name {
				t.Errorf("%d is %q, want %q", v.Value, r.name, v.Name)
			}
		}
	}
	if found != len(results) {
		t.Errorf("%d of %d codes have a vector", found, len(results))
	}
}
