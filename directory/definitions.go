package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// Definitions that operators add over LDAP, as values of the subschema
// subentry, stand in the store in the form of a schema file and are in force
// beside those of the Config.

const definitionsName = "schema"

// openDefinitions puts the stored definitions in force.
func (d *Directory) openDefinitions(ctx context.Context) error {
	return d.store.View(ctx, func(r store.Reader) error {
		stored, err := readDefinitions(r)
		if err != nil {
			return err
		}
		draft, err := d.schema.Draft(stored)
		if err != nil {
			return fmt.Errorf("the database has definitions that do not go with those of the configuration: %w", err)
		}
		d.schema.Use(draft)
		return nil
	})
}

// use puts definitions in force; the caller holds defining.
func (d *Directory) use(ctx context.Context, draft *schema.Draft) error {
	d.schema.Use(draft)
	d.pagedStates.releaseAll() // what they have indexed may be by other rules
	return d.openIndexes(ctx)  // attribute types may be others now
}

func readDefinitions(r store.Reader) ([]schema.Definition, error) {
	text, err := r.Get(metaKey(definitionsName))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return schema.ReadFile(subschemaDN, string(text))
}

func writeDefinitions(w interface{ Set(key, value []byte) }, list []schema.Definition) {
	var b bytes.Buffer
	for _, x := range list {
		fmt.Fprintf(&b, "%s %s\n", x.Kind, x.Text)
	}
	w.Set(metaKey(definitionsName), b.Bytes())
}

// definedAttribute is the attribute of the subschema subentry whose values are
// definitions of a kind.
var definedAttribute = map[schema.Kind]string{
	schema.AttributeDefinition: "attributeTypes", schema.ClassDefinition: "objectClasses",
}

func definedKind(attribute string) (schema.Kind, bool) {
	for kind, name := range definedAttribute {
		if strings.EqualFold(name, attribute) {
			return kind, true
		}
	}
	return "", false
}

// described is a parsed definition.
type described struct {
	schema.Definition
	oid   string
	names []string
	shape string // what must not change while entries have it
	sup   string // of an attribute type, in lower case
	new   bool
}

func describeDefinition(x schema.Definition) (described, error) {
	d := described{Definition: x}
	if x.Kind == schema.ClassDefinition {
		c, err := schema.ParseObjectClass(x.Text)
		if err != nil {
			return d, err
		}
		d.oid, d.names = c.OID, c.Names
		d.shape = strings.ToLower(fmt.Sprint(c.Kind, c.Sup))
		return d, nil
	}
	a, err := schema.ParseAttributeType(x.Text)
	if err != nil {
		return d, err
	}
	d.oid, d.names, d.sup = a.OID, a.Names, strings.ToLower(a.Sup)
	d.shape = strings.ToLower(fmt.Sprint(a.Sup, a.Equality, a.Ordering, a.Substr, a.Syntax, a.SingleValue, a.Usage))
	return d, nil
}

// keys are the OID and the names in lower case.
func (x described) keys() []string {
	keys := []string{strings.ToLower(x.oid)}
	for _, n := range x.names {
		keys = append(keys, strings.ToLower(n))
	}
	return keys
}

// definitionChange is one change of the definitions at work.
type definitionChange struct {
	d          *Directory
	before     []described // those that are stored
	after      []described
	permissive bool
}

func (d *Directory) newDefinitionChange(r store.Reader, permissive bool) (*definitionChange, error) {
	stored, err := readDefinitions(r)
	if err != nil {
		return nil, err
	}
	c := &definitionChange{d: d, permissive: permissive}
	for _, s := range stored {
		x, err := describeDefinition(s)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Where, err)
		}
		c.before = append(c.before, x)
	}
	c.after = slices.Clone(c.before)
	return c, nil
}

// modifyDefinitions is Modify of the subschema subentry: values of
// attributeTypes and objectClasses are added and deleted (RFC 4512, section
// 4.2; what it takes besides is PingDirectory's and 389's habit). Errors:
// invalidAttributeSyntax for a definition that is malformed or refers to what
// is not there; attributeOrValueExists; noSuchAttribute; unwillingToPerform for
// a definition that is built in, in the configuration, or in use.
func (d *Directory) modifyDefinitions(ctx context.Context, who Requester, req *ModifyRequest) error {
	if err := d.requireBypass(ctx, who); err != nil {
		return err
	}
	if req.PreRead != nil || req.PostRead != nil || req.NoOp {
		return Errorf(UnwillingToPerform, "a change of the schema takes no such control")
	}
	assertion, err := d.compileAssertion(req.Assertion)
	if err != nil {
		return err
	}
	if err := d.takes(false); err != nil {
		return err // before all entries are looked at
	}
	Slow(ctx)
	d.defining.Lock() // no entry is written meanwhile
	defer d.defining.Unlock()
	if err := d.requireBypass(ctx, who); err != nil { // still, now that nobody can take it away
		return err
	}
	if err := assert(assertion, d.specialView(subschemaDN, d.subschema())); err != nil {
		return err
	}
	// Looking through all entries takes long in a large directory: nobody writes
	// one meanwhile, but attempts and codes are written down.
	var c *definitionChange
	var draft *schema.Draft
	err = d.view(ctx, func(r store.Reader) (err error) {
		if c, err = d.newDefinitionChange(r, req.Permissive); err != nil {
			return err
		}
		for _, change := range req.Changes {
			if err := c.apply(change); err != nil {
				return err
			}
		}
		if draft, err = c.draft(); err != nil {
			return err
		}
		return c.check(ctx, r)
	})
	if err != nil {
		return err
	}
	err = d.change(ctx, who, []any{req}, func(w store.Writer) error {
		writeDefinitions(w, c.definitions())
		return nil
	})
	if err != nil {
		return err
	}
	d.log.Info("the schema was changed", "by", who.DN)
	return d.use(context.WithoutCancel(ctx), draft)
}

func (c *definitionChange) apply(change Change) error {
	name := change.Attribute.Name
	kind, ok := definedKind(name)
	switch {
	case !ok:
		return Errorf(UnwillingToPerform, "%.64s: only attributeTypes and objectClasses can be changed", name)
	case change.Operation != AddValues && change.Operation != DeleteValues:
		return Errorf(UnwillingToPerform, "%s: add and delete single definitions", definedAttribute[kind])
	case len(change.Attribute.Values) == 0 && change.Operation == DeleteValues:
		return Errorf(UnwillingToPerform, "%s: some definitions are built in and cannot be removed", definedAttribute[kind])
	case len(change.Attribute.Values) == 0:
		return Errorf(InvalidAttributeSyntax, "%s: no values given", definedAttribute[kind])
	}
	for i, v := range change.Attribute.Values {
		where := fmt.Sprintf("%s: value %d", definedAttribute[kind], i+1)
		text := string(v)
		if change.Operation == AddValues { // one line, as it is stored
			text = strings.Join(strings.Fields(text), " ")
		}
		x, err := describeDefinition(schema.Definition{Kind: kind, Text: text, Where: where})
		if err != nil {
			return Errorf(InvalidAttributeSyntax, "%s: %v", where, err)
		}
		if change.Operation == AddValues {
			err = c.add(x)
		} else {
			err = c.remove(x)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// find is the position of a stored definition with the same OID; -1 if none.
func (c *definitionChange) find(list []described, x described) int {
	return slices.IndexFunc(list, func(y described) bool { return y.Kind == x.Kind && strings.EqualFold(y.oid, x.oid) })
}

// own reports whether the definition is built in or in the configuration.
func (c *definitionChange) own(x described) bool {
	if x.Kind == schema.ClassDefinition {
		return c.d.schema.OwnObjectClass(x.oid) != nil
	}
	return c.d.schema.OwnAttribute(x.oid) != nil
}

func (c *definitionChange) add(x described) error {
	if c.own(x) || c.find(c.after, x) >= 0 {
		if c.permissive {
			return nil
		}
		return Errorf(AttributeOrValueExists, "%s: %s is defined already", x.Where, x.oid)
	}
	x.new = true
	c.after = append(c.after, x)
	return nil
}

func (c *definitionChange) remove(x described) error {
	switch i := c.find(c.after, x); {
	case i >= 0:
		c.after = slices.Delete(c.after, i, i+1)
	case c.own(x):
		return Errorf(UnwillingToPerform, "%s: %s is built in, or in a file of the configuration, and cannot be removed", x.Where, x.oid)
	case !c.permissive:
		return Errorf(NoSuchAttribute, "%s: %s is not defined", x.Where, x.oid)
	}
	return nil
}

func (c *definitionChange) definitions() []schema.Definition {
	list := make([]schema.Definition, len(c.after))
	for i, x := range c.after {
		list[i] = x.Definition
	}
	return list
}

// draft is the definitions as they shall be.
func (c *definitionChange) draft() (*schema.Draft, error) {
	if len(c.after) > maxDefinitions {
		return nil, Errorf(AdminLimitExceeded, "more than %d definitions", maxDefinitions)
	}
	list := c.definitions()
	draft, err := c.d.schema.Draft(list)
	if err == nil {
		return draft, nil
	}
	for _, x := range c.after {
		if !x.new && strings.HasPrefix(err.Error(), x.Where+": ") {
			return nil, Errorf(UnwillingToPerform, "still in use: %s", strings.TrimPrefix(err.Error(), x.Where+": "))
		}
	}
	return nil, Errorf(InvalidAttributeSyntax, "%v", err)
}

// maxDefinitions is how many operators add over LDAP; files may have more.
const maxDefinitions = 5000

// check fails if entries have what shall no longer be defined, or not in the
// same shape; or, which can be where entries need not obey the schema, what
// shall become defined. Keys in the store are made by these definitions.
func (c *definitionChange) check(ctx context.Context, r store.Reader) error {
	touched := map[schema.Kind]map[string]bool{schema.AttributeDefinition: {}, schema.ClassDefinition: {}}
	differ := func(from, than []described) {
		for _, x := range from {
			i := c.find(than, x)
			for _, key := range x.keys() {
				if i < 0 || x.shape != than[i].shape || !slices.Contains(than[i].keys(), key) {
					touched[x.Kind][key] = true
				}
			}
		}
	}
	differ(c.before, c.after)
	if c.d.cfg.AnyAttributes {
		differ(c.after, c.before)
	}
	attributes := touched[schema.AttributeDefinition]
	for n := -1; n != len(attributes); { // and what inherits from those
		n = len(attributes)
		for _, x := range c.before {
			if x.sup != "" && attributes[x.sup] {
				for _, key := range x.keys() {
					attributes[key] = true
				}
			}
		}
	}
	if len(attributes)+len(touched[schema.ClassDefinition]) == 0 {
		return nil
	}
	list, err := readIndexes(r)
	if err != nil {
		return err
	}
	for _, x := range list {
		if attributes[strings.ToLower(x.attribute)] {
			return Errorf(UnwillingToPerform, "in use: %s has an index", x.attribute)
		}
	}
	return c.d.noEntryHas(ctx, r, attributes, touched[schema.ClassDefinition])
}

// noEntryHas fails if an entry has one of the attributes or object classes,
// which are names in lower case.
func (d *Directory) noEntryHas(ctx context.Context, r store.Reader, attributes, classes map[string]bool) error {
	var failed error
	all := store.Prefix([]byte{entrySpace})
	err := r.Scan(all, func(_, value []byte) bool {
		var rec record
		if failed = ctx.Err(); failed == nil {
			failed = decodeRecord(&rec, value)
		}
		if failed != nil {
			return false
		}
		for _, a := range rec.attributes {
			name, _, _ := strings.Cut(strings.ToLower(a.Name), ";")
			used := ""
			if attributes[name] {
				used = a.Name
			}
			if t := d.schema.Attribute(name); t != nil && t.Name() == "objectClass" {
				for _, v := range a.Values {
					if classes[string(bytes.ToLower(v))] {
						used = string(v)
					}
				}
			}
			if used == "" {
				continue
			}
			if name, err := d.nameOfRecord(r, &rec); err != nil {
				failed = err
			} else {
				failed = Errorf(UnwillingToPerform, "in use: %s has %s", name, used)
			}
			return false
		}
		return true
	})
	return errors.Join(failed, err)
}

// definitionsIn is what an imported subschema subentry adds: those of its
// definitions that are not there.
func definitionsIn(attributes []Attribute) *ModifyRequest {
	req := &ModifyRequest{Object: subschemaDN, Permissive: true}
	for _, a := range attributes {
		if _, ok := definedKind(a.Name); ok {
			req.Changes = append(req.Changes, Change{AddValues, a})
		}
	}
	return req
}

// define adds the definitions of an imported subschema subentry to a Load.
func (l *loading) define(ctx context.Context, req *AddRequest) error {
	if l.d.cfg.AnyAttributes && l.next != l.first {
		return Errorf(UnwillingToPerform, "the schema stands before the entries")
	}
	c, err := l.d.newDefinitionChange(l.r, true)
	if err != nil {
		return err
	}
	if l.definitions != nil {
		c.after = l.definitions.after
	}
	for _, change := range definitionsIn(req.Attributes).Changes {
		if err := c.apply(change); err != nil {
			return err
		}
	}
	draft, err := c.draft()
	if err == nil {
		err = c.check(ctx, l.r)
	}
	if err != nil {
		return err
	}
	l.definitions = c
	return l.d.use(ctx, draft)
}

// definitions writes a subschema subentry with the stored definitions, if
// there are some.
func (e *exporter) definitions() error {
	list, err := readDefinitions(e.r)
	if err != nil || len(list) == 0 {
		return err
	}
	out := Entry{DN: subschemaDN, Attributes: []Attribute{
		{"objectClass", [][]byte{[]byte("top"), []byte("subentry"), []byte("subschema")}},
		{"cn", [][]byte{[]byte("schema")}},
	}}
	for _, kind := range []schema.Kind{schema.AttributeDefinition, schema.ClassDefinition} {
		a := Attribute{Name: definedAttribute[kind]}
		for _, x := range list {
			if x.Kind == kind {
				a.Values = append(a.Values, []byte(x.Text))
			}
		}
		if a.Values != nil {
			out.Attributes = append(out.Attributes, a)
		}
	}
	return e.write(&out)
}
