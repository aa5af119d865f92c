package main

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Kill -9 in the middle of writes loses nothing that was acknowledged, brings
// nothing back that was deleted, and leaves every index in step.
// TALLYSTICK_CRASH_ROUNDS says how often; 3 times if it is not set.
func TestKill(t *testing.T) {
	rounds := 3
	if n, err := strconv.Atoi(os.Getenv("TALLYSTICK_CRASH_ROUNDS")); err == nil {
		rounds = n
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))

	folder := t.TempDir()
	socket := filepath.Join(folder, "data", "ldapi")
	p := &process{flags: []string{"--ldap", "off", "--ldaps", "off", "--http", "off", "--set", "log.level=warn"}}
	t.Cleanup(p.kill)
	if err := p.start(folder, "--sample"); err != nil {
		t.Fatal(err)
	}
	clients := make([]*writingClient, 8)
	for i := range clients {
		clients[i] = &writingClient{name: i, socket: socket, rnd: rand.New(rand.NewPCG(seed, uint64(i+1))), known: map[int]string{}}
	}
	for round := range rounds {
		var wg sync.WaitGroup
		for _, c := range clients {
			wg.Go(c.write)
		}
		time.Sleep(time.Duration(100+rnd.IntN(700)) * time.Millisecond)
		p.kill()
		wg.Wait()
		if round%2 == 1 {
			checkFolder(t, folder)
		}
		if err := p.start(folder); err != nil {
			t.Fatal(err)
		}
		for _, c := range clients {
			if c.err != nil {
				t.Fatalf("round %d, client %d: %v", round, c.name, c.err)
			}
			if err := c.compare(); err != nil {
				t.Errorf("round %d, client %d: %v", round, c.name, err)
			}
		}
	}
	if err := p.stop(); err != nil {
		t.Fatal(err)
	}
	checkFolder(t, folder)
	writes := 0
	for _, c := range clients {
		writes += c.writes
	}
	t.Logf("%d acknowledged writes", writes)
}

func checkFolder(t *testing.T, folder string) {
	t.Helper()
	cmd := exec.Command("tallystick", "check")
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
}

// writingClient adds, changes and deletes entries of its own, and knows what
// has been acknowledged.
type writingClient struct {
	name   int
	socket string
	rnd    *rand.Rand
	known  map[int]string // description by number of the entry
	maybe  *attempt       // the write that was not answered
	writes int
	err    error // of a write that was refused
}

// attempt is a write whose outcome is unknown. description "": a deletion.
type attempt struct {
	number      int
	description string
}

func (c *writingClient) dn(number int) string {
	return fmt.Sprintf("uid=client.%d.%d,ou=people,dc=example,dc=com", c.name, number)
}

func (c *writingClient) dial() (*ldap.Conn, error) {
	conn, err := ldap.DialURL("ldapi://" + c.socket)
	if err != nil {
		return nil, err
	}
	if err := conn.ExternalBind(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// write goes on until the connection breaks.
func (c *writingClient) write() {
	conn, err := c.dial()
	if err != nil {
		return // killed already
	}
	defer conn.Close()
	for {
		a := attempt{number: c.rnd.IntN(50), description: fmt.Sprintf("value %d", c.rnd.Int32())}
		_, exists := c.known[a.number]
		switch {
		case !exists:
			add := ldap.NewAddRequest(c.dn(a.number), nil)
			add.Attribute("objectClass", []string{"inetOrgPerson"})
			add.Attribute("cn", []string{"Client"})
			add.Attribute("sn", []string{"Client"})
			add.Attribute("description", []string{a.description})
			err = conn.Add(add)
		case c.rnd.IntN(4) == 0:
			a.description = ""
			err = conn.Del(ldap.NewDelRequest(c.dn(a.number), nil))
		default:
			modify := ldap.NewModifyRequest(c.dn(a.number), nil)
			modify.Replace("description", []string{a.description})
			err = conn.Modify(modify)
		}
		if err != nil {
			if e, ok := errors.AsType[*ldap.Error](err); ok && e.ResultCode < ldap.ErrorNetwork {
				c.err = err // an answer, where the end of the connection was expected
			}
			c.maybe = &a
			return
		}
		c.writes++
		c.settle(a)
	}
}

func (c *writingClient) settle(a attempt) {
	if a.description == "" {
		delete(c.known, a.number)
		return
	}
	c.known[a.number] = a.description
}

// compare finds what is on the server to be what was acknowledged, with the
// write that was not answered or without it.
func (c *writingClient) compare() error {
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	found, err := c.search(conn)
	if err != nil {
		return err
	}
	if maps.Equal(found, c.known) {
		c.maybe = nil
		return nil
	}
	before := maps.Clone(c.known)
	if c.maybe != nil {
		c.settle(*c.maybe)
		c.maybe = nil
	}
	if !maps.Equal(found, c.known) {
		return fmt.Errorf("found %v, acknowledged was %v, with what was not answered %v", found, before, c.known)
	}
	return nil
}

// search reads the client's entries by an index and by their names, which
// must agree.
func (c *writingClient) search(conn *ldap.Conn) (map[int]string, error) {
	filter := fmt.Sprintf("(uid=client.%d.*)", c.name)
	result, err := conn.Search(ldap.NewSearchRequest("dc=example,dc=com", ldap.ScopeWholeSubtree, 0, 0, 0, false, filter, []string{"description"}, nil))
	if err != nil {
		return nil, err
	}
	found := map[int]string{}
	for number := range 50 {
		base := ldap.NewSearchRequest(c.dn(number), ldap.ScopeBaseObject, 0, 0, 0, false, "(objectClass=*)", []string{"description"}, nil)
		one, err := conn.Search(base)
		if ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found[number] = one.Entries[0].GetAttributeValue("description")
	}
	if len(result.Entries) != len(found) {
		return nil, fmt.Errorf("%s finds %d entries, and %d have such names", filter, len(result.Entries), len(found))
	}
	return found, nil
}
