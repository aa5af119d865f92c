package directory

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"tallystick/directory/schema"
	"tallystick/directory/store"
)

// Config is what may be set of a Directory. The zero value works, without a
// naming context until the first entry is added.
type Config struct {
	// Schema is the definitions that are always in force; nil: the built-in
	// ones. The directory adds those it stores, so no other may share it.
	Schema *schema.Schema

	// Suffixes are the DNs under which entries may be added even before the
	// entry itself exists. Naming contexts already stored are always served.
	Suffixes []string

	// AnyAttributes lets entries have attributes that their object classes do
	// not allow, lack some that these demand, and have attributes and classes
	// that the schema does not define.
	AnyAttributes bool

	// Unique are attributes of which no two entries have the same value. They
	// have an equality index. What is there already is not looked at.
	Unique []string

	// ReferentialIntegrity are attributes whose values, DNs, follow when the
	// entry they name is deleted, renamed or moved. They have an equality index.
	ReferentialIntegrity []string

	// Referral are the URIs of servers that know more of names that are under
	// no naming context of this one; none: there is no such object.
	Referral []string

	// RootDN is the root user, who may do everything and has no entry.
	// "": cn=Directory Manager.
	RootDN string

	// SizeLimit is the most entries one search returns, whatever it asks for;
	// 0: no limit. The root user is exempt.
	SizeLimit int

	// TimeLimit is how long one search may take, whatever it asks for; 0: no
	// limit. The root user is exempt.
	TimeLimit time.Duration

	// LookThroughLimit is how many entries one search looks at, whether they
	// match or not; 0: no limit. The root user is exempt. Limits of the
	// requester's entry count in place of this one and the two above.
	LookThroughLimit int

	// UnindexedLimit is how many entries a search that no index helps may look
	// at, of somebody without the privilege unindexed-search; 0: no limit.
	UnindexedLimit int

	// ACIs are access control instructions above all entries; nil: DefaultACIs.
	// Those in entries are in force beside them.
	ACIs []string

	// Credentials is about passwords, TOTP and attempts.
	Credentials CredentialsConfig

	// Audit is how much of the audit log is kept.
	Audit AuditConfig

	// Sync is how many changes are kept for searches that ask for them.
	Sync SyncConfig

	// Now is the clock; nil: time.Now.
	Now func() time.Time

	// Log receives what clients are not told; nil discards.
	Log *slog.Logger
}

// DefaultRootDN is the root user of a Config that names none.
const DefaultRootDN = "cn=Directory Manager"

// formatVersion is written to a new store and checked in an old one. Version 1
// has no blocks in its indexes, see posting.go, and version 2 no pages beside
// them, see recent.go; what else they have is the same, so a store stays at one
// until some are written.
const formatVersion = "3"

// readable reports whether this program can work with data of a format.
func readable(format []byte) bool {
	return slices.Contains([]string{"1", "2", formatVersion}, string(format))
}

// Directory is the entries of a store and the operations on them. Its methods
// may be called from many goroutines at once.
type Directory struct {
	store    store.Store
	schema   *schema.Schema
	cfg      Config
	root     DN
	rootName string // root as text
	subentry DN     // of the schema
	auditDN  DN

	monitorDN DN
	monitor   func() []Entry // nil: there are none
	outcomes  outcomes

	now func() time.Time
	log *slog.Logger

	suffixes []DN                 // from the configuration
	contexts atomic.Pointer[[]DN] // naming contexts that are served: stored ones and suffixes
	loading  sync.Mutex           // held while contexts is read from the store, so that the newest state wins

	// defining is held to read by whoever writes entries, from the first look at
	// the schema until they are durable, and to write while that changes; but
	// see showStep.
	defining sync.RWMutex

	dseMu sync.Mutex // guards dse
	dse   []Attribute

	cookies         cipher.AEAD // seals those of paged searches
	pagedStates     pagedStates
	maxSorted       int // entries that one search sorts
	sorts           *semaphore.Weighted
	builtIn         *indexPlan                // of what is always indexed
	indexes         atomic.Pointer[indexPlan] // in force; changes while defining is held to write
	indexWork       chan struct{}             // gets one, if it has none, when there is something to build
	indexBatch      int                       // entries that one update of the worker looks at
	maxPages        int                       // of one attribute, see recent.go
	transactionTime time.Duration             // that the changes of one Transact may take
	changes         changeLog
	writability     atomic.Pointer[Writability] // nil: WritesEnabled
	indexFaults     sync.Map                    // by indexName, why it cannot be built
	unique          []*schema.AttributeType     // of Config.Unique
	references      []*schema.AttributeType     // of Config.ReferentialIntegrity
	referrals       atomic.Bool                 // there are referral objects, or were
	followers       followers
	tree            tree
	names           atomic.Uint64 // grows with each renaming and deletion
	policies        *compiledEntries[*policy]

	passwordPolicies      *compiledEntries[*passwordPolicy]
	defaultPasswordPolicy DN // zero: none

	acis        acis
	credentials credentials
}

// Open returns the directory kept in s. It fails if s was written by a newer
// version of the program.
func Open(ctx context.Context, s store.Store, cfg Config) (*Directory, error) {
	d := &Directory{store: s, schema: cfg.Schema, cfg: cfg, now: cfg.Now, log: cfg.Log, maxSorted: maxSorted, sorts: newSorts(), outcomes: newOutcomes(), transactionTime: maxTransactionTime}
	var err error
	if d.schema == nil {
		if d.schema, err = schema.New(); err != nil {
			return nil, err
		}
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if cfg.RootDN == "" {
		cfg.RootDN = DefaultRootDN
	}
	if d.root, err = ParseDN(d.schema, cfg.RootDN); err != nil {
		return nil, fmt.Errorf("root DN %q: %w", cfg.RootDN, err)
	}
	d.rootName = d.root.String()
	if d.subentry, err = ParseDN(d.schema, subschemaDN); err != nil {
		return nil, err
	}
	if d.auditDN, err = ParseDN(d.schema, auditDN); err != nil {
		return nil, err
	}
	if d.monitorDN, err = ParseDN(d.schema, monitorDN); err != nil {
		return nil, err
	}
	for _, text := range cfg.Suffixes {
		dn, err := ParseDN(d.schema, text)
		if err != nil {
			return nil, fmt.Errorf("suffix %q: %w", text, err)
		}
		d.suffixes = append(d.suffixes, dn)
	}
	for _, uri := range cfg.Referral {
		if err := CheckSuperior(uri); err != nil {
			return nil, fmt.Errorf("referral %q: %w", uri, err)
		}
	}
	if d.cookies, err = newCookies(); err != nil {
		return nil, err
	}
	d.policies, d.passwordPolicies = d.newPolicies(), d.newPasswordPolicies()
	if d.defaultPasswordPolicy, err = d.parseDN(cfg.Credentials.PasswordPolicy); err != nil {
		return nil, fmt.Errorf("password policy %q: %w", cfg.Credentials.PasswordPolicy, err)
	}
	d.builtIn = newIndexPlan(d.schema, nil)
	d.indexWork, d.indexBatch = make(chan struct{}, 1), indexBatch
	d.maxPages = maxPages
	if err := d.checkFormat(ctx); err != nil {
		return nil, err
	}
	if err := d.openDefinitions(ctx); err != nil {
		return nil, err
	}
	if err := d.openIndexes(ctx); err != nil {
		return nil, err
	}
	if d.unique, err = d.indexedTypes("unique", cfg.Unique); err != nil {
		return nil, err
	}
	if d.references, err = d.indexedTypes("referential integrity", cfg.ReferentialIntegrity); err != nil {
		return nil, err
	}
	if err := d.loadContexts(ctx); err != nil {
		return nil, err
	}
	if err := d.openReferrals(ctx); err != nil {
		return nil, fmt.Errorf("reading the referral objects: %w", err)
	}
	if err := errors.Join(d.policies.open(ctx, d), d.passwordPolicies.open(ctx, d)); err != nil {
		return nil, err
	}
	if err := d.openACIs(ctx); err != nil {
		return nil, err
	}
	if err := d.credentials.open(ctx, d); err != nil {
		return nil, err
	}
	d.advertiseDirectory()
	return d, nil
}

func (d *Directory) checkFormat(ctx context.Context) error {
	var found []byte
	err := d.store.View(ctx, func(r store.Reader) error {
		v, err := r.Get(metaKey("format"))
		found = append(found, v...)
		return err
	})
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil // empty; the first write says the version
	case err != nil:
		return fmt.Errorf("reading the format version: %w", err)
	case !readable(found):
		return fmt.Errorf("the data is of format %q and this program reads %q: use the program that wrote it", found, formatVersion)
	}
	return nil
}

// loadContexts takes over the naming contexts that are stored.
func (d *Directory) loadContexts(ctx context.Context) error {
	d.loading.Lock()
	defer d.loading.Unlock()
	// Whoever waits for it or not, the change that made it necessary is made.
	return d.store.View(context.WithoutCancel(ctx), d.readContexts)
}

// readContexts makes the stored naming contexts and the configured suffixes
// the ones that are served.
func (d *Directory) readContexts(r store.Reader) error {
	contexts := append([]DN(nil), d.suffixes...)
	var failed error
	err := r.Scan(store.Prefix(childPrefix(0)), func(_, value []byte) bool {
		rec, err := readRecord(r, idAtEnd(value))
		if err != nil {
			failed = err
			return false
		}
		dn, err := ParseDN(d.schema, rec.rdn)
		if err != nil {
			failed = err
			return false
		}
		if !containsDN(contexts, dn) {
			contexts = append(contexts, dn)
		}
		return true
	})
	if err = errors.Join(err, failed); err != nil {
		return fmt.Errorf("reading the naming contexts: %w", err)
	}
	d.contexts.Store(&contexts)
	return nil
}

func containsDN(list []DN, dn DN) bool {
	for _, l := range list {
		if l.Equal(dn) {
			return true
		}
	}
	return false
}

// RootDN is the DN of the root user.
func (d *Directory) RootDN() string { return d.rootName }

// Schema is the definitions in force.
func (d *Directory) Schema() *schema.Schema { return d.schema }

// update runs fn, a change that a client wants, in a transaction of the store.
func (d *Directory) update(ctx context.Context, fn func(store.Writer) error) error {
	return d.updateIf(ctx, false, fn)
}

// updateState is update for what the server writes down of its own.
func (d *Directory) updateState(ctx context.Context, fn func(store.Writer) error) error {
	return d.updateIf(ctx, true, fn)
}

func (d *Directory) updateIf(ctx context.Context, internal bool, fn func(store.Writer) error) error {
	if err := d.takes(internal); err != nil {
		return err
	}
	Slow(ctx)
	err := d.store.Update(ctx, func(w store.Writer) error {
		if err := d.takes(internal); err != nil {
			return err
		}
		return fn(w)
	})
	switch {
	case err == nil:
		d.followers.tell()
	case errors.Is(err, store.ErrReadOnly):
		return &Error{ResultCode: UnwillingToPerform, DiagnosticMessage: "the server takes no changes at the moment", Cause: err}
	case errors.Is(err, store.ErrTooLarge):
		return &Error{ResultCode: AdminLimitExceeded, DiagnosticMessage: "the entry is too large, or one of its values", Cause: err}
	}
	return err
}

// parseDN parses a name that a request carries.
func (d *Directory) parseDN(text string) (DN, error) { return ParseDN(d.schema, text) }

// context returns the naming context that holds dn.
func (d *Directory) context(dn DN) (DN, bool) {
	for _, c := range *d.contexts.Load() {
		if dn.IsUnder(c) {
			return c, true
		}
	}
	return DN{}, false
}

// child returns the id of the entry with the given normalised RDN under
// parent, or store.ErrNotFound.
func child(r store.Reader, parent entryID, norm string) (entryID, error) {
	v, err := r.Get(childKey(parent, norm))
	if err != nil {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("child key of %d: %w", parent, errRecord)
	}
	return idAtEnd(v), nil
}

// hasChildren reports whether an entry has subordinates.
func hasChildren(r store.Reader, id entryID) (bool, error) {
	found := false
	scan := store.Prefix(childPrefix(id))
	scan.KeysOnly = true
	err := r.Scan(scan, func(_, _ []byte) bool {
		found = true
		return false
	})
	return found, err
}

// joinName puts the names of an entry's ancestors behind its own. Either may
// be empty.
func joinName(ancestors, name string) string {
	if ancestors == "" || name == "" {
		return name + ancestors
	}
	return name + "," + ancestors
}
