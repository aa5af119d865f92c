package directory

import (
	"context"
	"errors"
	"strconv"

	"tallystick/directory/store"
)

// The audit log over LDAP, for whoever has the privilege bypass-acl, or
// password-reset, who has to see why somebody cannot log in:
//
//	cn=audit                                    how many records there are, and which
//	tallystickAuditSequence=N,cn=audit          one record
//
// It is not called cn=changelog, because clients that know that name expect
// the changes of entries there, to replicate them. Records come newest first,
// so that a size limit leaves the newest.
const auditDN = "cn=audit"

const auditSequence = "tallystickAuditSequence"

// auditLog is a search at or below cn=audit.
func (s *search) auditLog(ctx context.Context, who Requester) error {
	if err := s.d.mayAudit(s.r, who); err != nil {
		return err
	}
	if err := s.unsorted(); err != nil {
		return err
	}
	if s.base.Len() > s.d.auditDN.Len() {
		rec, err := s.d.auditRecord(s.r, s.base)
		if err == nil {
			err = assert(s.assertion, s.d.specialView(s.base.String(), rec.attributes(strconv.FormatUint(rec.Sequence, 10))))
		}
		if err != nil || s.req.Scope == SingleLevel || s.req.Scope == SubordinateSubtree {
			return err
		}
		return s.auditEntry(rec)
	}
	top, err := auditTop(s.r)
	if err == nil {
		err = assert(s.assertion, s.d.specialView(auditDN, top))
	}
	if err != nil {
		return err
	}
	if s.after == nil && (s.req.Scope == BaseObject || s.req.Scope == WholeSubtree) {
		if err := s.special(auditDN, top); err != nil {
			return err
		}
	}
	if s.req.Scope == BaseObject {
		return nil
	}
	records := store.Prefix([]byte{auditSpace})
	records.Reverse = true
	low, high := sequenceBounds(&s.req.Filter)
	if s.after != nil && s.after.id > 0 {
		high = min(high, ^s.after.id-1)
	}
	records.Start = auditKey(low)
	if high+1 > high {
		records.End = auditKey(high + 1)
	}
	var failed error
	err = s.r.Scan(records, func(key, value []byte) bool {
		if failed = s.pace(ctx); failed != nil {
			return false
		}
		var rec *AuditRecord
		if rec, failed = decodeAudit(key, value); failed == nil {
			failed = s.auditEntry(rec)
		}
		return failed == nil
	})
	return errors.Join(failed, err)
}

// unsorted gives up sorting, where there is an order already.
func (s *search) unsorted() error {
	if s.sorting == nil {
		return nil
	}
	s.sorting, s.req.Sort.Result = nil, UnwillingToPerform
	if s.req.Sort.Critical {
		return errCannotSort
	}
	return nil
}

// auditEntry sends a record if it matches.
func (s *search) auditEntry(rec *AuditRecord) error {
	sequence := strconv.FormatUint(rec.Sequence, 10)
	s.at.id = ^rec.Sequence
	return s.special(auditSequence+"="+sequence+","+auditDN, rec.attributes(sequence))
}

// attributes is the record as an entry has it.
func (rec *AuditRecord) attributes(sequence string) []Attribute {
	attrs := make([]Attribute, 0, 12)
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, Attribute{name, [][]byte{[]byte(value)}})
		}
	}
	attrs = append(attrs, Attribute{"objectClass", [][]byte{[]byte("top"), []byte("tallystickAuditRecord")}})
	add(auditSequence, sequence)
	add("tallystickAuditTime", rec.Time.Format("20060102150405.000Z"))
	add("tallystickAuditEvent", string(rec.Kind))
	add("tallystickAuditUser", rec.User)
	add("tallystickAuditBy", rec.By)
	add("tallystickAuditProxy", rec.Proxy)
	add("tallystickAuditPeer", rec.Peer)
	add("tallystickAuditDoor", rec.Door)
	add("tallystickAuditCredential", rec.Credential)
	add("tallystickAuditCause", rec.Cause)
	if rec.Count > 0 {
		add("tallystickAuditCount", strconv.FormatUint(rec.Count, 10))
	}
	add("tallystickAuditHash", rec.Hash.String())
	return attrs
}

// auditTop is the attributes of cn=audit itself: tallystickAuditSequence is
// the number of the newest record.
func auditTop(r store.Reader) ([]Attribute, error) {
	head, err := readAuditHead(r)
	if err != nil {
		return nil, err
	}
	return []Attribute{
		{"objectClass", [][]byte{[]byte("top"), []byte("tallystickAuditLogEntry"), []byte("extensibleObject")}},
		{"cn", [][]byte{[]byte("audit")}},
		{auditSequence, [][]byte{strconv.AppendUint(nil, head.last, 10)}},
		{"tallystickAuditHash", [][]byte{[]byte(head.hash.String())}},
	}, nil
}

// mayAudit fails unless who may read the audit log.
func (d *Directory) mayAudit(r store.Reader, who Requester) error {
	may, err := d.privilegesOf(r, who)
	if err == nil && !may.bypassACL && !may.passwordReset {
		err = errNoAccess
	}
	return err
}

// auditRecord is the record with the given name, or noSuchObject.
func (d *Directory) auditRecord(r store.Reader, dn DN) (*AuditRecord, error) {
	missing := &Error{ResultCode: NoSuchObject, MatchedDN: auditDN}
	ava := dn.RDN(0).AVAs()
	if dn.Len() != d.auditDN.Len()+1 || len(ava) != 1 || d.schema.AttributeOrUndefined(ava[0].Type).Name() != auditSequence {
		return nil, missing
	}
	sequence, err := strconv.ParseUint(string(ava[0].Value), 10, 64)
	if err != nil {
		return nil, missing
	}
	value, err := r.Get(auditKey(sequence))
	if errors.Is(err, store.ErrNotFound) {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	return decodeAudit(auditKey(sequence), value)
}

// compareAudit is Compare at or below cn=audit; compare is Compare in given
// attributes.
func (d *Directory) compareAudit(ctx context.Context, who Requester, dn DN, compare func([]Attribute) (bool, error)) (equal bool, err error) {
	err = d.view(ctx, func(r store.Reader) error {
		if err := d.mayAudit(r, who); err != nil {
			return err
		}
		if dn.Len() == d.auditDN.Len() {
			top, err := auditTop(r)
			if err != nil {
				return err
			}
			equal, err = compare(top)
			return err
		}
		rec, err := d.auditRecord(r, dn)
		if err != nil {
			return err
		}
		equal, err = compare(rec.attributes(strconv.FormatUint(rec.Sequence, 10)))
		return err
	})
	return equal, err
}

// sequenceBounds is between which numbers a record must be to match the
// filter, as far as that can be seen without looking at any.
func sequenceBounds(f *Filter) (low, high uint64) {
	low, high = 0, 1<<64-1
	switch f.Kind {
	case FilterAnd:
		for i := range f.Filters {
			l, h := sequenceBounds(&f.Filters[i])
			low, high = max(low, l), min(high, h)
		}
		return low, high
	case FilterEqualityMatch, FilterGreaterOrEqual, FilterLessOrEqual:
	default:
		return low, high
	}
	n, err := strconv.ParseUint(string(f.Value), 10, 64)
	if err != nil || f.Attribute != auditSequence {
		return low, high
	}
	if f.Kind != FilterLessOrEqual {
		low = n
	}
	if f.Kind != FilterGreaterOrEqual {
		high = n
	}
	return low, high
}
