package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"tallystick/internal/freeport"
)

// What go-ldap can ask of a server, each call once, against the real program.
// Mechanisms and controls of Active Directory's own are refused by name.
func TestGoLDAP(t *testing.T) {
	folder := t.TempDir()
	var addresses [2]string
	for i := range addresses {
		var err error
		if addresses[i], err = freeport.Address(); err != nil {
			t.Fatal(err)
		}
	}
	p := &process{flags: []string{"--ldap", addresses[0], "--ldaps", addresses[1], "--http", "off", "--set", "log.level=warn"}}
	t.Cleanup(p.kill)
	if err := p.start(folder, "--sample"); err != nil {
		t.Fatal(err)
	}
	certificate, err := os.ReadFile(filepath.Join(folder, "data/tls/certificate.pem"))
	if err != nil {
		t.Fatal(err)
	}
	trusted := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}
	trusted.RootCAs.AppendCertsFromPEM(certificate)
	dial := func(url string, options ...ldap.DialOpt) *ldap.Conn {
		t.Helper()
		c, err := ldap.DialURL(url, options...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := func(err error, code uint16) {
		t.Helper()
		if !ldap.IsErrorWithCode(err, code) {
			t.Errorf("%v, want %s", err, ldap.LDAPResultCodeMap[code])
		}
	}
	whoIs := func(c *ldap.Conn, want string) {
		t.Helper()
		who, err := c.WhoAmI(nil)
		must(err)
		if who.AuthzID != want {
			t.Errorf("%q, want %q", who.AuthzID, want)
		}
	}
	const (
		suffix = "dc=example,dc=com"
		people = "ou=people," + suffix
		admin  = "uid=admin," + people
		user   = "uid=user.1," + people
	)

	// Sessions.
	c := dial("ldap://" + addresses[0])
	whoIs(c, "")
	refused(c.UnauthenticatedBind(user), ldap.LDAPResultUnwillingToPerform)
	refused(c.Bind(user, "wrong"), ldap.LDAPResultInvalidCredentials)
	refused(c.NTLMBind("example", "user.1", "password"), ldap.LDAPResultAuthMethodNotSupported)
	must(c.StartTLS(trusted))
	if state, ok := c.TLSConnectionState(); !ok || !state.HandshakeComplete {
		t.Error("no TLS")
	}
	must(c.Bind(admin, "password"))
	whoIs(c, "dn:"+admin)
	inside := dial("ldaps://"+addresses[1], ldap.DialWithTLSConfig(trusted))
	bound, err := inside.SimpleBind(ldap.NewSimpleBindRequest(user, "password", []ldap.Control{ldap.NewControlString("2.16.840.1.113730.3.4.16", true, "")}))
	must(err)
	if authz := ldap.FindControl(bound.Controls, "2.16.840.1.113730.3.4.15"); authz == nil || authz.(*ldap.ControlString).ControlValue != "dn:"+user {
		t.Errorf("authorization identity %v", authz)
	}
	local := dial("ldapi://" + filepath.Join(folder, "data/ldapi"))
	must(local.ExternalBind())
	whoIs(local, "dn:cn=Directory Manager")

	// Entries come and change.
	const ann = "uid=ann," + people
	add := ldap.NewAddRequest(ann, nil)
	for name, values := range map[string][]string{"objectClass": {"inetOrgPerson"}, "cn": {"Ann", "Änn"}, "sn": {"Lee"}, "jpegPhoto": {"\x00\xff\xfe"}, "userPassword": {"secret"}} {
		add.Attribute(name, values)
	}
	must(c.Add(add))
	refused(c.Add(add), ldap.LDAPResultEntryAlreadyExists)
	modify := ldap.NewModifyRequest(ann, []ldap.Control{ldap.NewControlString("1.3.6.1.1.13.2", true, string(attributeList("description", "mail")))})
	modify.Add("description", []string{"one", "two"})
	modify.Replace("mail", []string{"ann@example.com"})
	modify.Delete("cn", []string{"ÄNN"})
	result, err := c.ModifyWithResult(modify)
	must(err)
	if ldap.FindControl(result.Controls, "1.3.6.1.1.13.2") == nil {
		t.Error("no post-read")
	}
	number := ldap.NewModifyRequest(ann, nil)
	number.Add("objectClass", []string{"extensibleObject"})
	number.Add("uidNumber", []string{"7"})
	number.Increment("uidNumber", "35")
	must(c.Modify(number))
	must(c.ModifyDN(ldap.NewModifyDNRequest(ann, "uid=anna", true, "")))
	refused(c.ModifyDN(ldap.NewModifyDNRequest(ann, "uid=anna", true, "")), ldap.LDAPResultNoSuchObject)
	must(c.ModifyDN(ldap.NewModifyDNRequest("uid=anna,"+people, "uid=ann", true, suffix)))
	must(c.ModifyDN(ldap.NewModifyDNRequest("uid=ann,"+suffix, "uid=ann", true, people)))
	for value, want := range map[string]bool{"42": true, "43": false} {
		is, err := c.Compare(ann, "uidNumber", value)
		must(err)
		if is != want {
			t.Errorf("uidNumber %s: %v", value, is)
		}
	}

	// Searches.
	search := func(base, filter string, controls ...ldap.Control) *ldap.SearchRequest {
		return ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, filter, []string{"*"}, controls)
	}
	found, err := c.Search(search(ann, "(&"+fmt.Sprintf("(cn=%s)", ldap.EscapeFilter("Ann"))+"(!(cn=Änn)))"))
	must(err)
	if len(found.Entries) != 1 {
		t.Fatalf("%d entries", len(found.Entries))
	}
	var read struct {
		DN          string   `ldap:"dn"`
		Name        string   `ldap:"cn"`
		Number      int      `ldap:"uidNumber"`
		Description []string `ldap:"description"`
		Photo       []byte   `ldap:"jpegPhoto"`
	}
	must(found.Entries[0].Unmarshal(&read))
	if read.DN != ann || read.Name != "Ann" || read.Number != 42 || !reflect.DeepEqual(read.Description, []string{"one", "two"}) || string(read.Photo) != "\x00\xff\xfe" {
		t.Errorf("%+v", read)
	}
	pages, err := c.SearchWithPaging(search(people, "(uid=user.*)"), 3)
	must(err)
	if len(pages.Entries) != 10 {
		t.Errorf("%d entries in pages", len(pages.Entries))
	}
	sorted, err := c.Search(search(people, "(uid=user.*)", ldap.NewControlServerSideSortingWithSortKeys([]*ldap.SortKey{{AttributeType: "uid", MatchingRule: "caseIgnoreOrderingMatch", Reverse: true}})))
	must(err)
	if len(sorted.Entries) != 10 || sorted.Entries[0].GetAttributeValue("uid") != "user.9" {
		t.Error("not sorted")
	}
	async := c.SearchAsync(context.Background(), search(people, "(uid=user.*)"), 2)
	n := 0
	for async.Next() {
		if async.Entry() != nil {
			n++
		}
	}
	if must(async.Err()); n != 10 {
		t.Errorf("%d entries, one by one", n)
	}
	sync := c.Syncrepl(context.Background(), search(people, "(uid=user.*)"), 2, ldap.SyncRequestModeRefreshOnly, nil, false)
	entries, states := 0, 0
	for sync.Next() {
		if sync.Entry() != nil {
			entries++
			if ldap.FindControl(sync.Controls(), ldap.ControlTypeSyncState) != nil {
				states++
			}
		}
	}
	if must(sync.Err()); entries != 10 || states != 10 || ldap.FindControl(sync.Controls(), ldap.ControlTypeSyncDone) == nil {
		t.Errorf("%d entries with %d states, done %v", entries, states, sync.Controls())
	}
	_, err = c.Search(search("uid=nobody,"+people, "(cn=*)"))
	refused(err, ldap.LDAPResultNoSuchObject)
	if failed := (*ldap.Error)(nil); !errors.As(err, &failed) || failed.MatchedDN != people {
		t.Errorf("matchedDN of %v", err)
	}
	_, err = c.DirSync(search(suffix, "(cn=*)"), 0, 0, nil)
	refused(err, ldap.LDAPResultUnavailableCriticalExtension)

	// Passwords, and an operation of the vendor's.
	made, err := c.PasswordModify(ldap.NewPasswordModifyRequest("dn:"+ann, "", ""))
	must(err)
	own := dial("ldap://" + addresses[0])
	must(own.Bind(ann, made.GeneratedPassword))
	_, err = own.PasswordModify(ldap.NewPasswordModifyRequest("", made.GeneratedPassword, "my own"))
	must(err)
	refused(own.Bind(ann, made.GeneratedPassword), ldap.LDAPResultInvalidCredentials)
	must(own.Bind(ann, "my own"))
	answer, err := own.Extended(ldap.NewExtendedRequest("1.3.6.1.4.1.4203.1.11.3", nil))
	must(err)
	if answer.Value == nil || !strings.Contains(answer.Value.Data.String()+string(answer.Value.ByteValue), ann) {
		t.Errorf("extended: %+v", answer.Value)
	}
	_, err = own.Extended(ldap.NewExtendedRequest("1.2.3.4", nil))
	refused(err, ldap.LDAPResultProtocolError)

	// Entries go.
	refused(c.Del(ldap.NewDelRequest(people, nil)), ldap.LDAPResultNotAllowedOnNonLeaf)
	must(c.Del(ldap.NewDelRequest(ann, []ldap.Control{ldap.NewControlManageDsaIT(true)})))
	must(c.Del(ldap.NewDelRequest("ou=groups,"+suffix, []ldap.Control{ldap.NewControlSubtreeDelete()})))
	must(own.Unbind())
	if err := own.GetLastError(); err != nil && !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if _, err := own.WhoAmI(nil); err == nil {
		t.Error("a session goes on after its unbind")
	}
}

// attributeList is an AttributeSelection in BER.
func attributeList(names ...string) []byte {
	list := ber.NewSequence("attributes")
	for _, n := range names {
		list.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, n, ""))
	}
	return list.Bytes()
}
