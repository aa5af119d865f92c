# `make help` lists the targets.
.DEFAULT_GOAL := help
.PHONY: help run build deb proto test needs check fmt vet staticcheck race bench fuzz clean

GO       ?= go
FUZZTIME ?= 10s
BENCH    ?=

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## compile bin/tallystick
	$(GO) build -o bin/tallystick ./cmd/tallystick

deb: ## build a Debian package, in bin/
	$(GO) build -buildmode=pie -trimpath -o bin/deb/tallystick ./cmd/tallystick
	packaging/deb bin/deb/tallystick bin

proto: ## write the Go files of the .proto files anew
	$(GO) run ./internal/protogen httpbridge/zitadel/api

run: build ## serve the sample tree from ./data on LDAP 3389, LDAPS 3636, HTTP 8080
	./bin/tallystick serve --sample

test: needs ## install what the tests need, run them all
	$(GO) test -timeout 20m ./...

check: needs fmt vet staticcheck race ## all one needs before a commit

fmt: ## fail if a file is not gofmt's
	@unformatted=$$(gofmt -l .); \
	if [ -n "$$unformatted" ]; then echo "not gofmt's: $$unformatted"; exit 1; fi

vet: ## go vet
	$(GO) vet ./...

staticcheck: ## staticcheck, at the version go.mod names
	$(GO) tool staticcheck ./...

race: needs ## the tests under the race detector, in random order
	CGO_ENABLED=1 $(GO) test -race -shuffle=on -timeout 20m ./...

bench: build ## measure the server, beside slapd where it is installed (BENCH="-d 5s -only modify")
	$(GO) run ./internal/bench -tallystick bin/tallystick $(BENCH)

# A race in Go's fuzzing coordinator sometimes makes the end of the time a
# failure; one that it really found always names its input.
fuzz: ## run every fuzz function for FUZZTIME (10s)
	@grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's/:func / /' | \
	while read -r file name; do echo "$$name"; \
		out=$$($(GO) test "$$(dirname "$$file")" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) </dev/null 2>&1) && continue; \
		case $$out in \
		*"Failing input"*) ;; \
		*"context deadline exceeded"*) continue ;; \
		esac; \
		echo "$$out"; exit 1; \
	done

clean: ## remove what was built; ./data stays
	rm -rf bin

# The tests call these as outside witnesses; cc is what the race detector needs.
# What has to come from the network comes here, not while the tests run.
needs:
	@cd tools && $(GO) tool -n grpcurl >/dev/null
	@missing=; for c in ldapsearch oathtool zbarimg chromium curl openssl softhsm2-util pkcs11-tool cc slapd ruby java check_ldap apache2 pamtester google-authenticator lintian systemd-analyze; do PATH=$$PATH:/usr/sbin:/usr/lib/nagios/plugins command -v $$c >/dev/null || missing="$$missing $$c"; done; \
	/usr/bin/python3 -c 'import ldap3, requests' 2>/dev/null || ! command -v apt-get >/dev/null || missing="$$missing python3-ldap3 python3-requests"; \
	ls /usr/share/java/okhttp.jar /usr/share/javascript/jquery/jquery.min.js >/dev/null 2>&1 || ! command -v apt-get >/dev/null || missing="$$missing okhttp jQuery"; \
	perl -MNet::LDAP -MIO::Socket::SSL -MAuthen::SASL -e1 2>/dev/null || ! command -v apt-get >/dev/null || missing="$$missing Net::LDAP"; \
	ls /usr/lib/*/sasl2/libplain.so* >/dev/null 2>&1 || ! command -v apt-get >/dev/null || missing="$$missing SASL-PLAIN"; \
	if [ -z "$$missing" ]; then ! command -v apt-get >/dev/null || .ci/witnesses || { [ "$$CI" != true ] && echo "Some tests will be skipped."; }; exit; fi; \
	if ! command -v apt-get >/dev/null; then \
		echo "The tests need:$$missing. Install OpenLDAP's client tools and slapd, oathtool, zbarimg, Chromium, curl, openssl, SoftHSM 2, OpenSC, Ruby, Java, the Monitoring Plugins, Apache, pamtester, google-authenticator, lintian, systemd, Net::LDAP for Perl and a C compiler."; exit 1; fi; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	$$sudo apt-get update && $$sudo env DEBIAN_FRONTEND=noninteractive \
		apt-get install -y --no-install-recommends ldap-utils libsasl2-modules slapd oathtool zbar-tools chromium curl openssl softhsm2 opensc python3-ldap3 python3-requests ruby default-jdk-headless libokhttp-java libjs-jquery monitoring-plugins-standard apache2-bin pamtester libpam-google-authenticator lintian systemd libnet-ldap-perl libio-socket-ssl-perl libauthen-sasl-perl gcc libc6-dev </dev/null && { .ci/witnesses || { [ "$$CI" != true ] && echo "Some tests will be skipped."; }; }
