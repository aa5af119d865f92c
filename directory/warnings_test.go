package directory

import (
	"testing"
)

// The policy of the configuration that is no entry, or no policy, is a warning.
func TestWarnings(t *testing.T) {
	h := newHouse(t)
	for _, row := range []struct {
		name, policy string
		want         int
	}{
		{"none is configured", "", 0},
		{"no entry", "cn=nothing,dc=example,dc=com", 1},
		{"another kind of entry", person("ann"), 1},
		{"below nothing", "cn=nothing,dc=example,dc=net", 1},
	} {
		var err error
		if h.Directory.defaultPasswordPolicy, err = h.parseDN(row.policy); err != nil {
			t.Fatal(err)
		}
		got, err := h.Warnings(t.Context())
		if err != nil || len(got) != row.want {
			t.Errorf("%s: %q, %v", row.name, got, err)
		}
	}
	h.want("add a policy", h.Add(t.Context(), root, &AddRequest{Entry: "cn=policy,dc=example,dc=com",
		Attributes: attributes("objectClass: device", "objectClass: pwdPolicy", "cn: policy", "pwdAttribute: userPassword")}), Success)
	var err error
	if h.Directory.defaultPasswordPolicy, err = h.parseDN("CN=Policy, dc=example,dc=com"); err != nil {
		t.Fatal(err)
	}
	if got, err := h.Warnings(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("%q, %v", got, err)
	}
}
