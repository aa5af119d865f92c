package ldapd

import (
	"testing"
	"time"

	"tallystick/directory"
	"tallystick/internal/ber"
	"tallystick/ldapd/wire"
)

// begin starts a transaction and returns the control for what belongs to it.
func (c *raw) begin(id int32) wire.Control {
	c.t.Helper()
	c.send(id, &wire.ExtendedRequest{Name: oidStartTransaction})
	r := c.expect(id, wire.TagExtendedResponse, directory.Success)
	if len(r.value) == 0 || r.name != "" {
		c.t.Fatalf("start: responseName %q, identifier %q", r.name, r.value)
	}
	return wire.Control{OID: wire.TransactionSpecification, Critical: true, Value: r.value}
}

func endOf(in wire.Control, abort bool) *wire.ExtendedRequest {
	return &wire.ExtendedRequest{Name: oidEndTransaction, Value: wire.EndTransaction{Abort: abort, Identifier: in.Value}.Append(nil)}
}

func describePerson(dn, text string) *directory.ModifyRequest {
	return &directory.ModifyRequest{Object: dn, Changes: []directory.Change{{Operation: directory.ReplaceValues,
		Attribute: directory.Attribute{Name: "description", Values: [][]byte{[]byte(text)}}}}}
}

// described wants to find the description.
func (c *raw) described(id int32, dn, text string, want directory.ResultCode) {
	c.t.Helper()
	c.send(id, &directory.CompareRequest{Entry: dn, Attribute: "description", Value: []byte(text)})
	c.expect(id, wire.TagCompareResponse, want)
}

// TestTransaction is RFC 5805, by section.
func TestTransaction(t *testing.T) {
	const ok = directory.Success
	who := person(20)
	for _, tt := range []struct {
		name string
		run  func(c *raw)
	}{
		{"2.1: a start has no value", func(c *raw) {
			c.send(2, &wire.ExtendedRequest{Name: oidStartTransaction, Value: []byte{}})
			c.expect(2, wire.TagExtendedResponse, directory.ProtocolError)
		}},
		{"2.2: the control is critical", func(c *raw) {
			in := c.begin(2)
			in.Critical = false
			c.send(3, describePerson(who, "2.2"), in)
			c.expect(3, wire.TagModifyResponse, directory.ProtocolError)
		}},
		{"2.2: not of a search", func(c *raw) {
			in := c.begin(2)
			c.send(3, everybody(), in)
			c.expect(3, wire.TagSearchResultDone, directory.UnavailableCriticalExtension)
		}},
		{"2.3: an end has a value", func(c *raw) {
			c.send(2, &wire.ExtendedRequest{Name: oidEndTransaction})
			c.expect(2, wire.TagExtendedResponse, directory.ProtocolError)
		}},
		{"3.3: success at once, and deferred until settlement", func(c *raw) {
			in := c.begin(2)
			c.send(3, describePerson(who, "3.3"), in)
			c.expect(3, wire.TagModifyResponse, ok)
			c.described(4, who, "3.3", directory.NoSuchAttribute)
		}},
		{"3.3: different messageIDs", func(c *raw) {
			in := c.begin(2)
			c.send(3, describePerson(who, "a"), in)
			c.expect(3, wire.TagModifyResponse, ok)
			c.send(3, describePerson(who, "b"), in)
			c.expect(3, wire.TagModifyResponse, directory.ProtocolError)
		}},
		{"3.3: what cannot be is refused at once", func(c *raw) {
			in := c.begin(2)
			c.send(3, describePerson(who, "a"), in, wire.Control{OID: wire.Assertion, Critical: true, Value: []byte("?")})
			c.expect(3, wire.TagModifyResponse, directory.ProtocolError)
			c.send(4, describePerson(who, "a"), in, wire.Control{OID: wire.NoOp, Critical: true})
			c.expect(4, wire.TagModifyResponse, directory.UnwillingToPerform)
		}},
		{"3.4: abort", func(c *raw) {
			in := c.begin(2)
			c.send(3, describePerson(who, "aborted"), in)
			c.expect(3, wire.TagModifyResponse, ok)
			c.send(4, endOf(in, true))
			if r := c.expect(4, wire.TagExtendedResponse, ok); r.value != nil {
				t.Errorf("value %x", r.value)
			}
			c.described(5, who, "aborted", directory.NoSuchAttribute)
			c.send(6, endOf(in, false))
			c.expect(6, wire.TagExtendedResponse, directory.UnwillingToPerform)
		}},
		{"3.4: commit, in turn", func(c *raw) {
			in := c.begin(2)
			for id, text := range []string{"first", "last"} {
				c.send(int32(id+3), describePerson(person(21), text), in)
				c.expect(int32(id+3), wire.TagModifyResponse, ok)
			}
			c.send(5, endOf(in, false))
			if r := c.expect(5, wire.TagExtendedResponse, ok); r.value != nil || r.name != "" {
				t.Errorf("name %q value %x", r.name, r.value)
			}
			c.described(6, person(21), "last", directory.CompareTrue)
			c.send(7, endOf(in, false))
			c.expect(7, wire.TagExtendedResponse, directory.UnwillingToPerform)
		}},
		{"3.4: none of it, with the messageID of what failed", func(c *raw) {
			in := c.begin(2)
			c.send(7, describePerson(who, "3.4"), in)
			c.expect(7, wire.TagModifyResponse, ok)
			c.send(300, &directory.DeleteRequest{Entry: people}, in)
			c.expect(300, wire.TagDelResponse, ok)
			c.send(9, endOf(in, false))
			r := c.expect(9, wire.TagExtendedResponse, directory.NotAllowedOnNonLeaf)
			if got, want := string(r.value), string(wire.EncodeTransactionFailed(300)); got != want {
				t.Errorf("value %x, want %x", got, want)
			}
			c.described(10, who, "3.4", directory.NoSuchAttribute)
		}},
		{"3.5: a bind aborts them without notice", func(c *raw) {
			in := c.begin(2)
			c.bindRoot(3)
			c.send(4, describePerson(who, "a"), in)
			c.expect(4, wire.TagModifyResponse, directory.UnwillingToPerform)
		}},
		{"4.1: the assertion is evaluated as part of it", func(c *raw) {
			assertion := func(text string) wire.Control {
				return wire.Control{OID: wire.Assertion, Critical: true, Value: equality("description", text)}
			}
			in := c.begin(2)
			c.send(3, describePerson(person(22), "one"), in)
			c.expect(3, wire.TagModifyResponse, ok)
			c.send(4, describePerson(person(22), "two"), in, assertion("one"))
			c.expect(4, wire.TagModifyResponse, ok)
			c.send(5, endOf(in, false))
			c.expect(5, wire.TagExtendedResponse, ok)
			c.described(6, person(22), "two", directory.CompareTrue)
			in = c.begin(7)
			c.send(8, describePerson(person(22), "three"), in, assertion("one"))
			c.expect(8, wire.TagModifyResponse, ok)
			c.send(9, endOf(in, false))
			c.expect(9, wire.TagExtendedResponse, directory.AssertionFailed)
		}},
		{"4.4: proxied authorization, at the start only", func(c *raw) {
			proxied := wire.Control{OID: wire.ProxiedAuthorization, Critical: true, Value: []byte("dn:" + person(0))}
			in := c.begin(2)
			c.send(3, describePerson(who, "a"), in, proxied)
			c.expect(3, wire.TagModifyResponse, directory.ProtocolError)
			c.send(4, endOf(in, false), proxied)
			c.expect(4, wire.TagExtendedResponse, directory.ProtocolError)
			c.send(5, &wire.ExtendedRequest{Name: oidStartTransaction}, proxied)
			in.Value = c.expect(5, wire.TagExtendedResponse, ok).value
			c.send(6, describePerson(who, "as another"), in)
			c.expect(6, wire.TagModifyResponse, ok)
			c.send(7, endOf(in, false))
			c.expect(7, wire.TagExtendedResponse, directory.InsufficientAccessRights)
		}},
		{"4.5: what was read comes with the end", func(c *raw) {
			in := c.begin(2)
			c.send(3, describePerson(person(23), "read"), in,
				wire.Control{OID: wire.PostRead, Critical: true, Value: []byte("\x30\x0d\x04\x0bdescription")})
			if r := c.expect(3, wire.TagModifyResponse, ok); r.controls != nil {
				t.Errorf("controls at once: %v", r.controls)
			}
			c.send(4, endOf(in, false))
			r := c.expect(4, wire.TagExtendedResponse, ok)
			want := wire.EncodeUpdatesControls([]wire.UpdateControls{{ID: 3, Controls: []wire.Control{{OID: wire.PostRead,
				Value: wire.EncodeEntry(&directory.Entry{DN: person(23), Attributes: []directory.Attribute{{Name: "description", Values: [][]byte{[]byte("read")}}}})}}}})
			if string(r.value) != string(want) {
				t.Errorf("value %x, want %x", r.value, want)
			}
		}},
		{"one that is another session's", func(c *raw) {
			c.send(2, describePerson(who, "a"), wire.Control{OID: wire.TransactionSpecification, Critical: true, Value: []byte("1")})
			c.expect(2, wire.TagModifyResponse, directory.UnwillingToPerform)
		}},
		{"too many", func(c *raw) {
			for id := range int32(maxTransactions) {
				c.begin(id + 2)
			}
			c.send(100, &wire.ExtendedRequest{Name: oidStartTransaction})
			c.expect(100, wire.TagExtendedResponse, directory.Busy)
		}},
		{"too many changes", func(c *raw) {
			in := c.begin(2)
			for id := range int32(3) {
				c.send(id+3, describePerson(who, "a"), in)
				c.expect(id+3, wire.TagModifyResponse, ok)
			}
			c.send(100, describePerson(who, "a"), in)
			c.expect(100, wire.TagModifyResponse, directory.AdminLimitExceeded)
		}},
		{"too many octets", func(c *raw) {
			in := c.begin(2)
			c.send(3, describePerson(who, string(make([]byte, maxWaiting))), in)
			c.expect(3, wire.TagModifyResponse, directory.AdminLimitExceeded)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, Config{MaxTransactionChanges: 3})
			c := s.raw(t)
			c.bindRoot(1)
			tt.run(c)
			c.works(1000)
			c.send(1001, &wire.UnbindRequest{})
			c.expectEnd()
			waitFor(t, "the session to be gone", func() bool { return s.Stats().Connections == 0 })
			if n := s.inTransactions.Load(); n != 0 {
				t.Errorf("%d octets are left in transactions", n)
			}
		})
	}
	t.Run("anonymous", func(t *testing.T) {
		c := start(t, Config{}).raw(t)
		c.send(1, &wire.ExtendedRequest{Name: oidStartTransaction})
		c.expect(1, wire.TagExtendedResponse, directory.InsufficientAccessRights)
	})
	t.Run("2.4: the notice that it was aborted", func(t *testing.T) {
		c := start(t, Config{TransactionTimeout: time.Millisecond}).raw(t)
		c.bindRoot(1)
		in := c.begin(2)
		r := c.expect(0, wire.TagExtendedResponse, directory.TimeLimitExceeded)
		if r.name != wire.AbortedTransaction || string(r.value) != string(in.Value) {
			t.Errorf("%q %q", r.name, r.value)
		}
		c.send(3, endOf(in, false))
		c.expect(3, wire.TagExtendedResponse, directory.UnwillingToPerform)
	})
}

// equality is a Filter.
func equality(attribute, value string) []byte {
	b, f := ber.Begin(nil, 0xa3)
	b = ber.AppendString(b, ber.OctetString, attribute)
	b = ber.AppendString(b, ber.OctetString, value)
	return ber.End(b, f)
}
