package directory

import (
	"context"
	"errors"
	"time"

	"tallystick/directory/store"
)

// The audit log says what happened to credentials and passwords and who tried
// them. An event is written in the transaction that makes it happen, so there
// is no change without its record and no record of what did not happen, and it
// costs no flush of its own. A bind by password alone that changes nothing is
// no event: it is in the log of the front. No record holds a password, a code
// or a secret, nor the name of a user who does not exist, because people type
// passwords into the field for the name.
//
// Guessing at one user does not push out records: attempts before their time,
// and failures beyond the first lockout, are written down only when their
// number is a power of two.

// AuditKind is what happened. The words are stored: they never change.
type AuditKind string

const (
	AuditCreated         AuditKind = "created"         // a TOTP secret was made; it is pending
	AuditConfirmed       AuditKind = "confirmed"       // its first code was accepted: it is active
	AuditAccepted        AuditKind = "accepted"        // a code; without a credential: a password after failures, Count of them
	AuditSpent           AuditKind = "spent"           // a right code beside a wrong password
	AuditRefused         AuditKind = "refused"         // an attempt, with its Cause; Count is how many in a row, some of which have no record
	AuditLocked          AuditKind = "locked"          // that attempt was one too many; Count is how many in a row
	AuditDelayed         AuditKind = "delayed"         // by that attempt the address it came from, at this user; Count is how many in a row
	AuditUnlocked        AuditKind = "unlocked"        // a lockout ended by a success or an administrator
	AuditDisabled        AuditKind = "disabled"        // a credential, by its owner or an administrator
	AuditEnabled         AuditKind = "enabled"         // again
	AuditChanged         AuditKind = "changed"         // a credential otherwise, as Cause says
	AuditRevoked         AuditKind = "revoked"         // a credential was removed; without a credential: all of them
	AuditImported        AuditKind = "imported"        // a credential came from another system, or with an entry from a file
	AuditPasswordChanged AuditKind = "passwordChanged" // the static password; or it came with a new entry
	AuditRenamed         AuditKind = "renamed"         // whoever may log in, or an entry with others below it; Cause says what it is now
	AuditResealed        AuditKind = "resealed"        // Count secrets, with the key in Cause; without Count: a run of that begins
	AuditRestored        AuditKind = "restored"        // the whole directory, from a backup
	AuditPruned          AuditKind = "pruned"          // the records before number Count were removed: they were too many or too old
)

// changesCredential reports whether a credential is another one afterwards, or
// gone.
func (k AuditKind) changesCredential() bool {
	switch k {
	case AuditCreated, AuditConfirmed, AuditDisabled, AuditEnabled, AuditChanged, AuditRevoked:
		return true
	}
	return false
}

// Why an attempt was refused, as far as the work that must be the same for all
// refusals can tell.
const (
	causeNothing  = "nothing shown"
	causeNobody   = "no such user"
	causeDamaged  = "damaged state"
	causeDelayed  = "too early after failures" // before the end of a delay
	causeSource   = "too early from this address"
	causeLocked   = "locked" // before the end of a lockout
	causePassword = "wrong password"
	causeCode     = "wrong code"
	causeMissing  = "code missing"
	causeReplayed = "replayed code"
	causeSecret   = "no such secret"
	causeRequired = "code required by a policy, and no credential"
	causeRefused  = "codes refused by a policy"
	causeIdle     = "too long without a log-in"
	causePeriod   = "outside the time of the password"
	causeExpired  = "password expired"
	causeReset    = "password to be changed first"
)

// AuditEvent is one thing that happened. Text that does not apply is "".
type AuditEvent struct {
	Kind       AuditKind `json:"event"`
	User       string    `json:"user,omitempty"`       // DN of whose credential or attempt it is
	By         string    `json:"by,omitempty"`         // DN of the requester; "" is anonymous, as before a bind
	Proxy      string    `json:"proxy,omitempty"`      // DN of who acted for By
	Peer       string    `json:"peer,omitempty"`       // address of the client
	Door       string    `json:"door,omitempty"`       // the operation or mechanism it came through
	Credential string    `json:"credential,omitempty"` // its id
	Cause      string    `json:"cause,omitempty"`
	Count      uint64    `json:"count,omitempty"` // see the kinds

	passedOver bool // it is one of too many to be written down
}

// AuditConfig is how much of the audit log is kept. The records beyond that are
// removed from its front.
type AuditConfig struct {
	Keep    int           // records; 0: one million, negative: no limit; at least 1,000 are kept
	KeepFor time.Duration // 0: no limit
}

const (
	defaultAuditKeep = 1_000_000
	leastAuditKeep   = 1_000
)

func (c AuditConfig) keep() uint64 {
	switch {
	case c.Keep == 0:
		return defaultAuditKeep
	case c.Keep < 0:
		return 1<<64 - 1
	}
	return uint64(max(c.Keep, leastAuditKeep))
}

// doorImport is the door of all that comes from a file.
const doorImport = "import"

// event is e as who caused it through a door.
func (who Requester) event(door string, e AuditEvent) AuditEvent {
	if who.How == ByServer {
		door = doorImport
	}
	e.By, e.Proxy, e.Peer, e.Door = who.DN, who.Proxy, who.Peer, door
	return e
}

// note adds an event about the user, and one of his credentials if c is not
// nil, to the audit log when he is saved.
func (u *user) note(kind AuditKind, c *credential, cause string, count uint64) {
	e := AuditEvent{Kind: kind, Cause: cause, Count: count}
	if u.known() {
		e.User = u.dn.String()
	}
	if c != nil {
		e.Credential = c.id
	}
	u.events = append(u.events, e)
}

// noteSome is note, but of many only so many: nobody shall fill the log.
func (u *user) noteSome(kind AuditKind, cause string, count uint64, some bool) {
	u.note(kind, nil, cause, count)
	u.events[len(u.events)-1].passedOver = !some
}

// save writes what changed of u, and the events noted meanwhile as those of
// who, through a door.
func (d *Directory) save(w store.Writer, u *user, who Requester, door string) error {
	if err := u.number(w); err != nil {
		return err
	}
	u.store(w, d.now())
	for c := range u.changed {
		if c.token == nil {
			continue
		}
		if err := d.showStep(w, c); err != nil {
			return err
		}
	}
	return d.saveEvents(w, u, who, door)
}

// saveEvents is save for the events alone.
func (d *Directory) saveEvents(w store.Writer, u *user, who Requester, door string) error {
	for i := range u.events {
		u.events[i] = who.event(door, u.events[i])
	}
	return d.audit(w, u.events...)
}

// audit adds events to the audit log.
func (d *Directory) audit(w store.Writer, events ...AuditEvent) error {
	if len(events) == 0 {
		return nil
	}
	head, err := readAuditHead(w)
	if err != nil {
		return err
	}
	now, before := d.now(), head.last
	for _, e := range events {
		if e.passedOver {
			aside := head
			aside.add(elsewhere{w}, now, e, nil)
		} else {
			head.add(w, now, e, nil)
		}
	}
	if before/pruneEvery != head.last/pruneEvery {
		if err := head.prune(w, now, d.cfg.Audit); err != nil {
			return err
		}
	}
	w.Set(auditHeadKey, head.encode())
	return nil
}

// elsewhere takes records that are not written down: those refused must not be
// told apart by the time that takes.
type elsewhere struct{ w store.Writer }

func (x elsewhere) Set(_, record []byte) { x.w.Set(metaKey("passedOver"), record) }

// AuditLog is which records the audit log has. If First is more than Last it
// is empty.
type AuditLog struct {
	First, Last uint64
	Hash        AuditHash // of the last record
}

// Mark is what to remember of the log, to have it verified later.
func (l AuditLog) Mark() AuditMark { return AuditMark{l.Last, l.Hash} }

// AuditLog tells what there is, unverified.
func (d *Directory) AuditLog(ctx context.Context) (log AuditLog, err error) {
	err = d.store.View(ctx, func(r store.Reader) error {
		head, err := readAuditHead(r)
		log = AuditLog{First: head.first, Last: head.last, Hash: head.hash}
		return err
	})
	return log, err
}

// VerifyAudit verifies the chain of the audit log. The error is an *AuditBreak
// where it does not hold. known are records seen before: the log must have
// them still, unless they were pruned.
func (d *Directory) VerifyAudit(ctx context.Context, known ...AuditMark) (AuditLog, error) {
	var log AuditLog
	err := d.store.View(ctx, func(r store.Reader) (err error) {
		log, err = verifyAudit(ctx, r, known)
		return err
	})
	return log, err
}

// Audit calls fn for the records of the audit log, oldest first. It is for the
// administrator of the machine and does not verify the chain.
func (d *Directory) Audit(ctx context.Context, fn func(*AuditRecord) error) error {
	return d.store.View(ctx, func(r store.Reader) error {
		return scanAll(ctx, r, auditSpace, func(key, value []byte) error {
			rec, err := decodeAudit(key, value)
			if err != nil {
				return err
			}
			return fn(rec)
		})
	})
}

func verifyAudit(ctx context.Context, r store.Reader, known []AuditMark) (AuditLog, error) {
	head, err := readAuditHead(r)
	if err != nil {
		return AuditLog{}, err
	}
	v := newAuditVerifier(head, known)
	err = scanAll(ctx, r, auditSpace, v.add)
	if err == nil {
		err = v.end()
	}
	return AuditLog{First: head.first, Last: head.last, Hash: head.hash}, err
}

// checkAudit tells fault of a broken chain, and returns how many records there
// are.
func (d *Directory) checkAudit(ctx context.Context, r store.Reader, fault func(string)) (int, error) {
	log, err := verifyAudit(ctx, r, nil)
	if broken, ok := errors.AsType[*AuditBreak](err); ok {
		fault(broken.Error())
		err = nil
	}
	return int(log.Last + 1 - log.First), err
}
