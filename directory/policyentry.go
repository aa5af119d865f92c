package directory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tallystick/directory/schema"
)

const policyClass = "tallystickSecondFactorPolicy"

// checkPolicy fails with constraintViolation if an entry is a policy, of the
// second factor or of passwords, and malformed.
func (d *Directory) checkPolicy(rec *record) error {
	var malformed error
	if d.policies.has(d, rec) {
		malformed = d.compilePolicy(0, rec).malformed
	}
	if d.passwordPolicies.has(d, rec) {
		malformed = errors.Join(malformed, d.compilePasswordPolicy(0, rec).malformed)
	}
	if malformed != nil {
		return Errorf(ConstraintViolation, "%v", malformed)
	}
	return nil
}

// compilePolicy reads a policy from its entry. What is malformed makes it
// stricter, see policy.
func (d *Directory) compilePolicy(id entryID, rec *record) *policy {
	e := policyEntry{d: d, rec: rec}
	p := &policy{id: id}
	p.order = e.number("tallystickPolicyOrder", -1<<31, 1<<31)
	p.asks = e.asks()
	for _, kind := range conditionKinds {
		c := condition{attribute: kind.attribute}
		for i, v := range d.valuesOf(rec, kind.attribute) {
			holds, err := kind.compile(d, string(v))
			if err != nil {
				e.fail("%s: value %d: %s", kind.attribute, i+1, inWords(err))
				holds = func(*subject) (bool, error) { return true, nil }
			}
			c.values = append(c.values, conditionValue{string(v), holds})
		}
		if len(c.values) > 0 {
			p.conditions = append(p.conditions, c)
		}
	}
	p.graceUntil = e.time("tallystickGraceUntil")
	p.graceLogins = uint64(e.optional("tallystickGraceLogins", 1, 1000))
	p.rebindFor = time.Duration(e.optional("tallystickRebindFor", 1, int64(maxRebindFor/time.Second))) * time.Second
	if p.asks != factorRequired && (p.graceLogins > 0 || !p.graceUntil.IsZero()) {
		e.fail("tallystickGraceUntil and tallystickGraceLogins go with tallystickSecondFactor: required")
	}
	if e.problems != nil {
		p.malformed = errors.New(strings.Join(e.problems, "; "))
		p.asks, p.graceUntil, p.graceLogins, p.rebindFor = factorRequired, time.Time{}, 0, 0
	}
	return p
}

// before orders policies: by their numbers, and of equal ones that first which
// asks for more.
func (p *policy) before(q *policy) int {
	return cmp.Or(cmp.Compare(p.order, q.order), cmp.Compare(p.leniency(), q.leniency()), cmp.Compare(p.id, q.id))
}

func (p *policy) leniency() int {
	switch {
	case p.asks == factorRequired && p.graceUntil.IsZero() && p.graceLogins == 0:
		return 0
	case p.asks == factorRequired:
		return 1
	case p.asks == factorOptional:
		return 2
	case p.asks == factorExempt:
		return 3
	default:
		return 4
	}
}

// policyEntry reads the entry of a policy and keeps what is wrong with it.
type policyEntry struct {
	d        *Directory
	rec      *record
	problems []string
}

func (e *policyEntry) fail(format string, args ...any) {
	e.problems = append(e.problems, fmt.Sprintf(format, args...))
}

// one returns the value of an attribute that has at most one; "": none.
func (e *policyEntry) one(attribute string) string {
	values := e.d.valuesOf(e.rec, attribute)
	if len(values) == 0 {
		return ""
	}
	if len(values) > 1 {
		e.fail("%s: has only one value", attribute)
	}
	return string(values[0])
}

// number returns the value of an attribute that must be there.
func (e *policyEntry) number(attribute string, least, most int64) int64 {
	text := e.one(attribute)
	if text == "" {
		e.fail("%s: a policy needs it", attribute)
		return least
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		e.fail("%s: not a number from %d to %d", attribute, least, most)
		return least
	}
	return n
}

// optional is number for an attribute that need not be there, which is 0.
func (e *policyEntry) optional(attribute string, least, most int64) int64 {
	if e.one(attribute) == "" {
		return 0
	}
	return e.number(attribute, least, most)
}

func (e *policyEntry) time(attribute string) time.Time {
	text := e.one(attribute)
	if text == "" {
		return time.Time{}
	}
	t, err := schema.ParseGeneralizedTime([]byte(text))
	if err != nil {
		e.fail("%s: %v", attribute, err)
	}
	return t.UTC()
}

func (e *policyEntry) asks() secondFactor {
	text := e.one("tallystickSecondFactor")
	i := slices.IndexFunc(secondFactors, func(s string) bool { return strings.EqualFold(s, text) })
	if i < 0 {
		e.fail("tallystickSecondFactor: is none of %s", strings.Join(secondFactors, ", "))
		return factorRequired
	}
	return secondFactor(i)
}

// inWords is an error without its result code.
func inWords(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.DiagnosticMessage
	}
	return err.Error()
}
