package wire

import "tallystick/internal/ber"

// AbortedTransaction is the responseName of RFC 5805, section 2.4.
const AbortedTransaction = "1.3.6.1.1.21.4"

// EndTransaction is a txnEndReq (RFC 5805, section 2.3).
type EndTransaction struct {
	Abort      bool // in place of commit
	Identifier []byte
}

// DecodeEndTransaction reads the requestValue of an End Transaction Request.
func DecodeEndTransaction(value []byte) (end EndTransaction, err error) {
	outer := ber.NewReader(value)
	r, err := enterOnly(&outer)
	if err != nil {
		return end, err
	}
	if commit, ok, err := r.Optional(ber.Boolean); err != nil {
		return end, err
	} else if ok {
		yes, err := ber.ParseBool(commit)
		if err != nil {
			return end, err
		}
		end.Abort = !yes
	}
	end.Identifier, err = r.Read(ber.OctetString)
	return end, err
}

// Append appends the requestValue to b, as a client writes it.
func (e EndTransaction) Append(b []byte) []byte {
	b, seq := ber.Begin(b, ber.Sequence)
	if e.Abort {
		b = ber.AppendBool(b, ber.Boolean, false)
	}
	b = ber.AppendBytes(b, ber.OctetString, e.Identifier)
	return ber.End(b, seq)
}

// UpdateControls are the response controls of one update of a transaction.
type UpdateControls struct {
	ID       int32 // messageID of the update
	Controls []Control
}

// EncodeTransactionFailed is the responseValue of an End Transaction Response
// if the update with messageID id is why the transaction failed.
func EncodeTransactionFailed(id int32) []byte {
	b, seq := ber.Begin(nil, ber.Sequence)
	b = ber.AppendInt(b, ber.Integer, int64(id))
	return ber.End(b, seq)
}

// EncodeUpdatesControls is the responseValue of an End Transaction Response of
// a transaction that was made; nil, so absent, without updates.
func EncodeUpdatesControls(updates []UpdateControls) []byte {
	if len(updates) == 0 {
		return nil
	}
	b, seq := ber.Begin(nil, ber.Sequence)
	b, list := ber.Begin(b, ber.Sequence)
	for _, u := range updates {
		var one int
		b, one = ber.Begin(b, ber.Sequence)
		b = ber.AppendInt(b, ber.Integer, int64(u.ID))
		b = appendControls(b, u.Controls)
		b = ber.End(b, one)
	}
	return ber.End(ber.End(b, list), seq)
}
