package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tallystick/directory"
)

func accessCommand(flags *globalFlags) *cobra.Command {
	var as, to, from string
	var code, tls bool
	var attributes []string
	cmd := &cobra.Command{
		Use:   "access",
		Short: "Tell what somebody may do with an entry, and which rules say so",
		Long: `Tell what somebody (--as; "": anonymous) may do with an entry (--to): with it
as a whole, and with its attributes; and which access control instructions
apply, with the entry that has each, or "the configuration" (access.aci). A deny
outdoes every allow. What somebody may depend on how and from where he comes:
--code, --tls, --from. The server must not be running.`,
		Example: `  tallystick access --data ./data --as uid=user.0,ou=people,dc=example,dc=com --to uid=user.1,ou=people,dc=example,dc=com
  tallystick access --data ./data --as "" --to ou=people,dc=example,dc=com --from 192.0.2.7 --tls`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("as") || to == "" {
				return usagef("who (--as) may do what with which entry (--to)?")
			}
			who := directory.Requester{DN: as, Peer: from, Secure: tls}
			switch {
			case as == "":
			case code:
				who.How = directory.ByPasswordAndCode
			default:
				who.How = directory.ByPassword
			}
			if tls {
				who.KeyBits = 256
			}
			return flags.withData(cmd.Context(), func(_ *config, d *data) error {
				return explainAccess(cmd.Context(), cmd.OutOrStdout(), d.directory, who, to, attributes)
			})
		},
	}
	cmd.Flags().StringVar(&as, "as", "", "`DN` of who asks")
	cmd.Flags().StringVar(&to, "to", "", "`DN` of the entry")
	cmd.Flags().StringVar(&from, "from", "", "`address` that he comes from")
	cmd.Flags().BoolVar(&code, "code", false, "he has shown a code behind his password")
	cmd.Flags().BoolVar(&tls, "tls", false, "he comes over TLS, with a key of 256 bits")
	cmd.Flags().StringSliceVar(&attributes, "attributes", nil, "`names` of attributes besides those of the entry")
	return cmd
}

func explainAccess(ctx context.Context, out io.Writer, d *directory.Directory, who directory.Requester, to string, attributes []string) error {
	x, err := d.ExplainAccess(ctx, who, to, attributes)
	if err != nil {
		return err
	}
	if x.Unrestricted != "" {
		_, err := fmt.Fprintf(out, "Everything: %s\n", x.Unrestricted)
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
	line("the entry:", x.Entry.String())
	slices.SortStableFunc(x.Attributes, func(a, b directory.AttributeAccess) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	var none []string
	for _, a := range x.Attributes {
		if a.Rights == 0 {
			none = append(none, a.Name)
		} else {
			line(a.Name+":", a.Rights.String())
		}
	}
	if none != nil {
		line("nothing of:", strings.Join(none, " "))
	}
	for _, r := range x.Rules {
		holder := r.Holder
		if holder == "" {
			holder = "the configuration"
		}
		fmt.Fprintf(&b, "\n%s\n  of %q, in %s\n", plain(r.Permission), r.ACI, plain(holder))
	}
	_, err = io.WriteString(out, b.String())
	return err
}
