package badger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A store's folder:
//
//	lock                   held with flock while the store is open
//	CURRENT                names the database in use: "tallystick-store 1 db-000001"
//	db-000001/             Badger's files
//	db-000001.watermark    see watermark.go
//	db-000002/             being prepared by Load or Draft.Commit
//	sort-*/, draft-*/      temporary files of a Load, folder of a Draft
//
// To exchange the whole database, a new one is prepared under the next number
// and CURRENT is replaced by a rename. What CURRENT does not name is removed
// at the next Open, so a kill leaves the old database or the new one.

const (
	currentFile  = "CURRENT"
	folderFormat = "tallystick-store 1 "
	sortPrefix   = "sort-"
	draftPrefix  = "draft-"
)

func databaseName(n int) string { return fmt.Sprintf("db-%06d", n) }

// isDatabase tells whether name is that of a database and which number it has.
func isDatabase(name string) (n int, ok bool) {
	_, err := fmt.Sscanf(name, "db-%d", &n)
	return n, err == nil && name == databaseName(n)
}

// nextName is the name for the successor of a database.
func nextName(name string) string {
	n, _ := isDatabase(name)
	return databaseName(n + 1)
}

// currentDatabase returns the name of the database in use and removes what
// kills have left behind. In a new folder it picks a name.
func currentDatabase(root string) (string, error) {
	name, err := readCurrent(root)
	if err != nil {
		return "", err
	}
	files, err := os.ReadDir(root)
	if err != nil {
		return "", err
	}
	if name == "" {
		for _, f := range files {
			if _, ok := isDatabase(f.Name()); ok {
				return "", fmt.Errorf("badger: %s holds %s but no file %s that says which database is in use",
					root, f.Name(), currentFile)
			}
		}
		name = databaseName(1)
		return name, writeCurrent(root, name)
	}
	for _, f := range files {
		if isLeftover(f.Name(), name) {
			if err := os.RemoveAll(filepath.Join(root, f.Name())); err != nil {
				return "", err
			}
		}
	}
	return name, nil
}

// isLeftover tells whether a file in the folder is one of ours that a kill
// has left behind, when the database current is in use.
func isLeftover(file, current string) bool {
	base, unfinished := strings.CutSuffix(file, ".tmp") // see replaceFile
	base, _ = strings.CutSuffix(base, ".watermark")
	_, isDB := isDatabase(base)
	return isDB && (unfinished || base != current) ||
		unfinished && base == currentFile ||
		strings.HasPrefix(file, sortPrefix) || strings.HasPrefix(file, draftPrefix)
}

// readCurrent returns "" if there is no CURRENT.
func readCurrent(root string) (string, error) {
	text, err := os.ReadFile(filepath.Join(root, currentFile))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	name, err := parseCurrent(string(text))
	if err != nil {
		return "", fmt.Errorf("badger: %s: %s: %w", root, currentFile, err)
	}
	return name, nil
}

func parseCurrent(text string) (name string, err error) {
	name, ok := strings.CutPrefix(strings.TrimSuffix(text, "\n"), folderFormat)
	if !ok {
		return "", errors.New("not in the format of this version")
	}
	if _, ok := isDatabase(name); !ok {
		return "", fmt.Errorf("%q is not the name of a database", name)
	}
	return name, nil
}

func writeCurrent(root, name string) error {
	return replaceFile(filepath.Join(root, currentFile), folderFormat+name+"\n")
}

// replaceFile writes a file so that a kill or power loss leaves it old or new.
func replaceFile(path, text string) error {
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes renames in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
