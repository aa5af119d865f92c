package badger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	badgerdb "github.com/dgraph-io/badger/v4"
)

// ErrRolledBack is returned by Open for a database that has lost commits it
// once had: a damaged log or MANIFEST, or files from an old copy. Serving it
// would bring back deleted entries and spent one-time codes.
var ErrRolledBack = errors.New("the database is older than it was")

const rolledBackHelp = "restore a backup, or open it once with AcceptRollback to go on with what is left"

// database is one Badger database in a directory of the store's folder.
type database struct {
	badger  *badgerdb.DB
	dir     string
	wal     *wal
	version uint64 // of the last commit; only who commits changes it
	live    snapshots
	memory  memory

	mark      sync.Mutex // guards watermark and its file
	watermark uint64     // the version last written to the file
}

// openDatabase opens or makes the database name in the folder root.
func openDatabase(root, name string, cfg Config) (_ *database, err error) {
	db := &database{dir: filepath.Join(root, name), memory: newMemory(cfg.Memory)}
	db.live.none.L = &db.live.mu
	if db.watermark, err = readWatermark(db.dir); err != nil && !cfg.AcceptRollback {
		return nil, err
	}
	if err := settleLogs(db.dir); err != nil {
		return nil, err
	}
	if !cfg.AcceptRollback {
		if err := checkManifest(db.dir, db.watermark, cfg); err != nil {
			return nil, err
		}
	}
	if db.badger, err = openBadger(cfg.badgerOptions(db.dir)); err != nil {
		return nil, err
	}
	if db.wal, err = openWAL(db.dir); err != nil {
		return nil, errors.Join(err, db.shut())
	}
	db.version = db.badger.MaxVersion()
	if db.version < db.watermark {
		if !cfg.AcceptRollback {
			err := fmt.Errorf("badger: %s: %w: it ends at commit %d and had commit %d; %s",
				db.dir, ErrRolledBack, db.version, db.watermark, rolledBackHelp)
			return nil, errors.Join(err, db.shut())
		}
		cfg.Logger.Warn("store: rollback accepted", "commit", db.version, "watermark", db.watermark)
	}
	if cfg.AcceptRollback {
		if err := writeWatermark(db.dir, db.version); err != nil {
			return nil, errors.Join(err, db.shut())
		}
		db.watermark = db.version
	}
	db.badger.SetDiscardTs(db.version)
	return db, nil
}

// openBadger opens Badger and turns its panics about damaged tables into errors.
func openBadger(opts badgerdb.Options) (db *badgerdb.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, fmt.Errorf("badger: opening %s: damaged: %v", opts.Dir, p)
		}
	}()
	db, err = badgerdb.OpenManaged(opts)
	if err != nil {
		return nil, fmt.Errorf("badger: opening %s: %w", opts.Dir, err)
	}
	return db, nil
}

// close waits for all readers and closes the database.
func (db *database) close() error {
	db.live.wait()
	err := db.saveWatermark(db.version)
	return errors.Join(err, db.shut())
}

// shut closes the database, whose version counts no more.
func (db *database) shut() error {
	err := badgerError(db.badger.Close())
	if db.wal != nil {
		err = errors.Join(err, db.wal.close())
	}
	return err
}

// settleLogs flushes the logs that a kill has left behind: what stands in them
// is about to be read, whether or not it was durable. Those of length zero it
// removes; Badger would fail on them (its issue 2207), and they hold nothing.
func settleLogs(dir string) error {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		if ext := filepath.Ext(f.Name()); ext != ".mem" && ext != ".vlog" {
			continue
		}
		name := filepath.Join(dir, f.Name())
		info, err := f.Info()
		if err != nil {
			return err
		}
		if info.Size() == 0 {
			err = os.Remove(name)
		} else {
			err = flushFile(name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func flushFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(flushData(f), f.Close())
}

// checkManifest refuses a directory whose MANIFEST, the list of its tables,
// is lost or cut. Badger would open it and delete every table not listed.
func checkManifest(dir string, watermark uint64, cfg Config) error {
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		return err
	}
	lost := func(why string) error {
		return fmt.Errorf("badger: %s: %w: %s; %s", dir, ErrRolledBack, why, rolledBackHelp)
	}
	f, err := os.Open(filepath.Join(dir, badgerdb.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		if len(tables) > 0 || watermark > 0 {
			return lost("its MANIFEST is missing")
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	manifest, end, err := badgerdb.ReplayManifestFile(f, 0, cfg.badgerOptions(dir))
	if err != nil {
		return fmt.Errorf("badger: %s: MANIFEST: %w", dir, err)
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if size == end {
		return nil
	}
	for _, t := range tables {
		var id uint64
		if _, err := fmt.Sscanf(strings.TrimLeft(filepath.Base(t), "0"), "%d.sst", &id); err != nil {
			continue
		}
		if _, ok := manifest.Tables[id]; !ok {
			return lost("its MANIFEST is cut short and does not list " + filepath.Base(t))
		}
	}
	return nil
}
