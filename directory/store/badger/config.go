package badger

import (
	"fmt"
	"log/slog"
	"strings"

	badgerdb "github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Config holds the knobs of a store. The zero value is what production wants.
type Config struct {
	// Logger receives what goes wrong in the background; nil discards.
	Logger *slog.Logger

	// Small makes memory tables of 8 MiB instead of 64 MiB: for tests that
	// open many stores. A single update may then change about 1 MiB instead
	// of about 9 MiB.
	Small bool

	// MinFree is the free disk space in bytes below which the store becomes
	// read-only, because Badger dies on a full disk; it becomes writable
	// again a quarter above that. 0 means 1 GiB (128 MiB if Small); negative
	// switches the watch off.
	MinFree int64

	// Memory is how many bytes of what is read are kept on the heap; 0 means
	// 160 MiB (4 MiB if Small), negative nothing.
	Memory int

	// AcceptRollback opens a database that is older than its watermark or has
	// lost its MANIFEST, and takes what is left as the truth. It is for an
	// operator who has read the message of ErrRolledBack, for one start.
	AcceptRollback bool

	// Progress hears now and then how far the second part of a Load is, which
	// writes what the first has gathered: octets written, of about so many. nil:
	// nobody does.
	Progress func(written, of int64)

	// sortMemory is the size of the runs that Load sorts, twice of which are
	// in memory; 0 means 32 MiB.
	sortMemory int

	// freeSpace stands in for the operating system in tests.
	freeSpace func(folder string) (int64, error)
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.MinFree == 0 {
		c.MinFree = 1 << 30
		if c.Small {
			c.MinFree = 128 << 20
		}
	}
	if c.Memory == 0 {
		c.Memory = 160 << 20
		if c.Small {
			c.Memory = 4 << 20
		}
	}
	if c.sortMemory == 0 {
		c.sortMemory = 32 << 20
	}
	if c.Progress == nil {
		c.Progress = func(_, _ int64) {}
	}
	if c.freeSpace == nil {
		c.freeSpace = freeSpace
	}
	return c
}

// maxValue is the longest value that Badger keeps in its tables, with room
// for the checksum. Longer ones would go to the value log, whose flush errors
// Badger only logs.
const maxValue = 1<<20 - 1 - checksumLen

// maxKey is Badger's limit.
const maxKey = 65000

// badgerOptions are the options for a database in dir. No compression and
// no block cache: reads come straight from the mapping, at a third of the CPU.
// No verification of block checksums on reading: Badger takes a block that
// fails it for an empty one, so all its keys are just not there, and compaction
// makes that last. Without it the checksums of our values speak up (after 147
// flipped bits in a table: 0 against 128 seen by reading). Verify checks both.
func (c Config) badgerOptions(dir string) badgerdb.Options {
	memTable := int64(64 << 20)
	if c.Small {
		memTable = 8 << 20
	}
	return badgerdb.DefaultOptions(dir).
		WithLogger(badgerLog{c.Logger}).
		WithSyncWrites(false).      // wal does it; Load has no log
		WithDetectConflicts(false). // one writer: there are none
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(0).
		WithChecksumVerificationMode(options.NoVerification).
		WithVerifyValueChecksum(true).
		WithMemTableSize(memTable).
		WithNumMemtables(3).
		WithNumCompactors(2).
		WithValueThreshold(1 << 20).
		WithValueLogFileSize(64 << 20).
		WithMetricsEnabled(false)
}

// badgerLog routes Badger's own messages. What Badger calls information is
// of interest only to those who debug it.
type badgerLog struct{ log *slog.Logger }

func (l badgerLog) Errorf(format string, args ...any)   { l.log.Error(message(format, args)) }
func (l badgerLog) Warningf(format string, args ...any) { l.log.Warn(message(format, args)) }
func (l badgerLog) Infof(format string, args ...any)    { l.log.Debug(message(format, args)) }
func (l badgerLog) Debugf(string, ...any)               {}

func message(format string, args []any) string {
	return "badger: " + strings.TrimSpace(fmt.Sprintf(format, args...))
}
