package ldif

import (
	"bytes"
	"fmt"
	"strings"

	"tallystick/directory"
)

// change reads a change record from behind its changetype line.
func (r *Reader) change(l line) (ended bool, err error) {
	switch strings.ToLower(string(l.value)) {
	case "add":
		r.rec.Change = Add
		return r.attributes(r.line())
	case "delete":
		r.rec.Change = Delete
		return r.nothing("a delete record has no more lines")
	case "modify":
		r.rec.Change = Modify
		return r.modify()
	case "modrdn", "moddn":
		r.rec.Change = ModifyDN
		return r.modifyDN()
	}
	return false, &Error{l.at, fmt.Sprintf("changetype %.20q: it is one of add, delete, modify, modrdn, moddn", l.value)}
}

// nothing wants the end of the record, and complains about anything else.
func (r *Reader) nothing(complaint string) (ended bool, err error) {
	l, err := r.line()
	switch {
	case atEnd(err):
		return true, nil
	case err != nil:
		return false, err
	}
	return false, &Error{l.at, complaint}
}

// modify reads the steps of a modify record, each of them
//
//	add: cn
//	cn: Ann
//	-
func (r *Reader) modify() (ended bool, err error) {
	for {
		l, err := r.line()
		if atEnd(err) {
			return true, nil // without a step it changes nothing but is legal (RFC 2849: *mod-spec)
		}
		if err != nil {
			return false, err
		}
		op, ok := changeOperation(l.name)
		if !ok {
			return false, &Error{l.at, fmt.Sprintf("%.40q: a step is one of add, delete, replace, increment", l.name+":")}
		}
		attr, err := r.attributeOf(l)
		if err != nil {
			return false, err
		}
		ended, err := r.step(op, attr, l.at)
		if ended || err != nil {
			return ended, err
		}
	}
}

// step reads the values of one step and the "-" behind them.
func (r *Reader) step(op directory.ChangeOperation, attr string, at int) (ended bool, err error) {
	c := directory.Change{Operation: op, Attribute: directory.Attribute{Name: attr}}
	for {
		l, err := r.line()
		if err != nil && !atEnd(err) {
			return false, err
		}
		if err != nil || l.name == "-" {
			ended = err != nil
			break
		}
		if err := notDN(l); err != nil {
			return false, err
		}
		if !strings.EqualFold(l.name, attr) {
			return false, &Error{l.at, fmt.Sprintf("%.40q in a step that is about %q: is a line with \"-\" missing?", l.name+":", attr)}
		}
		c.Attribute.Values = append(c.Attribute.Values, l.value)
	}
	switch n := len(c.Attribute.Values); {
	case n == 0 && op == directory.AddValues:
		return ended, &Error{at, fmt.Sprintf("nothing to add to %q", attr)}
	case n != 1 && op == directory.IncrementValues:
		return ended, &Error{at, fmt.Sprintf("an increment of %q has one value, not %d", attr, n)}
	}
	r.rec.Changes = append(r.rec.Changes, c)
	return ended, nil
}

// attributeOf is the attribute that a step is about.
func (r *Reader) attributeOf(l line) (string, error) {
	name := line{at: l.at, name: r.intern(bytes.TrimRight(l.value, " "))}
	return name.name, checkName(name)
}

func changeOperation(name string) (directory.ChangeOperation, bool) {
	switch strings.ToLower(name) {
	case "add":
		return directory.AddValues, true
	case "delete":
		return directory.DeleteValues, true
	case "replace":
		return directory.ReplaceValues, true
	case "increment":
		return directory.IncrementValues, true
	}
	return 0, false
}

// modifyDN reads newrdn, deleteoldrdn and perhaps newsuperior, in that order.
func (r *Reader) modifyDN() (ended bool, err error) {
	l, ended, err := r.expect("newrdn")
	if err != nil {
		return ended, err
	}
	if r.rec.NewRDN, err = l.text(); err != nil {
		return false, err
	}
	if l, ended, err = r.expect("deleteoldrdn"); err != nil {
		return ended, err
	}
	switch string(l.value) {
	case "0":
	case "1":
		r.rec.DeleteOldRDN = true
	default:
		return false, &Error{l.at, fmt.Sprintf("deleteoldrdn is 0 or 1, not %.20q", l.value)}
	}
	l, err = r.line()
	switch {
	case atEnd(err):
		return true, nil
	case err != nil:
		return false, err
	case !strings.EqualFold(l.name, "newsuperior"):
		return false, &Error{l.at, fmt.Sprintf("%.40q where only newsuperior can stand", l.name+":")}
	}
	superior, err := l.text()
	if err != nil {
		return false, err
	}
	r.rec.NewSuperior = &superior
	return r.nothing("a modrdn record ends with newsuperior")
}

// expect reads the line called name.
func (r *Reader) expect(name string) (l line, ended bool, err error) {
	l, err = r.line()
	switch {
	case atEnd(err):
		return line{}, true, &Error{r.rec.Line, "a modrdn record without " + name}
	case err != nil:
		return line{}, false, err
	case !strings.EqualFold(l.name, name):
		return line{}, false, &Error{l.at, fmt.Sprintf("%.40q in place of %s", l.name+":", name)}
	}
	return l, false, nil
}
