// Package zitadel is the face of the bridge that ZITADEL's clients know: of its
// UserService what concerns TOTP, as JSON, gRPC and gRPC-Web on one port.
//
//	POST   /v3alpha/users/search
//	GET    /v3alpha/users/{userId}
//	POST   /v3alpha/users/{userId}/totp
//	POST   /v3alpha/users/{userId}/totp/{totpId}/verify
//	DELETE /v3alpha/users/{userId}/totp/{totpId}
//
//	POST   /zitadel.user.v3alpha.UserService/{method}     (gRPC, gRPC-Web)
//
// That is the API of summer 2024. The same calls in the shape of its successor
// (/resources/v3alpha) and of the current API (/v2) are there too.
//
// A userId is an entryUUID, a totpId the id of a credential. Each call becomes
// searches and the extended operation Manage TOTP, as the user of the
// Authorization header. Decisions are the LDAP server's; this package
// translates. The messages are in api.
package zitadel

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"connectrpc.com/connect"
	"connectrpc.com/grpcreflect"

	"tallystick/httpbridge/upstream"
	resourcesuserv3alpha "tallystick/httpbridge/zitadel/api/zitadel/resources/user/v3alpha"
	userv2 "tallystick/httpbridge/zitadel/api/zitadel/user/v2"
	userv3alpha "tallystick/httpbridge/zitadel/api/zitadel/user/v3alpha"
)

// Config is the limits of the face, and what it tells of itself. The zero value
// works.
type Config struct {
	MaxBody int64 // octets of a request's message, in JSON or not; 0: 64 KiB

	CrossOrigin *http.CrossOriginProtection // judges what a browser sends; nil: only our own pages may call

	Reflection bool // describe the services to whoever asks (gRPC server reflection)
}

// Handler answers the calls.
type Handler struct {
	cfg  Config
	rest http.Handler
	rpc  http.Handler
}

// rpcPrefixes are what the paths of gRPC begin with.
var rpcPrefixes = []string{"/zitadel.", "/grpc.reflection."}

// Prefixes are what the paths of the face begin with.
var Prefixes = append([]string{"/v3alpha/", "/resources/v3alpha/", "/v2/"}, rpcPrefixes...)

// New returns the handler of the calls in front of the LDAP server of client.
func New(client *upstream.Client, cfg Config) *Handler {
	if cfg.MaxBody <= 0 {
		cfg.MaxBody = 64 << 10
	}
	if cfg.CrossOrigin == nil {
		cfg.CrossOrigin = http.NewCrossOriginProtection()
	}
	users := &users{client}
	options := []connect.HandlerOption{
		connect.WithReadMaxBytes(int(cfg.MaxBody)),
		connect.WithInterceptors(connect.UnaryInterceptorFunc(noted)),
		connect.WithRecover(func(ctx context.Context, _ connect.Spec, _ http.Header, fault any) error {
			return recovered(ctx, fault)
		}),
	}
	rpc := http.NewServeMux()
	rpc.Handle(userv3alpha.NewUserServiceHandler(users, options...))
	rpc.Handle(resourcesuserv3alpha.NewZITADELUsersHandler(resources{users}, options...))
	rpc.Handle(userv2.NewUserServiceHandler(v2{users}, options...))
	if cfg.Reflection {
		reflector := grpcreflect.NewStaticReflector(userv3alpha.UserServiceName, resourcesuserv3alpha.ZITADELUsersName, userv2.UserServiceName)
		rpc.Handle(grpcreflect.NewHandlerV1(reflector, options...))
		rpc.Handle(grpcreflect.NewHandlerV1Alpha(reflector, options...)) // older tools know this one
	}
	return &Handler{cfg: cfg, rest: newREST(users, cfg.MaxBody), rpc: rpc}
}

// Noter is implemented by a ResponseWriter that keeps notes for the record of
// the request in the log.
type Noter interface{ Note(...slog.Attr) }

// call is what a request's context knows of the request.
type call struct {
	header http.Header
	note   func(...slog.Attr)
}

type callKey struct{}

func callOf(ctx context.Context) call { return ctx.Value(callKey{}).(call) }

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := call{r.Header, func(...slog.Attr) {}}
	if n, ok := w.(Noter); ok {
		c.note = n.Note
	}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	// A browser sends the Basic credentials it knows to whatever page asks.
	if h.cfg.CrossOrigin.Check(r) != nil {
		writeStatus(w, ended(r.Context(), errCrossOrigin))
		return
	}
	for _, prefix := range rpcPrefixes {
		if strings.HasPrefix(r.URL.Path, prefix) {
			h.rpc.ServeHTTP(w, r)
			return
		}
	}
	h.rest.ServeHTTP(w, r)
}

// noted writes into the request's record which call it was and how it ended.
func noted(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, r connect.AnyRequest) (connect.AnyResponse, error) {
		procedure := r.Spec().Procedure
		callOf(ctx).note(slog.String("op", procedure[strings.LastIndexByte(procedure, '/')+1:]))
		response, err := next(ctx, r)
		return response, ended(ctx, err)
	}
}

// ended notes how a call ended, and returns the error for the client.
func ended(ctx context.Context, err error) error {
	note := callOf(ctx).note
	if err == nil {
		note(slog.Int("code", 0))
		return nil
	}
	status := statusOf(err)
	note(slog.Int("code", int(status.Code())), slog.String("err", err.Error()))
	if method, ok := errors.AsType[*methodError](err); ok {
		return method
	}
	return status
}

// recovered is how a panic ends: an answer like any other for the client, and a
// stack for the log.
func recovered(ctx context.Context, fault any) error {
	callOf(ctx).note(slog.Any("panic", fault), slog.String("stack", string(debug.Stack())))
	return errInternal
}
