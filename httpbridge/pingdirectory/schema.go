package pingdirectory

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"tallystick/httpbridge/subschema"
	"tallystick/httpbridge/upstream"
)

// schemaCache keeps what the LDAP server says of its schema. Whoever finds
// nothing, or something old, reads it anew.
type schemaCache struct{ known atomic.Pointer[knownSchema] }

type knownSchema struct {
	schema *subschema.Schema
	read   time.Time
}

// schemaAge is how long a schema is believed.
const schemaAge = 5 * time.Minute

// get returns the schema, asking over s if it must.
func (c *schemaCache) get(ctx context.Context, s *upstream.Session) (*subschema.Schema, error) {
	k := c.known.Load()
	if k != nil && time.Since(k.read) < schemaAge {
		return k.schema, nil
	}
	schema, err := readSchema(ctx, s)
	switch {
	case err == nil:
		c.known.Store(&knownSchema{schema, time.Now()})
		return schema, nil
	case k != nil:
		return k.schema, nil // an old one is better than none
	}
	return nil, err
}

// errNoSchema is for who may not read the schema, or only part of it: with a
// part everybody's values would be of the wrong kinds.
var errNoSchema = &upstream.Result{Code: insufficientAccessRights, DiagnosticMessage: "the schema cannot be read"}

// show is get for who wants to see the schema itself: one that was read for
// somebody else is for him if he may read it too.
func (c *schemaCache) show(ctx context.Context, s *upstream.Session) (*subschema.Schema, error) {
	if _, err := readSubschema(ctx, s, true); err != nil {
		return nil, err
	}
	return c.get(ctx, s)
}

func readSchema(ctx context.Context, s *upstream.Session) (*subschema.Schema, error) {
	e, err := readSubschema(ctx, s, false)
	if err != nil {
		return nil, err
	}
	return subschema.Parse(e.Values("attributeTypes"), e.Values("objectClasses")), nil
}

// readSubschema reads the subschema subentry that the root DSE names (RFC 4512,
// section 4.4), or only which attributes it has. All that make a schema are there.
func readSubschema(ctx context.Context, s *upstream.Session, typesOnly bool) (upstream.Entry, error) {
	dse, err := readEntry(ctx, s, "", []string{"subschemaSubentry"}, nil)
	if err != nil {
		return upstream.Entry{}, err
	}
	names := dse.Values("subschemaSubentry")
	if len(names) == 0 {
		return upstream.Entry{}, fmt.Errorf("%w: the root DSE names no schema", upstream.ErrProtocol)
	}
	needed := []string{"attributeTypes", "objectClasses"}
	found, err := s.Search(ctx, upstream.SearchRequest{
		Base: names[0], Scope: upstream.BaseObject, Filter: "(objectClass=subschema)",
		Attributes: needed, TypesOnly: typesOnly,
	})
	if err != nil {
		return upstream.Entry{}, err
	}
	if len(found) != 1 || slices.ContainsFunc(needed, func(name string) bool { return !found[0].Has(name) }) {
		return upstream.Entry{}, errNoSchema
	}
	return found[0], nil
}
