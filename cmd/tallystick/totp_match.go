package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"tallystick/directory"
	"tallystick/httpbridge/upstream"
	"tallystick/internal/seeds"
)

// matcher finds the users that the seeds of another system belong to.
type matcher struct {
	s        *totpSession
	pattern  string            // with {} in it; "": none
	words    map[string]string // what a seed says of itself, and the user; nil: none
	contexts []string          // where to look; nil: not asked yet
	known    map[string]answer // by what was looked for
}

// answer is a user's DN, or why there is none.
type answer struct{ user, reason string }

func newMatcher(s *totpSession, mapping string) (*matcher, error) {
	m := &matcher{s: s, known: map[string]answer{}}
	switch {
	case mapping == "":
		return m, nil
	case s.user != "":
		return nil, usagef("--user and --map contradict each other")
	case strings.Contains(mapping, "{}"):
		m.pattern = mapping
		return m, nil
	}
	f, err := os.Open(mapping)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m.words = map[string]string{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		word, user, ok := strings.Cut(line, "\t")
		word, user = strings.TrimSpace(word), strings.TrimSpace(user)
		if !ok || user == "" || strings.Contains(user, "\t") {
			return nil, fmt.Errorf("%s:%d: two words with a tab between", mapping, n)
		}
		if other, twice := m.words[word]; twice && other != user {
			return nil, fmt.Errorf("%s:%d: %q is there twice", mapping, n, word)
		}
		m.words[word] = user
	}
	return m, lines.Err()
}

// user is the DN of the user that a seed belongs to, or the reason why it is
// not known.
func (m *matcher) user(ctx context.Context, seed seeds.Seed) (user, reason string, err error) {
	switch {
	case m.s.user != "":
		return m.s.user, "", nil // the server looks
	case m.words != nil:
		for _, word := range []string{seed.Owner, ownName(seed.Owner), seed.Serial, seed.Name} {
			if user, ok := m.words[word]; ok && word != "" {
				return m.find(ctx, user, true)
			}
		}
		return "", "nothing in the map is about it", nil
	case seed.Owner == "":
		return "", "the file does not say whose it is: --map or --user can", nil
	case m.pattern == "":
		return m.find(ctx, seed.Owner, false)
	}
	name := ownName(seed.Owner)
	if strings.Contains(m.pattern, "=") {
		name = ldap.EscapeDN(name)
	}
	return m.find(ctx, strings.ReplaceAll(m.pattern, "{}", name), true)
}

// ownName is what a user is called: of a DN the value of its first RDN.
func ownName(owner string) string {
	if dn, err := ldap.ParseDN(owner); err == nil && len(dn.RDNs) > 0 {
		return dn.RDNs[0].Attributes[0].Value
	}
	return owner
}

// find looks for one user by DN, uid or mail address, once for each text. A DN
// that is not meant for here need not be exact: then its uid will do.
func (m *matcher) find(ctx context.Context, text string, here bool) (user, reason string, err error) {
	if a, ok := m.known[text]; ok {
		return a.user, a.reason, nil
	}
	user, reason, err = m.look(ctx, text, here)
	if err == nil {
		m.known[text] = answer{user, reason}
	}
	return user, reason, err
}

func (m *matcher) look(ctx context.Context, text string, here bool) (user, reason string, err error) {
	attributes := []string{"uid", "mail"}
	value := text
	if dn, err := ldap.ParseDN(text); err == nil && len(dn.RDNs) > 0 {
		found, err := m.search(ctx, text, upstream.BaseObject, "(objectClass=*)")
		if err != nil || len(found) == 1 {
			return text, "", err
		}
		first := dn.RDNs[0].Attributes[0]
		if here || !strings.EqualFold(first.Type, "uid") {
			return "", "there is no " + text, nil
		}
		attributes, value = attributes[:1], first.Value
	}
	if m.contexts == nil {
		if m.contexts, err = m.namingContexts(ctx); err != nil {
			return "", "", err
		}
	}
	for _, attribute := range attributes {
		var found []string
		for _, base := range m.contexts {
			some, err := m.search(ctx, base, upstream.WholeSubtree, "("+attribute+"="+ldap.EscapeFilter(value)+")")
			if err != nil {
				return "", "", err
			}
			found = append(found, some...)
		}
		switch {
		case len(found) == 1:
			return found[0], "", nil
		case len(found) > 1:
			return "", fmt.Sprintf("several users have the %s %s", attribute, value), nil
		}
	}
	return "", fmt.Sprintf("no user has the %s %s", strings.Join(attributes, " or "), value), nil
}

// search returns the DNs of two entries at most. What is not there, or cannot
// be a name, is none.
func (m *matcher) search(ctx context.Context, base string, scope upstream.Scope, filter string) ([]string, error) {
	entries, err := m.s.link.Search(ctx, upstream.SearchRequest{Base: base, Scope: scope, SizeLimit: 2, Filter: filter, Attributes: []string{"1.1"}})
	if result, ok := errors.AsType[*upstream.Result](err); ok {
		switch directory.ResultCode(result.Code) {
		case directory.NoSuchObject, directory.InvalidDNSyntax, directory.SizeLimitExceeded:
			err = nil
		default:
			err = told(err)
		}
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.DN)
	}
	return names, err
}

// namingContexts is where the server keeps entries.
func (m *matcher) namingContexts(ctx context.Context) ([]string, error) {
	entries, err := m.s.link.Search(ctx, upstream.SearchRequest{Scope: upstream.BaseObject, Filter: "(objectClass=*)", Attributes: []string{"namingContexts"}})
	if err != nil {
		return nil, told(err)
	}
	contexts := []string{}
	for _, e := range entries {
		contexts = append(contexts, e.Values("namingContexts")...)
	}
	return contexts, nil
}
