// Package passwords is PingDirectory's operations about passwords that change
// none: suggest some (.62, answered by .63), tell what a new one must be (.43,
// answered by .44), and verify one (.72).
package passwords

import (
	"tallystick/directory"
	"tallystick/directory/schema"
)

// PolicyDN is the name of the one password policy, which is PingDirectory's
// for its default. It is in the configuration, so there is no entry of it.
const PolicyDN = "cn=Default Password Policy,cn=Password Policies,cn=config"

// parseDN reads a DN that a request has.
func parseDN(text string) (directory.DN, error) {
	dn, err := directory.ParseDN(schema.Standard(), text)
	if err != nil {
		return dn, &directory.Error{ResultCode: directory.InvalidDNSyntax, DiagnosticMessage: err.Error()}
	}
	return dn, nil
}

// requirePolicy fails unless text names the one policy.
func requirePolicy(text string) error {
	dn, err := parseDN(text)
	if err != nil {
		return err
	}
	policy, err := parseDN(PolicyDN)
	if err == nil && !dn.Equal(policy) {
		err = directory.Errorf(directory.NoSuchObject, "there is no such password policy")
	}
	return err
}
