package directory

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// TestVirtualList is draft-ietf-ldapext-ldapv3-vlv-09, sections 5 and 6, on a
// list of the entries a, c, e, g, i and k.
func TestVirtualList(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d)
	for _, sn := range strings.Split("kgiaec", "") {
		mustAdd(t, d, person(sn), "objectClass: inetOrgPerson", "cn: x", "sn: "+sn)
	}
	bySN := []SortKey{{Attribute: "sn"}}
	people := "ou=people,dc=example,dc=com"
	for _, row := range []struct {
		rule     string
		base     string
		filter   string
		keys     []SortKey
		ask      VirtualList
		want     string
		result   ResultCode
		position int
		entries  int
	}{
		{"the first", people, "(sn=*)", bySN, VirtualList{After: 2, Offset: 1}, "ace", Success, 1, 6},
		{"the first, of a list believed shorter", people, "(sn=*)", bySN, VirtualList{After: 1, Offset: 1, Count: 4}, "ac", Success, 1, 6},
		{"the last", people, "(sn=*)", bySN, VirtualList{Before: 1, Offset: 99, Count: 99}, "ik", Success, 6, 6},
		{"the only one is the last", people, "(sn=*)", bySN, VirtualList{Offset: 1, Count: 1}, "k", Success, 6, 6},
		{"exactly there", people, "(sn=*)", bySN, VirtualList{Before: 1, After: 1, Offset: 3, Count: 6}, "ceg", Success, 3, 6},
		{"in proportion", people, "(sn=*)", bySN, VirtualList{Offset: 50, Count: 100}, "e", Success, 3, 6},
		{"in proportion, rounded to nothing", people, "(sn=*)", bySN, VirtualList{Offset: 2, Count: 100}, "a", Success, 1, 6},
		{"without a belief", people, "(sn=*)", bySN, VirtualList{Offset: 4}, "g", Success, 4, 6},
		{"across both ends", people, "(sn=*)", bySN, VirtualList{Before: 9, After: 1 << 30, Offset: 4}, "acegik", Success, 4, 6},
		{"beyond the end", people, "(sn=*)", bySN, VirtualList{Offset: 7}, "", OffsetRangeError, 7, 6},
		{"beyond the client's own end", people, "(sn=*)", bySN, VirtualList{Offset: 7, Count: 6}, "", OffsetRangeError, 0, 0},
		{"offset 0", people, "(sn=*)", bySN, VirtualList{Offset: 0, Count: 6}, "", OffsetRangeError, 0, 0},
		{"an empty list", people, "(sn=z)", bySN, VirtualList{After: 9, Offset: 1}, "", Success, 1, 0},
		{"from a value", people, "(sn=*)", bySN, VirtualList{Before: 1, After: 1, From: []byte("E")}, "ceg", Success, 3, 6},
		{"from between two values", people, "(sn=*)", bySN, VirtualList{Before: 1, From: []byte("f")}, "eg", Success, 4, 6},
		{"from behind the last", people, "(sn=*)", bySN, VirtualList{Before: 2, After: 2, From: []byte("z")}, "ik", Success, 7, 6},
		{"from a value, backwards", people, "(sn=*)", []SortKey{{Attribute: "sn", Reverse: true}}, VirtualList{After: 1, From: []byte("f")}, "ec", Success, 4, 6},
		{"who has no key stands last", people, "(objectClass=*)", bySN, VirtualList{From: []byte("z")}, "-", Success, 7, 7},
		{"from what is no value", people, "(sn=*)", []SortKey{{Attribute: "uidNumber"}}, VirtualList{From: []byte("x")}, "", InappropriateMatching, 0, 6},
		{"unsorted", people, "(sn=*)", nil, VirtualList{Offset: 1}, "", SortControlMissing, 0, 0},
		{"what cannot be sorted", people, "(sn=*)", []SortKey{{Attribute: "nonsense"}}, VirtualList{Offset: 1}, "", UnwillingToPerform, 0, 0},
		{"the root DSE", "", "(objectClass=*)", bySN, VirtualList{Offset: 1}, "", UnwillingToPerform, 0, 0},
		{"the audit log", "cn=audit", "(objectClass=*)", bySN, VirtualList{Offset: 1}, "", UnwillingToPerform, 0, 0},
	} {
		req := SearchRequest{BaseObject: row.base, Scope: WholeSubtree, Filter: *filter(t, row.filter), VirtualList: &row.ask}
		if row.base == "" {
			req.Scope = BaseObject
		}
		if row.keys != nil {
			req.Sort = &Sort{Keys: row.keys}
		}
		var found collected
		err := d.Search(context.Background(), root, &req, &found)
		var got strings.Builder
		for _, e := range found {
			name, ok := strings.CutPrefix(e.DN, "uid=")
			if !ok {
				name = "-"
			}
			got.WriteString(name[:1])
		}
		code := Success
		if row.result != Success {
			code = VirtualListViewError
		}
		if Result(err).ResultCode != code || got.String() != row.want || row.ask.Result != row.result || row.ask.Position != row.position || row.ask.Entries != row.entries {
			t.Errorf("%s: %v, %s, %v, entry %d of %d", row.rule, err, &got, row.ask.Result, row.ask.Position, row.ask.Entries)
		}
	}
	req := SearchRequest{BaseObject: people, Scope: WholeSubtree, Filter: *filter(t, "(sn=*)"), Sort: &Sort{Keys: bySN}, Paged: &Paged{Size: 1}, VirtualList: &VirtualList{Offset: 1}}
	if err := operate(d, root, &req); Result(err).ResultCode != VirtualListViewError || req.VirtualList.Result != UnwillingToPerform {
		t.Errorf("with pages: %v, %v", err, req.VirtualList.Result)
	}
	d.maxSorted = 3
	req.Paged = nil
	if err := operate(d, root, &req); Result(err).ResultCode != VirtualListViewError || req.VirtualList.Result != AdminLimitExceeded {
		t.Errorf("too many: %v, %v", err, fmt.Sprint(req.VirtualList.Result))
	}
}
