package directory

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A session is of an entry, not of its name.
func TestSessionIsOfAnEntry(t *testing.T) {
	ctx := context.Background()
	move := func(t *testing.T, d *Directory, dn, rdn string) {
		t.Helper()
		if err := d.ModifyDN(ctx, root, &ModifyDNRequest{Entry: dn, NewRDN: rdn, DeleteOldRDN: true}); err != nil {
			t.Fatal(err)
		}
	}
	again := func(t *testing.T, d *Directory) {
		t.Helper()
		mustAdd(t, d, person("ann"), "objectClass: inetOrgPerson", "cn: x", "sn: x", "ds-privilege-name: bypass-acl")
	}
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, d *Directory)
		want   string
		err    error
	}{
		{"nothing happens", func(*testing.T, *Directory) {}, person("ann"), nil},
		{"others are renamed and deleted", func(t *testing.T, d *Directory) {
			move(t, d, person("bob"), "uid=eve")
			if err := operate(d, root, &DeleteRequest{Entry: person("eve")}); err != nil {
				t.Fatal(err)
			}
		}, person("ann"), nil},
		{"renamed", func(t *testing.T, d *Directory) { move(t, d, person("ann"), "uid=anna") }, person("anna"), nil},
		{"what is above is renamed", func(t *testing.T, d *Directory) { move(t, d, people, "ou=folk") }, "uid=ann,ou=folk,dc=example,dc=com", nil},
		{"renamed, and another has the name", func(t *testing.T, d *Directory) { move(t, d, person("ann"), "uid=anna"); again(t, d) }, person("anna"), nil},
		{"deleted", func(t *testing.T, d *Directory) { operate(d, root, &DeleteRequest{Entry: person("ann")}) }, "", ErrUserGone},
		{"deleted with all around", func(t *testing.T, d *Directory) { operate(d, root, &DeleteRequest{Entry: people, Subtree: true}) }, "", ErrUserGone},
		{"deleted in a transaction", func(t *testing.T, d *Directory) {
			if _, err := d.Transact(ctx, root, []any{&DeleteRequest{Entry: person("ann")}}); err != nil {
				t.Fatal(err)
			}
		}, "", ErrUserGone},
		{"deleted and made anew", func(t *testing.T, d *Directory) { operate(d, root, &DeleteRequest{Entry: person("ann")}); again(t, d) }, "", ErrUserGone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDirectory(t)
			addPeople(t, d, "ann", "bob")
			mustAdd(t, d, person("proxy"), "objectClass: inetOrgPerson", "cn: x", "sn: x", "ds-privilege-name: proxied-auth", "userPassword: sesame")
			if err := operate(d, root, &ModifyRequest{Object: person("ann"), Changes: []Change{{ReplaceValues, attributes("userPassword: sesame")[0]}}}); err != nil {
				t.Fatal(err)
			}
			bind := func(dn string) Requester {
				who, err := d.Bind(ctx, Requester{}, &BindRequest{Version: 3, Name: dn, Password: []byte("sesame")})
				if err != nil {
					t.Fatal(err)
				}
				return who
			}
			who := bind(person("ann"))
			external, err := d.Bind(ctx, Requester{External: person("ann")}, &BindRequest{Version: 3, SASL: &SASLCredentials{Mechanism: "EXTERNAL"}})
			if err != nil {
				t.Fatal(err)
			}
			acted, err := d.ProxiedAs(ctx, bind(person("proxy")), "dn:"+person("ann"))
			if err != nil {
				t.Fatal(err)
			}
			c, _ := follow(t, d, who, SearchRequest{BaseObject: person("proxy"), Filter: *filter(t, "(objectClass=*)"), Sync: &Sync{Persist: true}})
			tt.change(t, d)
			if now, err := d.withLimits(ctx, who); err == nil && now.id != who.id { // the end of a bind that took as long
				t.Errorf("bound as entry %d, having been %d", now.id, who.id)
			}
			for what, who := range map[string]Requester{"simple bind": who, "EXTERNAL": external, "proxied": acted} {
				now, err := d.Refresh(ctx, who)
				if !errors.Is(err, tt.err) || tt.err == nil && (err != nil || now.DN != tt.want) {
					t.Errorf("%s: %q, %v; want %q, %v", what, now.DN, err, tt.want, tt.err)
				}
			}
			if tt.err != nil {
				c.mustEnd(t, InvalidCredentials, NoSuchObject)
			}
		})
	}
}

// A search that goes on ends with its user, however long it takes from the
// change to its acknowledgement.
func TestSessionEndsBehindSlowLog(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d, "ann", "bob")
	if err := operate(d, root, &ModifyRequest{Object: person("ann"), Changes: []Change{{ReplaceValues, attributes("userPassword: sesame")[0]}}}); err != nil {
		t.Fatal(err)
	}
	who, err := d.Bind(ctx, Requester{}, &BindRequest{Version: 3, Name: person("ann"), Password: []byte("sesame")})
	if err != nil {
		t.Fatal(err)
	}
	d.LogChanges(func(Changes) {
		comesTrue(t, func() bool { // that he knows of the change
			d.followers.mu.Lock()
			defer d.followers.mu.Unlock()
			return d.followers.next != nil
		})
		time.Sleep(50 * time.Millisecond) // and has looked who he is
	})
	c, _ := follow(t, d, who, SearchRequest{BaseObject: person("bob"), Filter: *filter(t, "(objectClass=*)"), Sync: &Sync{Persist: true}})
	if err := d.Delete(ctx, root, &DeleteRequest{Entry: person("ann")}); err != nil {
		t.Fatal(err)
	}
	c.mustEnd(t, InvalidCredentials)
}

// Who acts for another goes with the one and the other.
func TestSessionOfProxy(t *testing.T) {
	ctx := context.Background()
	d := newDirectory(t)
	addPeople(t, d, "ann")
	mustAdd(t, d, person("proxy"), "objectClass: inetOrgPerson", "cn: x", "sn: x", "ds-privilege-name: proxied-auth", "userPassword: sesame")
	proxy, err := d.Bind(ctx, Requester{}, &BindRequest{Version: 3, Name: person("proxy"), Password: []byte("sesame")})
	if err != nil {
		t.Fatal(err)
	}
	who, err := d.ProxiedAs(ctx, proxy, "dn:"+person("ann"))
	if err != nil {
		t.Fatal(err)
	}
	if err := operate(d, root, &ModifyDNRequest{Entry: person("proxy"), NewRDN: "uid=other"}); err != nil {
		t.Fatal(err)
	}
	if who, err = d.Refresh(ctx, who); err != nil || who.Proxy != person("other") || who.DN != person("ann") {
		t.Errorf("renamed: %+v, %v", who, err)
	}
	if err := operate(d, root, &DeleteRequest{Entry: person("other")}); err != nil {
		t.Fatal(err)
	}
	if _, err = d.Refresh(ctx, who); !errors.Is(err, ErrUserGone) {
		t.Errorf("deleted: %v", err)
	}
}

// No entry gets the root user's name: its user's sessions would be the root
// user's.
func TestNobodyIsRenamedToRoot(t *testing.T) {
	ctx := context.Background()
	const boss = "uid=boss,ou=chiefs,dc=example,dc=com"
	d := newDirectory(t, func(c *Config) { c.RootDN = boss })
	boss0 := Requester{DN: boss, How: ByServer}
	for _, dn := range []string{"dc=example,dc=com", people} {
		if err := d.Add(ctx, boss0, &AddRequest{Entry: dn, Attributes: attributes("objectClass: extensibleObject", "objectClass: organizationalUnit", "ou: people", "dc: example")}); err != nil {
			t.Fatal(err)
		}
	}
	chiefs := "ou=chiefs,dc=example,dc=com"
	if err := d.Add(ctx, boss0, &AddRequest{Entry: chiefs, Attributes: attributes("objectClass: organizationalUnit")}); err != nil {
		t.Fatal(err)
	}
	for _, uid := range []string{"ann", "boss"} {
		if err := d.Add(ctx, boss0, &AddRequest{Entry: person(uid), Attributes: attributes("objectClass: inetOrgPerson", "cn: x", "sn: x", "userPassword: sesame")}); err != nil {
			t.Fatal(err)
		}
	}
	who, err := d.Bind(ctx, Requester{}, &BindRequest{Version: 3, Name: person("boss"), Password: []byte("sesame")})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		req  ModifyDNRequest
		want error
	}{
		{"to the name", ModifyDNRequest{Entry: person("ann"), NewRDN: "uid=BOSS", NewSuperior: &chiefs}, EntryAlreadyExists},
		{"to what is below the name", ModifyDNRequest{Entry: person("ann"), NewRDN: "uid=bob", NewSuperior: &chiefs}, nil},
		{"out of the way", ModifyDNRequest{Entry: chiefs, NewRDN: "ou=others"}, nil},
		{"with what is above", ModifyDNRequest{Entry: people, NewRDN: "ou=chiefs"}, EntryAlreadyExists},
	} {
		if err := d.ModifyDN(ctx, boss0, &tt.req); !errors.Is(err, tt.want) || tt.want == nil && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if now, err := d.Refresh(ctx, who); err != nil || d.isRoot(now) {
		t.Errorf("%+v, %v", now, err)
	}
}
