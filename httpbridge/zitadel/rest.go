package zitadel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"tallystick/httpbridge/caller"
	"tallystick/httpbridge/strictjson"
)

// route is a call in JSON. Segments of the path in braces are fields of the
// message.
type route struct {
	method string
	path   []string
	body   string // what of the message the body is: all ("*"), a field, or nothing ("")
	serve  func(ctx context.Context, body []byte, fields map[string]string) (proto.Message, error)
}

// message is a pointer to the generated struct T.
type message[T any] interface {
	*T
	proto.Message
}

// at makes a route of a method of the service. What is in the path counts,
// whatever the body says.
func at[In, Out any, I message[In], O message[Out]](method, path, body string, serve func(context.Context, I) (O, error)) route {
	return route{method, strings.Split(path, "/"), body, func(ctx context.Context, text []byte, fields map[string]string) (proto.Message, error) {
		in := I(new(In))
		m := in.ProtoReflect()
		callOf(ctx).note(slog.String("op", strings.TrimSuffix(string(m.Descriptor().Name()), "Request")))
		if err := decode(text, body, in); err != nil {
			return nil, err
		}
		for name, value := range fields {
			m.Set(m.Descriptor().Fields().ByName(protoreflect.Name(name)), protoreflect.ValueOfString(value))
		}
		out, err := serve(ctx, in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}}
}

// deepest is how deep a body may be nested: more than maxDepth queries are.
const deepest = 40

// decode reads a body into m, or into a field of it, see route: no octets are
// an absent one, members that m does not have are ignored, names are those of
// JSON or of the .proto file.
func decode(text []byte, field string, m proto.Message) error {
	if len(text) == 0 {
		return nil
	}
	if _, err := strictjson.Parse(text, deepest); err != nil {
		return invalid("malformed JSON: %w", err)
	}
	if field != "*" {
		text = []byte(`{"` + field + `":` + string(text) + `}`)
	}
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, m); err != nil {
		// "proto: (line 1:2): what is wrong: the value", which may be a code
		parts := strings.SplitN(strings.TrimSpace(strings.TrimPrefix(err.Error(), "proto:")), ": ", 3)
		return invalid("malformed JSON: %s", strings.Join(parts[:min(len(parts), 2)], " "))
	}
	return nil
}

// methodError is the answer to a method that a path does not have.
type methodError struct{ allow []string }

func (e *methodError) Error() string { return errMethod.Error() }
func (e *methodError) Unwrap() error { return errMethod }

// rest serves the calls in JSON.
type rest struct {
	routes  []route
	maxBody int64
}

func newREST(u *users, maxBody int64) *rest {
	return &rest{maxBody: maxBody, routes: []route{
		at("POST", "/v3alpha/users/search", "*", u.ListUsers),
		at("GET", "/v3alpha/users/{user_id}", "", u.GetUserByID),
		at("POST", "/v3alpha/users/{user_id}/totp", "", u.StartTOTPRegistration),
		at("POST", "/v3alpha/users/{user_id}/totp/{totp_id}/verify", "*", u.VerifyTOTPRegistration),
		at("DELETE", "/v3alpha/users/{user_id}/totp/{totp_id}", "", u.RemoveTOTPAuthenticator),

		at("POST", "/resources/v3alpha/users/{id}/totp", "", resources{u}.StartTOTPRegistration),
		at("POST", "/resources/v3alpha/users/{id}/totp/{totp_id}/_verify", "code", resources{u}.VerifyTOTPRegistration),
		at("DELETE", "/resources/v3alpha/users/{id}/totp/{totp_id}", "", resources{u}.RemoveTOTPAuthenticator),

		at("POST", "/v2/users/{user_id}/totp", "", v2{u}.RegisterTOTP),
		at("POST", "/v2/users/{user_id}/totp/verify", "*", v2{u}.VerifyTOTPRegistration),
		at("DELETE", "/v2/users/{user_id}/totp", "", v2{u}.RemoveTOTP),
	}}
}

// match takes a path apart that was split at each "/" and decoded behind that.
func (r route) match(path []string) (fields map[string]string, ok bool) {
	if len(path) != len(r.path) {
		return nil, false
	}
	fields = map[string]string{}
	for i, want := range r.path {
		if name, isField := strings.CutPrefix(want, "{"); isField {
			fields[strings.TrimSuffix(name, "}")] = path[i]
		} else if path[i] != want {
			return nil, false
		}
	}
	return fields, true
}

// find is the route of a request. Errors: errNoRoute; *methodError if the path
// is known.
func (s *rest) find(r *http.Request) (*route, map[string]string, error) {
	path := strings.Split(r.URL.EscapedPath(), "/")
	for i, segment := range path {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			return nil, nil, errNoRoute
		}
		path[i] = decoded
	}
	var allow []string
	for i := range s.routes {
		fields, ok := s.routes[i].match(path)
		switch {
		case !ok:
		case s.routes[i].method == r.Method:
			return &s.routes[i], fields, nil
		default:
			allow = append(allow, s.routes[i].method)
		}
	}
	if allow == nil {
		return nil, nil, errNoRoute
	}
	return nil, nil, &methodError{allow}
}

func (s *rest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, err := s.answer(w, r)
	if err := ended(r.Context(), err); err != nil {
		writeStatus(w, err)
		return
	}
	writeJSON(w, http.StatusOK, out)
}

func (s *rest) answer(w http.ResponseWriter, r *http.Request) (out proto.Message, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			out, err = nil, recovered(r.Context(), fault)
		}
	}()
	route, fields, err := s.find(r)
	if err != nil {
		return nil, err
	}
	var body []byte
	if route.body != "" {
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, s.maxBody))
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, errTooLarge
		}
		if err != nil {
			return nil, invalid("the body is incomplete")
		}
	}
	return route.serve(r.Context(), body, fields)
}

// writeStatus answers with a google.rpc.Status.
func writeStatus(w http.ResponseWriter, err error) {
	e := statusOf(err)
	answer := &status.Status{Code: int32(e.Code()), Message: e.Message()}
	for _, d := range e.Details() {
		answer.Details = append(answer.Details, &anypb.Any{TypeUrl: "type.googleapis.com/" + d.Type(), Value: d.Bytes()})
	}
	code := httpStatuses[e.Code()]
	var method *methodError
	if errors.As(err, &method) {
		code = http.StatusMethodNotAllowed
		w.Header().Set("Allow", strings.Join(method.allow, ", "))
	}
	switch code {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", caller.Challenge)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
	}
	writeJSON(w, code, answer)
}

// writeJSON sends m, in the one form of its JSON: protojson varies the blanks.
func writeJSON(w http.ResponseWriter, code int, m proto.Message) {
	text, err := protojson.Marshal(m)
	if err != nil {
		panic(err) // strings are made valid UTF-8 where they come in
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		panic(err)
	}
	compact.WriteByte('\n')
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(compact.Bytes())
}
