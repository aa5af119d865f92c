package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"tallystick/directory/store"
)

func peopleRequest(t *testing.T, text string) SearchRequest {
	return SearchRequest{BaseObject: "ou=people,dc=example,dc=com", Scope: SingleLevel, Filter: *filter(t, text), Attributes: []string{"description"}, Sync: &Sync{}}
}

func describe(t *testing.T, d *Directory, uid, text string) {
	t.Helper()
	if err := operate(d, root, &ModifyRequest{Object: person(uid), Changes: []Change{{ReplaceValues, attributes("description: " + text)[0]}}}); err != nil {
		t.Fatal(err)
	}
}

// TestSync is RFC 4533, by section.
func TestSync(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(d *Directory) // between the first poll and the second
		want   string             // what the second sends
	}{
		{"3.9: nothing has changed", func(*Directory) {}, ""},
		{"3.3.2: added", func(d *Directory) {
			mustAdd(t, d, person("new"), "objectClass: inetOrgPerson", "cn: x", "sn: x")
			describe(t, d, "new", "in")
		}, "add new"},
		{"3.3.2: changed", func(d *Directory) {
			operate(d, root, &ModifyRequest{Object: person("in"), Changes: []Change{{ReplaceValues, attributes("sn: x")[0]}}})
		}, "add in"},
		{"3.3.2: changed often", func(d *Directory) { describe(t, d, "in", "out"); describe(t, d, "in", "in") }, "add in"},
		{"3.3.2: deleted", func(d *Directory) { operate(d, root, &DeleteRequest{Entry: person("in")}) }, "delete in"},
		{"3.3.2: no longer matches", func(d *Directory) { describe(t, d, "in", "out") }, "delete in"},
		{"3.3.2: matches now", func(d *Directory) { describe(t, d, "out", "in") }, "add out"},
		{"what never was in the content is not told", func(d *Directory) {
			describe(t, d, "out", "still out")
			operate(d, root, &DeleteRequest{Entry: person("out")})
		}, ""},
		{"what came and went is not told", func(d *Directory) {
			mustAdd(t, d, person("new"), "objectClass: inetOrgPerson", "cn: x", "sn: x")
			describe(t, d, "new", "in")
			operate(d, root, &DeleteRequest{Entry: person("new")})
		}, ""},
		{"1.3.2: renamed within", func(d *Directory) {
			operate(d, root, &ModifyDNRequest{Entry: person("in"), NewRDN: "uid=in2"})
		}, "add in2"},
		{"1.3.2: moved out", func(d *Directory) {
			superior := "dc=example,dc=com"
			operate(d, root, &ModifyDNRequest{Entry: person("in"), NewRDN: "uid=in", NewSuperior: &superior})
		}, "delete in"},
		{"another of the same name", func(d *Directory) {
			operate(d, root, &DeleteRequest{Entry: person("in")})
			mustAdd(t, d, person("in"), "objectClass: inetOrgPerson", "cn: x", "sn: x")
			describe(t, d, "in", "in")
		}, "delete in, add in"},
		{"not made", func(d *Directory) {
			operate(d, root, &DeleteRequest{Entry: person("in"), ChangeControls: ChangeControls{NoOp: true}})
			d.Transact(context.Background(), root, []any{&DeleteRequest{Entry: person("in")}, &DeleteRequest{Entry: person("nobody")}})
		}, ""},
		{"a password", func(d *Directory) {
			operate(d, root, &ModifyRequest{Object: person("in"), Changes: []Change{{ReplaceValues, attributes("userPassword: sesame, open")[0]}}})
		}, "add in"}, // modifyTimestamp
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, c := newDirectory(t), newCopied()
			addPeople(t, d, "in", "out", "asks")
			describe(t, d, "in", "in")
			req := peopleRequest(t, "(description=in)")
			who := Requester{DN: person("asks"), How: ByPassword}
			if err := c.poll(d, who, req); err != nil {
				t.Fatal(err)
			}
			if got := short(c.messages); got != "add in" {
				t.Fatalf("the first content is %s", got)
			}
			tt.change(d)
			if err := c.poll(d, who, req); err != nil {
				t.Fatal(err)
			}
			if got := short(c.messages); got != tt.want {
				t.Errorf("sent: %s; want: %s", got, tt.want)
			}
			if err := d.store.View(context.Background(), func(r store.Reader) error {
				return r.Scan(store.Prefix([]byte{historySpace}), func(_, value []byte) bool {
					if strings.Contains(string(value), "{SSHA") || strings.Contains(string(value), "sesame") {
						t.Error("a password is in the history")
					}
					return true
				})
			}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// short is messages with the first RDN's value in place of the name.
func short(messages []string) string {
	list := slices.Clone(messages)
	for i, m := range list {
		m, _, _ = strings.Cut(m, ",")
		list[i] = strings.Replace(m, "uid=", "", 1)
	}
	return strings.Join(list, ", ")
}

// TestSyncRefreshRequired: a cookie that says nothing here is told from one
// that does (RFC 4533, sections 3.1, 3.8 and 4.4).
func TestSyncRefreshRequired(t *testing.T) {
	asks := Requester{DN: person("asks"), How: ByPassword}
	req := func(t *testing.T) SearchRequest { return peopleRequest(t, "(description=in)") }
	for _, tt := range []struct {
		name   string
		change func(d *Directory, c *copied)
	}{
		{"no cookie at all", func(_ *Directory, c *copied) { c.cookie = []byte("rid=001,x=y") }},
		{"garbage", func(_ *Directory, c *copied) { c.cookie = []byte("csn=20260101000000.000000Z#zzzzzz#000#000000") }},
		{"of changes to come", func(_ *Directory, c *copied) {
			c.cookie = []byte(strings.Replace(string(c.cookie), "#0000", "#00f0", 1))
		}},
		{"of another generation", func(d *Directory, _ *copied) {
			if err := d.RenewHistory(context.Background()); err != nil {
				t.Fatal(err)
			}
		}},
		{"of a base that was made anew", func(d *Directory, _ *copied) {
			for _, uid := range []string{"in", "asks"} {
				operate(d, root, &DeleteRequest{Entry: person(uid)})
			}
			operate(d, root, &DeleteRequest{Entry: "ou=people,dc=example,dc=com"})
			mustAdd(t, d, "ou=people,dc=example,dc=com", "objectClass: organizationalUnit")
		}},
		{"of too long ago", func(d *Directory, _ *copied) {
			for i := range leastChangesKept + 2*pruneEvery {
				describe(t, d, "asks", fmt.Sprint(i))
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, c := newDirectory(t, func(c *Config) { c.Sync.Keep = leastChangesKept }), newCopied()
			addPeople(t, d, "in", "asks")
			describe(t, d, "in", "in")
			if err := c.poll(d, asks, req(t)); err != nil {
				t.Fatal(err)
			}
			tt.change(d, c)
			if err := c.poll(d, asks, req(t)); !errors.Is(err, SyncRefreshRequired) || len(c.messages) > 0 {
				t.Fatalf("%v, after %q", err, c.messages)
			}
			reload := req(t)
			reload.Sync.Reload = true
			want, err := find(t, d, asks, func() SearchRequest { r := req(t); r.Sync = nil; return r }(), "(description=in)")
			if err != nil {
				t.Fatal(err)
			}
			if err := c.poll(d, asks, reload); err != nil || len(c.entries) != len(want) {
				t.Errorf("with reloadHint: %v, %d entries, want %d", err, len(c.entries), len(want))
			}
		})
	}
}

// TestSyncRefused: what cannot be synchronized is not.
func TestSyncRefused(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann")
	everybody := SearchRequest{BaseObject: "dc=example,dc=com", Scope: WholeSubtree}
	for _, tt := range []struct {
		name   string
		who    Requester
		change func(*SearchRequest)
		filter string
		want   ResultCode
	}{
		{"strangers", Requester{}, func(*SearchRequest) {}, "(objectClass=*)", InsufficientAccessRights},
		{"no such base", root, func(r *SearchRequest) { r.BaseObject = "ou=nobody,dc=example,dc=com" }, "(objectClass=*)", NoSuchObject},
		{"pages", root, func(r *SearchRequest) { r.Paged = &Paged{Size: 1} }, "(objectClass=*)", UnwillingToPerform},
		{"the root DSE", root, func(r *SearchRequest) { r.BaseObject, r.Scope = "", BaseObject }, "(objectClass=*)", UnwillingToPerform},
		{"the schema", root, func(r *SearchRequest) { r.BaseObject = "cn=schema" }, "(objectClass=*)", UnwillingToPerform},
		{"the audit log", root, func(r *SearchRequest) { r.BaseObject = "cn=audit" }, "(objectClass=*)", UnwillingToPerform},
		{"what depends on others", root, func(*SearchRequest) {}, "(&(objectClass=*)(!(hasSubordinates=TRUE)))", UnwillingToPerform},
		{"the size limit", root, func(r *SearchRequest) { r.SizeLimit = 1 }, "(objectClass=*)", SizeLimitExceeded},
	} {
		req := everybody
		req.Filter, req.Sync = *filter(t, tt.filter), &Sync{}
		tt.change(&req)
		if err := newCopied().poll(d, tt.who, req); Result(err).ResultCode != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// A base that goes ends a search that goes on (RFC 4533, section 3.5.1).
func TestSyncBaseGoes(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann")
	req := peopleRequest(t, "(objectClass=*)")
	req.Sync.Persist = true
	c, _ := follow(t, d, root, req)
	if err := operate(d, root, &ModifyDNRequest{Entry: people, NewRDN: "ou=folk"}); err != nil {
		t.Fatal(err)
	}
	c.mustEnd(t, NoSuchObject)
}

// A referral object is in the content as a continuation, unless ManageDsaIT
// makes it an entry (RFC 4533, sections 3.3.1 and 5.1).
func TestSyncReferences(t *testing.T) {
	d := newDirectory(t)
	addPeople(t, d, "ann")
	req := SearchRequest{BaseObject: "dc=example,dc=com", Scope: SingleLevel, Filter: *filter(t, "(ou=nobody)"), Sync: &Sync{}}
	c := newCopied()
	for _, step := range []struct {
		change any
		want   string
	}{
		{nil, ""},
		{&AddRequest{Entry: "ou=away,dc=example,dc=com", Attributes: attributes("objectClass: referral", "objectClass: extensibleObject", "ref: ldap://b")}, "add ldap://b/ou=away,dc=example,dc=com??base"},
		{&ModifyRequest{Object: "ou=away,dc=example,dc=com", Changes: []Change{{ReplaceValues, attributes("ref: ldap://c")[0]}}, ChangeControls: ChangeControls{ManageDsaIT: true}}, "add ldap://c/ou=away,dc=example,dc=com??base"},
		{&DeleteRequest{Entry: "ou=away,dc=example,dc=com", ChangeControls: ChangeControls{ManageDsaIT: true}}, "delete "},
	} {
		if step.change != nil {
			if err := operate(d, root, step.change); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.poll(d, root, req); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.messages, ", "); got != step.want {
			t.Errorf("%T: %q, want %q", step.change, got, step.want)
		}
	}
}

func changesKept(t *testing.T, d *Directory) (n int) {
	t.Helper()
	if err := d.store.View(context.Background(), func(r store.Reader) error {
		return r.Scan(store.Prefix([]byte{historySpace}), func(_, _ []byte) bool { n++; return true })
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestHistoryBegins: when somebody asks who may, and not before; whoever was
// refused does not count. It goes on after a restart, and ends when the
// configuration says so; what was told before is then no longer good.
func TestHistoryBegins(t *testing.T) {
	dir := t.TempDir()
	d, c := openDirectory(t, dir), newCopied()
	addPeople(t, d, "ann")
	req := peopleRequest(t, "(objectClass=*)")
	missing := req
	missing.BaseObject = "ou=nobody,dc=example,dc=com"
	if err := newCopied().poll(d, Requester{}, req); !errors.Is(err, InsufficientAccessRights) {
		t.Error(err)
	}
	if err := newCopied().poll(d, root, missing); !errors.Is(err, NoSuchObject) {
		t.Error(err)
	}
	describe(t, d, "ann", "1")
	if n := changesKept(t, d); n != 0 {
		t.Errorf("%d changes are kept for nobody", n)
	}
	if err := c.poll(d, root, req); err != nil || c.cookie == nil {
		t.Fatal(err)
	}
	describe(t, d, "ann", "2")
	again := func(change ...func(*Config)) {
		closeDirectory(t, d)
		d = openDirectory(t, dir, change...)
	}
	again()
	describe(t, d, "ann", "3")
	if err := c.poll(d, root, req); err != nil || short(c.messages) != "add ann" || changesKept(t, d) != 2 {
		t.Errorf("%v, %q, %d kept", err, c.messages, changesKept(t, d))
	}
	again(func(c *Config) { c.Sync.Keep = -1 })
	describe(t, d, "ann", "4")
	again()
	describe(t, d, "ann", "5")
	if err := c.poll(d, root, req); !errors.Is(err, SyncRefreshRequired) || changesKept(t, d) != 2 {
		t.Errorf("%v, %d kept", err, changesKept(t, d))
	}
}

// Other ACIs in the configuration make other content.
func TestSyncAfterConfiguredACIs(t *testing.T) {
	dir := t.TempDir()
	d, c := openDirectory(t, dir), newCopied()
	addPeople(t, d, "ann")
	who := Requester{DN: person("ann"), How: ByPassword}
	req := peopleRequest(t, "(objectClass=*)")
	for _, step := range []struct {
		acis []string
		want error
	}{
		{nil, nil},
		{nil, nil},
		{append(slices.Clone(DefaultACIs), `(targetattr="sn")(version 3.0; acl "x"; deny (read) userdn="ldap:///anyone";)`), SyncRefreshRequired},
	} {
		closeDirectory(t, d)
		d = openDirectory(t, dir, func(c *Config) { c.ACIs = step.acis })
		if err := c.poll(d, who, req); !errors.Is(err, step.want) {
			t.Errorf("%v, want %v", err, step.want)
		}
	}
}

// TestHistoryIsBounded: by number and by age, and whole in between.
func TestHistoryIsBounded(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := newDirectory(t, func(c *Config) {
		c.Sync = SyncConfig{Keep: leastChangesKept, KeepFor: time.Hour}
		c.Now = func() time.Time { return now }
	})
	addPeople(t, d, "ann")
	if err := newCopied().poll(d, root, peopleRequest(t, "(objectClass=*)")); err != nil {
		t.Fatal(err)
	}
	for i := range leastChangesKept + 3*pruneEvery {
		describe(t, d, "ann", fmt.Sprint(i))
	}
	if n := changesKept(t, d); n < leastChangesKept || n >= leastChangesKept+pruneEvery {
		t.Errorf("%d changes are kept", n)
	}
	now = now.Add(2 * time.Hour)
	for i := range 6 * pruneEvery {
		describe(t, d, "ann", fmt.Sprint("later ", i))
	}
	if n := changesKept(t, d); n > 7*pruneEvery {
		t.Errorf("%d changes are kept, most of them old", n)
	}
	describe(t, d, "ann", strings.Repeat("x", maxLoggedEntry))
	describe(t, d, "ann", "short again")
}

// What Load adds is in no history, so a new one begins.
func TestSyncAfterLoad(t *testing.T) {
	d, c := newDirectory(t), newCopied()
	addPeople(t, d, "ann")
	req := peopleRequest(t, "(objectClass=*)")
	if err := c.poll(d, root, req); err != nil {
		t.Fatal(err)
	}
	left := []*ImportRecord{{Request: &AddRequest{Entry: person("loaded"), Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x")}}}
	if _, err := d.Load(context.Background(), ImportSource{
		Next: func() (rec *ImportRecord, err error) {
			if len(left) == 0 {
				return nil, io.EOF
			}
			rec, left = left[0], left[1:]
			return rec, nil
		},
		Bad: func(_ *ImportRecord, err error) error { return err },
	}); err != nil {
		t.Fatal(err)
	}
	if err := c.poll(d, root, req); !errors.Is(err, SyncRefreshRequired) {
		t.Errorf("%v", err)
	}
}

func FuzzSyncCookie(f *testing.F) {
	head := historyHead{generation: uint64(time.Now().UnixMicro()), first: 5, last: 1 << 30}
	s := &follower{generation: head.generation, at: 1<<24 + 7, hash: 0xabcdef}
	f.Add(string(s.cookie()))
	f.Add("rid=001,csn=20260101000000.000000Z#000000#000#000000")
	f.Fuzz(func(t *testing.T, cookie string) {
		at, ok := readSyncCookie([]byte(cookie), head, s.hash)
		if ok && (at+1 < head.first || at > head.last) {
			t.Errorf("%q is of change %d", cookie, at)
		}
	})
	if at, ok := readSyncCookie(s.cookie(), head, s.hash); !ok || at != s.at {
		f.Errorf("%s: %d %t", s.cookie(), at, ok)
	}
}

func FuzzPastState(f *testing.F) {
	f.Add((&pastState{time: time.Now(), before: []byte("x"), cut: true}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := decodePastState(b)
		if err == nil {
			_ = decodeRecord(new(record), c.before)
		}
		_, _ = decodeHistoryHead(b)
	})
}
