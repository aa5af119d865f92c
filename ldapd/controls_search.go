package ldapd

import (
	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// paged takes the size of a page and where it begins (RFC 2696).
func paged(op *operation, c *wire.Control) error {
	p, err := wire.DecodePaged(c.Value)
	if err != nil {
		return err
	}
	op.request.(*directory.SearchRequest).Paged = p
	op.answer(func(code directory.ResultCode) *wire.Control {
		if code != directory.Success {
			return nil
		}
		return &wire.Control{OID: wire.PagedResults, Value: wire.EncodePaged(p.Next)}
	})
	return nil
}

// sort takes what to sort by (RFC 2891).
func sort(op *operation, c *wire.Control) error {
	keys, err := wire.DecodeSortKeys(c.Value, op.c.srv.cfg.Decoding)
	if err != nil {
		return err
	}
	s := &directory.Sort{Keys: keys, Critical: c.Critical}
	op.request.(*directory.SearchRequest).Sort = s
	op.answer(func(code directory.ResultCode) *wire.Control {
		sorted := code == directory.Success && op.entries > 0
		refused := code == directory.UnavailableCriticalExtension && s.Result != directory.Success
		if !sorted && !refused {
			return nil
		}
		return &wire.Control{OID: wire.SortResponse, Value: wire.EncodeSortResult(s.Result, s.Attribute)}
	})
	return nil
}

// virtualList takes which part of a sorted list to send
// (draft-ietf-ldapext-ldapv3-vlv-09).
func virtualList(op *operation, c *wire.Control) error {
	l, err := wire.DecodeVirtualList(c.Value)
	if err != nil {
		return err
	}
	op.request.(*directory.SearchRequest).VirtualList = l
	op.answer(func(code directory.ResultCode) *wire.Control {
		if code != directory.Success && code != directory.VirtualListViewError {
			return nil
		}
		return &wire.Control{OID: wire.VirtualListResponse, Value: wire.EncodeVirtualList(l)}
	})
	return nil
}

// matchedValues takes which values to send (RFC 3876).
func matchedValues(op *operation, c *wire.Control) (err error) {
	op.request.(*directory.SearchRequest).MatchedValues, err = wire.DecodeMatchedValues(c.Value, op.c.srv.cfg.Decoding)
	return err
}
