package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tallystick/directory/sasl"
	"tallystick/extop/wire"
	"tallystick/internal/freeport"
)

const (
	abusedID  = "dn:" + abusedUser
	operator  = "uid=admin,ou=people,dc=example,dc=com"
	lostKey   = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // that nobody has
	lostToken = "none"                             // id of no credential
)

// client shows a code once and returns the result code. It fails when the server
// is gone.
type client struct {
	show func(code string) (int64, error)
	end  func()
}

// codeDoor is a way to show the server a code of the user's.
type codeDoor struct {
	name string
	dial func() (client, error)
}

// byLDAP is a door of an operation. Operations before it say who asks.
func (a *abused) byLDAP(name string, operation func(code string) []byte, before ...[]byte) codeDoor {
	return codeDoor{name, func() (client, error) {
		c, err := a.dial()
		if err != nil {
			return client{}, err
		}
		for _, o := range before {
			if result, _, err := c.ask(o); err != nil || result != 0 {
				c.Close()
				return client{}, fmt.Errorf("result code %d, %v", result, err)
			}
		}
		show := func(code string) (int64, error) {
			result, _, err := c.ask(operation(code))
			return result, err
		}
		return client{show, func() { c.Close() }}, nil
	}}
}

// byHTTP is a door of a call of the bridge; CODE in the body is the code. user is
// who asks; "": who shows the code.
func byHTTP(name, url, user, body string) codeDoor {
	return codeDoor{name, func() (client, error) {
		transport := &http.Transport{}
		show := func(code string) (int64, error) {
			r, err := http.NewRequest("POST", url, strings.NewReader(strings.ReplaceAll(body, "CODE", code)))
			if err != nil {
				return 0, err
			}
			r.Header.Set("Content-Type", "application/json")
			if user != "" {
				r.SetBasicAuth(user, "password")
			}
			resp, err := transport.RoundTrip(r)
			if err != nil {
				return 0, err
			}
			defer resp.Body.Close()
			var answer struct{ ResultCode *struct{ Value int64 } }
			if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
				return 0, err
			}
			if answer.ResultCode == nil {
				return 0, fmt.Errorf("%s without a result code", resp.Status)
			}
			return answer.ResultCode.Value, nil
		}
		return client{show, transport.CloseIdleConnections}, nil
	}}
}

// codeDoors are all the ways. None changes anything but that generate adds a
// pending secret. credential is the id of that whose codes are shown.
func (a *abused) codeDoors(credential, address string) []codeDoor {
	id, key := abusedID, lostKey
	api := "http://" + address + "/directory/v1"
	user := api + "/" + url.PathEscape(abusedUser)
	manage := func(r wire.ManageTOTPRequest) []byte {
		r.AuthenticationID = &id
		return extended(wire.ManageTOTPOID, r.Encode())
	}
	return []codeDoor{
		a.byLDAP("simple bind", func(code string) []byte { return simpleBind(abusedUser, "password"+code) }),
		a.byLDAP("PLAIN", func(code string) []byte {
			return saslBind(sasl.Plain, sasl.PlainMessage{AuthenticationID: "user.0", Password: []byte("password" + code)}.Encode())
		}),
		a.byLDAP("UNBOUNDID-TOTP", func(code string) []byte {
			return saslBind(sasl.UnboundIDTOTP, sasl.UnboundIDTOTPMessage{AuthenticationID: "u:user.0", TOTPPassword: []byte(code), StaticPassword: []byte("password")}.Encode())
		}),
		a.byLDAP("validate", func(code string) []byte {
			return extended(wire.ValidateTOTPPasswordOID, wire.ValidateTOTPPasswordRequest{UserDN: abusedUser, TOTPPassword: code}.Encode())
		}, simpleBind(operator, "password")),
		a.byLDAP("generate", func(code string) []byte { return generate("password" + code) }),
		a.byLDAP("revoke", func(code string) []byte {
			return extended(wire.RevokeTOTPSharedSecretOID, wire.RevokeTOTPSharedSecretRequest{AuthenticationID: &id, StaticPassword: []byte("password" + code), TOTPSharedSecret: &key}.Encode())
		}),
		a.byLDAP("change password", func(code string) []byte {
			return extended(wire.PasswordModifyOID, wire.PasswordModifyRequest{UserIdentity: &id, OldPasswd: []byte("password" + code), NewPasswd: []byte("password")}.Encode())
		}),
		a.byLDAP("confirm", func(code string) []byte {
			return manage(wire.ManageTOTPRequest{Action: wire.ManageConfirm, StaticPassword: []byte("password"), ID: credential, Code: code})
		}),
		a.byLDAP("rename", func(code string) []byte {
			return manage(wire.ManageTOTPRequest{Action: wire.ManageRename, StaticPassword: []byte("password" + code), ID: lostToken})
		}),
		byHTTP("authenticate by HTTP", api+"/authenticate", "", `{"credentials":{"authenticationType":"passwordPlusTOTP","username":"user.0","staticPassword":"password","totpPassword":"CODE"}}`),
		byHTTP("validate by HTTP", user+"/validateTOTPPassword", operator, `{"totpPassword":"CODE"}`),
		byHTTP("generate by HTTP", user+"/generateTOTPSharedSecret", "", `{"staticPassword":"passwordCODE"}`),
		byHTTP("revoke by HTTP", user+"/revokeTOTPSharedSecret", "", `{"staticPassword":"passwordCODE","totpSharedSecret":"`+lostKey+`"}`),
		byHTTP("change password by HTTP", user+"/changePassword", "", `{"oldPassword":"passwordCODE","newPassword":"password"}`),
	}
}

// used is the user's credential that was used last, as the server has it.
func (a *abused) used(t *testing.T) (last wire.ManagedCredential) {
	t.Helper()
	c, err := a.dial()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if result, _, err := c.ask(simpleBind(operator, "password")); err != nil || result != 0 {
		t.Fatal(result, err)
	}
	id := abusedID
	result, value, err := c.ask(extended(wire.ManageTOTPOID, wire.ManageTOTPRequest{Action: wire.ManageList, AuthenticationID: &id}.Encode()))
	if err != nil || result != 0 {
		t.Fatal(result, err)
	}
	list, err := wire.DecodeManageTOTPResponse(value)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list.Credentials {
		if one.LastUsed.After(last.LastUsed) {
			last = one
		}
	}
	return last
}

// freshCode moves the clock on by a time step and is the code of the new one.
func (a *abused) freshCode(t *testing.T, secret []byte) string {
	t.Helper()
	if err := a.setClock(a.now.Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return a.codeOf(t, secret, 0)
}

// answers counts what the server said to those who showed a code.
type answers struct{ accepted, refused atomic.Int64 }

func (n *answers) count(result int64) error {
	switch result {
	case 0, 16: // noSuchAttribute: believed, but there is nothing to revoke or rename
		n.accepted.Add(1)
	case 49:
		n.refused.Add(1)
	default:
		return fmt.Errorf("result code %d", result)
	}
	return nil
}

// showAll connects some clients to each door, and then all of them show the code at
// the same time: so many times each or, if that is 0, until the server is gone.
// It returns when they have begun, and wait when they are done.
func (n *answers) showAll(t *testing.T, doors []codeDoor, clients, times int, code string) (wait func()) {
	t.Helper()
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for _, d := range doors {
		for range clients {
			c, err := d.dial()
			if err != nil {
				t.Fatalf("%s: %v", d.name, err)
			}
			wg.Go(func() {
				defer c.end()
				<-begin
				for i := 0; times == 0 || i < times; i++ {
					result, err := c.show(code)
					if err != nil && times == 0 {
						return
					}
					if err == nil {
						err = n.count(result)
					}
					if err != nil {
						t.Errorf("%s: %v", d.name, err)
						return
					}
				}
			})
		}
	}
	close(begin)
	return wg.Wait
}

// Each door takes a code once; in each round all of them are shown a fresh one at
// the same time while the server is killed, at any moment from the first request
// on, and again many times when it has been started again. One accepts it, before
// or after; or none, if the kill came between the decision and the answer.
func TestReplaysAcrossKills(t *testing.T) {
	rounds := 16
	if testing.Short() {
		rounds = 8
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	// Nothing is refused but for its code.
	a := newAbused(t, "--http", address, "--set", "attempts.free=100000", "--set", "attempts.lockAfter=100000",
		"--set", "attempts.address.free=0", "--set", "secondFactor.perUser=1000")
	secret := a.enrol(t)
	doors := a.codeDoors(a.used(t).ID, address)
	for i, d := range doors {
		var n answers
		n.showAll(t, doors[i:i+1], 1, 2, a.freshCode(t, secret))()
		if n.accepted.Load() != 1 || n.refused.Load() != 1 {
			t.Fatalf("%s: of two times a code is accepted %d times and refused %d times", d.name, n.accepted.Load(), n.refused.Load())
		}
	}

	var acknowledged, unanswered, undecided, refused int64
	for round := range rounds {
		code := a.freshCode(t, secret)
		var before, after answers
		wait := before.showAll(t, doors, 2, 0, code)
		if round%4 == 3 { // however slow the machine, some kills come right behind the answer
			for until := time.Now().Add(time.Minute); before.accepted.Load() == 0 && time.Now().Before(until); {
				time.Sleep(10 * time.Microsecond)
			}
		} else {
			time.Sleep(time.Duration(rnd.IntN(5000)) * time.Microsecond)
		}
		a.kill()
		wait()
		if err := a.start(a.folder); err != nil {
			t.Fatal(err)
		}
		spent := a.used(t).LastUsed.Equal(a.now)
		after.showAll(t, doors, 3, 10, code)()

		accepted := [2]int64{before.accepted.Load(), after.accepted.Load()}
		refused += before.refused.Load() + after.refused.Load()
		switch {
		case accepted == [2]int64{1, 0} && spent:
			acknowledged++
		case accepted == [2]int64{0, 0} && spent:
			unanswered++
		case accepted == [2]int64{0, 1} && !spent:
			undecided++
		default:
			t.Errorf("round %d: accepted %d times before the kill and %d times after it, which found it spent: %v", round, accepted[0], accepted[1], spent)
		}
	}
	t.Logf("of %d codes %d were accepted before the kill, %d after it, %d before it but nobody was told; refused %d times", rounds, acknowledged, undecided, unanswered, refused)
	if acknowledged == 0 {
		t.Error("no kill came after an answer")
	}
}
