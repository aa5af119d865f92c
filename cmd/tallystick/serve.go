package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"tallystick/directory"
	"tallystick/directory/password"
	"tallystick/extop"
	"tallystick/extop/manage"
	"tallystick/extop/passmod"
	"tallystick/extop/passwords"
	serverop "tallystick/extop/server"
	"tallystick/extop/totp"
	"tallystick/extop/whoami"
	"tallystick/httpbridge"
	"tallystick/httpbridge/upstream"
	"tallystick/internal/inprocess"
	"tallystick/internal/ldif"
	"tallystick/ldapd"
	"tallystick/testdata"
)

// serveOptions are the flags of serve that are not in the configuration.
type serveOptions struct {
	sample bool
	now    func() time.Time
}

func serveCommand(flags *globalFlags) *cobra.Command {
	var opts serveOptions
	var check, printConfig, acceptRollback bool
	var ldap, ldaps, ldapi, http string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Serve LDAP, LDAPS, LDAP on a Unix socket, and the HTTP bridge, from one data
folder. The first start makes what is missing: the database, the keyset that
seals TOTP secrets, a self-signed certificate, and the root user's password,
which is printed this once.

SIGHUP reads the certificate again, https.clients and the keyset, seals all TOTP
secrets with its newest key, and opens the files of log.access and log.changes
anew. SIGTERM and SIGINT let running operations end, up to the time of the key
shutdown.`,
		Example: `  tallystick serve --sample                     # with users to try
  tallystick serve --print-config > tallystick.yaml
  tallystick serve --config tallystick.yaml --check
  tallystick serve --config tallystick.yaml
  tallystick serve --ldap 0.0.0.0:389 --http off --set log.format=json`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if printConfig {
				_, err := cmd.OutOrStdout().Write(sampleConfig)
				return err
			}
			flags.override("listen.ldap", ldap)
			flags.override("listen.ldaps", ldaps)
			flags.override("listen.ldapi", ldapi)
			flags.override("listen.http", http)
			c, err := flags.config()
			if check && c != nil {
				err = errors.Join(err, c.fileProblems())
			}
			if err != nil {
				return err
			}
			if check {
				_, err := fmt.Fprintln(cmd.OutOrStdout(), "The configuration is good.")
				return err
			}
			c.acceptRollback = acceptRollback
			if opts.now, err = clock(flags.clockFile); err != nil {
				return err
			}
			return serve(cmd.Context(), c, opts, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.BoolVar(&opts.sample, "sample", false, "load the sample tree dc=example,dc=com if the database is empty")
	f.BoolVar(&check, "check", false, "print all that is wrong with the configuration, and end")
	f.BoolVar(&printConfig, "print-config", false, "print a commented configuration file with the defaults, and end")
	f.BoolVar(&acceptRollback, "accept-rollback", false, "start although the database is older than it was when last used, after having read what that means")
	f.StringVar(&ldap, "ldap", "", "`address` for LDAP, or off; short for --set listen.ldap=address")
	f.StringVar(&ldaps, "ldaps", "", "`address` for LDAPS, or off; short for --set listen.ldaps=address")
	f.StringVar(&ldapi, "ldapi", "", "`socket` for LDAP, or off; short for --set listen.ldapi=socket")
	f.StringVar(&http, "http", "", "`address` for the HTTP bridge, or off; short for --set listen.http=address")
	return cmd
}

// serve runs the server until ctx is done.
func serve(ctx context.Context, c *config, opts serveOptions, out io.Writer) (err error) {
	tuneMemory(heapRoom, heapLimit)
	log := c.logger()

	data, err := openData(ctx, c, log, opts.now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, data.close()) }() // last of all

	if c.acceptRollback {
		if err := data.directory.RenewHistory(ctx); err != nil {
			return err
		}
	}
	if err := firstStart(ctx, data.directory, opts.sample, c, out); err != nil {
		return err
	}
	warnings, err := data.directory.Warnings(ctx)
	if err != nil {
		return err
	}
	for _, text := range warnings {
		log.Warn(text)
	}
	logAudit(ctx, data.directory, log)
	defer logAudit(context.WithoutCancel(ctx), data.directory, log)
	cert, err := c.openCertificate(log)
	if err != nil {
		return err
	}

	d := data.directory
	ops := operations(d, &backups{data: data, folder: c.backups(), now: opts.now})
	if err := d.SetWritability(ctx, machine, directory.Writability(c.Directory.Writability)); err != nil {
		return err
	}
	access, err := openLogFile(c.Log.Access, "access log")
	if err != nil {
		return fmt.Errorf("log.access: %w", err)
	}
	defer func() { err = errors.Join(err, access.close()) }()
	changes, err := openLogFile(c.Log.Changes, "log of changes")
	if err != nil {
		return fmt.Errorf("log.changes: %w", err)
	}
	defer func() { err = errors.Join(err, changes.close()) }()
	if changes != nil {
		d.LogChanges((&changeWriter{changes, log}).write)
	}
	cfg := c.ldapConfig(log)
	cfg.TLS = cert.config()
	cfg.Access = c.accessLogger(access)
	server := ldapd.New(d, ops, cfg)

	https, err := c.httpsCertificate(cert)
	if err != nil {
		return err
	}
	m := &monitor{started: time.Now(), server: server, data: data, certificates: map[string]*certificate{"ldap": cert}, backups: c.backups()}
	files := []reloadable{cert}
	if https != cert {
		m.certificates["https"] = https
		files = append(files, https)
	}
	listenTLS, clients, err := c.listenTLS(https)
	if err != nil {
		return err
	}
	if clients != nil {
		files = append(files, clients)
	}
	for _, l := range []*logFile{access, changes} {
		if l != nil {
			files = append(files, l)
		}
	}
	d.ServeMonitor(m.entries)
	within := inprocess.Listen()
	bridge, err := c.newBridge(listenTLS, m, opts.now, within.Dial)
	if err != nil {
		return err
	}
	listeners, err := c.listen()
	if err != nil {
		return err
	}
	defer listeners.close()
	signal.Ignore(syscall.SIGHUP) // which would end the process until reloadOn and keepSealed listen
	listeners.announce(out, opts.sample, c.Bridge.Pages)

	g, running := errgroup.WithContext(ctx)
	start := func(l net.Listener, serve func(net.Listener) error) {
		if l != nil {
			g.Go(func() error { return serve(l) })
		}
	}
	start(within, server.Serve)
	start(listeners.ldap, server.Serve)
	start(listeners.ldapi, server.Serve)
	start(listeners.ldaps, server.ServeTLS)
	start(listeners.http, bridge.Serve)
	start(listeners.https, bridge.ServeTLS)
	g.Go(func() error { return serveOperator(running, listeners.metrics, bridge) })
	g.Go(func() error { return d.TendIndexes(running) })
	g.Go(func() error { return reloadOn(running, syscall.SIGHUP, log, files...) })
	g.Go(func() error { return data.keepSealed(running, c, syscall.SIGHUP, log) })
	g.Go(func() error {
		<-running.Done()
		log.Info("stopping")
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(c.Shutdown))
		defer cancel()
		return errors.Join(bridge.Shutdown(deadline), server.Shutdown(deadline))
	})
	return g.Wait()
}

// firstStart gives the root user a password, an empty database the sample tree
// if that is wanted, and a directory that never had a policy those of the
// configuration.
func firstStart(ctx context.Context, d *directory.Directory, sample bool, c *config, out io.Writer) error {
	has, err := d.HasRootPassword(ctx)
	if err != nil {
		return err
	}
	if !has {
		text := password.Generate()
		if err := d.SetRootPassword(ctx, text); err != nil {
			return err
		}
		fmt.Fprintf(out, "The root user is %q, with the password %s\n"+
			"It is shown this once; \"tallystick root-password\" sets another.\n\n", c.Directory.RootDN, text)
	}
	if sample {
		if err := firstSample(ctx, d, out); err != nil {
			return err
		}
	}
	if file := c.SecondFactor.Policies; file != "" && !d.HadPolicies() {
		n, err := loadPolicies(ctx, d, file)
		if err != nil {
			return fmt.Errorf("secondFactor.policies: %w", err)
		}
		fmt.Fprintf(out, "Loaded the policies: %d entries.\n\n", n)
	}
	return nil
}

func firstSample(ctx context.Context, d *directory.Directory, out io.Writer) error {
	empty, err := d.Empty(ctx)
	if err != nil || !empty {
		return err
	}
	n, err := loadSample(ctx, d)
	if err != nil {
		return fmt.Errorf("loading the sample tree: %w", err)
	}
	fmt.Fprintf(out, "Loaded the sample tree: %d entries below dc=example,dc=com.\n\n", n)
	return nil
}

// loadPolicies adds the entries of a file, but those that are there: all the
// others or none.
func loadPolicies(ctx context.Context, d *directory.Directory, file string) (n int, err error) {
	in, err := openInput([]string{file}, nil, "")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, in.close()) }()
	source := in.source()
	bad := source.Bad
	source.Bad = func(rec *directory.ImportRecord, err error) error {
		if errors.Is(err, directory.EntryAlreadyExists) {
			return nil
		}
		return bad(rec, err)
	}
	return d.Load(ctx, source)
}

func loadSample(ctx context.Context, d *directory.Directory) (int, error) {
	in := &input{
		files: []inputFile{{name: "sample.ldif", content: bytes.NewReader(testdata.Sample)}},
		opts:  ldif.Options{Keep: true},
	}
	return d.Apply(ctx, in.source())
}

// openCertificate opens the configured certificate, or the one of the data
// folder, which it makes if need be.
func (c *config) openCertificate(log *slog.Logger) (*certificate, error) {
	certFile, keyFile := c.certificate()
	cert, created, err := openCertificate(certFile, keyFile, c.TLS.Certificate == "")
	if created {
		log.Info("made a self-signed certificate", "file", certFile)
	}
	return cert, err
}

// newBridge is the bridge beside the server, which it reaches by dial within
// the process. There it is the root user, to act for the holders of API keys.
func (c *config) newBridge(listenTLS *tls.Config, m *monitor, now func() time.Time, dial func(context.Context) (net.Conn, error)) (*httpbridge.Bridge, error) {
	cfg, err := c.bridgeConfig()
	if err != nil {
		return nil, err
	}
	cfg.ListenTLS = listenTLS
	cfg.Collectors = []prometheus.Collector{m}
	cfg.TellClient, cfg.Identity, cfg.Now = true, &upstream.Credentials{External: true}, now
	cfg.Dial = dial
	return httpbridge.New(cfg)
}

// operations are the extended operations that are served. Each is for those
// whom an access control instruction lets send it: DefaultACIs names all.
func operations(d *directory.Directory, b *backups) *extop.Set {
	return extop.NewSet(
		whoami.Operation{},
		passmod.New(d),
		passwords.NewGenerate(d),
		passwords.NewQuality(d),
		passwords.NewVerify(d),
		passwords.NewState(d),
		totp.NewGenerate(d),
		totp.NewRevoke(d),
		totp.NewValidate(d),
		manage.New(d),
		serverop.New(d, b),
	)
}
