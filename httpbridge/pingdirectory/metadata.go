package pingdirectory

import "context"

// metadata tells about the server, from its root DSE. What it does not say is
// left out.
func metadata(ctx context.Context, h *Handler, c *call) (*reply, error) {
	s, err := anySession(ctx, h.ldap, c)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	dse, err := readEntry(ctx, s, "", []string{"vendorName", "vendorVersion", "startupUUID", "startTime", "namingContexts"}, nil)
	if err != nil {
		return nil, err
	}
	var o object
	for _, name := range []string{"vendorName", "vendorVersion", "startupUUID", "startTime"} {
		if values := dse.Values(name); len(values) > 0 {
			o = append(o, member{name, values[0]})
		}
	}
	return done(append(o,
		member{"publicBaseDNs", append([]string{}, dse.Values("namingContexts")...)},
		member{"_links", object{{"schemas", link{prefix + "/schemas"}}}},
	)), nil
}
