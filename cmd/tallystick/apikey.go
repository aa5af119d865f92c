package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/go-ldap/ldap/v3"
	"github.com/spf13/cobra"

	"tallystick/directory"
	"tallystick/httpbridge/upstream"
)

// roles are what an API key may be for, as RSA calls them, and the privileges
// that make it so.
var roles = map[string][]string{
	"helpdesk": {"password-reset"},
	"super":    {"password-reset", "bypass-acl"},
}

const (
	apiKeyFilter = "(objectClass=tallystickAPIKey)"
	apiKeyBits   = 3072
	apiKeyUnit   = "api keys" // ou of the entries that have keys below them, unless --base says where
)

func apiKeyCommand() *cobra.Command {
	o := &totpOptions{}
	cmd := &cobra.Command{
		Use:   "apikey",
		Short: "Make and revoke API keys, for programs of the help desk",
		Long: `Make, list and revoke the keys that programs sign their calls of /AdminInterface
with (RSA SecurID's Cloud Administration API). A key is an entry of the
directory, and may do what its privileges say:

  helpdesk  password-reset: credentials of users without privileges
  super     password-reset and bypass-acl: everybody's

The server keeps the public half. The private one is in the file that create
prints, once. Who makes and revokes keys needs bypass-acl; -D, -w and -y are
those of "tallystick totp".`,
		Example: `  tallystick apikey create "service desk" --role helpdesk -D admin -o desk.key
  tallystick apikey list -D admin
  tallystick apikey revoke "service desk" -D admin`,
		Args: knownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	o.register(cmd.PersistentFlags())
	cmd.AddCommand(apiKeyCreateCommand(o), apiKeyListCommand(o), apiKeyRevokeCommand(o))
	return cmd
}

// apiKeyFile is a private key in the form that RSA's clients read.
type apiKeyFile struct {
	CustomerName    string `json:"customerName"`
	AccessID        string `json:"accessID"`
	Description     string `json:"description"`
	AccessKey       string `json:"accessKey"` // PEM, PKCS #1
	AdminRestAPIURL string `json:"adminRestApiUrl"`
}

func apiKeyCreateCommand(o *totpOptions) *cobra.Command {
	var role, base, output, url string
	cmd := &cobra.Command{
		Use:   "create NAME --role helpdesk|super",
		Short: "Make a key, and print its private half",
		Long: `Make a key and its entry, and print the key file as RSA's clients read it. It is
shown this once. --public-url is where clients reach the bridge.`,
		Example: `  tallystick apikey create "service desk" --role helpdesk -D admin -o desk.key
  tallystick apikey create audit --role super -D admin --public-url https://ldap.example.com`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, args []string) error {
			privileges, ok := roles[role]
			if !ok {
				return usagef("--role is helpdesk or super")
			}
			out := s.out
			if output != "" { // before there is a key that could get lost
				f, err := os.OpenFile(output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
				if err != nil {
					return err
				}
				defer f.Close()
				out = f
			}
			err := s.createAPIKey(ctx, out, args[0], base, strings.TrimSuffix(url, "/"), privileges)
			if err != nil && output != "" {
				err = errors.Join(err, os.Remove(output))
			}
			return err
		}),
	}
	f := cmd.Flags()
	f.StringVar(&role, "role", "", "what it may do: `helpdesk` or super")
	f.StringVar(&base, "base", "", "`DN` that the key's entry goes below (default: ou=api keys below the first naming context)")
	f.StringVarP(&output, "output", "o", "", "write the key to a new `file`, mode 0600, instead of the standard output")
	f.StringVar(&url, "public-url", "http://127.0.0.1:8080", "where clients reach the bridge, for the key file")
	return cmd
}

func (s *totpSession) createAPIKey(ctx context.Context, out io.Writer, name, base, url string, privileges []string) error {
	private, err := rsa.GenerateKey(rand.Reader, apiKeyBits)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		return err
	}
	if base == "" {
		if base, err = s.apiKeyBase(ctx); err != nil {
			return err
		}
	}
	dn := "cn=" + ldap.EscapeDN(name) + "," + base
	err = s.link.Add(ctx, upstream.Entry{DN: dn, Attributes: []upstream.Attribute{
		{Name: "objectClass", Values: []string{"tallystickAPIKey"}},
		{Name: "cn", Values: []string{name}},
		{Name: "tallystickAPIPublicKey", Values: []string{string(public)}},
		{Name: "ds-privilege-name", Values: privileges},
	}}, nil)
	if r, ok := errors.AsType[*upstream.Result](err); ok && r.Code == int(directory.EntryAlreadyExists) {
		return fmt.Errorf("there is a key %q already: %s", name, dn)
	}
	if err != nil {
		return told(err)
	}
	keys, err := s.apiKeys(ctx, dn, upstream.BaseObject, apiKeyFilter)
	if err == nil && len(keys) != 1 {
		err = fmt.Errorf("the entry %s is there, and cannot be read", dn)
	}
	if err != nil {
		return err
	}
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(apiKeyFile{
		CustomerName:    base,
		AccessID:        keys[0].id,
		Description:     name,
		AccessKey:       string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)})),
		AdminRestAPIURL: url + "/AdminInterface/restapi/v1",
	})
}

// apiKeyBase is the entry that keys go below, which is made if need be.
func (s *totpSession) apiKeyBase(ctx context.Context) (string, error) {
	root, err := s.link.Search(ctx, upstream.SearchRequest{Scope: upstream.BaseObject, Filter: "(objectClass=*)", Attributes: []string{"namingContexts"}})
	if err != nil {
		return "", told(err)
	}
	if len(root) != 1 || len(root[0].Attributes) == 0 || len(root[0].Attributes[0].Values) == 0 {
		return "", errors.New("the server names no naming context: say with --base where the key goes")
	}
	base := "ou=" + apiKeyUnit + "," + root[0].Attributes[0].Values[0]
	err = s.link.Add(ctx, upstream.Entry{DN: base, Attributes: []upstream.Attribute{
		{Name: "objectClass", Values: []string{"organizationalUnit"}},
		{Name: "ou", Values: []string{apiKeyUnit}},
	}}, nil)
	if result, ok := errors.AsType[*upstream.Result](err); ok && result.Code == int(directory.EntryAlreadyExists) {
		err = nil
	}
	if err != nil {
		return "", told(err)
	}
	return base, nil
}

// apiKey is a key as list tells of it.
type apiKey struct {
	id, name, role, created, dn string
}

// apiKeys returns those that match the filter.
func (s *totpSession) apiKeys(ctx context.Context, base string, scope upstream.Scope, filter string) ([]apiKey, error) {
	found, err := s.link.Search(ctx, upstream.SearchRequest{
		Base: base, Scope: scope, Filter: filter, Attributes: []string{"cn", "entryUUID", "createTimestamp", "ds-privilege-name"},
	})
	if err != nil {
		return nil, told(err)
	}
	var keys []apiKey
	for _, e := range found {
		k := apiKey{dn: e.DN}
		for _, a := range e.Attributes {
			switch strings.ToLower(a.Name) {
			case "cn":
				k.name = a.Values[0]
			case "entryuuid":
				k.id = strings.ToLower(a.Values[0])
			case "createtimestamp":
				k.created = a.Values[0]
			case "ds-privilege-name":
				k.role = roleOf(a.Values)
			}
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b apiKey) int { return strings.Compare(a.name+a.id, b.name+b.id) })
	return keys, nil
}

// roleOf is the role that has exactly the privileges, or them.
func roleOf(privileges []string) string {
	slices.Sort(privileges)
	for role, want := range roles {
		if slices.Equal(privileges, slices.Sorted(slices.Values(want))) {
			return role
		}
	}
	return strings.Join(privileges, " ")
}

func apiKeyListCommand(o *totpOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Show the keys",
		Long:  `Show the keys: their access ids, names and roles, and when they were made.`,
		Args:  usage(cobra.NoArgs),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, _ []string) error {
			keys, err := s.apiKeys(ctx, "", upstream.WholeSubtree, apiKeyFilter)
			if err != nil {
				return err
			}
			if s.json {
				list := []map[string]string{}
				for _, k := range keys {
					list = append(list, map[string]string{"accessID": k.id, "name": k.name, "role": k.role, "created": k.created, "dn": k.dn})
				}
				return s.tell(list, "")
			}
			if len(keys) == 0 {
				return s.tell(nil, "No API keys.")
			}
			w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ACCESS ID\tNAME\tROLE\tCREATED")
			for _, k := range keys {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.id, plain(k.name), plain(k.role), k.created)
			}
			return w.Flush()
		}),
	}
}

func apiKeyRevokeCommand(o *totpOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME|ACCESS-ID",
		Short: "End a key: what is signed with it is refused from now on",
		Long:  `Delete the entry of a key, by its name or access id. What is signed with it is refused from now on.`,
		Args:  usage(cobra.ExactArgs(1)),
		RunE: o.runTOTP(func(ctx context.Context, s *totpSession, args []string) error {
			text := ldap.EscapeFilter(args[0])
			keys, err := s.apiKeys(ctx, "", upstream.WholeSubtree, "(&"+apiKeyFilter+"(|(cn="+text+")(entryUUID="+text+")))")
			if err != nil {
				return err
			}
			switch len(keys) {
			case 0:
				return fmt.Errorf("there is no API key %q", args[0])
			case 1:
				return told(s.link.Delete(ctx, keys[0].dn, nil))
			}
			return fmt.Errorf("several API keys are named %q: use the access id", args[0])
		}),
	}
}
