package httpbridge_test

import (
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// literal is a string in a program: C#'s verbatim ones, the ones with escapes,
// and PHP's, in which there are next to none.
const literal = `@"(?:[^"]|"")*"|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'`

// request is where the parts of an HTTP request are in a program: it is how the
// texts are sent whose clients (RestSharp, PEAR's HTTP_Request2, Apple's
// Foundation) are neither Debian's nor npm's. Their strings are read as their
// languages read them.
type request struct {
	url, method, header, body *regexp.Regexp
	valueFirst                bool // of a header
}

var literals = map[string]request{
	"csharp": {
		url: part(`RestClientOptions\((LIT)\)`), method: part(`Method\.(\w+)`),
		header: part(`AddHeader\((LIT), (LIT)\)`), body: part(`var body = (LIT(?:\s*\+\s*LIT)*);`),
	},
	"php": {
		url: part(`setUrl\((LIT)\)`), method: part(`METHOD_(\w+)`),
		header: part(`(LIT) => (LIT)`), body: part(`setBody\((LIT)\)`),
	},
	"swift": {
		url: part(`URL\(string: (LIT)\)`), method: part(`httpMethod = (LIT)`), valueFirst: true,
		header: part(`addValue\((LIT), forHTTPHeaderField: (LIT)\)`), body: part(`let parameters = (LIT)`),
	},
}

// part is a regular expression in which LIT is a literal.
func part(pattern string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(pattern, "LIT", "(?:"+literal+")"))
}

var literalOrWord = regexp.MustCompile(literal + `|\w+`)

// evaluate returns what an expression of literals joined by + stands for; a word stands
// for itself.
func evaluate(t *testing.T, expression string) string {
	t.Helper()
	var s strings.Builder
	for _, l := range literalOrWord.FindAllString(expression, -1) {
		switch l[0] {
		case '@':
			s.WriteString(strings.ReplaceAll(l[2:len(l)-1], `""`, `"`))
		case '"':
			unquoted, err := strconv.Unquote(l)
			if err != nil {
				t.Fatalf("%s: %v", l, err)
			}
			s.WriteString(unquoted)
		case '\'':
			s.WriteString(strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(l[1 : len(l)-1]))
		default:
			s.WriteString(l)
		}
	}
	return s.String()
}

// send sends the request that text says, and returns the answer's body.
func (r request) send(t *testing.T, text string) string {
	t.Helper()
	one := func(p *regexp.Regexp) string {
		found := p.FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("no %s in %s", p, text)
		}
		return evaluate(t, found[1])
	}
	req, err := http.NewRequestWithContext(t.Context(), strings.ToUpper(one(r.method)), one(r.url), strings.NewReader(one(r.body)))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range r.header.FindAllStringSubmatch(text, -1) {
		name, is := evaluate(t, h[1]), evaluate(t, h[2])
		if r.valueFirst {
			name, is = is, name
		}
		req.Header.Add(name, is)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
