package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
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
	backups      string                  // folder of those that the server writes
}

// figures are those of one moment.
type figures struct {
	uptime   time.Duration
	ldap     ldapd.Stats
	outcomes map[string]uint64
	store    badger.Stats
	expiry   map[string]time.Time // of the certificates

	writability directory.Writability
	indexes     []directory.Index // that operators have added
	backup      fs.FileInfo       // the newest file in the folder of backups; nil: there is none
	warnings    []string
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
	// A database that cannot be read says so by its state, and has no indexes here.
	ctx := context.Background()
	f.warnings, _ = m.data.directory.Warnings(ctx)
	f.indexes, _ = m.data.directory.Indexes(ctx, machine)
	f.indexes = slices.DeleteFunc(f.indexes, func(x directory.Index) bool { return x.State == "built-in" })
	f.backup = newestFile(m.backups)
	return f
}

// newestFile is the file of a folder that was written last, but for those that
// are not complete; nil: there is none.
func newestFile(folder string) (newest fs.FileInfo) {
	files, _ := os.ReadDir(folder) // there is none before the first backup
	for _, f := range files {
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		if newest == nil || info.ModTime().After(newest.ModTime()) {
			newest = info
		}
	}
	return newest
}

// state is what tallystickMonitorState says of the server.
func (f *figures) state() string {
	switch {
	case f.store.Failed:
		return "failed"
	case f.readOnly():
		return "read-only"
	}
	return "available"
}

// storeState is what it says of the database.
func (f *figures) storeState() string {
	switch {
	case f.store.Failed:
		return "failed"
	case f.store.ReadOnly:
		return "disk nearly full"
	}
	return f.state()
}

func (f *figures) readOnly() bool {
	return f.store.ReadOnly || f.writability != directory.WritesEnabled
}

// entries is cn=monitor and what is below it, each entry behind the one above
// it:
//
//	cn=monitor                                       the server's health
//	cn=connections,cn=monitor                        of clients
//	cn=bridge,cn=connections,cn=monitor              of the HTTP bridge within the process
//	cn=operations,cn=monitor
//	cn=bind,cn=operations,cn=monitor                 one for each kind
//	cn=success,cn=bind,cn=operations,cn=monitor      one for each result there was
//	cn=attempts,cn=monitor
//	cn=wrong code,cn=attempts,cn=monitor             one for each outcome
//	cn=database,cn=monitor                           updates, since the start
//	cn=commits,cn=database,cn=monitor                fewer: updates share them
//	cn=tables,cn=database,cn=monitor
//	cn=logs,cn=database,cn=monitor
//	cn=free space,cn=database,cn=monitor             if it is watched
//	cn=cache,cn=database,cn=monitor
//	cn=indexes,cn=monitor
//	cn=l equality,cn=indexes,cn=monitor              one for each that operators have added
//	cn=backup,cn=monitor                             the last one that the server has written
//	cn=certificates,cn=monitor
//	cn=ldap,cn=certificates,cn=monitor               and https, if it has its own
//	cn=configuration,cn=monitor                      warnings
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
	list.add("bridge", "cn=connections,cn=monitor").
		number("Current", uint64(f.ldap.Within))

	const operations = "cn=operations,cn=monitor"
	list.add("operations", "cn=monitor").
		number("Bytes", uint64(f.ldap.Requests.Octets)).
		number("Waiting", uint64(f.ldap.Requests.Waiting))
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
	f.database(&list)

	list.add("indexes", "cn=monitor")
	for _, x := range f.indexes {
		e := list.add(x.Attribute+" "+string(x.Kind), "cn=indexes,cn=monitor").text("State", x.State)
		if x.Of > 0 {
			e.number("Current", x.Done).number("Total", x.Of)
		}
		if x.Fault != "" {
			e.text("Warning", x.Fault)
		}
	}

	e := list.add("backup", "cn=monitor")
	if f.backup != nil {
		e.time("Time", f.backup.ModTime()).number("Bytes", uint64(f.backup.Size()))
	}
	list.add("certificates", "cn=monitor")
	for _, name := range slices.Sorted(maps.Keys(f.expiry)) {
		list.add(name, "cn=certificates,cn=monitor").time("Expiry", f.expiry[name])
	}
	e = list.add("configuration", "cn=monitor")
	if len(f.warnings) > 0 {
		e.attribute("tallystickMonitorWarning", f.warnings...)
	}
	return list
}

func (f *figures) database(list *entryList) {
	const database = "cn=database,cn=monitor"
	list.add("database", "cn=monitor").
		text("State", f.storeState()).
		number("Bytes", uint64(f.store.Tables+f.store.Logs)).
		number("Count", f.store.Updates).
		number("Waiting", uint64(f.store.Waiting))
	e := list.add("commits", database).number("Count", f.store.Commits)
	if !f.store.LastCommit.IsZero() {
		e.time("Time", f.store.LastCommit)
	}
	list.add("tables", database).number("Bytes", uint64(f.store.Tables))
	list.add("logs", database).number("Bytes", uint64(f.store.Logs))
	if f.store.Free >= 0 {
		list.add("free space", database).number("Bytes", uint64(f.store.Free))
	}
	list.add("cache", database).
		number("Hits", f.store.Cache.Hits).
		number("Misses", f.store.Cache.Misses).
		number("Bytes", uint64(f.store.Cache.Bytes))
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

func (e *monitorEntry) time(name string, t time.Time) *monitorEntry {
	return e.text(name, t.UTC().Format("20060102150405Z"))
}

func (e *monitorEntry) number(name string, n uint64) *monitorEntry {
	return e.text(name, strconv.FormatUint(n, 10))
}
