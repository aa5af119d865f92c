// Package passwords is PingDirectory's operations about passwords that change
// none: suggest some (.62, answered by .63), tell what a new one must be (.43,
// answered by .44), and verify one (.72).
package passwords

import (
	"context"

	"tallystick/directory"
)

// Policies knows the password policies; *directory.Directory does.
type Policies interface {
	// PasswordPolicy tells who of the policy that is meant.
	PasswordPolicy(ctx context.Context, who directory.Requester, c directory.PasswordPolicyChoice) (directory.PasswordPolicy, error)
}
