package ldapd

import (
	"log/slog"
	"net"
	"path/filepath"
	"testing"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// BenchmarkSearch is a search for one entry by its uid, over a socket, client
// and server together: one at a time, and 16 outstanding.
func BenchmarkSearch(b *testing.B) {
	search := &directory.SearchRequest{BaseObject: people, Scope: directory.WholeSubtree,
		Filter: directory.Filter{Kind: directory.FilterEqualityMatch, Attribute: "uid", Value: []byte("user.7")}}
	benchmark(b, search)
}

// BenchmarkBaseSearch reads one entry by its name.
func BenchmarkBaseSearch(b *testing.B) {
	search := everybody()
	search.BaseObject, search.Scope = person(7), directory.BaseObject
	benchmark(b, search)
}

// BenchmarkEcho is the front alone, without the directory.
func BenchmarkEcho(b *testing.B) {
	benchmark(b, &wire.ExtendedRequest{Name: oidEcho, Value: []byte("hello")})
}

func benchmark(b *testing.B, request any) {
	for _, row := range []struct {
		name    string
		batch   int
		network string
	}{
		{"tcp", 1, "tcp"},
		{"unix", 1, "unix"},
		{"unix pipelined", 16, "unix"},
	} {
		b.Run(row.name, func(b *testing.B) {
			s := start(b, Config{Log: slog.New(slog.DiscardHandler)})
			addr := s.addr
			if row.network == "unix" {
				addr = s.listen(b, "unix", filepath.Join(b.TempDir(), "ldapi"), s.Serve)
			}
			nc, err := net.Dial(row.network, addr)
			if err != nil {
				b.Fatal(err)
			}
			defer nc.Close()
			c := newRaw(b, nc)
			c.bindRoot(1)
			var batch []byte
			for n := range row.batch {
				batch = append(batch, encode(int32(n+2), request)...)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += row.batch {
				c.sendOctets(batch)
				for done := 0; done < row.batch; {
					if r := c.recv(); r.tag != wire.TagSearchResultEntry {
						done++
					}
				}
			}
		})
	}
}
