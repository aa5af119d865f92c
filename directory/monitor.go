package directory

import (
	"context"

	"tallystick/directory/store"
)

// What the server says of itself, for checks by LDAP: entries that stand
// nowhere and are made when they are asked for. Whoever may read sees
// cn=monitor itself, and whoever has the privilege monitor-read or bypass-acl all
// below it.
const monitorDN = "cn=monitor"

// ServeMonitor has the entries at and below cn=monitor come from entries, which
// returns all of them as they are now, cn=monitor first. It is called before
// the directory serves; without it there are none.
func (d *Directory) ServeMonitor(entries func() []Entry) { d.monitor = entries }

// monitored is an entry below cn=monitor or that itself.
type monitored struct {
	Entry
	dn DN
	id uint64 // for the pages of a search
}

// monitorEntries is the entries that who may see, or an error if he may not see
// base.
func (d *Directory) monitorEntries(r store.Reader, who Requester, base DN) ([]monitored, error) {
	if err := d.authenticated(r, who); err != nil {
		return nil, err
	}
	may, err := d.privilegesOf(r, who)
	if err != nil {
		return nil, err
	}
	all := may.bypassACL || may.monitorRead
	if !all && !base.Equal(d.monitorDN) {
		return nil, errNoAccess
	}
	if d.monitor == nil {
		return nil, &Error{ResultCode: NoSuchObject}
	}
	var list []monitored
	found := false
	for i, e := range d.monitor() {
		dn, err := d.parseDN(e.DN)
		if err != nil {
			return nil, err
		}
		found = found || dn.Equal(base)
		list = append(list, monitored{e, dn, uint64(i + 1)})
		if !all {
			break
		}
	}
	if !found {
		return nil, &Error{ResultCode: NoSuchObject, MatchedDN: monitorDN}
	}
	return list, nil
}

// monitor is a search at or below cn=monitor.
func (s *search) monitor(who Requester) error {
	list, err := s.d.monitorEntries(s.r, who, s.base)
	if err != nil {
		return err
	}
	if err := s.unsorted(); err != nil {
		return err
	}
	for _, e := range list {
		if e.dn.Equal(s.base) {
			if err := assert(s.assertion, s.d.specialView(e.DN, e.Attributes)); err != nil {
				return err
			}
		}
	}
	for _, e := range list {
		if !e.dn.IsUnder(s.base) || s.after != nil && e.id <= s.after.id {
			continue
		}
		below := e.dn.Len() - s.base.Len()
		switch {
		case s.req.Scope == BaseObject && below != 0,
			s.req.Scope == SingleLevel && below != 1,
			s.req.Scope == SubordinateSubtree && below == 0:
			continue
		}
		s.at.id = e.id
		if err := s.special(e.DN, e.Attributes); err != nil {
			return err
		}
	}
	return nil
}

// compareMonitor is Compare at or below cn=monitor; compare is Compare in given
// attributes.
func (d *Directory) compareMonitor(ctx context.Context, who Requester, dn DN, compare func([]Attribute) (bool, error)) (equal bool, err error) {
	err = d.view(ctx, func(r store.Reader) error {
		list, err := d.monitorEntries(r, who, dn)
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.dn.Equal(dn) {
				equal, err = compare(e.Attributes)
			}
		}
		return err
	})
	return equal, err
}
