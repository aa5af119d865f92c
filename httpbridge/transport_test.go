package httpbridge_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"testing"

	"tallystick/httpbridge"
	"tallystick/ldapd"
)

// The ways to the server: each carries a bind by DN, one by user name, and a
// request of nobody.
func TestTransports(t *testing.T) {
	h := newHouse(t, nil)
	// net/http's own server for tests has a certificate for 127.0.0.1 and example.com.
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	roots := x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	trusting := &tls.Config{RootCAs: roots}

	server := ldapd.New(h.d, operations(h.d), ldapd.Config{TLS: &tls.Config{Certificates: certified.TLS.Certificates}})
	defer server.Shutdown(context.Background())
	plain, secure := listen(t), listen(t)
	go func() { _ = server.Serve(plain) }()
	go func() { _ = server.ServeTLS(secure) }()
	asking := ldapd.New(h.d, operations(h.d), ldapd.Config{TLS: &tls.Config{Certificates: certified.TLS.Certificates, ClientAuth: tls.RequireAnyClientCert}})
	defer asking.Shutdown(context.Background())
	plainAsking, secureAsking := listen(t), listen(t)
	go func() { _ = asking.Serve(plainAsking) }()
	go func() { _ = asking.ServeTLS(secureAsking) }()
	certain := &tls.Config{RootCAs: roots, Certificates: certified.TLS.Certificates}
	within := func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() { _ = server.ServeConn(theirs) }()
		return ours, nil
	}
	for _, tt := range []struct {
		name string
		cfg  httpbridge.Config
		ok   bool
	}{
		{"ldap", httpbridge.Config{URL: "ldap://" + plain.Addr().String()}, true},
		{"ldap with StartTLS", httpbridge.Config{URL: "ldap://" + plain.Addr().String(), StartTLS: true, TLS: trusting}, true},
		{"ldaps", httpbridge.Config{URL: "ldaps://" + secure.Addr().String(), TLS: trusting}, true},
		{"ldapi", httpbridge.Config{URL: "ldapi://" + h.socket}, true},
		{"within the process", httpbridge.Config{Dial: within}, true},
		{"within the process, with StartTLS", httpbridge.Config{Dial: within, StartTLS: true, TLS: &tls.Config{RootCAs: roots, ServerName: "example.com"}}, true},
		{"ldaps, with a client certificate", httpbridge.Config{URL: "ldaps://" + secureAsking.Addr().String(), TLS: certain}, true},
		{"ldaps, without the client certificate that is asked for", httpbridge.Config{URL: "ldaps://" + secureAsking.Addr().String(), TLS: trusting}, false},
		{"StartTLS, with a client certificate", httpbridge.Config{URL: "ldap://" + plainAsking.Addr().String(), StartTLS: true, TLS: certain}, true},
		{"a certificate from nowhere", httpbridge.Config{URL: "ldaps://" + secure.Addr().String()}, false},
		{"a certificate from nowhere, StartTLS", httpbridge.Config{URL: "ldap://" + plain.Addr().String(), StartTLS: true}, false},
		{"a certificate for another host", httpbridge.Config{URL: "ldaps://" + secure.Addr().String(), TLS: &tls.Config{RootCAs: roots, ServerName: "ldap.example.org"}}, false},
		{"TLS where there is none", httpbridge.Config{URL: "ldaps://" + plain.Addr().String(), TLS: trusting}, false},
		{"StartTLS refused", httpbridge.Config{Dial: h.dialWithoutTLS, StartTLS: true, TLS: trusting}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bridge := serveBridge(t, tt.cfg)
			for name, a := range map[string]answer{
				"nobody":       post(t, bridge+generateAnn, proof),
				"by DN":        post(t, bridge+generateAnn, "", as(ada, password)),
				"by user name": post(t, bridge+generateAnn, "", as("ada", password)),
			} {
				if !tt.ok {
					unavailable(t, a)
				} else if a.Status != 200 {
					t.Errorf("%s: %+v", name, a)
				}
			}
			if a := post(t, bridge+"/directory/v1/"+ann+"/revokeTOTPSharedSecret", proof); tt.ok && a.Status != 200 {
				t.Errorf("revoke: %+v", a)
			}
		})
	}
}

func listen(t *testing.T) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}
