package main

import (
	"cmp"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tallystick/directory"
	"tallystick/directory/password"
	"tallystick/directory/schema"
	"tallystick/directory/totp"
	"tallystick/httpbridge"
)

// sampleConfig is the commented configuration file. It is also where the
// defaults come from.
//
//go:embed tallystick.yaml
var sampleConfig []byte

// config is the configuration file; tallystick.yaml documents it.
type config struct {
	Data    string `yaml:"data"`
	MinFree size   `yaml:"minFree"`
	Listen  struct {
		LDAP  string `yaml:"ldap"`
		LDAPS string `yaml:"ldaps"`
		LDAPI string `yaml:"ldapi"`
		HTTP  string `yaml:"http"`
		HTTPS string `yaml:"https"`

		Metrics string `yaml:"metrics"`

		Bridges []string `yaml:"bridges"`
	} `yaml:"listen"`
	TLS struct {
		Certificate string `yaml:"certificate"`
		Key         string `yaml:"key"`
	} `yaml:"tls"`
	HTTPS struct {
		Certificate string `yaml:"certificate"`
		Key         string `yaml:"key"`
		Clients     string `yaml:"clients"`
	} `yaml:"https"`
	Directory struct {
		RootDN    string   `yaml:"rootDN"`
		Suffixes  []string `yaml:"suffixes"`
		Referral  []string `yaml:"referral"`
		SizeLimit int      `yaml:"sizeLimit"`
		TimeLimit duration `yaml:"timeLimit"`

		LookThroughLimit int `yaml:"lookThroughLimit"`

		UnindexedLimit int    `yaml:"unindexedLimit"`
		Writability    string `yaml:"writability"`

		Classes bool     `yaml:"classes"`
		Schema  []string `yaml:"schema"`
		Unique  []string `yaml:"unique"`

		ReferentialIntegrity []string `yaml:"referentialIntegrity"`
	} `yaml:"directory"`
	Access struct {
		ACI []string `yaml:"aci"`
	} `yaml:"access"`
	Passwords struct {
		Scheme    string `yaml:"scheme"`
		MinLength int    `yaml:"minLength"`

		Policy           string `yaml:"policy"`
		TellLocked       bool   `yaml:"tellLocked"`
		NetscapeControls bool   `yaml:"netscapeControls"`
	} `yaml:"passwords"`
	SecondFactor struct {
		Keyset                 string   `yaml:"keyset"`
		Window                 int      `yaml:"window"`
		Drift                  int      `yaml:"drift"`
		Separator              string   `yaml:"separator"`
		PasswordAloneMayChange bool     `yaml:"passwordAloneMayChange"`
		RequireStaticPassword  bool     `yaml:"requireStaticPassword"`
		PerUser                int      `yaml:"perUser"`
		PendingFor             duration `yaml:"pendingFor"`
		ResyncWithin           duration `yaml:"resyncWithin"`
		Issuer                 string   `yaml:"issuer"`
		Policies               string   `yaml:"policies"`
	} `yaml:"secondFactor"`
	Tokens struct {
		Lifetime duration `yaml:"lifetime"`
	} `yaml:"tokens"`
	Attempts struct {
		Free      int      `yaml:"free"`
		Delay     duration `yaml:"delay"`
		LockAfter int      `yaml:"lockAfter"`
		LockFor   duration `yaml:"lockFor"`
		Address   struct {
			Free    int      `yaml:"free"`
			LockFor duration `yaml:"lockFor"`
			Hourly  int      `yaml:"hourly"`
			Shared  []string `yaml:"shared"`
		} `yaml:"address"`
	} `yaml:"attempts"`
	Audit struct {
		Keep    int      `yaml:"keep"`
		KeepFor duration `yaml:"keepFor"`
	} `yaml:"audit"`
	Sync struct {
		Keep     int      `yaml:"keep"`
		KeepFor  duration `yaml:"keepFor"`
		Searches int      `yaml:"searches"`
	} `yaml:"sync"`
	Limits struct {
		Connections        int      `yaml:"connections"`
		ConnectionsPerPeer int      `yaml:"connectionsPerPeer"`
		ConnectionsPerUser int      `yaml:"connectionsPerUser"`
		Operations         int      `yaml:"operations"`
		Requests           size     `yaml:"requests"`
		Message            size     `yaml:"message"`
		MessageUnbound     size     `yaml:"messageUnbound"`
		Idle               duration `yaml:"idle"`
		Receive            duration `yaml:"receive"`
		Send               duration `yaml:"send"`
		Handshake          duration `yaml:"handshake"`
		Busy               duration `yaml:"busy"`
		Depth              int      `yaml:"depth"`
		Filters            int      `yaml:"filters"`
		Elements           int      `yaml:"elements"`
	} `yaml:"limits"`
	Bridge struct {
		BindDN       string   `yaml:"bindDN"`
		PasswordFile string   `yaml:"passwordFile"`
		PublicURL    string   `yaml:"publicURL"`
		TellAddress  bool     `yaml:"tellAddress"`
		Proxies      []string `yaml:"proxies"`
		ProxyHeader  string   `yaml:"proxyHeader"`
		Clients      int      `yaml:"clients"`
		PerAddress   int      `yaml:"clientsPerAddress"`
		LDAP         string   `yaml:"ldap"`
		StartTLS     bool     `yaml:"startTLS"`
		CA           string   `yaml:"ca"`
		Certificate  string   `yaml:"certificate"`
		Key          string   `yaml:"key"`
		Connections  int      `yaml:"connections"`
		Timeout      duration `yaml:"timeout"`
		Body         size     `yaml:"body"`
		Pages        bool     `yaml:"pages"`
		Reflection   bool     `yaml:"reflection"`
		Origins      []string `yaml:"origins"`
		Issuer       struct {
			URL      string   `yaml:"url"`
			Audience string   `yaml:"audience"`
			Scopes   []string `yaml:"scopes"`
			Strict   bool     `yaml:"strict"`
			ClientID string   `yaml:"clientID"`

			ClientSecretFile string `yaml:"clientSecretFile"`

			Opaque    bool   `yaml:"opaque"`
			Claim     string `yaml:"claim"`
			Attribute string `yaml:"attribute"`
			Base      string `yaml:"base"`
		} `yaml:"issuer"`
	} `yaml:"bridge"`
	Log struct {
		Level   string `yaml:"level"`
		Format  string `yaml:"format"`
		Access  string `yaml:"access"`
		Changes string `yaml:"changes"`
	} `yaml:"log"`
	Shutdown duration `yaml:"shutdown"`

	acceptRollback bool // for one start, so it is a flag and not a key
}

// off in place of an address switches a listener off.
const off = "off"

// globalFlags are the flags of every subcommand.
type globalFlags struct {
	file      string
	data      string
	settings  []string
	clockFile string
}

func (f *globalFlags) register(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVarP(&f.file, "config", "c", "", "configuration `file` (default: the built-in one)")
	flags.StringVar(&f.data, "data", "", "data `folder`; short for --set data=folder")
	flags.StringArrayVar(&f.settings, "set", nil, "set a `key=value` of the configuration, for example log.level=debug")
	flags.StringVar(&f.clockFile, "clock-file", os.Getenv("TALLYSTICK_CLOCK_FILE"),
		"for tests: a `file` with an offset such as +31s, read at each look at the clock")
	flags.Lookup("clock-file").Hidden = true
}

// override sets a key from a flag of its own, unless the flag was not given.
func (f *globalFlags) override(key, value string) {
	if value != "" {
		f.settings = append(f.settings, key+"="+value)
	}
}

// config puts the configuration together: defaults, file, flags. The error
// has a line for each problem.
func (f *globalFlags) config() (*config, error) {
	c := &config{}
	if problems := applyYAML(c, "built-in tallystick.yaml", sampleConfig); len(problems) > 0 {
		return nil, problemsError(problems)
	}
	var problems []problem
	if f.file != "" {
		text, err := readConfigFile(f.file)
		if err != nil {
			return nil, err
		}
		problems = applyYAML(c, f.file, text)
	}
	f.override("data", f.data)
	for _, s := range f.settings {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			problems = append(problems, problem{"--set " + s, "want key=value"})
			continue
		}
		problems = append(problems, applySetting(c, key, value, "--set "+key)...)
	}
	problems = append(problems, c.problems()...)
	return c, problemsError(problems)
}

// maxConfigFile is many times the octets of a file with all keys and comments.
const maxConfigFile = 64 << 10

func readConfigFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxConfigFile {
		return nil, fmt.Errorf("%s is longer than %d octets: is it the configuration?", name, maxConfigFile)
	}
	return text, nil
}

func problemsError(problems []problem) error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = errors.New(p.String())
	}
	return errors.Join(errs...)
}

// problems lists what is wrong with values that were well-formed.
func (c *config) problems() []problem {
	var list []problem
	check := func(good bool, key, format string, args ...any) {
		if !good {
			list = append(list, problem{key, fmt.Sprintf(format, args...)})
		}
	}
	check(c.Data != "", "data", "must not be empty")
	for key, address := range map[string]string{
		"listen.ldap": c.Listen.LDAP, "listen.ldaps": c.Listen.LDAPS, "listen.http": c.Listen.HTTP,
		"listen.https": c.Listen.HTTPS, "listen.metrics": cmp.Or(c.Listen.Metrics, off),
	} {
		_, port, err := net.SplitHostPort(address)
		if err == nil {
			_, err = net.LookupPort("tcp", port)
		}
		check(address == off || err == nil, key, "%q is neither host:port nor %q", address, off)
	}
	check(len(c.ldapiSocket()) < 108, "listen.ldapi", "the name of the socket has %d octets, and Unix allows 107", len(c.ldapiSocket()))
	check((c.Bridge.BindDN == "") == (c.Bridge.PasswordFile == ""), "bridge.bindDN", "goes together with bridge.passwordFile")
	public, err := url.Parse(c.Bridge.PublicURL)
	check(c.Bridge.PublicURL == "" || err == nil && (public.Scheme == "https" || public.Scheme == "http") && public.Host != "" && strings.Trim(public.Path, "/") == "" && public.RawQuery == "" && public.User == nil,
		"bridge.publicURL", "is no URL such as https://ldap.example.com")
	c.checkIssuer(check)
	check((c.TLS.Certificate == "") == (c.TLS.Key == ""), "tls", "certificate and key go together")
	check((c.HTTPS.Certificate == "") == (c.HTTPS.Key == ""), "https", "certificate and key go together")
	check(c.Bridge.ProxyHeader == httpbridge.XForwardedFor || c.Bridge.ProxyHeader == httpbridge.Forwarded,
		"bridge.proxyHeader", "%q is neither %s nor %s", c.Bridge.ProxyHeader, httpbridge.XForwardedFor, httpbridge.Forwarded)
	check((c.Bridge.Certificate == "") == (c.Bridge.Key == ""), "bridge", "certificate and key go together")
	check(c.Directory.SizeLimit >= 0, "directory.sizeLimit", "must not be negative")
	check(c.Limits.ConnectionsPerUser >= 0, "limits.connectionsPerUser", "must not be negative")
	check(c.Directory.LookThroughLimit >= 0, "directory.lookThroughLimit", "must not be negative")
	check(c.Directory.UnindexedLimit >= 0, "directory.unindexedLimit", "must not be negative")
	check(slices.Contains(directory.Writabilities, directory.Writability(c.Directory.Writability)), "directory.writability", "%q is none of enabled, internal-only, disabled", c.Directory.Writability)
	check(c.SecondFactor.Window >= 0 && c.SecondFactor.Window <= 10, "secondFactor.window", "is 0 to 10, not %d", c.SecondFactor.Window)
	check(c.SecondFactor.Drift >= 0 && c.SecondFactor.Drift <= 100, "secondFactor.drift", "is 0 to 100, not %d", c.SecondFactor.Drift)
	check(c.Sync.Keep == 0 || c.Sync.Keep >= 1000, "sync.keep", "is at least 1000, or 0 for none")
	check(c.Audit.Keep == 0 || c.Audit.Keep >= 1000, "audit.keep", "is at least 1000, or 0 for no limit")
	check(len(c.SecondFactor.Separator) <= 8, "secondFactor.separator", "has more than 8 octets")
	check(c.SecondFactor.PendingFor >= 0, "secondFactor.pendingFor", "must not be negative")
	check(c.SecondFactor.ResyncWithin >= 0 && time.Duration(c.SecondFactor.ResyncWithin) <= 7*24*time.Hour, "secondFactor.resyncWithin", "is 0 to 168h")
	check(c.Tokens.Lifetime >= 0 && time.Duration(c.Tokens.Lifetime) <= 24*time.Hour, "tokens.lifetime", "is 0 to 24h")
	check(totp.CheckIssuer(c.SecondFactor.Issuer) == nil, "secondFactor.issuer", "is no printable text of at most %d octets without a colon", totp.MaxLabel)
	check(c.Attempts.Address.Free >= 0, "attempts.address.free", "must not be negative")
	for key, networks := range map[string][]string{
		"attempts.address.shared": c.Attempts.Address.Shared, "listen.bridges": c.Listen.Bridges, "bridge.proxies": c.Bridge.Proxies,
	} {
		for i, text := range networks {
			_, err := netip.ParsePrefix(text)
			check(err == nil, fmt.Sprintf("%s[%d]", key, i), "%q is no network such as 192.0.2.0/24 or 192.0.2.7/32", text)
		}
	}
	for key, n := range map[string]int{
		"attempts.address.hourly": c.Attempts.Address.Hourly,
		"secondFactor.perUser":    c.SecondFactor.PerUser, "attempts.lockAfter": c.Attempts.LockAfter, "attempts.free": c.Attempts.Free,
		"limits.connections": c.Limits.Connections, "limits.connectionsPerPeer": c.Limits.ConnectionsPerPeer,
		"limits.operations": c.Limits.Operations, "sync.searches": c.Sync.Searches, "bridge.connections": c.Bridge.Connections, "bridge.clients": c.Bridge.Clients, "bridge.clientsPerAddress": c.Bridge.PerAddress,
		"limits.filters": c.Limits.Filters, "limits.elements": c.Limits.Elements,
	} {
		check(n > 0, key, "must be at least 1")
	}
	check(c.Limits.Depth >= 1 && c.Limits.Depth <= 1000, "limits.depth", "is 1 to 1000, not %d", c.Limits.Depth)
	for key, n := range map[string]size{
		"limits.message": c.Limits.Message, "limits.messageUnbound": c.Limits.MessageUnbound, "bridge.body": c.Bridge.Body,
	} {
		check(n >= 1024 && n <= 1<<30, key, "is 1KiB to 1GiB")
	}
	check(c.Limits.Requests == 0 || c.Limits.Requests >= 1<<20, "limits.requests", "is at least 1MiB; 0: no limit")
	for key, d := range map[string]duration{
		"attempts.address.lockFor": c.Attempts.Address.LockFor,
		"attempts.delay":           c.Attempts.Delay, "attempts.lockFor": c.Attempts.LockFor, "limits.idle": c.Limits.Idle,
		"limits.receive": c.Limits.Receive, "limits.send": c.Limits.Send, "limits.handshake": c.Limits.Handshake,
		"limits.busy": c.Limits.Busy, "bridge.timeout": c.Bridge.Timeout,
	} {
		check(d > 0, key, "must be longer than 0")
	}
	for key, text := range c.names() {
		_, err := directory.ParseDN(schema.Standard(), text)
		check(err == nil, key, "%q: %v", text, err)
	}
	for i, uri := range c.Directory.Referral {
		err := directory.CheckSuperior(uri)
		check(err == nil, fmt.Sprintf("directory.referral[%d]", i), "%q: %v", uri, err)
	}
	_, err = c.keysetSource()
	check(err == nil, "secondFactor.keyset", "%v", err)
	_, err = password.ParseScheme(c.Passwords.Scheme)
	check(err == nil, "passwords.scheme", "unknown scheme %q", c.Passwords.Scheme)
	check(c.Passwords.MinLength >= 1 && c.Passwords.MinLength <= 128, "passwords.minLength", "is 1 to 128")
	_, err = logLevel(c.Log.Level)
	check(err == nil, "log.level", "%q is none of debug, info, warn, error", c.Log.Level)
	check(c.Log.Format == "text" || c.Log.Format == "json", "log.format", "%q is neither text nor json", c.Log.Format)
	sortProblems(list)
	return list
}

// fileProblems is what is wrong with the files that the configuration names,
// those that the first start makes excepted.
func (c *config) fileProblems() error {
	var list []error
	if c.TLS.Certificate != "" && c.TLS.Key != "" {
		_, _, err := openCertificate(c.TLS.Certificate, c.TLS.Key, false)
		list = append(list, err)
	}
	if c.HTTPS.Certificate != "" && c.HTTPS.Key != "" {
		_, _, err := openCertificate(c.HTTPS.Certificate, c.HTTPS.Key, false)
		list = append(list, err)
	}
	source, err := c.keysetSource()
	if file, ok := source.File(); ok && err == nil {
		if _, err := file.Open(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			list = append(list, fmt.Errorf("secondFactor.keyset: %w", err))
		}
	}
	if name := c.SecondFactor.Policies; name != "" {
		_, err := os.Stat(name)
		list = append(list, err)
	}
	_, err = c.schema()
	list = append(list, err)
	_, err = c.issuer()
	list = append(list, err)
	_, _, err = c.bridgeTLS()
	list = append(list, err)
	if c.HTTPS.Clients != "" {
		_, err = authorities("https.clients", c.HTTPS.Clients)
		list = append(list, err)
	}
	return errors.Join(list...)
}

// names are the DNs in the configuration, by key.
func (c *config) names() map[string]string {
	names := map[string]string{"directory.rootDN": c.Directory.RootDN}
	if c.Passwords.Policy != "" {
		names["passwords.policy"] = c.Passwords.Policy
	}
	for i, suffix := range c.Directory.Suffixes {
		names[fmt.Sprintf("directory.suffixes[%d]", i)] = suffix
	}
	return names
}

func logLevel(name string) (l slog.Level, err error) {
	err = l.UnmarshalText([]byte(name))
	return l, err
}

// logger is what the configuration asks for, on the standard error.
func (c *config) logger() *slog.Logger {
	level, _ := logLevel(c.Log.Level) // checked by problems
	opts := &slog.HandlerOptions{Level: level}
	return slog.New(c.logHandler(os.Stderr, opts))
}

// logHandler writes records in the configured format.
func (c *config) logHandler(w io.Writer, opts *slog.HandlerOptions) slog.Handler {
	if c.Log.Format == "json" {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}

// Files and folders that the configuration may leave to the data folder.

func (c *config) database() string { return filepath.Join(c.Data, "db") }

func (c *config) backups() string { return filepath.Join(c.Data, "backups") }

func (c *config) ldapiSocket() string { return orInside(c.Listen.LDAPI, c.Data, "ldapi") }

func (c *config) certificate() (cert, key string) {
	return orInside(c.TLS.Certificate, c.Data, "tls", "certificate.pem"), orInside(c.TLS.Key, c.Data, "tls", "key.pem")
}

func orInside(name, folder string, inside ...string) string {
	if name != "" {
		return name
	}
	return filepath.Join(append([]string{folder}, inside...)...)
}
