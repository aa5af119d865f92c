package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	serverop "tallystick/extop/server"
	"tallystick/extop/wire"
)

func accessCommand(flags *globalFlags) *cobra.Command {
	o := &totpOptions{}
	r := wire.ManageServerRequest{Action: wire.ServerAccess}
	var attributes []string
	cmd := &cobra.Command{
		Use:   "access",
		Short: "Tell what somebody may do with an entry, and which rules say so",
		Long: `Tell what somebody (--as; "": anonymous) may do with an entry (--to): with it
as a whole, and with its attributes; and which access control instructions
apply, with the entry that has each, or "the configuration" (access.aci). A deny
outdoes every allow. What somebody may depend on how and from where he comes:
--code, --tls, --from.

With -D a running server is asked, which takes the privilege bypass-acl. Without
-D the data folder is looked at, which no server may have open.`,
		Example: `  tallystick access -D admin --as uid=user.0,ou=people,dc=example,dc=com --to uid=user.1,ou=people,dc=example,dc=com
  tallystick access --data ./data --as "" --to ou=people,dc=example,dc=com --from 192.0.2.7 --tls --json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("as") || r.To == "" {
				return usagef("who (--as) may do what with which entry (--to)?")
			}
			if o.bind != "" {
				r.Attribute = strings.Join(attributes, ",")
				return o.runTOTP(func(ctx context.Context, s *totpSession, _ []string) error {
					answer, err := s.manageServer(ctx, r)
					if err == nil && answer.Access == nil {
						err = fmt.Errorf("the server has not answered the question")
					}
					if err != nil {
						return err
					}
					return tellAccess(s, answer.Access)
				})(cmd, args)
			}
			ctx := cmd.Context()
			return flags.withData(ctx, func(_ *config, d *data) error {
				x, err := d.directory.ExplainAccess(ctx, machine, serverop.Requester(r), r.To, attributes)
				if err != nil {
					return err
				}
				return tellAccess(&totpSession{totpOptions: o, out: cmd.OutOrStdout()}, serverop.Access(x))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.As, "as", "", "`DN` of who asks")
	f.StringVar(&r.To, "to", "", "`DN` of the entry")
	f.StringVar(&r.From, "from", "", "`address` that he comes from")
	f.BoolVar(&r.Code, "code", false, "he has shown a code behind his password")
	f.BoolVar(&r.TLS, "tls", false, "he comes over TLS, with a key of 256 bits")
	f.StringSliceVar(&attributes, "attributes", nil, "`names` of attributes besides those of the entry")
	o.register(f)
	return cmd
}

func tellAccess(s *totpSession, x *wire.Access) error {
	slices.SortStableFunc(x.Attributes, func(a, b wire.AttributeAccess) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	if s.json {
		return s.tell(accessJSON(x), "")
	}
	if x.Unrestricted != "" {
		_, err := fmt.Fprintf(s.out, "Everything: %s\n", plain(x.Unrestricted))
		return err
	}
	var b strings.Builder
	line := func(what, text string) {
		if text == "" {
			text = "nothing"
		}
		fmt.Fprintf(&b, "%-24s %s\n", what, plain(text))
	}
	if x.Sees {
		fmt.Fprintln(&b, "He sees that it is there.")
	} else {
		fmt.Fprintln(&b, "He does not see that it is there.")
	}
	line("the entry:", x.Entry)
	var none []string
	for _, a := range x.Attributes {
		if a.Rights == "" {
			none = append(none, plain(a.Name))
		} else {
			line(plain(a.Name)+":", a.Rights)
		}
	}
	if none != nil {
		line("nothing of:", strings.Join(none, " "))
	}
	for _, r := range x.Rules {
		fmt.Fprintf(&b, "\n%s\n  of %q, in %s\n", plain(r.Permission), r.ACI, plain(holder(r)))
	}
	_, err := io.WriteString(s.out, b.String())
	return err
}

func holder(r wire.AccessRule) string {
	if r.Holder == "" {
		return "the configuration"
	}
	return r.Holder
}

// accessJSON is an answer for programs: rights are lists, and of a rule the
// holder is the DN of an entry or null for the configuration.
func accessJSON(x *wire.Access) any {
	rights := func(text string) []string {
		if text == "" {
			return []string{}
		}
		return strings.Split(text, ", ")
	}
	type rule struct {
		Permission string  `json:"permission"`
		ACI        string  `json:"aci"`
		Holder     *string `json:"holder"`
		Denies     bool    `json:"denies"`
	}
	answer := struct {
		Unrestricted string              `json:"unrestricted,omitempty"`
		Sees         bool                `json:"sees"`
		Entry        []string            `json:"entry"`
		Attributes   map[string][]string `json:"attributes"`
		Rules        []rule              `json:"rules"`
	}{x.Unrestricted, x.Sees || x.Unrestricted != "", rights(x.Entry), map[string][]string{}, []rule{}}
	for _, a := range x.Attributes {
		answer.Attributes[a.Name] = rights(a.Rights)
	}
	for _, r := range x.Rules {
		one := rule{Permission: r.Permission, ACI: r.ACI, Denies: r.Denies}
		if r.Holder != "" {
			one.Holder = &r.Holder
		}
		answer.Rules = append(answer.Rules, one)
	}
	return answer
}
