package enrol

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

//go:embed templates style.css
var files embed.FS

// pages are the templates, by name. Each is in a file of its own, and layout
// is around all of them.
var pages = parsePages("sign-in", "devices", "device", "recovery-codes", "find-user", "user", "failure")

func parsePages(names ...string) map[string]*template.Template {
	parsed := map[string]*template.Template{}
	for _, name := range names {
		parsed[name] = template.Must(template.ParseFS(files, "templates/layout.html", "templates/parts.html", "templates/"+name+".html"))
	}
	return parsed
}

// view is what a template sees.
type view struct {
	*visit
	Title    string // key
	Admin    bool   // a page of the help desk
	Problems []problem
	Data     any // of the page; its template says what
}

// problem is something wrong with what was sent. The summary at the top of the
// page tells all of them.
type problem struct {
	Field string // id of the element it is about; "": none in particular
	Text  string // key
}

// whole are the texts about a form as a whole: they are not told again beside
// the field that the summary leads to.
var whole = map[string]bool{"signInFailed": true, "passwordExpired": true, "sessionEnded": true}

// render answers with a page.
func (v *visit) render(status int, name string, page *view) error {
	page.visit = v
	var b bytes.Buffer
	if err := pages[name].ExecuteTemplate(&b, "layout.html", page); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	header := v.w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", v.lang)
	header.Set("Vary", "Accept-Language, Cookie")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes()) // an error is that of a browser gone away
	return nil
}

// T is a text in the language of the page.
func (p *view) T(key string, args ...any) string {
	text := texts[key][p.lang]
	if text == "" {
		text = key
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// Lang is for the lang attribute.
func (p *view) Lang() string { return p.lang }

// CSRF is for a hidden field of each form.
func (p *view) CSRF() string { return p.csrf() }

// User is who is signed in; "" is nobody.
func (p *view) User() string {
	if p.session == nil {
		return ""
	}
	return p.session.name
}

// HelpDesk reports whether the user may look after others.
func (p *view) HelpDesk() bool { return p.session != nil && p.session.helpDesk }

// Notice is what is told first, once.
func (p *view) Notice() string {
	if p.session == nil {
		return ""
	}
	notice := p.session.notice
	p.session.notice = ""
	return notice
}

// Problem is what is wrong with a field; "": nothing.
func (p *view) Problem(field string) string {
	for _, one := range p.Problems {
		if one.Field == field && !whole[one.Text] {
			return one.Text
		}
	}
	return ""
}

// Form is what was last sent, for fields that are no secret.
func (p *view) Form(name string) string { return p.form(name) }

// Time is a time to read; Machine the same for the datetime attribute. There
// is no script to ask the browser for its time zone.
func (p *view) Time(t time.Time) string    { return t.UTC().Format("2006-01-02 15:04 UTC") }
func (p *view) Machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Event is what happened according to the audit log; device "": to no device in
// particular.
func (p *view) Event(kind, device string) string {
	if key := "event." + kind + ".none"; device == "" && texts[key] != nil {
		return p.T(key)
	}
	if key := "event." + kind; texts[key] != nil {
		return p.T(key)
	}
	return kind // of a later server
}

// Cause is why something in the audit log happened.
func (p *view) Cause(cause string) string {
	if texts["cause."+cause] == nil {
		return cause // of a later server
	}
	return p.T("cause." + cause)
}

// By is who caused an event of the audit log about a user.
func (p *view) By(dn, user string) string {
	switch dn {
	case "":
		return p.T("anonymous")
	case user:
		return p.T("themselves")
	}
	if parsed, err := ldap.ParseDN(dn); err == nil && len(parsed.RDNs) > 0 {
		return parsed.RDNs[0].Attributes[0].Value
	}
	return dn
}

// Groups is a secret in groups of four, which are easier to copy.
func (p *view) Groups(secret string) string {
	var b strings.Builder
	for i, r := range secret {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// proof is the fields by which somebody who signed in without a code shows
// that it is still him.
type proof struct {
	*view
	Prefix         string // of the ids
	Password, Code bool   // which of them there are
}

// Proof is the fields for a form with the given prefix of ids.
func (p *view) Proof(prefix ...string) proof {
	one := proof{view: p, Prefix: strings.Join(prefix, "-")}
	if d, ok := p.Data.(devicesData); ok && !p.session.strong {
		one.Password, one.Code = true, d.Confirmed
	}
	return one
}

// style is the one style sheet. It has no secrets.
func style(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=300")
	http.ServeFileFS(w, r, files, "style.css")
}
