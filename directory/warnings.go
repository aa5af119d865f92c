package directory

import (
	"context"

	"tallystick/directory/store"
)

// Warnings is what is probably not as it was meant, in words for whoever runs
// the server; none is the rule. It asks nobody.
func (d *Directory) Warnings(ctx context.Context) (list []string, err error) {
	if d.defaultPasswordPolicy.IsZero() {
		return nil, nil
	}
	err = d.view(ctx, func(r store.Reader) error {
		policies, err := d.passwordPolicies.in(d, r)
		if err != nil {
			return err
		}
		p, err := d.passwordPolicyNamed(r, policies, d.defaultPasswordPolicy)
		switch {
		case err != nil:
			return err
		case p == nil:
			list = []string{"the password policy of the configuration, " + d.defaultPasswordPolicy.String() +
				", is no entry of the class pwdPolicy: users whose entry names no other are under none"}
		case p.malformed != nil:
			list = []string{"the password policy of the configuration, " + d.defaultPasswordPolicy.String() +
				", is malformed: " + p.malformed.Error()}
		}
		return nil
	})
	return list, err
}
