package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The generated files are what the .proto files give, no more and no fewer.
func TestGeneratedFilesAreUpToDate(t *testing.T) {
	const folder = "../../httpbridge/zitadel/api"
	want, err := generate(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	for name, contents := range want {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !bytes.Equal(got, contents) {
			t.Errorf("%s is not up to date (%v): make proto", name, err)
		}
	}
	err = filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		_, known := want[filepath.ToSlash(name)]
		if generated := strings.HasSuffix(name, ".pb.go") || strings.HasSuffix(name, ".connect.go"); generated && !known {
			t.Errorf("%s comes from no .proto file", name)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// What is wrong with a .proto file is said with its place.
func TestGenerateErrors(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "bad.proto"), []byte("syntax = \"proto3\";\nmessage A { B b = 1; }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := generate(t.Context(), folder); err == nil || !strings.Contains(err.Error(), "bad.proto:2:13") {
		t.Errorf("%v", err)
	}
}
