package directory

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/google/uuid"

	"tallystick/directory/store"
)

// Export calls write for the entry named base ("": all naming contexts, and
// before them the subschema subentry if definitions were added to it) and
// for everything below it, parents before their children, with all that Load
// and Apply take to make the same entries again: user attributes, hashed
// passwords, TOTP credentials with their secrets in clear, entryUUID,
// timestamps. It is for the administrator of the machine; nothing in it may
// leave through a front. The attributes are valid during the call.
func (d *Directory) Export(ctx context.Context, base string, write func(*Entry) error) error {
	dn, err := d.parseDN(base)
	if err != nil {
		return err
	}
	return d.view(ctx, func(r store.Reader) error {
		e := exporter{ctx, d, r, write}
		if dn.IsZero() {
			if err := e.definitions(); err != nil {
				return err
			}
			return e.children(0, "")
		}
		id, err := d.resolve(r, dn)
		if err != nil {
			return err
		}
		name, err := d.nameOf(r, id)
		if err != nil {
			return err
		}
		return e.tree(id, name)
	})
}

type exporter struct {
	ctx   context.Context
	d     *Directory
	r     store.Reader
	write func(*Entry) error
}

func (e *exporter) children(parent entryID, name string) error {
	var failed error
	err := e.r.Scan(store.Prefix(childPrefix(parent)), func(_, value []byte) bool {
		id := idAtEnd(value)
		rec, err := readRecord(e.r, id)
		if err == nil {
			err = e.entry(id, rec, joinName(name, rec.rdn))
		}
		failed = err
		return failed == nil
	})
	return errors.Join(failed, err)
}

func (e *exporter) tree(id entryID, name string) error {
	rec, err := readRecord(e.r, id)
	if err != nil {
		return err
	}
	return e.entry(id, rec, name)
}

func (e *exporter) entry(id entryID, rec *record, name string) error {
	if err := e.ctx.Err(); err != nil {
		return err
	}
	out := Entry{DN: name, Attributes: rec.attributes}
	add := func(name string, values ...[]byte) {
		if len(values) > 0 {
			out.Attributes = append(out.Attributes, Attribute{name, values})
		}
	}
	out.Attributes = append(out.Attributes, rec.passwordAttributes(userPassword, authPassword)...)
	credentials, err := e.d.exportCredentials(e.r, id, rec)
	if err != nil {
		return err
	}
	add("tallystickTOTPCredential", credentials...)
	var history [][]byte
	kept, err := exportAttempts(e.r, id, rec)
	if err != nil {
		return err
	}
	if len(kept.recovery.Hashes) > 0 {
		text, err := json.Marshal(recoveryCodesText(kept.recovery))
		if err != nil {
			return err
		}
		add(recoveryCodesAttribute, text)
	}
	applications, err := exportApplications(kept.applications)
	if err != nil {
		return err
	}
	add(applicationAttribute, applications...)
	if kept.graceLogins > 0 {
		add(graceLoginsAttribute, strconv.AppendUint(nil, kept.graceLogins, 10))
	}
	out.Attributes = append(out.Attributes, kept.kept()...)
	for _, f := range kept.history {
		history = append(history, f.historyText())
	}
	add(pwdHistory, history...)
	add("entryUUID", []byte(uuid.UUID(rec.uuid).String()))
	add("createTimestamp", generalizedTime(rec.created))
	add("modifyTimestamp", generalizedTime(rec.modified))
	if rec.creator != "" {
		add("creatorsName", []byte(rec.creator))
	}
	if rec.modifier != "" {
		add("modifiersName", []byte(rec.modifier))
	}
	if err := e.write(&out); err != nil {
		return err
	}
	return e.children(id, name)
}
