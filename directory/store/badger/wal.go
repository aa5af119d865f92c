package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// wal is the log of Badger's newest memory table, where commits stand until
// that is written as a table. Badger would flush it itself (SyncWrites), but with
// it the value log, in which we have nothing, and a disk takes as long for that;
// and it would not flush the folder when it begins a new log.
type wal struct {
	dir  string
	id   int // in the file's name
	file *os.File
}

// openWAL finds the log of a database that Badger has just opened: the one with
// the highest number.
func openWAL(dir string) (*wal, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	w := &wal{dir: dir}
	for _, f := range files {
		var id int
		if _, err := fmt.Sscanf(f.Name(), "%d.mem", &id); err == nil {
			w.id = max(w.id, id)
		}
	}
	if w.file, err = os.Open(w.name(w.id)); err != nil {
		return nil, err
	}
	if err := syncDir(dir); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *wal) name(id int) string { return filepath.Join(w.dir, fmt.Sprintf("%05d.mem", id)) }

// flush makes the last commit durable, and those before it.
func (w *wal) flush() error {
	for { // a commit that finds the memory table full goes to the next one
		next := w.name(w.id + 1)
		_, err := os.Stat(next) // takes no descriptor, of which there may be none left
		if errors.Is(err, fs.ErrNotExist) {
			return flushData(w.file)
		}
		if err != nil {
			return err
		}
		f, err := os.Open(next)
		if err != nil {
			return err
		}
		_ = w.file.Close() // it was read from: nothing is lost with it
		w.file, w.id = f, w.id+1
		if err := syncDir(w.dir); err != nil {
			return err
		}
	}
}

func (w *wal) close() error { return w.file.Close() }
