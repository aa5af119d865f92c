package arch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// module is the module's name, which import paths begin with.
const module = "tallystick"

// root is the top of the repository as seen from here.
const root = "../.."

// pkg is what the tests ask of "go list".
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string // without tests
	Imports    []string // direct, without tests
	Deps       []string // everything reached, without tests
}

// name is the path below the module, as the rules write it; "" at the root.
func (p pkg) name() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// packages lists the packages of the module.
var packages = sync.OnceValues(func() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,Deps", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.New("go list: " + stderr.String())
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		switch err := d.Decode(&p); err {
		case nil:
			all = append(all, p)
		case io.EOF:
			return all, nil
		default:
			return nil, err
		}
	}
})

func modulePackages(t *testing.T) []pkg {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no packages")
	}
	return all
}

// eachFile calls check with every file that belongs to the repository: what
// .gitignore names is somebody's build or data.
func eachFile(t *testing.T, check func(path string, contents []byte)) {
	t.Helper()
	ignored := ignoredPatterns(t)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path, err = filepath.Rel(root, path)
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		switch skip := path == ".git" || ignored(path); {
		case skip && d.IsDir():
			return fs.SkipDir
		case skip || !d.Type().IsRegular():
			return nil
		}
		contents, err := os.ReadFile(filepath.Join(root, path))
		if errors.Is(err, fs.ErrNotExist) { // another test's, gone meanwhile
			return nil
		}
		if err != nil {
			return err
		}
		check(path, contents)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ignoredPatterns returns whether .gitignore names a path. It knows the two
// forms in use there: a name at the root (/bin/) and a pattern (*.test).
func ignoredPatterns(t *testing.T) func(path string) bool {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, ".gitignore"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	return func(name string) bool {
		for _, line := range lines {
			if rooted, ok := strings.CutPrefix(line, "/"); ok {
				if name == strings.TrimSuffix(rooted, "/") {
					return true
				}
			} else if matched, _ := path.Match(line, path.Base(name)); matched {
				return true
			}
		}
		return false
	}
}
