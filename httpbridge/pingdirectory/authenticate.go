package pingdirectory

import (
	"context"
	"errors"
	"slices"
	"strings"

	"tallystick/httpbridge/strictjson"
	"tallystick/httpbridge/upstream"
)

// The controls that turn a bind into an access token.
const (
	accessTokenRequest  = "1.3.6.1.4.1.30221.2.5.67"
	accessTokenResponse = "1.3.6.1.4.1.30221.2.5.68"
)

// passwordExpired is told to whoever shows an expired password, and a code if one
// is needed: else he would try it again and again.
const passwordExpired = "the password has expired: have an administrator set another"

// authenticate binds with the credentials in the body, and answers with an
// access token and, if they are asked for, attributes of the user.
func authenticate(ctx context.Context, h *Handler, c *call) (*reply, error) {
	in, err := readAuthentication(c.document)
	if err != nil {
		return nil, err
	}
	if c.user != nil { // it says nothing about the user, but has to be valid
		s, err := h.ldap.As(ctx, *c.user)
		if err != nil {
			return nil, err
		}
		s.Release()
	}
	token := upstream.Control{OID: accessTokenRequest, Critical: true}
	s, controls, err := h.ldap.Bind(ctx, in.credentials, append([]upstream.Control{token}, in.controls...))
	var rejected *upstream.RejectedError
	if errors.As(err, &rejected) && rejected.Result.PasswordExpired {
		return nil, &upstream.Result{Code: invalidCredentials, DiagnosticMessage: passwordExpired}
	}
	if errors.As(err, &rejected) {
		return nil, &upstream.Result{Code: invalidCredentials} // why is for nobody to know
	}
	if err != nil {
		return nil, withoutControl(err, accessTokenRequest, in.controls)
	}
	defer s.Release()
	o, refusal := object{succeeded}, ""
	controls = slices.DeleteFunc(controls, func(c upstream.Control) bool {
		if c.OID == accessTokenResponse {
			var told object
			told, refusal = tokenMembers(c.Value)
			o = append(o, told...)
		}
		return c.OID == accessTokenResponse
	})
	if len(o) == 1 && refusal != "" {
		return nil, &upstream.Result{Code: unwillingToPerform, DiagnosticMessage: refusal}
	}
	if len(o) == 1 {
		return nil, errNoToken
	}
	if len(in.attributes) > 0 {
		user, err := h.userEntry(ctx, s, in.attributes)
		if err != nil {
			return nil, err
		}
		o = append(o, member{"userEntry", user})
	}
	return done(withControls(o, encodeControls(controls))), nil
}

// tokenMembers is what the response control says, under the names of the API;
// none if it has no token.
func tokenMembers(value []byte) (o object, refusal string) {
	doc, err := strictjson.Parse(value, deepest)
	if err != nil {
		return nil, ""
	}
	for _, m := range doc.Root.Members {
		switch m.Name {
		case "token":
			o = append(object{{"accessToken", m.Value.Text}}, o...)
		case "expiration-time":
			o = append(o, member{"expirationTime", m.Value.Text})
		case "error-message":
			refusal = m.Value.Text
		}
	}
	if len(o) == 0 || o[0].name != "accessToken" {
		return nil, refusal
	}
	return o, ""
}

// userEntry is the user of s with the attributes asked for.
func (h *Handler) userEntry(ctx context.Context, s *upstream.Session, attributes []string) (object, error) {
	authzID, err := s.WhoAmI(ctx)
	if err != nil {
		return nil, err
	}
	dn, ok := strings.CutPrefix(authzID, "dn:")
	if !ok {
		return nil, errNoDN
	}
	schema, err := h.schema.get(ctx, s)
	if err != nil {
		return nil, err
	}
	v, err := newView(schema, attributes, nil)
	if err != nil {
		return nil, err
	}
	e, err := readEntry(ctx, s, dn, v.request, nil)
	if err != nil {
		return nil, err
	}
	return v.object(e), nil
}

// authentication is the body of authenticate.
type authentication struct {
	credentials upstream.Credentials
	attributes  []string // those of the user to return
	controls    []upstream.Control
}

func readAuthentication(doc *strictjson.Document) (*authentication, error) {
	in := &authentication{}
	there := false
	if doc == nil {
		return nil, errNoCredentials
	}
	for _, m := range doc.Root.Members {
		var err error
		switch m.Name {
		case "credentials":
			there = true
			in.credentials, err = readCredentials(doc, m.Value)
		case "returnUserAttributes":
			in.attributes, err = readNames(doc, m)
		case "_controls":
			in.controls, err = readControls(doc, m.Value)
		default:
			err = badBody(doc.AtMember(m, strictjson.Join("", m.Name), "unknown member"))
		}
		if err != nil {
			return nil, err
		}
	}
	if !there {
		return nil, errNoCredentials
	}
	return in, nil
}

// readNames reads an array of names of attributes, where + stands for the
// operational ones.
func readNames(doc *strictjson.Document, m strictjson.Member) ([]string, error) {
	if m.Value.Kind == strictjson.Null {
		return nil, nil
	}
	if m.Value.Kind != strictjson.Array || len(m.Value.Elements) > mostNames {
		return nil, badBody(doc.At(m.Value, m.Name, "must be an array of at most %d names", mostNames))
	}
	var names []string
	for _, e := range m.Value.Elements {
		name := e.Text
		if e.Kind != strictjson.String {
			return nil, badBody(doc.At(e, m.Name, "must be an array of at most %d names", mostNames))
		}
		if name == "+" {
			name = allOperational
		}
		names = append(names, name)
	}
	return names, nil
}

// codeMembers are the names that the code may have: the documentation that can
// be read does not tell which.
var codeMembers = []string{totpPassword, "totp", "oneTimePassword"}

// credentialMembers are the members of credentials, by authenticationType.
var credentialMembers = map[string][]string{
	"password":         {"dn", "username", staticPassword},
	"passwordPlusTOTP": append([]string{"dn", "username", staticPassword}, codeMembers...),
}

func readCredentials(doc *strictjson.Document, v strictjson.Value) (creds upstream.Credentials, err error) {
	const path = "credentials"
	if v.Kind != strictjson.Object {
		return creds, badBody(doc.At(v, path, "must be an object, not %v", v.Kind))
	}
	given := body{}
	for _, m := range v.Members {
		at := strictjson.Join(path, m.Name)
		switch {
		case m.Value.Kind == strictjson.Null:
		case m.Value.Kind != strictjson.String:
			return creds, badBody(doc.At(m.Value, at, "must be a string, not %v", m.Value.Kind))
		case m.Value.Text == "":
			return creds, badBody(doc.At(m.Value, at, "must not be empty"))
		default:
			given[m.Name] = m.Value.Text
		}
	}
	kind := given["authenticationType"]
	members, known := credentialMembers[kind]
	if !known {
		return creds, badBody(doc.At(v, path, "authenticationType must be password or passwordPlusTOTP"))
	}
	for _, m := range v.Members {
		if m.Name != "authenticationType" && !slices.Contains(members, m.Name) {
			return creds, badBody(doc.AtMember(m, strictjson.Join(path, m.Name), "unknown member of %s", kind))
		}
	}
	creds.Password = given[staticPassword]
	creds.Name = given["dn"] + given["username"]
	for _, name := range codeMembers {
		creds.Code += given[name]
	}
	count := func(names ...string) (n int) {
		for _, name := range names {
			if given[name] != "" {
				n++
			}
		}
		return n
	}
	// What has a "=" is a DN, and nothing else is, in the Authorization header too.
	isDN := strings.Contains(creds.Name, "=")
	switch {
	case count("dn", "username") != 1:
		err = badBody(doc.At(v, path, "either dn or username must be there"))
	case isDN != (given["dn"] != ""):
		err = badBody(doc.At(v, path, "dn must be a DN, and username must not"))
	case creds.Password == "":
		err = badBody(doc.At(v, path, "staticPassword must be there"))
	case kind == "passwordPlusTOTP" && count(codeMembers...) != 1:
		err = badBody(doc.At(v, path, "totpPassword must be there"))
	}
	return creds, err
}
