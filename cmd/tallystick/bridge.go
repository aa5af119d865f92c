package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"tallystick/httpbridge"
	"tallystick/httpbridge/upstream"
)

func bridgeCommand(flags *globalFlags) *cobra.Command {
	var urls []string
	var listen string
	cmd := &cobra.Command{
		Use:   "bridge --ldap URL [--ldap URL]...",
		Short: "Run only the HTTP bridge, in front of LDAP servers",
		Long: `Answer HTTP requests by asking an LDAP server that has the operations: another
tallystick, or a PingDirectory. The bridge keeps no data; callers have the
rights that the server gives them. For the holders of API keys (/AdminInterface)
it needs an identity of its own: see bridge.bindDN in the configuration.

Of several servers, which must have the same data, the first that is up is
asked. A request that was sent to one that then fails is asked again at the
next only if it reads and nobody was bound; otherwise the caller is told 503.

In front of a directory without the operations, an OpenLDAP say, the calls for
entries and searches work, and those for TOTP answer unwillingToPerform (53).

"tallystick serve" runs the bridge beside the server already.`,
		Example: `  tallystick bridge --ldap ldaps://ldap1.example.com --ldap ldaps://ldap2.example.com
  tallystick bridge --ldap ldap://127.0.0.1:3389 --http 127.0.0.1:8081
  tallystick bridge --ldap ldaps://localhost:3636 --set bridge.ca=data/tls/certificate.pem`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			flags.override("bridge.ldap", strings.Join(urls, " "))
			flags.override("listen.http", listen)
			c, err := flags.config()
			if err != nil {
				return err
			}
			if c.Bridge.LDAP == "" {
				return usagef("no LDAP server given with --ldap or bridge.ldap")
			}
			if c.Listen.HTTP == off && c.Listen.HTTPS == off {
				return errors.New("listen.http and listen.https are off")
			}
			return runBridge(cmd.Context(), c, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringArrayVar(&urls, "ldap", nil, "LDAP server: ldap://host, ldaps://host or ldapi://%2Fpath; short for --set bridge.ldap=`URL`")
	cmd.Flags().StringVar(&listen, "http", "", "`address` to listen on; short for --set listen.http=address")
	return cmd
}

func runBridge(ctx context.Context, c *config, out io.Writer) error {
	cfg, err := c.bridgeConfig()
	if err != nil {
		return err
	}
	cfg.URL, cfg.StartTLS = c.Bridge.LDAP, c.Bridge.StartTLS
	var files []reloadable
	ldapTLS, own, err := c.bridgeTLS()
	if err != nil {
		return err
	}
	cfg.TLS = ldapTLS
	if own != nil {
		files = append(files, own)
	}
	if c.Bridge.BindDN != "" {
		password, err := firstLine(c.Bridge.PasswordFile)
		if err != nil {
			return fmt.Errorf("bridge.passwordFile: %w", err)
		}
		cfg.Identity = &upstream.Credentials{Name: c.Bridge.BindDN, Password: string(password)}
	}
	if cfg.Issuer != nil && cfg.Identity == nil {
		return errors.New("bridge.issuer needs bridge.bindDN, to act for the holders of tokens")
	}
	cert, err := c.bridgeCertificate()
	if err != nil {
		return err
	}
	if cert != nil {
		files = append(files, cert)
		var clients *certified
		if cfg.ListenTLS, clients, err = c.listenTLS(cert); err != nil {
			return err
		}
		if clients != nil {
			files = append(files, clients)
		}
	}
	bridge, err := httpbridge.New(cfg)
	if err != nil {
		return err
	}
	only := *c
	only.Listen.LDAP, only.Listen.LDAPS, only.Listen.LDAPI = off, off, off
	l, err := only.listen()
	if err != nil {
		return err
	}
	defer l.close()
	signal.Ignore(syscall.SIGHUP) // which would end the process until reloadOn listens
	g, running := errgroup.WithContext(ctx)
	if l.http != nil {
		fmt.Fprintf(out, "HTTP on http://%s in front of %s\n", l.http.Addr(), c.Bridge.LDAP)
		g.Go(func() error { return bridge.Serve(l.http) })
	}
	if l.https != nil {
		fmt.Fprintf(out, "HTTPS on https://%s in front of %s\n", l.https.Addr(), c.Bridge.LDAP)
		g.Go(func() error { return bridge.ServeTLS(l.https) })
	}
	g.Go(func() error { return reloadOn(running, syscall.SIGHUP, cfg.Log, files...) })
	g.Go(func() error { return serveOperator(running, l.metrics, bridge) })
	g.Go(func() error {
		<-running.Done()
		deadline, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Duration(c.Shutdown))
		defer cancel()
		return bridge.Shutdown(deadline)
	})
	return g.Wait()
}

// bridgeCertificate is the certificate of a bridge that runs alone; nil without
// listen.https. It is not made here, where there is no data folder.
func (c *config) bridgeCertificate() (*certificate, error) {
	if c.Listen.HTTPS == off {
		return nil, nil
	}
	if c.HTTPS.Certificate == "" && c.TLS.Certificate == "" {
		return nil, errors.New("listen.https needs https.certificate and https.key")
	}
	var server *certificate
	if c.HTTPS.Certificate == "" {
		var err error
		if server, _, err = openCertificate(c.TLS.Certificate, c.TLS.Key, false); err != nil {
			return nil, err
		}
	}
	return c.httpsCertificate(server)
}

// bridgeConfig is the configuration of a bridge, without the server that it
// stands in front of.
func (c *config) bridgeConfig() (httpbridge.Config, error) {
	issuer, err := c.issuer()
	return httpbridge.Config{
		Connections:    c.Bridge.Connections,
		RequestTimeout: time.Duration(c.Bridge.Timeout),
		MaxBody:        int64(c.Bridge.Body),
		TellClient:     c.Bridge.TellAddress,
		Proxies:        prefixes(c.Bridge.Proxies),
		ProxyHeader:    c.Bridge.ProxyHeader,
		MaxClients:     c.Bridge.Clients,
		MaxPerClient:   c.Bridge.PerAddress,
		OperatorHere:   c.Listen.Metrics == "",
		Pages:          c.Bridge.Pages,
		Separator:      c.SecondFactor.Separator,
		Reflection:     c.Bridge.Reflection,
		PublicURL:      c.Bridge.PublicURL,
		Origins:        c.Bridge.Origins,
		Issuer:         issuer,
		Log:            c.logger().With("part", "http"),
	}, err
}

// bridgeTLS is how a bridge that runs alone speaks TLS to the LDAP server, and
// the certificate that it shows there; nil: none.
func (c *config) bridgeTLS() (*tls.Config, *certificate, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.Bridge.CA != "" {
		roots, err := authorities("bridge.ca", c.Bridge.CA)
		if err != nil {
			return nil, nil, err
		}
		cfg.RootCAs = roots
	}
	if c.Bridge.Certificate == "" {
		return cfg, nil, nil
	}
	own, _, err := openCertificate(c.Bridge.Certificate, c.Bridge.Key, false)
	if err != nil {
		return nil, nil, fmt.Errorf("bridge: %w", err)
	}
	cfg.GetClientCertificate = own.asked
	return cfg, own, nil
}

// authorities are the certificates in the file of a key.
func authorities(key, file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in %s", key, file)
	}
	return roots, nil
}
