package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tallystick/directory"
	"tallystick/directory/store/badger"
	"tallystick/ldapd"
)

// monitor knows where the figures of a running server are. They are told over
// LDAP (entries) and to Prometheus (Collect).
type monitor struct {
	started      time.Time
	server       *ldapd.Server
	data         *data
	certificates map[string]*certificate // by who shows them
}

// figures are those of one moment.
type figures struct {
	uptime   time.Duration
	ldap     ldapd.Stats
	outcomes map[string]uint64
	store    badger.Stats
	expiry   map[string]time.Time // of the certificates

	writability directory.Writability
}

func (m *monitor) figures() figures {
	f := figures{
		uptime:   time.Since(m.started),
		ldap:     m.server.Stats(),
		outcomes: m.data.directory.Outcomes(),
		store:    m.data.store.Stats(),
		expiry:   map[string]time.Time{},

		writability: m.data.directory.Writability(),
	}
	for name, c := range m.certificates {
		f.expiry[name] = c.current.Load().Leaf.NotAfter
	}
	return f
}

// state is what tallystickMonitorState says.
func (f *figures) state() string {
	if f.readOnly() {
		return "read-only"
	}
	return "available"
}

func (f *figures) readOnly() bool {
	return f.store.ReadOnly || f.writability != directory.WritesEnabled
}

// entries is cn=monitor and what is below it, each entry behind the one above
// it:
//
//	cn=monitor                                       the server's health
//	cn=connections,cn=monitor
//	cn=operations,cn=monitor
//	cn=bind,cn=operations,cn=monitor                 one for each kind
//	cn=success,cn=bind,cn=operations,cn=monitor      one for each result there was
//	cn=attempts,cn=monitor
//	cn=wrong code,cn=attempts,cn=monitor             one for each outcome
//	cn=database,cn=monitor
//	cn=certificates,cn=monitor
//	cn=ldap,cn=certificates,cn=monitor               and https, if it has its own
func (m *monitor) entries() []directory.Entry {
	f := m.figures()
	var list entryList
	list.add("monitor", "").
		text("State", f.state()).
		text("Version", directory.VendorVersion).
		number("Uptime", uint64(f.uptime/time.Second))
	list.add("connections", "cn=monitor").
		number("Current", uint64(f.ldap.Connections)).
		number("Count", f.ldap.Accepted).
		number("Refused", f.ldap.Refused)

	const operations = "cn=operations,cn=monitor"
	list.add("operations", "cn=monitor")
	for _, o := range f.ldap.Operations {
		e := list.add(o.Kind, operations).number("Count", o.Count())
		for _, percent := range []uint64{50, 95, 99} {
			e.number(fmt.Sprintf("Microseconds%d", percent), uint64(o.Within(percent).Microseconds()))
		}
		for _, code := range slices.Sorted(maps.Keys(o.Results)) {
			list.add(code.String(), "cn="+o.Kind+","+operations).number("Count", o.Results[code])
		}
	}

	list.add("attempts", "cn=monitor")
	for _, outcome := range slices.Sorted(maps.Keys(f.outcomes)) {
		list.add(outcome, "cn=attempts,cn=monitor").number("Count", f.outcomes[outcome])
	}
	list.add("database", "cn=monitor").
		text("State", f.state()).
		number("Bytes", uint64(f.store.Bytes)).
		number("Count", f.store.Updates)

	list.add("certificates", "cn=monitor")
	for _, name := range slices.Sorted(maps.Keys(f.expiry)) {
		list.add(name, "cn=certificates,cn=monitor").text("Expiry", f.expiry[name].UTC().Format("20060102150405Z"))
	}
	return list
}

// entryList is made entry by entry.
type entryList []directory.Entry

// add adds an entry below another one. Of what a DN escapes, cn has commas at most.
func (l *entryList) add(cn, below string) *monitorEntry {
	e := directory.Entry{DN: "cn=" + strings.ReplaceAll(cn, ",", `\,`)}
	if below != "" {
		e.DN += "," + below
	}
	*l = append(*l, e)
	return (&monitorEntry{l, len(*l) - 1}).
		attribute("objectClass", "top", "tallystickMonitorEntry").
		attribute("cn", cn)
}

// monitorEntry is one entry of a list.
type monitorEntry struct {
	list *entryList
	at   int
}

func (e *monitorEntry) attribute(name string, values ...string) *monitorEntry {
	a := directory.Attribute{Name: name}
	for _, v := range values {
		a.Values = append(a.Values, []byte(v))
	}
	entry := &(*e.list)[e.at]
	entry.Attributes = append(entry.Attributes, a)
	return e
}

func (e *monitorEntry) text(name, value string) *monitorEntry {
	return e.attribute("tallystickMonitor"+name, value)
}

func (e *monitorEntry) number(name string, n uint64) *monitorEntry {
	return e.text(name, strconv.FormatUint(n, 10))
}
