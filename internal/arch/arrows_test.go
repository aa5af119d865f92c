package arch_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// Names of other modules that have their own room.
const (
	badger     = "github.com/dgraph-io/badger"
	etcd       = "go.etcd.io"
	goldap     = "github.com/lor00x/goldap"
	ldapserver = "github.com/vjeantet/ldapserver"
	client     = "github.com/go-ldap/ldap"
	http       = "net/http"
)

// never says what a package and those below it must not reach, even through
// others. The longest name that fits a package is its rule. What it names is
// ours, another module or of the standard library, always with all below it.
var never = map[string][]string{
	"directory":              {"ldapd", "extop", "httpbridge", "cmd", badger, etcd, goldap, ldapserver, client, http},
	"directory/schema":       {"ldapd", "extop", "httpbridge", "cmd", "directory/store", "directory/totp", "directory/password", badger, etcd, goldap, ldapserver, client, http},
	"directory/aci":          {"ldapd", "extop", "httpbridge", "cmd", "directory/store", "directory/totp", "directory/password", badger, etcd, goldap, ldapserver, client, http},
	"directory/totp":         {"ldapd", "extop", "httpbridge", "cmd", "directory/store", "directory/schema", "directory/password", badger, etcd, goldap, ldapserver, client, http},
	"directory/password":     {"ldapd", "extop", "httpbridge", "cmd", "directory/store", "directory/schema", "directory/totp", badger, etcd, goldap, ldapserver, client, http},
	"directory/sasl":         {"ldapd", "extop", "httpbridge", "cmd", "directory/store", "directory/schema", "directory/totp", "directory/password", badger, etcd, goldap, ldapserver, client, http},
	"directory/store":        {"ldapd", "extop", "httpbridge", "cmd", "directory/schema", "directory/totp", "directory/password", badger, etcd, goldap, ldapserver, client, http},
	"directory/store/badger": {"ldapd", "extop", "httpbridge", "cmd", "directory/schema", "directory/totp", "directory/password", etcd, goldap, ldapserver, client},
	"extop":                  {"ldapd", "httpbridge", "cmd", badger, etcd, goldap, ldapserver, client, http},
	"extop/wire":             {"ldapd", "httpbridge", "cmd", "directory", badger, etcd, goldap, ldapserver, client, http},
	"ldapd":                  {"httpbridge", "cmd", badger, etcd, client, http},
	"ldapd/wire":             {"httpbridge", "cmd", badger, etcd, client, http, goldap, ldapserver, "extop"},
	"httpbridge":             {"ldapd", "directory", "cmd", badger, etcd, goldap, ldapserver},
	"internal/ber":           {"ldapd", "extop", "httpbridge", "cmd", "directory"},
}

// only says which packages, with those below them, may import another module
// directly: its types stay in their room.
var only = map[string][]string{
	badger:     {"directory/store/badger"},
	etcd:       {"directory/store/etcd"},
	goldap:     {"ldapd"},
	ldapserver: {"ldapd"},
	http:       {"httpbridge", "cmd", "internal"},
}

// within reports whether name is room or below it.
func within(name, room string) bool {
	return name == room || strings.HasPrefix(name, room+"/")
}

// ruleFor is the key of never for a package; "" if there is none.
func ruleFor(name string) string {
	longest := ""
	for room := range never {
		if within(name, room) && len(room) > len(longest) {
			longest = room
		}
	}
	return longest
}

// Arrows point down only.
func TestArrows(t *testing.T) {
	for _, p := range modulePackages(t) {
		for _, forbidden := range never[ruleFor(p.name())] {
			for _, dep := range p.Deps {
				if within(strings.TrimPrefix(dep, module+"/"), forbidden) {
					t.Errorf("%s must not reach %s, but reaches %s", p.name(), forbidden, dep)
					break
				}
			}
		}
	}
}

// Other modules stay in their rooms.
func TestRooms(t *testing.T) {
	for _, p := range modulePackages(t) {
		for _, imported := range p.Imports {
			for _, guest := range slices.Sorted(maps.Keys(only)) {
				if !within(imported, guest) {
					continue
				}
				if !slices.ContainsFunc(only[guest], func(room string) bool { return within(p.name(), room) }) {
					t.Errorf("%s imports %s, which only %s may", p.name(), imported, strings.Join(only[guest], ", "))
				}
			}
		}
	}
}

// A rule about a room that was renamed or emptied is a rule about nothing.
func TestRulesAreAboutSomething(t *testing.T) {
	all := modulePackages(t)
	for room := range never {
		if !slices.ContainsFunc(all, func(p pkg) bool { return within(p.name(), room) }) {
			t.Errorf("no package is in %s", room)
		}
	}
}
