package directory_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tallystick/directory"
	"tallystick/internal/directorytest"
	"tallystick/internal/ldif"
)

// What is exported as LDIF imports to the same tree, whatever is in it.
func TestLDIFRoundTrip(t *testing.T) {
	ctx := context.Background()
	root := directory.Requester{DN: directory.DefaultRootDN, How: directory.ByPassword}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	octets := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	alphabet := []rune("aB ,+\"\\<>;=#\n\r\t:/é\u00a0ßΩ日\U0001f600-")
	word := func() string {
		s := []rune("x")
		for range rnd.IntN(12) {
			s = append(s, alphabet[rnd.IntN(len(alphabet))])
		}
		rnd.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		return string(s)
	}
	escape := func(s string) string {
		var b []byte
		for _, c := range []byte(s) {
			b = fmt.Appendf(b, "\\%02x", c)
		}
		return string(b)
	}
	anything := func(c *directory.Config) { c.AnyAttributes = true }
	from := directorytest.Open(t, anything)
	parents := []string{directorytest.People}
	for i := range 150 {
		values := func(v ...string) (list [][]byte) {
			for _, s := range v {
				list = append(list, []byte(s))
			}
			return list
		}
		dn := fmt.Sprintf("cn=%s+uid=%d,%s", escape(word()), i, parents[rnd.IntN(len(parents))])
		req := &directory.AddRequest{Entry: dn, Attributes: []directory.Attribute{
			{Name: "objectClass", Values: values("inetOrgPerson")},
			{Name: "sn", Values: values(word())},
			{Name: "cn;lang-de", Values: values(word())},
			{Name: "description;x-b;lang-en", Values: values(word()+"1", word()+"2")},
			{Name: "jpegPhoto", Values: [][]byte{octets(rnd.IntN(300) + 1)}},
			{Name: "userCertificate;binary", Values: [][]byte{octets(40)}},
			{Name: "shoeSize", Values: values(word())},
			{Name: "userPassword", Values: values(word(), word()+"2")},
		}}
		if err := from.Add(ctx, root, req); err != nil {
			t.Fatalf("%q: %v", dn, err)
		}
		parents = append(parents, dn)
	}
	before := exportLDIF(t, from)

	to := directorytest.Open(t, anything)
	for _, dn := range []string{directorytest.Ann, directorytest.Bob, directorytest.Ada, directorytest.People, directorytest.Suffix} {
		if err := to.Delete(ctx, root, &directory.DeleteRequest{Entry: dn}); err != nil {
			t.Fatal(err)
		}
	}
	r := ldif.NewReader(bytes.NewReader(before), ldif.Options{Keep: true})
	_, err := to.Apply(ctx, directory.ImportSource{
		Next: func() (*directory.ImportRecord, error) {
			rec, err := r.Next()
			if err != nil {
				return nil, err
			}
			return &directory.ImportRecord{Line: rec.Line, Request: &directory.AddRequest{Entry: rec.DN, Attributes: rec.Attributes}}, nil
		},
		Bad: func(rec *directory.ImportRecord, err error) error { return fmt.Errorf("line %d: %w", rec.Line, err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	after := bytes.Split(exportLDIF(t, to), []byte("\n"))
	for i, line := range bytes.Split(before, []byte("\n")) {
		if i >= len(after) || !bytes.Equal(line, after[i]) {
			t.Fatalf("line %d was %q and is another now", i+1, line)
		}
	}
}

func exportLDIF(t *testing.T, d *directory.Directory) []byte {
	t.Helper()
	var b bytes.Buffer
	w := ldif.NewWriter(&b)
	if err := d.Export(t.Context(), "", w.WriteEntry); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
