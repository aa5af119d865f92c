package pingdirectory

import (
	"context"
	"fmt"
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

// readSchema reads the subschema subentry that the root DSE names (RFC 4512,
// section 4.4).
func readSchema(ctx context.Context, s *upstream.Session) (*subschema.Schema, error) {
	dse, err := readEntry(ctx, s, "", []string{"subschemaSubentry"}, nil)
	if err != nil {
		return nil, err
	}
	names := dse.Values("subschemaSubentry")
	if len(names) == 0 {
		return nil, fmt.Errorf("%w: the root DSE names no schema", upstream.ErrProtocol)
	}
	found, err := s.Search(ctx, upstream.SearchRequest{
		Base: names[0], Scope: upstream.BaseObject, Filter: "(objectClass=subschema)",
		Attributes: []string{"attributeTypes", "objectClasses"},
	})
	if err != nil {
		return nil, err
	}
	if len(found) != 1 {
		return nil, errNoSchema
	}
	types, classes := found[0].Values("attributeTypes"), found[0].Values("objectClasses")
	if len(types) == 0 || len(classes) == 0 {
		return nil, errNoSchema
	}
	return subschema.Parse(types, classes), nil
}
