package pingdirectory

import (
	"context"
	"net/http"
	"slices"

	"tallystick/httpbridge/upstream"
)

// createEntry adds an entry.
func createEntry(ctx context.Context, h *Handler, c *call) (*reply, error) {
	if c.user == nil {
		return nil, errUnauthenticated
	}
	s, err := h.ldap.As(ctx, *c.user)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	v, err := h.view(ctx, s, c)
	if err != nil {
		return nil, err
	}
	in, err := readContent(v.schema, c.document)
	if err != nil {
		return nil, err
	}
	if (in.dn == "") == (in.parentDN == "") {
		return nil, errWhichDN
	}
	e := upstream.Entry{DN: in.dn}
	for _, a := range in.attributes {
		if len(a.Values) > 0 {
			e.Attributes = append(e.Attributes, a)
		}
	}
	given := in.controls
	wanted := true // what post-read says
	if in.parentDN != "" {
		// The server makes the RDN of the entry's UUID, and says so in the entry
		// as it became. The RDN here does not count.
		e.DN = "entryUUID=00000000-0000-0000-0000-000000000000," + in.parentDN
		in.controls = append(in.controls, upstream.Control{OID: nameWithEntryUUID, Critical: true})
		if wanted = slices.ContainsFunc(in.controls, isPostRead); !wanted {
			in.controls = append(in.controls, upstream.PostRead("entryUUID"))
		}
		v.request = append(v.request, "entryUUID")
	}
	if err := s.Add(ctx, e, in.controls); err != nil {
		if in.parentDN != "" {
			err = withoutControl(err, nameWithEntryUUID, given)
		}
		return nil, err
	}
	controls, err := s.ResponseControls()
	if err != nil {
		return nil, err
	}
	if in.parentDN != "" {
		i := slices.IndexFunc(controls, isPostRead)
		if i < 0 {
			return nil, errNoName
		}
		read, err := upstream.ReadEntry(controls[i].Value)
		if err != nil {
			return nil, err
		}
		e.DN = read.DN
		if !wanted {
			controls = slices.Delete(controls, i, i+1)
		}
	}
	return &reply{
		status: http.StatusCreated, location: linkTo(e.DN, ""),
		body: written(ctx, s, v, e.DN, encodeControls(controls)),
	}, nil
}

// nameWithEntryUUID is PingDirectory's control for an entry that the server
// names.
const nameWithEntryUUID = "1.3.6.1.4.1.30221.2.5.44"

func isPostRead(c upstream.Control) bool { return c.OID == upstream.PostReadOID }
