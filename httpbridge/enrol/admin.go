package enrol

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tallystick/extop/wire"
	"tallystick/httpbridge/upstream"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/uuid"
)

const (
	mostFound   = 25 // users that one search shows
	mostEvents  = 25 // events that a user's page shows
	longestLook = 3  // seconds that are spent to find them; the newest are found first
)

// people is a filter for entries of people. Not every server adds superior
// classes to an entry that was given without them.
const people = "(|(objectClass=person)(objectClass=inetOrgPerson)(objectClass=account)(objectClass=posixAccount))"

// person is a user as the help desk sees him.
type person struct {
	DN, UUID, Name, UID, Mail string
}

var personAttributes = append([]string{"entryUUID", "mail"}, nameAttributes...)

func personOf(e upstream.Entry) person {
	return person{
		DN:   e.DN,
		UUID: e.Value("entryUUID"),
		Name: nameOf(e),
		UID:  e.Value("uid"),
		Mail: e.Value("mail"),
	}
}

// foundData is what find-user.html shows.
type foundData struct {
	Query string // "": nothing was asked yet
	Users []person
	More  bool // than those
}

// helpDesk reports whether the user may be here, and answers otherwise. What
// he may do the LDAP server decides.
func (v *visit) helpDesk() (bool, error) {
	if in, err := v.signedIn(true); !in {
		return false, err
	}
	if !v.session.helpDesk {
		return false, &failure{http.StatusForbidden, "notHelpDesk"}
	}
	return true, nil
}

func (v *visit) findUser() error {
	if in, err := v.helpDesk(); !in {
		return err
	}
	data := foundData{Query: strings.TrimSpace(v.r.URL.Query().Get("q"))}
	if data.Query != "" {
		text := upstream.EscapeFilter(data.Query)
		filter := fmt.Sprintf("(&%[2]s(|(uid=%[1]s*)(mail=%[1]s*)(cn=*%[1]s*)(displayName=*%[1]s*)))", text, people)
		entries, more, err := v.find(filter, mostFound)
		if err != nil {
			return err
		}
		for _, e := range entries {
			data.Users = append(data.Users, personOf(e))
		}
		data.More = more
	}
	return v.render(http.StatusOK, "find-user", &view{Title: "helpDesk", Admin: true, Data: data})
}

// find searches all of the server; more: there are more than limit.
func (v *visit) find(filter string, limit int) (found []upstream.Entry, more bool, err error) {
	tops, err := v.search(upstream.SearchRequest{
		Scope: upstream.BaseObject, Filter: "(objectClass=*)", Attributes: []string{"namingContexts"},
	})
	for _, top := range tops {
		for _, base := range top.Values("namingContexts") {
			if len(found) >= limit {
				return found, true, nil
			}
			entries, err := v.search(upstream.SearchRequest{
				Base: base, Scope: upstream.WholeSubtree, Filter: filter,
				Attributes: personAttributes, SizeLimit: limit - len(found),
			})
			found = append(found, entries...)
			if r, ok := errors.AsType[*upstream.Result](err); ok && r.Code == ldap.LDAPResultSizeLimitExceeded {
				return found, true, nil
			}
			if err != nil {
				return found, false, err
			}
		}
	}
	return found, false, err
}

// search is a search over the session's connection. One that broke takes the
// session with it.
func (v *visit) search(req upstream.SearchRequest) ([]upstream.Entry, error) {
	entries, err := v.session.link.Search(v.r.Context(), req)
	if err != nil && !refused(err) {
		v.endSession()
	}
	return entries, err
}

// userData is what user.html shows.
type userData struct {
	person
	wire.ManageTOTPResponse
	Events []event
	Closed bool // the events may not be read
}

// event is a record of the audit log.
type event struct {
	Time                                time.Time
	Kind, By, Peer, Door, Device, Cause string
}

// target is the user that the path names by entryUUID.
func (v *visit) target() (person, error) {
	id, err := uuid.Parse(v.r.PathValue("uuid"))
	if err != nil {
		return person{}, &failure{http.StatusNotFound, "userGone"}
	}
	entries, _, err := v.find("(entryUUID="+id.String()+")", 1)
	if err == nil && len(entries) == 0 {
		err = &failure{http.StatusNotFound, "userGone"}
	}
	if err != nil {
		return person{}, err
	}
	return personOf(entries[0]), nil
}

func (v *visit) showUser() error {
	if in, err := v.helpDesk(); !in {
		return err
	}
	p, err := v.target()
	if err != nil {
		return err
	}
	return v.showPerson(http.StatusOK, p)
}

func (v *visit) showPerson(status int, p person, problems ...problem) error {
	data := userData{person: p}
	var err error
	if data.ManageTOTPResponse, err = v.manage(p.request(wire.ManageList)); err != nil {
		return err
	}
	if data.Events, data.Closed, err = v.events(p, data.Credentials); err != nil {
		return err
	}
	return v.render(status, "user", &view{Title: "helpDesk", Admin: true, Problems: problems, Data: data})
}

// request is a request about the user.
func (p person) request(action wire.ManageAction) wire.ManageTOTPRequest {
	id := "dn:" + p.DN
	return wire.ManageTOTPRequest{Action: action, AuthenticationID: &id}
}

// events are the latest of a user, the newest first; closed: the LDAP server
// does not show them, or has none to show.
func (v *visit) events(p person, devices []wire.ManagedCredential) (list []event, closed bool, err error) {
	records, err := v.search(upstream.SearchRequest{
		Base: "cn=audit", Scope: upstream.SingleLevel, SizeLimit: mostEvents, TimeLimit: longestLook,
		Filter: "(tallystickAuditUser=" + upstream.EscapeFilter(p.DN) + ")",
	})
	if r, ok := errors.AsType[*upstream.Result](err); ok {
		closed, err = r.Code != ldap.LDAPResultSizeLimitExceeded && r.Code != ldap.LDAPResultTimeLimitExceeded, nil
	}
	for _, r := range records {
		at, _ := time.Parse("20060102150405.000Z", r.Value("tallystickAuditTime"))
		e := event{
			Time:   at,
			Kind:   r.Value("tallystickAuditEvent"),
			By:     r.Value("tallystickAuditBy"),
			Peer:   r.Value("tallystickAuditPeer"),
			Door:   r.Value("tallystickAuditDoor"),
			Device: r.Value("tallystickAuditCredential"),
			Cause:  r.Value("tallystickAuditCause"),
		}
		for _, d := range devices {
			if d.ID == e.Device && d.Name != "" {
				e.Device = d.Name
			}
		}
		list = append(list, e)
	}
	return list, closed, err
}

// actions are what the help desk does, to a credential or to the user, and what
// the page says then.
var actions = map[string]struct {
	action wire.ManageAction
	done   string
}{
	"disable": {wire.ManageDisable, "disabled"},
	"enable":  {wire.ManageEnable, "enabled"},
	"remove":  {wire.ManageRevoke, "removed"},
	"resync":  {wire.ManageResync, "resynced"},
	"unlock":  {wire.ManageUnlock, "unlocked"},
}

func (v *visit) changeUser() error {
	if in, err := v.helpDesk(); !in {
		return err
	}
	wanted, ok := actions[v.r.PathValue("action")]
	if !ok {
		return v.notFound()
	}
	p, err := v.target()
	if err != nil {
		return err
	}
	req := p.request(wanted.action)
	req.ID, req.Code, req.NextCode = v.form("id"), v.code("code"), v.code("next")
	if _, err := v.manage(req); err != nil {
		return v.userRefused(err, p)
	}
	v.session.notice = wanted.done
	return v.redirect("/admin/users/" + p.UUID)
}

// userRefused tells why the LDAP server did not do it.
func (v *visit) userRefused(err error, p person) error {
	if !refused(err) {
		return err
	}
	v.noteError(err)
	f := v.failureOf(err)
	one := problem{"", f.text}
	switch f.text {
	case "wrongProof":
		one = problem{"resync-" + v.form("id") + "-code", "wrongCodes"}
	case "unwilling":
		one.Text = "unwillingDesk"
	}
	return v.showPerson(f.status, p, one)
}
