// Package scimfilter reads filters in the syntax of SCIM (RFC 7644, section
// 3.4.2.2), as far as it applies to entries, whose attributes have no
// sub-attributes: value paths (a[b eq 1]) are refused.
package scimfilter

import (
	"fmt"
	"strings"

	"tallystick/httpbridge/strictjson"
)

// Op is what a Filter does.
type Op string

// The operators, as the RFC writes them.
const (
	And          Op = "and"
	Or           Op = "or"
	Not          Op = "not"
	Equal        Op = "eq"
	NotEqual     Op = "ne"
	Contains     Op = "co"
	StartsWith   Op = "sw"
	EndsWith     Op = "ew"
	Present      Op = "pr"
	Greater      Op = "gt"
	GreaterEqual Op = "ge"
	Less         Op = "lt"
	LessEqual    Op = "le"
)

// Filter is a filter or a part of one.
type Filter struct {
	Op        Op
	Filters   []Filter         // And, Or: two or more; Not: one
	Attribute string           // otherwise; letters, digits and any of -_.;
	Value     strictjson.Value // otherwise, but for Present: a string, a number, a boolean or null
}

// Error is what is wrong with a filter and where.
type Error struct {
	Column int    // from 1, in octets
	Reason string // never quotes a value
}

func (e *Error) Error() string { return fmt.Sprintf("column %d: %s", e.Column, e.Reason) }

// deepest is how deep parentheses may be nested.
const deepest = 64

// Parse reads a filter. Errors are *Error.
func Parse(text string) (Filter, error) {
	p := parser{text: text}
	f, err := p.or(0)
	if err == nil && p.at < len(text) {
		err = p.errorf(`expected "and", "or" or the end`)
	}
	if err != nil {
		return Filter{}, err
	}
	return f, nil
}

// parser reads text from at on. Each of its methods leaves at behind what it
// read and the blanks there.
type parser struct {
	text string
	at   int
}

func (p *parser) errorf(reason string) error { return &Error{p.at + 1, reason} }

func (p *parser) skipBlanks() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// word takes the operator w, in letters of any case, if it is next.
func (p *parser) word(w Op) bool {
	end := p.at + len(w)
	if end > len(p.text) || !strings.EqualFold(p.text[p.at:end], string(w)) || end < len(p.text) && nameOctet(p.text[end]) {
		return false
	}
	p.at = end
	p.skipBlanks()
	return true
}

func (p *parser) or(depth int) (Filter, error) { return p.list(Or, depth, p.and) }

func (p *parser) and(depth int) (Filter, error) { return p.list(And, depth, p.term) }

// list reads one or more of what next reads, with op between them.
func (p *parser) list(op Op, depth int, next func(int) (Filter, error)) (Filter, error) {
	first, err := next(depth)
	if err != nil {
		return Filter{}, err
	}
	all := []Filter{first}
	for p.word(op) {
		f, err := next(depth)
		if err != nil {
			return Filter{}, err
		}
		all = append(all, f)
	}
	if len(all) == 1 {
		return first, nil
	}
	return Filter{Op: op, Filters: all}, nil
}

// term reads a comparison, or a filter in parentheses with or without not.
func (p *parser) term(depth int) (Filter, error) {
	p.skipBlanks()
	start := p.at
	not := p.word(Not)
	if p.at == len(p.text) || p.text[p.at] != '(' {
		p.at = start // not may be an attribute, if only in theory
		return p.comparison()
	}
	if depth == deepest {
		return Filter{}, p.errorf("nested too deeply")
	}
	p.at++
	f, err := p.or(depth + 1)
	if err != nil {
		return Filter{}, err
	}
	if p.at == len(p.text) || p.text[p.at] != ')' {
		return Filter{}, p.errorf(`expected ")"`)
	}
	p.at++
	p.skipBlanks()
	if not {
		f = Filter{Op: Not, Filters: []Filter{f}}
	}
	return f, nil
}

var comparisons = []Op{Equal, NotEqual, Contains, StartsWith, EndsWith, Greater, GreaterEqual, Less, LessEqual}

func (p *parser) comparison() (Filter, error) {
	start := p.at
	for p.at < len(p.text) && nameOctet(p.text[p.at]) {
		p.at++
	}
	f := Filter{Attribute: p.text[start:p.at]}
	if f.Attribute == "" {
		return Filter{}, p.errorf("expected an attribute")
	}
	if p.at < len(p.text) && p.text[p.at] == '[' {
		return Filter{}, p.errorf("attributes have no sub-attributes")
	}
	p.skipBlanks()
	if p.word(Present) {
		f.Op = Present
		return f, nil
	}
	for _, op := range comparisons {
		if p.word(op) {
			f.Op = op
			break
		}
	}
	if f.Op == "" {
		return Filter{}, p.errorf("expected eq, ne, co, sw, ew, pr, gt, ge, lt or le")
	}
	var err error
	f.Value, err = p.value()
	return f, err
}

// value reads a literal of JSON.
func (p *parser) value() (strictjson.Value, error) {
	end := p.at
	if end < len(p.text) && p.text[end] == '"' {
		end++
		for end < len(p.text) && p.text[end] != '"' {
			if p.text[end] == '\\' {
				end++
			}
			end++
		}
		end++
	} else {
		for end < len(p.text) && strings.IndexByte(" \t\r\n()[]{},\"", p.text[end]) < 0 {
			end++
		}
	}
	if end > len(p.text) {
		return strictjson.Value{}, p.errorf("a string without an end")
	}
	doc, err := strictjson.Parse([]byte(p.text[p.at:end]), 0)
	if err != nil {
		return strictjson.Value{}, p.errorf("expected a string, a number, true, false or null")
	}
	p.at = end
	p.skipBlanks()
	return doc.Root, nil
}

// nameOctet reports whether c can be part of an attribute's name.
func nameOctet(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.;", c) >= 0
}
