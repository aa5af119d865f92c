package aci

import (
	"errors"
	"fmt"
	neturl "net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"tallystick/directory/schema"
)

// rules reads bind rules with one operator between them. "and" and "or" side by
// side are refused: products differ in which goes first.
func (p *parser) rules() (rule, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("more than %d rules within rules", maxDepth)
	}
	defer func() { p.depth-- }()
	first, err := p.oneRule()
	if err != nil {
		return nil, err
	}
	list, between := []rule{first}, ""
	for {
		before := p.at
		word, at := p.word()
		if word != "and" && word != "or" {
			p.at = before
			break
		}
		if between != "" && word != between {
			return nil, p.fail(at, "and and or without parentheses")
		}
		between = word
		next, err := p.oneRule()
		if err != nil {
			return nil, err
		}
		if list = append(list, next); len(list) > maxList {
			return nil, fmt.Errorf("more than %d rules", maxList)
		}
	}
	switch between {
	case "and":
		return and(list), nil
	case "or":
		return or(list), nil
	}
	return first, nil
}

func (p *parser) oneRule() (rule, error) {
	if p.skip("(") {
		r, err := p.rules()
		if err == nil {
			err = p.want(")")
		}
		return r, err
	}
	keyword, at := p.word()
	if keyword == "not" {
		if p.depth++; p.depth > maxDepth {
			return nil, fmt.Errorf("more than %d rules within rules", maxDepth)
		}
		defer func() { p.depth-- }()
		r, err := p.oneRule()
		return not{r}, err
	}
	if why := unsupportedRules[keyword]; why != "" {
		return nil, p.fail(at, "%s: %s", keyword, why)
	}
	read := ruleReader(keyword)
	if read == nil {
		return nil, p.fail(at, "%q is no bind rule: userdn, groupdn, userattr, ip, authmethod, ssf, secure, timeofday or dayofweek", keyword)
	}
	operator, at := p.comparison()
	if operator == "" {
		return nil, p.fail(at, "= or != is missing behind %s", keyword)
	}
	ordered := keyword == "ssf" || keyword == "timeofday"
	if !ordered && operator != "=" && operator != "!=" {
		return nil, p.fail(at, "%s goes with = or !=", keyword)
	}
	value, start, err := p.quoted()
	if err != nil {
		return nil, err
	}
	r, err := read(p, operator, value)
	if err != nil {
		return nil, p.fail(start, "%s: %w", keyword, err)
	}
	if !ordered && operator == "!=" {
		r = not{r}
	}
	return r, nil
}

func (p *parser) comparison() (comparison, int) {
	p.space()
	at := p.at
	for _, c := range []comparison{"!=", "<=", ">=", "=", "<", ">"} {
		if p.skip(string(c)) {
			return c, at
		}
	}
	return "", at
}

var unsupportedRules = map[string]string{
	"dns":                "is not supported: a name is what whoever has the address says; use ip",
	"roledn":             "is not supported: there are no roles; use groupdn",
	"connectioncriteria": "is not supported: there are none to name",
	"oauthscope":         "is not supported: who may do what is not for the issuer of a token to say",
}

// ruleReader is what reads the value of a bind rule; nil: there is no such rule.
func ruleReader(keyword string) func(*parser, comparison, string) (rule, error) {
	unordered := func(read func(string) (rule, error)) func(*parser, comparison, string) (rule, error) {
		return func(_ *parser, _ comparison, value string) (rule, error) { return read(value) }
	}
	switch keyword {
	case "userdn":
		return eachPart((*parser).userDN)
	case "groupdn":
		return eachPart((*parser).groupDN)
	case "userattr":
		return func(p *parser, _ comparison, value string) (rule, error) { return p.userAttr(value) }
	case "ip":
		return unordered(parseNetworks)
	case "authmethod":
		return unordered(parseMethod)
	case "secure":
		return unordered(parseSecure)
	case "dayofweek":
		return unordered(parseDays)
	case "ssf":
		return parseStrength
	case "timeofday":
		return parseTime
	}
	return nil
}

// eachPart reads a value whose parts have || between them, of which one has to
// hold.
func eachPart(read func(*parser, string) (rule, error)) func(*parser, comparison, string) (rule, error) {
	return func(p *parser, _ comparison, value string) (rule, error) {
		parts, err := splitList(value)
		if err != nil {
			return nil, err
		}
		var list or
		for _, part := range parts {
			r, err := read(p, part)
			if err != nil {
				return nil, fmt.Errorf("%q: %w", part, err)
			}
			list = append(list, r)
		}
		if len(list) == 1 {
			return list[0], nil
		}
		return list, nil
	}
}

const urlScheme = "ldap:///"

var errURL = errors.New("begins with " + urlScheme)

// cutURL takes the scheme off a URL; a host is not for it to say.
func cutURL(text string) (string, error) {
	if len(text) < len(urlScheme) || !strings.EqualFold(text[:len(urlScheme)], urlScheme) {
		return "", errURL
	}
	return text[len(urlScheme):], nil
}

// name reads an LDAP URL that is a name or a pattern of names.
func (p *parser) name(text string) (schema.DN, pattern, error) {
	text, err := cutURL(strings.TrimSpace(text))
	if err == nil && strings.Contains(text, "?") {
		err = errors.New("is a name, without scope and filter")
	}
	if err != nil {
		return schema.DN{}, nil, err
	}
	return p.dn(text)
}

// dn reads the name in a URL, percent-encoded or not.
func (p *parser) dn(text string) (schema.DN, pattern, error) {
	if strings.Contains(text, "%") {
		var err error
		if text, err = neturl.PathUnescape(text); err != nil {
			return schema.DN{}, nil, errors.New("a percent sign is %25 in a URL")
		}
	}
	if strings.Contains(text, "*") {
		p, err := parsePattern(p.schema, text)
		return schema.DN{}, p, err
	}
	dn, err := p.schema.ParseDN(text)
	return dn, nil, err
}

func (p *parser) userDN(text string) (rule, error) {
	rest, err := cutURL(text)
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(rest) {
	case "anyone":
		return anyone{}, nil
	case "all":
		return authenticated{}, nil
	case "self":
		return self{}, nil
	case "parent":
		return parent{}, nil
	}
	if strings.Contains(rest, "?") {
		u, err := p.url(rest)
		return userURL{u}, err
	}
	dn, pattern, err := p.dn(rest)
	switch {
	case err != nil:
		return nil, err
	case pattern != nil:
		return userPattern{pattern}, nil
	case dn.IsZero():
		return nil, errors.New("the empty name: anyone, or all who are authenticated?")
	}
	return user{dn}, nil
}

// url reads what stands behind the scheme of an LDAP URL: base?attributes?scope?filter.
func (p *parser) url(text string) (url, error) {
	parts := strings.SplitN(text, "?", 4)
	for len(parts) < 4 {
		parts = append(parts, "")
	}
	var u url
	dn, pattern, err := p.dn(parts[0])
	switch {
	case err != nil:
		return u, err
	case pattern != nil:
		return u, errors.New("asterisks in the name do not go with scope and filter")
	case parts[1] != "":
		return u, errors.New("no attributes go into the URL")
	}
	u.base = dn
	switch strings.ToLower(parts[2]) {
	case "", "base":
		u.scope = base
	case "one":
		u.scope = oneLevel
	case "sub":
		u.scope = subtree
	default:
		return u, errors.New("the scope is base, one or sub")
	}
	if parts[3] == "" {
		return u, nil
	}
	text, err = neturl.PathUnescape(parts[3])
	if err != nil {
		return u, errors.New("a percent sign is %25 in a URL")
	}
	u.filter, err = p.makeFilter(text)
	return u, err
}

func (p *parser) groupDN(text string) (rule, error) {
	dn, pattern, err := p.name(text)
	switch {
	case err != nil:
		return nil, err
	case pattern != nil || dn.IsZero():
		return nil, errors.New("is the name of one group")
	}
	return group{dn}, nil
}

// maxLevel is how far up userattr looks.
const maxLevel = 4

// userAttr reads [parent[levels].]attribute#what.
func (p *parser) userAttr(value string) (rule, error) {
	attribute, what, ok := strings.Cut(value, "#")
	if !ok || what == "" {
		return nil, errors.New("is attribute#USERDN, #GROUPDN, #LDAPURL or #value")
	}
	u := userAttr{attribute: strings.TrimSpace(attribute), levels: []int{0}}
	inherited := false
	if rest, ok := strings.CutPrefix(u.attribute, "parent["); ok {
		levels, name, ok := strings.Cut(rest, "].")
		if !ok {
			return nil, errors.New("is parent[0,1].attribute#what")
		}
		u.attribute, u.levels, inherited = name, nil, true
		for _, text := range strings.Split(levels, ",") {
			n, err := strconv.ParseUint(strings.TrimSpace(text), 10, 8)
			if err != nil || n > maxLevel || slices.Contains(u.levels, int(n)) {
				return nil, fmt.Errorf("levels are numbers from 0 to %d, each once", maxLevel)
			}
			u.levels = append(u.levels, int(n))
		}
	}
	if !isDescriptor(u.attribute) {
		return nil, fmt.Errorf("%q is no attribute type", u.attribute)
	}
	s := p.schema
	switch what {
	case "USERDN":
		u.compare = func(q *Requester, v []byte) (bool, error) {
			dn, err := s.ParseDN(string(v))
			return err == nil && dn.Equal(q.DN), nil
		}
	case "GROUPDN":
		u.compare = func(q *Requester, v []byte) (bool, error) {
			dn, err := s.ParseDN(string(v))
			if err != nil || dn.IsZero() {
				return false, nil
			}
			return q.InGroup(dn)
		}
	case "LDAPURL":
		makeFilter := p.makeFilter
		u.compare = func(q *Requester, v []byte) (bool, error) {
			if len(v) > maxText {
				return false, nil
			}
			text, err := cutURL(string(v))
			if err != nil {
				return false, nil
			}
			p := &parser{schema: s, makeFilter: makeFilter}
			url, err := p.url(text)
			if err != nil {
				return false, nil // a value that is none lets nobody in
			}
			verdict, err := userURL{url}.holds(q, nil)
			return verdict == Yes, err
		}
	case "SELFDN":
		return nil, errors.New("#SELFDN is not supported: use #USERDN, or the right selfwrite")
	case "ROLEDN":
		return nil, errors.New("there are no roles; use #GROUPDN")
	default:
		if inherited {
			return nil, errors.New("a value in the requester's own entry has no levels")
		}
		f, err := p.makeFilter("(" + u.attribute + "=" + escapeFilter(what) + ")")
		return ownValue{f}, err
	}
	return u, nil
}

// escapeFilter is a value as it stands in a filter (RFC 4515, section 3).
func escapeFilter(value string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if strings.IndexByte(`*()\`, c) >= 0 || c == 0 {
			fmt.Fprintf(&b, `\%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// parseMethod reads none, simple, ssl, sasl, sasl with a mechanism, or otp,
// which is ours: a code was shown.
func parseMethod(value string) (rule, error) {
	words := strings.Fields(value)
	if len(words) == 0 {
		return nil, errors.New("is none, simple, ssl, sasl or otp")
	}
	m := method{name: strings.ToLower(words[0])}
	switch {
	case m.name == "sasl" && len(words) == 2:
		m.mechanism = words[1]
		return m, nil
	case len(words) == 1 && slices.Contains([]string{"none", "simple", "ssl", "sasl", "otp"}, m.name):
		return m, nil
	}
	return nil, fmt.Errorf("%q is none of none, simple, ssl, sasl, sasl with a mechanism, otp", value)
}

func parseStrength(_ *parser, c comparison, value string) (rule, error) {
	bits, err := strconv.ParseUint(strings.TrimSpace(value), 10, 16)
	if err != nil {
		return nil, errors.New("is a number of bits")
	}
	return strength{c, int(bits)}, nil
}

func parseSecure(value string) (rule, error) {
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true", "yes":
		return secure{true}, nil
	case "false", "no":
		return secure{false}, nil
	}
	return nil, errors.New("is true or false")
}

func parseTime(_ *parser, c comparison, value string) (rule, error) {
	value = strings.TrimSpace(value)
	n, err := strconv.ParseUint(value, 10, 16)
	if err != nil || len(value) != 4 || n/100 > 23 || n%100 > 59 {
		return nil, errors.New("is a time of day such as 0830")
	}
	return timeOfDay{c, int(n/100*60 + n%100)}, nil
}

func parseDays(value string) (rule, error) {
	var list days
	for _, name := range strings.Split(value, ",") {
		name = strings.TrimSpace(name)
		day := time.Weekday(-1)
		for d := time.Sunday; d <= time.Saturday; d++ {
			if strings.EqualFold(name, d.String()[:3]) {
				day = d
			}
		}
		if day < 0 {
			return nil, fmt.Errorf("%q is none of sun, mon, tue, wed, thu, fri, sat", name)
		}
		list = append(list, day)
	}
	return list, nil
}
