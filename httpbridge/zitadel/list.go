package zitadel

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tallystick/httpbridge/upstream"
	objectv2beta "tallystick/httpbridge/zitadel/api/zitadel/object/v2beta"
	userv3alpha "tallystick/httpbridge/zitadel/api/zitadel/user/v3alpha"
)

// Limits of a list: how many users it has if the caller does not say, how many
// at most, and how many may match, with the offset and all.
const (
	defaultLimit = 100
	maxLimit     = 1000
	maxUsers     = 10_000
)

// sortedBy is the attribute that a column is. Dates in LDAP sort as texts do
// (RFC 4517, section 3.3.13, in UTC and with seconds).
var sortedBy = map[userv3alpha.FieldName]string{
	userv3alpha.FieldName_FIELD_NAME_UNSPECIFIED:   "createTimestamp",
	userv3alpha.FieldName_FIELD_NAME_ID:            "entryUUID",
	userv3alpha.FieldName_FIELD_NAME_CREATION_DATE: "createTimestamp",
	userv3alpha.FieldName_FIELD_NAME_CHANGE_DATE:   "modifyTimestamp",
}

// ListUsers tells of the users that the caller may read, and of the credentials
// of those whose he may know.
func (v *users) ListUsers(ctx context.Context, req *userv3alpha.ListUsersRequest) (*userv3alpha.ListUsersResponse, error) {
	s, err := v.session(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Release()
	filter, err := filterOf(req.Queries)
	if err != nil {
		return nil, err
	}
	column, ok := sortedBy[req.SortingColumn]
	if !ok {
		return nil, invalid("sortingColumn: users are sorted by FIELD_NAME_ID, FIELD_NAME_CREATION_DATE or FIELD_NAME_CHANGE_DATE")
	}
	limit := cmp.Or(req.Query.GetLimit(), defaultLimit)
	if limit > maxLimit {
		return nil, invalid("query.limit: at most %d", maxLimit)
	}
	found, err := s.search(ctx, upstream.SearchRequest{
		Scope: upstream.WholeSubtree, Filter: filter, SizeLimit: maxUsers, Attributes: append([]string{column}, userAttributes...),
	})
	if isResult(err, ldap.LDAPResultSizeLimitExceeded) {
		err = errTooManyUsers
	}
	if err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(e upstream.Entry) bool { return e.Value("entryUUID") == "" })
	slices.SortFunc(found, func(a, b upstream.Entry) int {
		if !req.Query.GetAsc() {
			a, b = b, a
		}
		return cmp.Or(compare(a, b, column), compare(a, b, "entryUUID"))
	})
	response := &userv3alpha.ListUsersResponse{
		SortingColumn: req.SortingColumn,
		Details:       &objectv2beta.ListDetails{TotalResult: uint64(len(found)), Timestamp: timestamppb.New(time.Now().UTC().Truncate(time.Millisecond))},
	}
	from := min(req.Query.GetOffset(), uint64(len(found)))
	for _, e := range found[from:min(from+uint64(limit), uint64(len(found)))] {
		one, err := s.user(ctx, e)
		if isResult(err, ldap.LDAPResultNoSuchObject) {
			continue // deleted since it was found
		}
		if err != nil {
			return nil, err
		}
		response.Result = append(response.Result, one)
	}
	return response, nil
}

func compare(a, b upstream.Entry, attribute string) int {
	return cmp.Compare(a.Value(attribute), b.Value(attribute))
}

// user tells of a user that was found. What the caller may not know is absent.
func (s *session) user(ctx context.Context, e upstream.Entry) (*userv3alpha.User, error) {
	u := &subject{session: s, id: strings.ToLower(e.Value("entryUUID")), entry: &e}
	list, err := u.list(ctx)
	if isResult(err, ldap.LDAPResultInsufficientAccessRights) {
		return &userv3alpha.User{UserId: u.id}, nil
	}
	if err != nil {
		return nil, err
	}
	if u.resource, err = s.owner(ctx, e.DN); err != nil {
		return nil, err
	}
	return u.told(list), nil
}
