package badger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Draft is a copy of a closed store, to be opened and changed at leisure and
// then to take the store's place all at once, or not at all. As long as it
// lives the store itself cannot be opened. A draft that a kill has left behind
// is removed by the next Open of the store.
type Draft struct {
	root string
	dir  string
	lock *lock
}

// NewDraft copies the store in root, which must be closed (ErrInUse); one that
// is not there yet is as good as an empty one. It needs as much disk space
// again as the store has, and fails with store.ErrReadOnly without it.
//
// The tables, though they never change, are copied like the rest: Badger
// truncates a table before it removes it, and through a hard link that would
// reach the original. File systems that can share blocks do so.
func NewDraft(root string, cfg Config) (_ *Draft, err error) {
	cfg = cfg.withDefaults()
	lock, err := lockFolder(root)
	if err != nil {
		return nil, err
	}
	d := &Draft{root: root, lock: lock}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Discard())
		}
	}()
	name, err := currentDatabase(root)
	if err != nil {
		return nil, err
	}
	size, err := sizeOf(filepath.Join(root, name))
	if err != nil {
		return nil, err
	}
	if err := roomFor(root, cfg, size); err != nil {
		return nil, err
	}
	if d.dir, err = os.MkdirTemp(root, draftPrefix); err != nil {
		return nil, err
	}
	if err := copyDatabase(filepath.Join(d.dir, name), filepath.Join(root, name)); err != nil {
		return nil, fmt.Errorf("badger: copying %s: %w", root, err)
	}
	return d, writeCurrent(d.dir, name)
}

// Dir is the folder to Open and Close. It is gone after Commit and Discard.
func (d *Draft) Dir() string { return d.dir }

// Commit puts the draft in the place of the store. When it fails the store is
// as it was before, or, if the disk failed in the very last step, as the
// draft; never a mixture. The draft must be closed, and is used up.
func (d *Draft) Commit() (err error) {
	defer func() { err = errors.Join(err, d.Discard()) }()
	draft, err := lockFolder(d.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.release()) }()
	oldName, err := readCurrent(d.root)
	if err != nil {
		return err
	}
	draftName, err := readCurrent(d.dir)
	if err != nil {
		return err
	}
	from := filepath.Join(d.dir, draftName)
	to := filepath.Join(d.root, nextName(oldName))
	if err := os.Rename(from, to); err != nil {
		return err
	}
	err = os.Rename(watermarkFile(from), watermarkFile(to))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	// The rename inside writeCurrent is the moment of truth. It also makes
	// the two above durable: all are in the same folder.
	if err := syncDir(d.root); err != nil {
		return err
	}
	if err := writeCurrent(d.root, filepath.Base(to)); err != nil {
		return err
	}
	return removeDatabase(filepath.Join(d.root, oldName))
}

// Discard removes the draft and gives the store free. After Commit it does
// nothing.
func (d *Draft) Discard() error {
	if d.lock == nil {
		return nil
	}
	var err error
	if d.dir != "" {
		err = os.RemoveAll(d.dir)
	}
	err = errors.Join(err, d.lock.release())
	d.lock = nil
	return err
}

// sizeOf adds up the files in dir, which may not exist.
func sizeOf(dir string) (bytes int64, err error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			return 0, err
		}
		bytes += info.Size()
	}
	return bytes, err
}

// copyDatabase copies the files of the closed database src, and its
// watermark, to dst. One that is not there is not copied.
func copyDatabase(dst, src string) error {
	files, err := os.ReadDir(src)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Mkdir(dst, 0o700); err != nil {
		return err
	}
	for _, f := range files {
		if !f.Type().IsRegular() || f.Name() == "LOCK" {
			continue
		}
		if err := copyFile(filepath.Join(dst, f.Name()), filepath.Join(src, f.Name())); err != nil {
			return err
		}
	}
	err = copyFile(watermarkFile(dst), watermarkFile(src))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// copyFile makes dst, durable, with what is in src.
func copyFile(dst, src string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
