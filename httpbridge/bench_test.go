package httpbridge_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"tallystick/httpbridge"
)

// BenchmarkEntry reads an entry over one keep-alive connection: bridge, LDAP
// server and directory together.
func BenchmarkEntry(b *testing.B) {
	h := newHouse(b, func(cfg *httpbridge.Config) {
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn}))
	})
	nc, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		b.Fatal(err)
	}
	defer nc.Close()
	r, err := http.NewRequest(http.MethodGet, h.url, nil)
	if err != nil {
		b.Fatal(err)
	}
	r.SetBasicAuth(ann, password)
	request := fmt.Appendf(nil, "GET /directory/v1/%s HTTP/1.1\r\nHost: a\r\nAuthorization: %s\r\n\r\n", ann, r.Header.Get("Authorization"))
	in := bufio.NewReader(nc)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := nc.Write(request); err != nil {
			b.Fatal(err)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
			b.Fatal(resp.Status, err)
		}
	}
}
