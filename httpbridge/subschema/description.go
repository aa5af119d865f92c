package subschema

import "strings"

// description is one definition in parentheses (RFC 4512, section 4.1): an OID,
// then keywords, each followed by nothing, one value or a list of them.
type description struct {
	oid   string
	words map[string][]string
}

func (d description) has(keyword string) bool      { _, ok := d.words[keyword]; return ok }
func (d description) list(keyword string) []string { return d.words[keyword] }

func (d description) one(keyword string) string {
	if values := d.words[keyword]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// valued says which keywords have a value behind them. Extensions (X-…) have
// one too; all others stand alone.
var valued = map[string]bool{
	"NAME": true, "DESC": true, "SUP": true, "EQUALITY": true, "ORDERING": true,
	"SUBSTR": true, "SYNTAX": true, "USAGE": true, "MUST": true, "MAY": true,
}

func parse(text string) (description, bool) {
	tokens, ok := split(text)
	if !ok || len(tokens) < 3 || tokens[0] != "(" || tokens[len(tokens)-1] != ")" {
		return description{}, false
	}
	d := description{oid: tokens[1], words: map[string][]string{}}
	tokens = tokens[2 : len(tokens)-1]
	for len(tokens) > 0 {
		keyword := strings.ToUpper(tokens[0])
		tokens = tokens[1:]
		if !valued[keyword] && !strings.HasPrefix(keyword, "X-") {
			d.words[keyword] = nil
			continue
		}
		values, rest, ok := value(tokens)
		if !ok {
			return description{}, false
		}
		d.words[keyword], tokens = values, rest
	}
	return d, true
}

// value takes one value, or a list in parentheses, off the front of tokens.
func value(tokens []string) (values, rest []string, ok bool) {
	if len(tokens) == 0 || tokens[0] == ")" {
		return nil, nil, false
	}
	if tokens[0] != "(" {
		return []string{unquote(tokens[0])}, tokens[1:], true
	}
	for i, t := range tokens[1:] {
		switch t {
		case ")":
			return values, tokens[i+2:], true
		case "$":
		default:
			values = append(values, unquote(t))
		}
	}
	return nil, nil, false
}

// unquote takes the quotes off a quoted string, and the two escapes out of it.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '\'' {
		return s
	}
	s = s[1 : len(s)-1]
	return strings.NewReplacer(`\27`, "'", `\5C`, `\`, `\5c`, `\`).Replace(s)
}

// split takes text apart into parentheses, dollars, quoted strings with their
// quotes, and words.
func split(text string) (tokens []string, ok bool) {
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" {
			return tokens, true
		}
		n := 1
		switch text[0] {
		case '(', ')', '$':
		case '\'':
			end := strings.IndexByte(text[1:], '\'')
			if end < 0 {
				return nil, false
			}
			n = end + 2
		default:
			if n = strings.IndexAny(text, " \t\r\n()$'"); n < 0 {
				n = len(text)
			}
		}
		tokens = append(tokens, text[:n])
		text = text[n:]
	}
}
