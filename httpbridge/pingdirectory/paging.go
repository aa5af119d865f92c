package pingdirectory

import (
	"context"
	"errors"

	"tallystick/httpbridge/upstream"
)

// numberCookie is how long a cookie is that is the number of an entry: OpenLDAP
// takes it on the connection that got it, if no other search went on there since.
// A shorter one is the number of a search on its connection (389): it is not sent,
// since any other connection may have a search of that number. A longer one says
// all by itself, and is good on every connection.
const numberCookie = 8

// mostPassed is how many entries are passed over at most: that takes as many
// requests as they had pages.
const mostPassed = 10_000

// turn asks for the page at. Where the server has not kept its place, it searches
// from the beginning and passes over what was delivered. An empty cookie: there is
// no page behind it.
func turn(ctx context.Context, s *upstream.Session, req upstream.SearchRequest, at page) (found []upstream.Entry, answered []upstream.Control, cookie []byte, err error) {
	if len(at.Cookie) == 0 && at.Delivered > 0 {
		at.Cookie, err = passOver(ctx, s, req, at.Delivered)
		if err != nil || len(at.Cookie) == 0 {
			return nil, nil, nil, err
		}
		at.Delivered = 0
	}
	found, answered, cookie, err = searchPage(ctx, s, req, at.Search.Limit, at.Cookie)
	if len(at.Cookie) == numberCookie && at.Delivered > 0 && refusesCookie(err) {
		at.Cookie = nil
		return turn(ctx, s, req, at)
	}
	return found, answered, cookie, err
}

// passOver searches for the first n entries. An empty cookie: there are no more.
func passOver(ctx context.Context, s *upstream.Session, req upstream.SearchRequest, n int) (cookie []byte, err error) {
	if n > mostPassed {
		return nil, errTooFar
	}
	for {
		var found []upstream.Entry
		found, _, cookie, err = searchPage(ctx, s, req, min(n, longestPage), cookie)
		n -= len(found)
		if err != nil || n <= 0 || len(cookie) == 0 {
			return cookie, err
		}
	}
}

// refusesCookie reports whether err is what servers say of a cookie that is not
// of this connection.
func refusesCookie(err error) bool {
	var r *upstream.Result
	return errors.As(err, &r) && (r.Code == protocolError || r.Code == unwillingToPerform)
}

// searchPage searches for size entries from where cookie says. An empty cookie:
// there are no more.
func searchPage(ctx context.Context, s *upstream.Session, req upstream.SearchRequest, size int, cookie []byte) (found []upstream.Entry, answered []upstream.Control, next []byte, err error) {
	paged := upstream.PagedResults(size, cookie)
	paged.Critical = true // without it there would be no telling how many come
	req.Controls = append([]upstream.Control{paged}, req.Controls...)
	if found, err = s.Search(ctx, req); err != nil {
		return nil, nil, nil, err
	}
	if answered, err = s.ResponseControls(); err != nil {
		return nil, nil, nil, err
	}
	for _, control := range answered {
		if control.OID == upstream.PagedResultsOID {
			if _, next, err = upstream.ReadPagedResults(control.Value); err != nil {
				return nil, nil, nil, err
			}
		}
	}
	return found, answered, next, nil
}
