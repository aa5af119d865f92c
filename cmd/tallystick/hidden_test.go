package main

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// cmdHidden fails if a file, or one below a folder, holds a text, as it is or
// as base64 or hex would write it; of a secret in base32 also its octets.
// Negated it fails if none does.
func cmdHidden(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: hidden text file|folder...")
	}
	forms := formsOf(args[0])
	found := ""
	for _, root := range args[1:] {
		files := 0
		ts.Check(filepath.WalkDir(ts.MkAbs(root), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return err
			}
			files++
			content, err := os.ReadFile(path)
			for form, octets := range forms {
				if bytes.Contains(content, octets) {
					found = path + " holds " + args[0] + ", " + form
				}
			}
			return err
		}))
		if files == 0 {
			ts.Fatalf("nothing in %s", root)
		}
	}
	switch {
	case neg && found == "":
		ts.Fatalf("%s is nowhere", args[0])
	case !neg && found != "":
		ts.Fatalf("%s", found)
	}
}

func formsOf(text string) map[string][]byte {
	forms := map[string][]byte{}
	add := func(what string, b []byte) {
		forms[what] = b
		forms[what+" in hex"] = []byte(hex.EncodeToString(b))
		// What base64 makes of it within other text, as far as it does not
		// depend on what stands beside it.
		for skip := range 3 {
			in64 := base64.RawStdEncoding.EncodeToString(append(make([]byte, skip), b...))
			at := []int{0, 2, 3}[skip]
			forms[what+" in base64, "+[]string{"whole", "after one", "after two"}[skip]] = []byte(in64[at : len(in64)-2])
		}
	}
	add("as it is", []byte(text))
	add("in small letters", []byte(strings.ToLower(text)))
	if octets, err := base32.StdEncoding.DecodeString(text); err == nil {
		add("as octets", octets)
	}
	return forms
}
