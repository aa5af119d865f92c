package zitadel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/go-ldap/ldap/v3"

	"tallystick/httpbridge/upstream"
	userv3alpha "tallystick/httpbridge/zitadel/api/zitadel/user/v3alpha"
)

// newHandler is a face in front of no LDAP server: what is asked of it must be
// in order to come as far as to notice.
func newHandler(t testing.TB) *Handler {
	client, err := upstream.New(upstream.Config{Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("none") }})
	if err != nil {
		t.Fatal(err)
	}
	return New(client, Config{MaxBody: 1 << 10})
}

// ask returns what a call is answered, which always is a google.rpc.Status.
func ask(t testing.TB, h http.Handler, r *http.Request) (status int, code connect.Code, message string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var answer struct {
		Code    *uint32
		Message string
		Details []struct {
			Type string `json:"@type"`
			ID   string
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Code == nil || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%s %s: %d %v %q", r.Method, r.URL, w.Code, w.Header(), w.Body)
	}
	return w.Code, connect.Code(*answer.Code), answer.Message
}

// What JSON may look like and where: sections 5 and 9. A request that is in
// order ends at the LDAP server, with 503.
func TestJSON(t *testing.T) {
	h := newHandler(t)
	const totp = "/v3alpha/users/u/totp"
	const verify = totp + "/t/verify"
	for _, row := range []struct {
		rule, method, path, body string
		status                   int
		code                     connect.Code
		message                  string // part of it
	}{
		{"start", "POST", totp, "", 503, connect.CodeUnavailable, ""},
		{"start, with what clients send", "POST", totp, "{}", 503, connect.CodeUnavailable, ""},
		{"start, with what it does not take", "POST", totp, "not JSON", 503, connect.CodeUnavailable, ""},
		{"a query is not read", "DELETE", totp + "/t?userId=evil&user_id=%zz", "", 503, connect.CodeUnavailable, ""},
		{"an escaped slash", "DELETE", "/v3alpha/users/a%2Fb/totp/t", "", 503, connect.CodeUnavailable, ""},
		{"verify", "POST", verify, `{"code":"123456"}`, 503, connect.CodeUnavailable, ""},
		{"unknown members", "POST", verify, `{"code":"123456","colour":{"red":1}}`, 503, connect.CodeUnavailable, ""},
		{"members of the path", "POST", verify, `{"code":"123456","userId":"evil","totp_id":"evil"}`, 503, connect.CodeUnavailable, ""},
		{"an absent body", "POST", verify, "", 503, connect.CodeUnavailable, ""},
		{"a number for a code", "POST", verify, `{"code":123456}`, 400, connect.CodeInvalidArgument, "malformed JSON: (line 1:9) invalid value for string field code"},
		{"a name twice", "POST", verify, `{"code":"1","code":"2"}`, 400, connect.CodeInvalidArgument, "malformed JSON: line 1, column 13"},
		{"not JSON", "POST", verify, `{"code":`, 400, connect.CodeInvalidArgument, "malformed JSON: line 1, column 9"},
		{"something behind", "POST", verify, `{} x`, 400, connect.CodeInvalidArgument, "malformed JSON"},
		{"an array", "POST", verify, `[]`, 400, connect.CodeInvalidArgument, "malformed JSON"},
		{"not UTF-8", "POST", verify, "{\"code\":\"\xff\"}", 400, connect.CodeInvalidArgument, "malformed JSON"},
		{"a tower", "POST", "/v3alpha/users/search", strings.Repeat("[", 41), 400, connect.CodeInvalidArgument, "malformed JSON"},
		{"too large", "POST", verify, strings.Repeat(" ", 1<<10+1), 429, connect.CodeResourceExhausted, "the body is too large"},
		{"the successor's code", "POST", "/resources/v3alpha/users/u/totp/t/_verify", ` "123456" `, 503, connect.CodeUnavailable, ""},
		{"the successor's code in an object", "POST", "/resources/v3alpha/users/u/totp/t/_verify", `{"code":"123456"}`, 400, connect.CodeInvalidArgument, "malformed JSON"},
		{"the successor's code, and more", "POST", "/resources/v3alpha/users/u/totp/t/_verify", `"123456","id":"evil"`, 400, connect.CodeInvalidArgument, "malformed JSON"},
		{"the current API", "DELETE", "/v2/users/u/totp", "", 503, connect.CodeUnavailable, ""},
		{"no such path", "GET", "/v3alpha/users/u/totp/t/secret", "", 404, connect.CodeNotFound, "Not Found"},
		{"no user", "GET", "/v3alpha/users", "", 404, connect.CodeNotFound, "Not Found"},
		{"too many slashes", "POST", "/v3alpha//users/u/totp", "", 404, connect.CodeNotFound, "Not Found"},
		{"another method", "PUT", totp, "", 405, connect.CodeUnimplemented, "Method Not Allowed"},
		{"HEAD", "HEAD", "/v3alpha/users/u", "", 405, connect.CodeUnimplemented, "Method Not Allowed"},
	} {
		target, err := url.Parse("http://localhost" + row.path)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(row.method, "http://localhost/", strings.NewReader(row.body))
		r.URL = target
		r.SetBasicAuth("ann", "password")
		status, code, message := ask(t, h, r)
		if status != row.status || code != row.code || !strings.Contains(message, row.message) {
			t.Errorf("%s: %d %v %q", row.rule, status, code, message)
		}
		if strings.Contains(message, "123456") {
			t.Errorf("%s: the code is in %q", row.rule, message)
		}
	}
}

// A page of another origin gets nothing done with the credentials that a
// browser adds.
func TestCrossOrigin(t *testing.T) {
	h := newHandler(t)
	for _, path := range []string{"/v3alpha/users/u/totp", userv3alpha.UserServiceStartTOTPRegistrationProcedure} {
		r := httptest.NewRequest("POST", path, nil)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.SetBasicAuth("ann", "password")
		if status, code, _ := ask(t, h, r); status != http.StatusForbidden || code != connect.CodePermissionDenied {
			t.Errorf("%s: %d %v", path, status, code)
		}
	}
}

// A fault of ours is 13, and nobody's business.
func TestPanicIsInternal(t *testing.T) {
	h := New(nil, Config{})
	r := httptest.NewRequest("GET", "/v3alpha/users/u", nil)
	r.SetBasicAuth("ann", "password")
	if status, code, message := ask(t, h, r); status != 500 || code != connect.CodeInternal || message != "internal error" {
		t.Errorf("%d %v %q", status, code, message)
	}
}

// What LDAP says, in the words of gRPC.
func TestStatusOf(t *testing.T) {
	for _, row := range []struct {
		err     error
		want    connect.Code
		message string
	}{
		{&upstream.Result{Code: 50, DiagnosticMessage: "secret plans"}, connect.CodePermissionDenied, "no matching permissions found"},
		{&upstream.Result{Code: 53, DiagnosticMessage: "not today\xff"}, connect.CodeFailedPrecondition, "not today\uFFFD"},
		{&upstream.Result{Code: 80, DiagnosticMessage: "secret plans"}, connect.CodeInternal, "internal error"},
		{&upstream.Result{Code: 32}, connect.CodeNotFound, errNoUser.Message()},
		{&upstream.Result{Code: 2, DiagnosticMessage: "unknown"}, connect.CodeUnimplemented, "the LDAP server does not know this operation"},
		{&upstream.RejectedError{Result: upstream.Result{Code: 32}}, connect.CodeUnauthenticated, errRejected.Message()},
		{fmt.Errorf("%w: %w", upstream.ErrUnavailable, context.DeadlineExceeded), connect.CodeDeadlineExceeded, "no answer in the time that the caller gave"},
		{fmt.Errorf("%w: %w", upstream.ErrUnavailable, context.Canceled), connect.CodeCanceled, "the call was cancelled"},
		{fmt.Errorf("%w: no answer in time", upstream.ErrUnavailable), connect.CodeUnavailable, "the LDAP server is not available"},
		{upstream.ErrProtocol, connect.CodeInternal, "internal error"},
		{errors.New("secret plans"), connect.CodeInternal, "internal error"},
	} {
		if got := statusOf(row.err); got.Code() != row.want || got.Message() != row.message {
			t.Errorf("%v: %v %q", row.err, got.Code(), got.Message())
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add("POST", "/v3alpha/users/search", `{"queries":[{"usernameQuery":{"username":"a","method":"TEXT_QUERY_METHOD_CONTAINS"}}]}`)
	f.Add("POST", "/v3alpha/users/u/totp/t/verify", `{"code":"123456"}`)
	f.Add("DELETE", "/v3alpha/users/u/totp/t", "")
	f.Add("GET", "/v3alpha/users/%2e%2e", "")
	f.Add("PATCH", "/v3alpha/users//totp", "x")
	h := newHandler(f)
	f.Fuzz(func(t *testing.T, method, path, body string) {
		target, err := url.ParseRequestURI(path)
		if err != nil || !strings.HasPrefix(target.Path, "/v3alpha/") && !strings.HasPrefix(target.Path, "/v2/") {
			return
		}
		r := httptest.NewRequest("GET", "http://localhost/", strings.NewReader(body))
		r.Method, r.URL = method, target
		r.SetBasicAuth("ann", "password")
		if status, code, _ := ask(t, h, r); status != httpStatuses[code] && status != http.StatusMethodNotAllowed {
			t.Fatalf("%d %v", status, code)
		}
	})
}

// Whatever the queries, the filter of them is one, and matches users only.
func FuzzQueries(f *testing.F) {
	f.Add(`{"queries":[{"usernameQuery":{"username":"a)(uid=*","method":2}}]}`)
	f.Add(`{"queries":[{"notQuery":{"query":{"userIdQuery":{"id":"\u0000*\\2a"}}}}]}`)
	f.Add(`{"queries":[{"orQuery":{"queries":[{"usernameQuery":{"username":"ü"}},{"andQuery":{"queries":[{}]}}]}}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		req := &userv3alpha.ListUsersRequest{}
		if decode([]byte(body), "*", req) != nil {
			return
		}
		filter, err := filterOf(req.Queries)
		if err != nil {
			if statusOf(err).Code() != connect.CodeInvalidArgument {
				t.Fatal(err)
			}
			return
		}
		packet, err := ldap.CompileFilter(filter)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		if len(packet.Children) != 1+len(req.Queries) {
			t.Fatalf("%s is not of %d queries", filter, len(req.Queries))
		}
	})
}
