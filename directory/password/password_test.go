package password

import (
	"bytes"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const right = "correct horse"

// Values of one password, written by the programs named.
var foreign = []struct{ from, scheme, value string }{
	{"slappasswd", "SSHA", "{SSHA}c0qQTkTtn27Jy2joPkFesMzYe9Y/gUtp"},
	{"slappasswd", "SHA", "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A="},
	{"slappasswd", "SMD5", "{SMD5}UsckyQoYg+rcJLH9fX8ywtHa4I4="},
	{"slappasswd pw-sha2", "SSHA256", "{SSHA256}RnQu8Ph0mGftnCt1ODaA6cunM85f9dGkD4Ku/GbRBu09ll5PvtzTYg=="},
	{"slappasswd pw-sha2", "SSHA512", "{SSHA512}fHWj2Bn5qEeBBrSexuoeGBU4eSX+8O0J9joJXqVyLzBS2C/V+ciGLdQprgu3RA15LxV6qMzwwxJQlRFydrLBljx8Onf7W5mC"},
	{"slappasswd pw-sha2", "SHA512", "{SHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew=="},
	{"Python hashlib", "SHA256", "{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE="},
	{"Python hashlib", "SSHA512", "{SSHA512}L973saL9v4VelsUVLtxHGQvGWx/l+35krRr/JMZVDTcse3hycsoJ29NrFsEpUJXXMd0r2P9wzeQBUVZuEvHlUnNhbHRTQUxU"},
	{"slappasswd argon2", "ARGON2", "{ARGON2}$argon2i$v=19$m=4096,t=3,p=1$UPE9gQWRuATXF1YbMfEsJA$jYaIwQ18BR3f3As0av/KMNy4pTbga/W+C0GkkgzRixk"},
	{"Python hashlib", "PBKDF2-SHA512", "{PBKDF2-SHA512}1000$MDEyMzQ1Njc4OWFiY2RlZg$OM0FAoIqCVK1sWtxDiffVlBejtLa.ks4TP71JiecwuSZCG8iLbnlIEPOMoVX.i2B2wkSxjQ8CRGR9OkNGuIPMQ"},
	{"Python hashlib", "PBKDF2-SHA256", "{PBKDF2-SHA256}1000$MDEyMzQ1Njc4OWFiY2RlZg$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M"},
	{"Python hashlib", "PBKDF2-SHA1", "{PBKDF2-SHA1}1000$MDEyMzQ1Njc4OWFiY2RlZg$aUfE2vx5Q7zgbb0jx49AaNpXUQQ"},
	{"Python hashlib", "PBKDF2", "{PBKDF2}1000$MDEyMzQ1Njc4OWFiY2RlZg$aUfE2vx5Q7zgbb0jx49AaNpXUQQ"},
	{"crypt(3)", "BCRYPT", "{BCRYPT}$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"},
	{"openssl passwd -6", "CRYPT", "{CRYPT}$6$saltsalt$hRM5XZ86KXEw9UOmjigeVqFgULtFB2sgpC9lXQDfMib3Zgw7mEiUvBJI2EplzfAqxL5Vvwp2scFtv/uamSo5z0"},
	{"openssl passwd -5", "CRYPT", "{CRYPT}$5$saltsalt$myjXcpMpE2Ofk7fj9hqyNYSn6lmWG4Mqnjx.KIRRr4/"},
	{"crypt(3)", "CRYPT", "{CRYPT}$6$rounds=10000$abcdefghijklmnop$464XslN3xq8JMpIOTdQds/3SG2SvMCNQmWizK2Wma1p.VGLv1M2PWV3GNuo4i2Y6CQ8nqXdhw5YLLpbxm7oQ51"},
	{"crypt(3)", "CRYPT", "{CRYPT}$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2"},
}

func TestForeign(t *testing.T) {
	for _, row := range foreign {
		for _, value := range []string{row.value, strings.Replace(row.value, row.scheme, strings.ToLower(row.scheme), 1)} {
			if ok, err := Verify([]byte(value), []byte(right)); !ok || err != nil {
				t.Errorf("%s, %.20s: %v, %v", row.from, value, ok, err)
			}
			if ok, err := Verify([]byte(value), []byte(right+" ")); ok || err != nil {
				t.Errorf("%s, %.20s takes a wrong password: %v, %v", row.from, value, ok, err)
			}
			if s, err := SchemeOf([]byte(value)); string(s) != row.scheme || err != nil {
				t.Errorf("%s, %.20s: scheme %q, %v", row.from, value, s, err)
			}
		}
		if !NeedsUpgrade([]byte(row.value), Default) {
			t.Errorf("%s, %.20s needs no upgrade", row.from, row.value)
		}
	}
}

// Values of authPassword (RFC 3112): those of the text's schemes, of PingDS's,
// and of what Hash makes.
func TestAuthPassword(t *testing.T) {
	rows := []struct{ from, scheme, value string }{
		{"Python hashlib", "SMD5", "MD5$c2FsdHNhbHRzYWx0c2FsdA==$zkpkZmb2ehfihLYCWM+xjA=="},
		{"Python hashlib", "SSHA", "SHA1$c2FsdHNhbHRzYWx0c2FsdA==$RVkYfPxb39JKWtqZoYqBfJgg5JY="},
		{"Python hashlib", "SSHA256", "SHA256$c2FsdHNhbHRzYWx0c2FsdA==$wEnUrf4eKBHFaEcBzbunAIeulPy9aDbdjT3DH/zokcI="},
		{"Python hashlib", "SSHA512", "SHA512$c2FsdHNhbHRzYWx0c2FsdA==$ERPsIkwGxop/pHrjl04jlGBFcEcGixRqr2XjH8ytZJ9hFGoi6gaOfwAjaeO8rZaKBf2v7ygZicYporaO9T1NMg=="},
	}
	for _, s := range []Scheme{Argon2id, PBKDF2SHA512, Bcrypt, SSHA512, SSHA256, SSHA} {
		value, err := Hash(s, []byte(right))
		if err != nil {
			t.Fatal(err)
		}
		auth := AuthPassword(value)
		if NeedsUpgrade(auth, s) || IsAuthPassword(value) {
			t.Errorf("%s: %s", value, auth)
		}
		rows = append(rows, struct{ from, scheme, value string }{"Hash", string(s), string(auth)})
	}
	for _, row := range rows {
		value := []byte(row.value)
		name, _, _ := strings.Cut(row.value, "$")
		if !IsAuthPassword(value) || strings.Count(row.value, "$") != 2 || strings.Contains(row.value, " ") || !slices.Contains(AuthSchemes(), name) {
			t.Errorf("%s: %s is no value of authPassword", row.from, value)
		}
		if ok, err := Verify(value, []byte(right)); !ok || err != nil {
			t.Errorf("%s, %.20s: %v, %v", row.from, value, ok, err)
		}
		for _, wrong := range []string{right + " ", "", row.value} {
			if ok, err := Verify(value, []byte(wrong)); ok || err != nil {
				t.Errorf("%s, %.20s takes %q: %v, %v", row.from, value, wrong, ok, err)
			}
		}
		if s, err := SchemeOf(value); string(s) != row.scheme || err != nil {
			t.Errorf("%s, %.20s: scheme %q, %v", row.from, value, s, err)
		}
	}
	for value, want := range map[string]error{
		"sha1$c2FsdA==$OkdKcR/L5MdZtVjOJpk8WgxcUPE=": ErrScheme,
		"CRYPT$6:saltsalt$x":                         ErrScheme,
		"SHA1$c2FsdA==":                              ErrScheme,
		"SHA1$$$":                                    ErrScheme,
		"SHA1$$OkdKcR/L5MdZtVjOJpk8WgxcUPE=":         ErrMalformed, // no salt
		"SHA1$c2FsdA==$eA==":                         ErrMalformed,
		"SHA1$*$OkdKcR/L5MdZtVjOJpk8WgxcUPE=":        ErrMalformed,
		"BCRYPT$:2b:31$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2": ErrCost,
	} {
		if ok, err := Verify([]byte(value), []byte("mary")); ok || !errors.Is(err, want) {
			t.Errorf("%s: %v, %v; want %v", value, ok, err, want)
		}
	}
}

func TestHash(t *testing.T) {
	for _, s := range []Scheme{Argon2id, PBKDF2SHA512, Bcrypt, SSHA512, SSHA256, SSHA} {
		value, err := Hash(s, []byte(right))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(value, []byte("{"+s+"}")) || !LooksHashed(value) {
			t.Errorf("%s: %s", s, value)
		}
		if ok, err := Verify(value, []byte(right)); !ok || err != nil {
			t.Errorf("%s: %v, %v", s, ok, err)
		}
		if ok, err := Verify(value, []byte("wrong")); ok || err != nil {
			t.Errorf("%s takes a wrong password: %v, %v", s, ok, err)
		}
		if ok, err := Verify(value, nil); ok || err != nil {
			t.Errorf("%s takes an empty password: %v, %v", s, ok, err)
		}
		if NeedsUpgrade(value, s) {
			t.Errorf("%s: a new value needs an upgrade", s)
		}
		again, err := Hash(s, []byte(right))
		if err != nil || bytes.Equal(value, again) {
			t.Errorf("%s: the same salt twice, %v", s, err)
		}
		if s.Quick() != strings.HasPrefix(string(s), "SSHA") {
			t.Errorf("%s: quick %v", s, s.Quick())
		}
		if p, err := ParseScheme(strings.ToLower("{" + string(s) + "}")); p != s || err != nil {
			t.Errorf("%s: parsed as %q, %v", s, p, err)
		}
	}
}

func TestHashRefuses(t *testing.T) {
	for _, row := range []struct {
		rule     string
		scheme   Scheme
		password string
		want     error
	}{
		{"an empty password", Default, "", ErrLength},
		{"a password without end", Default, strings.Repeat("x", MaxLength+1), ErrLength},
		{"more than bcrypt sees", Bcrypt, strings.Repeat("x", 73), ErrLength},
		{"a scheme only verified", "SHA", right, ErrScheme},
		{"no scheme", "ROT13", right, ErrScheme},
	} {
		if _, err := Hash(row.scheme, []byte(row.password)); !errors.Is(err, row.want) {
			t.Errorf("%s: %v; want %v", row.rule, err, row.want)
		}
	}
	if _, err := ParseScheme("CRYPT"); !errors.Is(err, ErrScheme) {
		t.Errorf("CRYPT for new passwords: %v", err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	const salt, key = "c2FsdHNhbHRzYWx0", "a2V5a2V5a2V5a2V5a2V5a2V5a2V5"
	for _, row := range []struct {
		rule, value string
		want        error
	}{
		{"no scheme", right, ErrScheme},
		{"nothing", "", ErrScheme},
		{"an open brace", "{SSHA", ErrScheme},
		{"an unknown scheme", "{MD5}X03MO1qnZdYdgyfeuILPmQ==", ErrScheme},
		{"SSHA without salt", "{SSHA}L55TUjtiq8FBorTWAZ0jy6g129A=", ErrMalformed},
		{"SHA with salt", "{SHA}c0qQTkTtn27Jy2joPkFesMzYe9Y/gUtp", ErrMalformed},
		{"not base64", "{SSHA}****", ErrMalformed},
		{"argon2d", "{ARGON2}$argon2d$v=19$m=64,t=1,p=1$" + salt + "$" + key, ErrMalformed},
		{"argon2 of an old version", "{ARGON2}$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + key, ErrMalformed},
		{"argon2 with words behind", "{ARGON2}$argon2id$v=19$m=64,t=1,p=1x$" + salt + "$" + key, ErrMalformed},
		{"argon2 without passes", "{ARGON2}$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + key, ErrMalformed},
		{"argon2 with 4 GiB", "{ARGON2}$argon2id$v=19$m=4194304,t=1,p=1$" + salt + "$" + key, ErrCost},
		{"argon2 with many passes", "{ARGON2}$argon2id$v=19$m=8,t=1000000,p=1$" + salt + "$" + key, ErrCost},
		{"argon2 with many lanes", "{ARGON2}$argon2id$v=19$m=4096,t=1,p=300$" + salt + "$" + key, ErrCost},
		{"PBKDF2 with a milliard rounds", "{PBKDF2-SHA512}1000000000$" + salt + "$" + key, ErrCost},
		{"PBKDF2 without rounds", "{PBKDF2-SHA512}0$" + salt + "$" + key, ErrMalformed},
		{"bcrypt of cost 31", "{BCRYPT}$2b$31$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2", ErrCost},
		{"bcrypt cut short", "{BCRYPT}$2b$05$abcdefghijklmnopqrstuu", ErrMalformed},
		{"SHA-crypt with a milliard rounds", "{CRYPT}$6$rounds=999999999$salt$" + strings.Repeat("x", 86), ErrCost},
		{"SHA-crypt cut short", "{CRYPT}$6$salt$short", ErrMalformed},
		{"DES crypt", "{CRYPT}abJnggxhB/yWI", ErrMalformed},
	} {
		if ok, err := Verify([]byte(row.value), []byte(right)); ok || !errors.Is(err, row.want) {
			t.Errorf("%s: %v, %v; want %v", row.rule, ok, err, row.want)
		}
	}
}

func TestLooksHashed(t *testing.T) {
	for value, want := range map[string]bool{
		"{MD5}X03MO1qnZdYdgyfeuILPmQ==": true,
		"{sasl}ann@example.com":         true,
		"{}x":                           false,
		"{not a scheme}x":               false,
		"plain {x} plain":               false,
		"":                              false,
	} {
		if got := LooksHashed([]byte(value)); got != want {
			t.Errorf("%s: %v", value, got)
		}
	}
}

func TestNeedsUpgrade(t *testing.T) {
	weak := []byte("{ARGON2ID}$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0$a2V5a2V5a2V5a2V5a2V5a2V5a2V5")
	if !NeedsUpgrade(weak, Argon2id) {
		t.Error("a cheap argon2id needs no upgrade")
	}
	if NeedsUpgrade([]byte(right), Argon2id) {
		t.Error("what no scheme made needs an upgrade")
	}
}

// A hash that does not fit into the memory waits for those that use it.
func TestMemoryIsBounded(t *testing.T) {
	value := []byte(foreign[8].value) // argon2
	var free atomic.Bool
	release := reserve(maxMemory)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			ok, err := Verify(value, []byte(right))
			if !ok || err != nil || !free.Load() {
				t.Errorf("%v, %v, while memory was free: %v", ok, err, free.Load())
			}
		})
	}
	for range 1000 {
		runtime.Gosched()
	}
	free.Store(true)
	release()
	wg.Wait()
}

func TestGenerate(t *testing.T) {
	a, b := Generate(), Generate()
	if a == b || len(a) < 22 {
		t.Errorf("%q, %q", a, b)
	}
}

func FuzzVerify(f *testing.F) {
	for _, row := range foreign {
		f.Add([]byte(row.value))
	}
	f.Add([]byte("SHA1$c2FsdHNhbHRzYWx0c2FsdA==$RVkYfPxb39JKWtqZoYqBfJgg5JY="))
	f.Add([]byte("PBKDF2-SHA512$1000:MDEyMzQ1Njc4OWFiY2RlZg$OM0FAoIqCVK1sWtxDiffVlBejtLa"))
	f.Fuzz(func(t *testing.T, value []byte) {
		// Taking a value apart must be quick and safe; what is costly to
		// verify must have been refused.
		_, s, err := parse(value)
		if err == nil && (s.verify == nil || s.memory > maxMemory) {
			t.Errorf("%q: %+v", value, s)
		}
	})
}
