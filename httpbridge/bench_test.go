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
	"time"

	"tallystick/directory"
	"tallystick/httpbridge"
	"tallystick/internal/inprocess"
)

// BenchmarkCall makes calls over one keep-alive connection, as "tallystick
// serve" answers them: the client, the bridge, the LDAP server and the directory
// together.
func BenchmarkCall(b *testing.B) {
	within := inprocess.Listen()
	h := newHouse(b, func(cfg *httpbridge.Config) {
		cfg.Dial, cfg.TellClient = within.Dial, true
		cfg.Log = slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}, func(cfg *directory.Config) { cfg.Credentials.PendingFor = 3 * time.Minute })
	go h.server.Serve(within)
	secret := h.generate(bob, password)
	const generate, validate = "/generateTOTPSharedSecret", "/validateTOTPPassword"
	for _, call := range []struct {
		name, method, path, user string
		body                     func() string
	}{
		{"empty", "GET", "/directory", "", nil}, // answered with 404 at once
		{"entry", "GET", "/directory/v1/" + ann, ann, nil},
		{"validate", "POST", "/directory/v1/" + bob + validate, ada, func() string {
			h.step()
			return `{"totpPassword":"` + h.code(secret) + `"}`
		}},
		{"generate", "POST", "/directory/v1/" + ann + generate, "", func() string {
			h.step() // and older secrets are forgotten
			return `{"staticPassword":"` + password + `"}`
		}},
	} {
		b.Run(call.name, func(b *testing.B) {
			nc, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
			if err != nil {
				b.Fatal(err)
			}
			defer nc.Close()
			head := call.method + " " + call.path + " HTTP/1.1\r\nHost: a\r\n"
			if call.user != "" {
				r := &http.Request{Header: http.Header{}}
				r.SetBasicAuth(call.user, password)
				head += "Authorization: " + r.Header.Get("Authorization") + "\r\n"
			}
			in := bufio.NewReader(nc)
			b.ReportAllocs()
			for b.Loop() {
				request := head + "\r\n"
				if call.body != nil {
					body := call.body()
					request = fmt.Sprintf("%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
				}
				if _, err := io.WriteString(nc, request); err != nil {
					b.Fatal(err)
				}
				resp, err := http.ReadResponse(in, nil)
				if err != nil {
					b.Fatal(err)
				}
				answer, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != http.StatusOK && call.name != "empty" {
					b.Fatal(resp.Status, string(answer), err)
				}
			}
		})
	}
}
