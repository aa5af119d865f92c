package httpbridge_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/go-ldap/ldap/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"tallystick/directory"
	"tallystick/httpbridge"
	objectv2beta "tallystick/httpbridge/zitadel/api/zitadel/object/v2beta"
	objectv3alpha "tallystick/httpbridge/zitadel/api/zitadel/object/v3alpha"
	resourcesuserv3alpha "tallystick/httpbridge/zitadel/api/zitadel/resources/user/v3alpha"
	userv2 "tallystick/httpbridge/zitadel/api/zitadel/user/v2"
	userv3alpha "tallystick/httpbridge/zitadel/api/zitadel/user/v3alpha"
	zitadelv1 "tallystick/httpbridge/zitadel/api/zitadel/v1"
	"tallystick/internal/directorytest"
)

// basic is the Authorization header of Basic authentication.
func basic(name, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+secret))
}

// zitadelClients are the ways to call the face; each takes the URL and the
// Authorization header of its caller ("": none).
var zitadelClients = map[string]func(t testing.TB, url, authorization string) userv3alpha.UserServiceClient{
	"JSON": func(t testing.TB, url, authorization string) userv3alpha.UserServiceClient {
		return jsonClient{url, authorization}
	},
	"gRPC": func(t testing.TB, url, authorization string) userv3alpha.UserServiceClient {
		return rpcClient(t, url, authorization, connect.WithGRPC())
	},
	"gRPC with gzip": func(t testing.TB, url, authorization string) userv3alpha.UserServiceClient {
		return rpcClient(t, url, authorization, connect.WithGRPC(), connect.WithSendGzip())
	},
	"gRPC-Web": func(t testing.TB, url, authorization string) userv3alpha.UserServiceClient {
		return rpcClient(t, url, authorization, connect.WithGRPCWeb())
	},
}

// rpcClient speaks HTTP/2 in the clear, as gRPC must; gRPC-Web may.
func rpcClient(t testing.TB, url, authorization string, options ...connect.ClientOption) userv3alpha.UserServiceClient {
	h2c := new(http.Protocols)
	h2c.SetUnencryptedHTTP2(true)
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{Protocols: h2c}}
	t.Cleanup(client.CloseIdleConnections) // a server that stops gives them a second
	return userv3alpha.NewUserServiceClient(client, url, append(options, connect.WithInterceptors(authorize(authorization)))...)
}

// authorize adds the header to each call of a client.
func authorize(authorization string) connect.UnaryInterceptorFunc {
	return func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
			if authorization != "" {
				r.Header().Set("Authorization", authorization)
			}
			return next(ctx, r)
		}
	}
}

// jsonClient calls the paths of REST.
type jsonClient struct{ url, authorization string }

func (c jsonClient) do(method, path string, in, out proto.Message) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = protojson.Marshal(in); err != nil {
			return err
		}
	}
	return c.send(method, "/v3alpha/users/"+path, body, out)
}

func (c jsonClient) send(method, path string, body []byte, out proto.Message) error {
	r, err := http.NewRequest(method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if c.authorization != "" {
		r.Header.Set("Authorization", c.authorization)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode == http.StatusOK {
		return protojson.Unmarshal(text, out)
	}
	var status struct {
		Code    uint32
		Message string
		Details []struct{ ID, Message string }
	}
	if err := json.Unmarshal(text, &status); err != nil {
		return err
	}
	failed := connect.NewError(connect.Code(status.Code), errors.New(status.Message))
	for _, d := range status.Details {
		detail, err := connect.NewErrorDetail(&zitadelv1.ErrorDetail{Id: d.ID, Message: d.Message})
		if err != nil {
			return err
		}
		failed.AddDetail(detail)
	}
	return failed
}

func (c jsonClient) ListUsers(_ context.Context, in *userv3alpha.ListUsersRequest) (*userv3alpha.ListUsersResponse, error) {
	out := &userv3alpha.ListUsersResponse{}
	return out, c.do("POST", "search", in, out)
}

func (c jsonClient) GetUserByID(_ context.Context, in *userv3alpha.GetUserByIDRequest) (*userv3alpha.GetUserByIDResponse, error) {
	out := &userv3alpha.GetUserByIDResponse{}
	return out, c.do("GET", url.PathEscape(in.UserId), nil, out)
}

func (c jsonClient) StartTOTPRegistration(_ context.Context, in *userv3alpha.StartTOTPRegistrationRequest) (*userv3alpha.StartTOTPRegistrationResponse, error) {
	out := &userv3alpha.StartTOTPRegistrationResponse{}
	return out, c.do("POST", url.PathEscape(in.UserId)+"/totp", nil, out)
}

func (c jsonClient) VerifyTOTPRegistration(_ context.Context, in *userv3alpha.VerifyTOTPRegistrationRequest) (*userv3alpha.VerifyTOTPRegistrationResponse, error) {
	out := &userv3alpha.VerifyTOTPRegistrationResponse{}
	body := &userv3alpha.VerifyTOTPRegistrationRequest{Code: in.Code}
	return out, c.do("POST", url.PathEscape(in.UserId)+"/totp/"+url.PathEscape(in.TotpId)+"/verify", body, out)
}

func (c jsonClient) RemoveTOTPAuthenticator(_ context.Context, in *userv3alpha.RemoveTOTPAuthenticatorRequest) (*userv3alpha.RemoveTOTPAuthenticatorResponse, error) {
	out := &userv3alpha.RemoveTOTPAuthenticatorResponse{}
	return out, c.do("DELETE", url.PathEscape(in.UserId)+"/totp/"+url.PathEscape(in.TotpId), nil, out)
}

// uuidOf asks the LDAP server for an entryUUID.
func (h *house) uuidOf(dn string) string {
	h.t.Helper()
	c, err := ldap.DialURL("ldapi://" + url.PathEscape(h.socket))
	if err != nil {
		h.t.Fatal(err)
	}
	c.SetTimeout(time.Minute)
	defer c.Close()
	if err := c.Bind(ada, password); err != nil {
		h.t.Fatal(err)
	}
	found, err := c.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"entryUUID"}, nil))
	if err != nil {
		h.t.Fatal(err)
	}
	return found.Entries[0].GetAttributeValue("entryUUID")
}

// wantStatus checks the number of an error, and the id in its detail ("": none).
func wantStatus(t *testing.T, what string, err error, code connect.Code, id string) {
	t.Helper()
	var status *connect.Error
	if !errors.As(err, &status) || status.Code() != code {
		t.Errorf("%s: %v, want %v", what, err, code)
		return
	}
	got := ""
	for _, d := range status.Details() {
		value, err := d.Value()
		if detail, ok := value.(*zitadelv1.ErrorDetail); err != nil || !ok {
			t.Errorf("%s: detail %v, %v", what, value, err)
		} else {
			got = detail.Id
		}
	}
	if got != id || id != "" && !strings.HasSuffix(status.Message(), " ("+id+")") {
		t.Errorf("%s: id %q in %q, want %q", what, got, status.Message(), id)
	}
}

// The life of an authenticator, in every encoding: section 6.
func TestZITADELRegistration(t *testing.T) {
	for name, newClient := range zitadelClients {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, nil)
			ctx := t.Context()
			id, owner := h.uuidOf(ann), h.uuidOf("dc=example,dc=com")
			client := newClient(t, h.url, basic(ann, password))
			verified := func(want ...bool) {
				t.Helper()
				got, err := client.GetUserByID(ctx, &userv3alpha.GetUserByIDRequest{UserId: strings.ToUpper(id)})
				if err != nil {
					t.Fatal(err)
				}
				a := got.User.GetAuthenticators()
				if got.User.UserId != id || len(a.GetUsernames()) != 1 || a.Usernames[0].Username != "ann" || len(a.Totps) != len(want) {
					t.Fatalf("user %v", got)
				}
				for i := range want {
					if a.Totps[i].IsVerified != want[i] {
						t.Errorf("totp %d: %v", i, a.Totps[i])
					}
				}
			}
			details := func(what string, d *objectv2beta.Details, sequence uint64) {
				t.Helper()
				if d.GetSequence() != sequence || d.GetResourceOwner() != owner || !d.GetChangeDate().AsTime().Equal(h.now()) {
					t.Errorf("%s: details %v", what, d)
				}
			}
			verify := func(totpID, code string) (*userv3alpha.VerifyTOTPRegistrationResponse, error) {
				return client.VerifyTOTPRegistration(ctx, &userv3alpha.VerifyTOTPRegistrationRequest{UserId: id, TotpId: totpID, Code: code})
			}

			verified()
			started, err := client.StartTOTPRegistration(ctx, &userv3alpha.StartTOTPRegistrationRequest{UserId: id})
			if err != nil {
				t.Fatal(err)
			}
			details("start", started.Details, 1)
			if len(started.Secret) != 32 || !strings.HasPrefix(started.Uri, "otpauth://totp/tallystick:ann?") || !strings.Contains(started.Uri, "secret="+started.Secret) {
				t.Errorf("started %v", started)
			}
			verified(false)

			_, err = verify("nonesuch", "123456")
			wantStatus(t, "verify an unknown one", err, connect.CodeNotFound, "COMMAND-3Mif9s")
			wrong := "000000"
			if wrong == h.code(started.Secret) {
				wrong = "000001"
			}
			_, err = verify(started.TotpId, wrong)
			wantStatus(t, "verify with a wrong code", err, connect.CodeInvalidArgument, "EVENT-8isk2")
			h.step()
			done, err := verify(started.TotpId, h.oathtool(started.Secret))
			if err != nil {
				t.Fatal(err)
			}
			details("verify", done.Details, 2)

			h.step()
			client = newClient(t, h.url, basic(ann, password))
			_, err = client.GetUserByID(ctx, &userv3alpha.GetUserByIDRequest{UserId: id})
			wantStatus(t, "the password alone", err, connect.CodeUnauthenticated, "")
			client = newClient(t, h.url, basic(ann, password+h.code(started.Secret)))
			verified(true)
			h.step()
			client = newClient(t, h.url, basic(ann, password+h.code(started.Secret)))
			_, err = verify(started.TotpId, h.code(started.Secret))
			wantStatus(t, "verify again", err, connect.CodeFailedPrecondition, "COMMAND-qx4ls")

			h.step()
			client = newClient(t, h.url, basic(ann, password+h.code(started.Secret)))
			removed, err := client.RemoveTOTPAuthenticator(ctx, &userv3alpha.RemoveTOTPAuthenticatorRequest{UserId: id, TotpId: started.TotpId})
			if err != nil {
				t.Fatal(err)
			}
			details("remove", removed.Details, 3)
			client = newClient(t, h.url, basic(ann, password))
			verified()
			_, err = client.RemoveTOTPAuthenticator(ctx, &userv3alpha.RemoveTOTPAuthenticatorRequest{UserId: id, TotpId: started.TotpId})
			wantStatus(t, "remove again", err, connect.CodeNotFound, "COMMAND-Hd9sd")
			if strings.Contains(h.log.String(), started.Secret) {
				t.Error("the secret is in the log")
			}
		})
	}
}

// Who may do what, and what a stranger learns: section 4.
func TestZITADELAuthority(t *testing.T) {
	const nobody = "00000000-0000-4000-8000-000000000000"
	for name, newClient := range zitadelClients {
		h := newHouse(t, nil)
		annID, adaID := h.uuidOf(ann), h.uuidOf(ada)
		for _, row := range []struct {
			rule          string
			authorization string
			userID        string
			want          connect.Code // 0: success
			id            string
		}{
			{"nobody", "", annID, connect.CodeUnauthenticated, ""},
			{"nobody, and nothing to be asked for", "", "", connect.CodeUnauthenticated, ""},
			{"another scheme", "Digest x", annID, connect.CodeUnauthenticated, ""},
			{"himself", basic(ann, password), annID, 0, ""},
			{"himself, by user name", basic("ann", password), annID, 0, ""},
			{"an administrator", basic(ada, password), annID, 0, ""},
			{"an administrator for himself", basic(ada, password), adaID, 0, ""},
			{"another user", basic(bob, password), annID, connect.CodePermissionDenied, ""},
			{"another user, of nobody", basic(bob, password), nobody, connect.CodePermissionDenied, ""},
			{"another user, of no id", basic(bob, password), "x", connect.CodePermissionDenied, ""},
			{"an administrator, of nobody", basic(ada, password), nobody, connect.CodeNotFound, "COMMAND-SqyJz"},
			{"an administrator, of no id", basic(ada, password), "69629023906488334", connect.CodeNotFound, "COMMAND-SqyJz"},
			{"an administrator, of a UUID in braces", basic(ada, password), "{" + annID + "}", connect.CodeNotFound, "COMMAND-SqyJz"},
			{"a filter", basic(ada, password), "*)(uid=ann", connect.CodeNotFound, "COMMAND-SqyJz"},
			{"too long", basic(ada, password), strings.Repeat("x", 201), connect.CodeInvalidArgument, ""},
			{"200 characters", basic(ada, password), strings.Repeat("ü", 200), connect.CodeNotFound, "COMMAND-SqyJz"},
			{"a slash", basic(ada, password), "a/b", connect.CodeNotFound, "COMMAND-SqyJz"},
			{"a wrong password", basic(bob, "wrong"), annID, connect.CodeUnauthenticated, ""},
			{"an unknown user", basic("uid=nobody,dc=example,dc=com", "wrong"), annID, connect.CodeUnauthenticated, ""},
		} {
			if row.userID == "" && name == "JSON" {
				continue // is another path
			}
			client := newClient(t, h.url, row.authorization)
			ctx := t.Context()
			_, get := client.GetUserByID(ctx, &userv3alpha.GetUserByIDRequest{UserId: row.userID})
			started, start := client.StartTOTPRegistration(ctx, &userv3alpha.StartTOTPRegistrationRequest{UserId: row.userID})
			totpID := "none"
			if start == nil {
				totpID = started.TotpId
			}
			_, remove := client.RemoveTOTPAuthenticator(ctx, &userv3alpha.RemoveTOTPAuthenticatorRequest{UserId: row.userID, TotpId: totpID})
			_, verify := client.VerifyTOTPRegistration(ctx, &userv3alpha.VerifyTOTPRegistrationRequest{UserId: row.userID, TotpId: "none", Code: "123456"})
			for call, err := range map[string]error{"get": get, "start": start, "remove": remove, "verify": verify} {
				what := name + ", " + row.rule + ": " + call
				switch {
				case row.want != 0:
					wantStatus(t, what, err, row.want, row.id)
				case call == "verify": // it knows no such authenticator
					wantStatus(t, what, err, connect.CodeNotFound, "COMMAND-3Mif9s")
				case err != nil:
					t.Errorf("%s: %v", what, err)
				}
			}
		}
	}
}

// An authenticator of one user is nobody's of another.
func TestZITADELOtherUsersTOTP(t *testing.T) {
	h := newHouse(t, nil)
	admin := zitadelClients["gRPC"](t, h.url, basic(ada, password))
	started, err := admin.StartTOTPRegistration(t.Context(), &userv3alpha.StartTOTPRegistrationRequest{UserId: h.uuidOf(ann)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = admin.RemoveTOTPAuthenticator(t.Context(), &userv3alpha.RemoveTOTPAuthenticatorRequest{UserId: h.uuidOf(bob), TotpId: started.TotpId})
	wantStatus(t, "remove", err, connect.CodeNotFound, "COMMAND-Hd9sd")
	if _, err := admin.VerifyTOTPRegistration(t.Context(), &userv3alpha.VerifyTOTPRegistrationRequest{UserId: h.uuidOf(ann), TotpId: started.TotpId, Code: h.code(started.Secret)}); err != nil {
		t.Errorf("it is there no more: %v", err)
	}
}

// A full house is told, and so is a code that the password needs.
func TestZITADELLimits(t *testing.T) {
	h := newHouse(t, nil)
	id := h.uuidOf(ann)
	client := zitadelClients["JSON"](t, h.url, basic(ann, password))
	start := func() error {
		_, err := client.StartTOTPRegistration(t.Context(), &userv3alpha.StartTOTPRegistrationRequest{UserId: id})
		return err
	}
	for range 10 {
		if err := start(); err != nil {
			t.Fatal(err)
		}
	}
	wantStatus(t, "the eleventh", start(), connect.CodeFailedPrecondition, "")
}

// Lists: which part of them, in which order, and of whom what is told.
func TestZITADELListUsers(t *testing.T) {
	h := newHouse(t, nil)
	admin := zitadelClients["JSON"](t, h.url, basic(ada, password))
	name := func(text string, method objectv2beta.TextQueryMethod) *userv3alpha.SearchQuery {
		return &userv3alpha.SearchQuery{Query: &userv3alpha.SearchQuery_UsernameQuery{UsernameQuery: &userv3alpha.UsernameQuery{Username: text, Method: method}}}
	}
	byID := &userv3alpha.SearchQuery{Query: &userv3alpha.SearchQuery_UserIdQuery{UserIdQuery: &userv3alpha.UserIDQuery{Id: h.uuidOf(bob)}}}
	not := &userv3alpha.SearchQuery{Query: &userv3alpha.SearchQuery_NotQuery{NotQuery: &userv3alpha.NotQuery{Query: byID}}}
	or := &userv3alpha.SearchQuery{Query: &userv3alpha.SearchQuery_OrQuery{OrQuery: &userv3alpha.OrQuery{
		Queries: []*userv3alpha.SearchQuery{byID, name("ANN", 0)}}}}
	const startsWith, contains, endsWith = 2, 4, 6
	for _, row := range []struct {
		what    string
		query   *objectv2beta.ListQuery
		queries []*userv3alpha.SearchQuery
		users   int
		total   uint64
	}{
		{"all", nil, nil, 3, 3},
		{"the first two", &objectv2beta.ListQuery{Limit: 2}, nil, 2, 3},
		{"the last", &objectv2beta.ListQuery{Offset: 2, Limit: 2}, nil, 1, 3},
		{"none behind", &objectv2beta.ListQuery{Offset: 1 << 63}, nil, 0, 3},
		{"by name", nil, []*userv3alpha.SearchQuery{name("ann", 0)}, 1, 1},
		{"by the beginning", nil, []*userv3alpha.SearchQuery{name("a", startsWith)}, 2, 2},
		{"by a part", nil, []*userv3alpha.SearchQuery{name("n", contains)}, 1, 1},
		{"by the end", nil, []*userv3alpha.SearchQuery{name("b", endsWith)}, 1, 1},
		{"by id", nil, []*userv3alpha.SearchQuery{byID}, 1, 1},
		{"not by id", nil, []*userv3alpha.SearchQuery{not}, 2, 2},
		{"or", nil, []*userv3alpha.SearchQuery{or}, 2, 2},
		{"and", nil, []*userv3alpha.SearchQuery{or, not}, 1, 1},
		{"a star is a star", nil, []*userv3alpha.SearchQuery{name("*", 0)}, 0, 0},
	} {
		got, err := admin.ListUsers(t.Context(), &userv3alpha.ListUsersRequest{Query: row.query, Queries: row.queries})
		if err != nil || len(got.Result) != row.users || got.Details.GetTotalResult() != row.total {
			t.Errorf("%s: %v, %v", row.what, got, err)
		}
	}
	for what, req := range map[string]*userv3alpha.ListUsersRequest{
		"an empty condition":    {Queries: []*userv3alpha.SearchQuery{{}}},
		"a part of an id":       {Queries: []*userv3alpha.SearchQuery{{Query: &userv3alpha.SearchQuery_UserIdQuery{UserIdQuery: &userv3alpha.UserIDQuery{Id: "a", Method: contains}}}}},
		"no name":               {Queries: []*userv3alpha.SearchQuery{name("", 0)}},
		"an unknown method":     {Queries: []*userv3alpha.SearchQuery{name("a", 99)}},
		"too many at once":      {Query: &objectv2beta.ListQuery{Limit: 1001}},
		"a column not there":    {SortingColumn: userv3alpha.FieldName_FIELD_NAME_EMAIL},
		"too many conditions":   {Queries: slicesOf(101, byID)},
		"conditions in a tower": {Queries: []*userv3alpha.SearchQuery{tower(9, byID)}},
	} {
		_, err := admin.ListUsers(t.Context(), req)
		wantStatus(t, what, err, connect.CodeInvalidArgument, "")
	}

	ordered := func(asc bool) (ids []string) {
		got, err := admin.ListUsers(t.Context(), &userv3alpha.ListUsersRequest{
			SortingColumn: userv3alpha.FieldName_FIELD_NAME_ID, Query: &objectv2beta.ListQuery{Asc: asc}})
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range got.Result {
			ids = append(ids, u.UserId)
		}
		return ids
	}
	up, down := ordered(true), ordered(false)
	if len(up) != 3 || up[0] > up[1] || up[1] > up[2] || up[0] != down[2] || up[2] != down[0] {
		t.Errorf("up %v, down %v", up, down)
	}

	// A user sees whom he may read, and credentials only of himself.
	got, err := zitadelClients["JSON"](t, h.url, basic(ann, password)).ListUsers(t.Context(), &userv3alpha.ListUsersRequest{})
	if err != nil || len(got.Result) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	for _, u := range got.Result {
		if own := u.UserId == h.uuidOf(ann); (u.Authenticators != nil) != own || (u.Details != nil) != own {
			t.Errorf("ann sees %v", u)
		}
	}
}

func slicesOf(n int, q *userv3alpha.SearchQuery) (list []*userv3alpha.SearchQuery) {
	for range n {
		list = append(list, q)
	}
	return list
}

// tower is q in n negations.
func tower(n int, q *userv3alpha.SearchQuery) *userv3alpha.SearchQuery {
	for range n {
		q = &userv3alpha.SearchQuery{Query: &userv3alpha.SearchQuery_NotQuery{NotQuery: &userv3alpha.NotQuery{Query: q}}}
	}
	return q
}

// Another program changes the user's credentials: the number says so.
func TestZITADELSequenceIsShared(t *testing.T) {
	h := newHouse(t, nil)
	h.generate(ann, password)
	user := "dn:" + ann
	if err := h.d.RevokeTOTPSharedSecret(t.Context(), directory.Requester{How: directory.ByServer}, &user, []byte(password), nil); err != nil {
		t.Fatal(err)
	}
	client := zitadelClients["JSON"](t, h.url, basic(ann, password))
	got, err := client.GetUserByID(t.Context(), &userv3alpha.GetUserByIDRequest{UserId: h.uuidOf(ann)})
	if err != nil || got.User.Details.GetSequence() != 2 {
		t.Errorf("%v, %v", got, err)
	}
}

// Without the LDAP server, and with one that does not answer: 14, 503.
// Who shows an expired password hears so, whoever he asks for.
func TestZITADELExpiredPassword(t *testing.T) {
	h := newHouse(t, nil)
	directorytest.Police(t, h.d, ann, "pwdMaxAge: 1000")
	h.clock.Add(1001)
	for name, newClient := range zitadelClients {
		for secret, expired := range map[string]bool{password: true, "wrong": false} {
			_, err := newClient(t, h.url, basic(ann, secret)).GetUserByID(t.Context(), &userv3alpha.GetUserByIDRequest{UserId: "x"})
			wantStatus(t, name, err, connect.CodeUnauthenticated, "")
			if err != nil && strings.Contains(err.Error(), "has expired") != expired {
				t.Errorf("%s, %s: %v", name, secret, err)
			}
		}
	}
}

func TestZITADELUnavailable(t *testing.T) {
	h := newHouse(t, func(c *httpbridge.Config) { c.URL = "ldapi:///nonexistent" })
	for name, newClient := range zitadelClients {
		_, err := newClient(t, h.url, basic(ann, password)).GetUserByID(t.Context(), &userv3alpha.GetUserByIDRequest{UserId: "x"})
		wantStatus(t, name, err, connect.CodeUnavailable, "")
	}
}

// vendorExample is the request on ZITADEL's page "Remove a TOTP authenticator".
const vendorExample = `curl -L -X DELETE 'https://$CUSTOM-DOMAIN/v3alpha/users/:userId/totp/:totpId' \
-H 'Accept: application/json' \
-H 'Authorization: Bearer <TOKEN>'`

// The vendor's example works as it stands, with an access token, which ends with
// the authenticator that it was got by.
func TestZITADELBearer(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	h := newHouse(t, nil)
	secret := h.generate(ann, password)
	who, err := h.d.Bind(t.Context(), directory.Requester{}, &directory.BindRequest{Version: 3, Name: ann, Password: []byte(password + h.code(secret))})
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.d.AccessToken(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	id := h.uuidOf(ann)
	client := zitadelClients["gRPC"](t, h.url, "Bearer "+string(token.Token))
	if _, err := client.StartTOTPRegistration(t.Context(), &userv3alpha.StartTOTPRegistrationRequest{UserId: id}); err != nil {
		t.Fatal(err)
	}
	got, err := client.GetUserByID(t.Context(), &userv3alpha.GetUserByIDRequest{UserId: id})
	if err != nil || len(got.User.Authenticators.GetTotps()) != 2 {
		t.Fatalf("%v, %v", got, err)
	}
	for _, totp := range got.User.Authenticators.Totps {
		if !totp.IsVerified {
			continue
		}
		example := strings.NewReplacer("https://$CUSTOM-DOMAIN", h.url, ":userId", id, ":totpId", totp.TotpId, "<TOKEN>", string(token.Token)).Replace(vendorExample)
		out, err := exec.Command("sh", "-c", strings.Replace(example, "curl ", "curl -sS --noproxy '*' ", 1)).CombinedOutput()
		removed := &userv3alpha.RemoveTOTPAuthenticatorResponse{}
		if err == nil {
			err = protojson.Unmarshal(out, removed)
		}
		if err != nil || removed.Details.GetSequence() != 4 || removed.Details.GetResourceOwner() == "" {
			t.Errorf("%s, %v", out, err)
		}
	}
	_, err = client.GetUserByID(t.Context(), &userv3alpha.GetUserByIDRequest{UserId: id})
	wantStatus(t, "after that", err, connect.CodeUnauthenticated, "")
	if strings.Contains(h.log.String(), string(token.Token)) {
		t.Error("the token is in the log")
	}
}

// A token that the password alone got is not enough for more than a look.
func TestZITADELBearerOfPassword(t *testing.T) {
	h := newHouse(t, nil)
	who, err := h.d.Bind(t.Context(), directory.Requester{}, &directory.BindRequest{Version: 3, Name: ann, Password: []byte(password)})
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.d.AccessToken(t.Context(), who)
	if err != nil {
		t.Fatal(err)
	}
	id := h.uuidOf(ann)
	client := zitadelClients["gRPC-Web"](t, h.url, "Bearer "+string(token.Token))
	if _, err := client.GetUserByID(t.Context(), &userv3alpha.GetUserByIDRequest{UserId: id}); err != nil {
		t.Error(err)
	}
	_, err = client.StartTOTPRegistration(t.Context(), &userv3alpha.StartTOTPRegistrationRequest{UserId: id})
	wantStatus(t, "start", err, connect.CodeFailedPrecondition, "")
}

// The successor's calls are the same in another shape.
func TestZITADELResources(t *testing.T) {
	h := newHouse(t, nil)
	id := h.uuidOf(ann)
	client := resourcesuserv3alpha.NewZITADELUsersClient(http.DefaultClient, h.url, connect.WithInterceptors(authorize(basic(ada, password))))
	rest := jsonClient{h.url, basic(ada, password)}
	started, err := client.StartTOTPRegistration(t.Context(), &resourcesuserv3alpha.StartTOTPRegistrationRequest{Id: id})
	if err != nil || len(started.Secret) != 32 || started.Details.GetId() != id || !started.Details.GetChanged().AsTime().Equal(h.now()) {
		t.Fatalf("%v, %v", started, err)
	}
	if owner := started.Details.Owner; owner.GetType() != objectv3alpha.OwnerType_OWNER_TYPE_ORG || owner.GetId() != h.uuidOf("dc=example,dc=com") {
		t.Errorf("owner %v", owner)
	}
	verified := &resourcesuserv3alpha.VerifyTOTPRegistrationResponse{}
	err = rest.send("POST", "/resources/v3alpha/users/"+id+"/totp/"+started.TotpId+"/_verify", []byte(`"`+h.code(started.Secret)+`"`), verified)
	if err != nil || verified.Details.GetId() != id {
		t.Errorf("%v, %v", verified, err)
	}
	_, err = client.VerifyTOTPRegistration(t.Context(), &resourcesuserv3alpha.VerifyTOTPRegistrationRequest{Id: id, TotpId: started.TotpId, Code: "123456"})
	wantStatus(t, "verify again", err, connect.CodeFailedPrecondition, "COMMAND-qx4ls")
	organization := &objectv3alpha.Organization{}
	_, err = client.RemoveTOTPAuthenticator(t.Context(), &resourcesuserv3alpha.RemoveTOTPAuthenticatorRequest{Organization: organization, Id: id, TotpId: started.TotpId})
	wantStatus(t, "in an organization", err, connect.CodeInvalidArgument, "")
	if _, err := client.RemoveTOTPAuthenticator(t.Context(), &resourcesuserv3alpha.RemoveTOTPAuthenticatorRequest{Id: id, TotpId: started.TotpId}); err != nil {
		t.Error(err)
	}
}

// In the current API a user has one TOTP.
func TestZITADELV2(t *testing.T) {
	h := newHouse(t, nil)
	id := h.uuidOf(ann)
	client := userv2.NewUserServiceClient(http.DefaultClient, h.url, connect.WithInterceptors(authorize(basic(ada, password))))
	register := func() (*userv2.RegisterTOTPResponse, error) {
		return client.RegisterTOTP(t.Context(), &userv2.RegisterTOTPRequest{UserId: id})
	}
	verify := func(code string) error {
		_, err := client.VerifyTOTPRegistration(t.Context(), &userv2.VerifyTOTPRegistrationRequest{UserId: id, Code: code})
		return err
	}
	remove := func() error {
		_, err := client.RemoveTOTP(t.Context(), &userv2.RemoveTOTPRequest{UserId: id})
		return err
	}

	wantStatus(t, "verify none", verify("123456"), connect.CodeNotFound, "COMMAND-3Mif9s")
	wantStatus(t, "remove none", remove(), connect.CodeNotFound, "COMMAND-Hd9sd")
	replaced, err := register()
	if err != nil {
		t.Fatal(err)
	}
	registered, err := register()
	if err != nil || len(registered.Secret) != 32 || registered.Secret == replaced.Secret || registered.Details.GetSequence() != 3 {
		t.Fatalf("%v, %v", registered, err)
	}
	wantStatus(t, "the code of one that was replaced", verify(h.code(replaced.Secret)), connect.CodeInvalidArgument, "EVENT-8isk2")
	if err := verify(h.code(registered.Secret)); err != nil {
		t.Fatal(err)
	}
	_, err = register()
	wantStatus(t, "register another", err, connect.CodeAlreadyExists, "COMMAND-do9se")
	rest := jsonClient{h.url, basic(ada, password)}
	removed := &userv2.RemoveTOTPResponse{}
	if err := rest.send("DELETE", "/v2/users/"+id+"/totp", nil, removed); err != nil || removed.Details.GetSequence() != 5 || removed.Details.GetResourceOwner() == "" {
		t.Errorf("%v, %v", removed, err)
	}

	h.generate(ann, password)
	h.generate(ann, password)
	wantStatus(t, "verify one of two", verify("123456"), connect.CodeFailedPrecondition, "")
	wantStatus(t, "remove one of two", remove(), connect.CodeFailedPrecondition, "")
}

// More users than the server lists at once are told to be too many, not left out.
func TestZITADELTooManyUsers(t *testing.T) {
	h := newHouse(t, nil, func(cfg *directory.Config) { cfg.SizeLimit = 2 })
	_, err := zitadelClients["JSON"](t, h.url, basic(ann, password)).ListUsers(t.Context(), &userv3alpha.ListUsersRequest{})
	wantStatus(t, "list", err, connect.CodeResourceExhausted, "")
}
