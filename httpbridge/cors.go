package httpbridge

import (
	"fmt"
	"net/http"

	"github.com/rs/cors"
)

// newCORS lets the scripts of web pages of other origins make calls, and read
// the answers; nil if there are no origins. Cookies, and passwords that a
// browser knows, are not for them: they have an Authorization header of their
// own.
func newCORS(origins []string) *cors.Cors {
	if len(origins) == 0 {
		return nil
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{
			"Authorization", "Content-Type", "Correlation-Id",
			"Connect-Protocol-Version", "Connect-Timeout-Ms", "Grpc-Timeout", "X-Grpc-Web", "X-User-Agent", // gRPC-Web
			"X-Zitadel-Orgid", // which is ignored, but clients send it
		},
		ExposedHeaders: []string{
			"Request-Id", "Correlation-Id", "Location", "Retry-After", "WWW-Authenticate",
			"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin",
		},
		MaxAge: 600, // seconds that a browser need not ask again
	})
}

// crossOriginProtection refuses what a browser sends for pages of other origins
// than these and our own. An error says which of them is none.
func crossOriginProtection(origins []string) (*http.CrossOriginProtection, error) {
	p := http.NewCrossOriginProtection()
	for _, origin := range origins {
		if err := p.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("httpbridge: %w", err)
		}
	}
	return p, nil
}
