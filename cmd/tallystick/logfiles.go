package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"tallystick/directory"
	"tallystick/internal/ldif"
	"tallystick/ldapd/wire"
)

// logFile is a file that is appended to, and that somebody else may move away.
type logFile struct {
	name string
	kind string

	mu sync.Mutex // guards f
	f  *os.File
}

// openLogFile opens a file, or makes it; nil if there is no name.
func openLogFile(name, kind string) (*logFile, error) {
	if name == "" || name == off {
		return nil, nil
	}
	l := &logFile{name: name, kind: kind}
	return l, l.reload()
}

// reload opens the file of that name anew.
func (l *logFile) reload() error {
	f, err := os.OpenFile(l.name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.f != nil {
		err = l.f.Close()
	}
	l.f = f
	return err
}

func (l *logFile) what() (kind, file string) { return l.kind, l.name }

// Write appends a record.
func (l *logFile) Write(record []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.f.Write(record)
}

func (l *logFile) close() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}

// accessLogger is where records of operations go; nil: among the others.
func (c *config) accessLogger(file *logFile) *slog.Logger {
	switch {
	case c.Log.Access == off:
		return slog.New(slog.DiscardHandler)
	case file == nil:
		return nil
	}
	return slog.New(c.logHandler(file, nil))
}

// changeWriter writes what clients change to a file, as LDIF.
type changeWriter struct {
	file *logFile
	log  *slog.Logger
}

// write appends the records of one operation, or of a transaction, with a
// comment before them.
func (w *changeWriter) write(c directory.Changes) {
	var b bytes.Buffer
	out := ldif.AppendTo(&b)
	comment := c.Time.UTC().Format(time.RFC3339Nano) + " by " + orNobody(c.Who.DN)
	if c.Who.Proxy != "" {
		comment += " through " + c.Who.Proxy
	}
	if c.Who.Peer != "" {
		comment += " from " + c.Who.Peer
	}
	if len(c.Requests) > 1 {
		comment += fmt.Sprintf(", %d changes in one transaction", len(c.Requests))
	}
	if len(c.Withheld) > 0 {
		comment += ", without the values of " + strings.Join(c.Withheld, " ")
	}
	err := out.Comment(comment)
	for _, request := range c.Requests {
		if err == nil {
			err = out.Write(changeRecord(request))
		}
	}
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		_, err = w.file.Write(b.Bytes())
	}
	if err != nil {
		w.log.Error("a change could not be written to the log of changes", "err", err)
	}
}

func orNobody(dn string) string {
	if dn == "" {
		return "the server"
	}
	return dn
}

// changeRecord is a request as LDIF has it.
func changeRecord(request any) *ldif.Record {
	control := func(list []ldif.Control, oid string, wanted bool) []ldif.Control {
		if wanted {
			list = append(list, ldif.Control{OID: oid, Critical: true})
		}
		return list
	}
	switch r := request.(type) {
	case *directory.AddRequest:
		return &ldif.Record{Change: ldif.Add, DN: r.Entry, Attributes: r.Attributes,
			Controls: control(nil, wire.ManageDsaIT, r.ManageDsaIT)}
	case *directory.ModifyRequest:
		return &ldif.Record{Change: ldif.Modify, DN: r.Object, Changes: r.Changes,
			Controls: control(control(nil, wire.ManageDsaIT, r.ManageDsaIT), wire.PermissiveModify, r.Permissive)}
	case *directory.DeleteRequest:
		return &ldif.Record{Change: ldif.Delete, DN: r.Entry,
			Controls: control(control(nil, wire.ManageDsaIT, r.ManageDsaIT), wire.SubtreeDelete, r.Subtree)}
	case *directory.ModifyDNRequest:
		return &ldif.Record{Change: ldif.ModifyDN, DN: r.Entry, NewRDN: r.NewRDN, DeleteOldRDN: r.DeleteOldRDN, NewSuperior: r.NewSuperior,
			Controls: control(nil, wire.ManageDsaIT, r.ManageDsaIT)}
	}
	panic(fmt.Sprintf("tallystick: %T is not a change", request))
}
