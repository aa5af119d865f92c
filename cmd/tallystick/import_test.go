package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// An import that is interrupted says what it has left behind: nothing.
func TestInterruptImport(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	run := func(ctx context.Context, in io.Reader, args ...string) (string, error) {
		var out bytes.Buffer
		cmd := rootCommand()
		cmd.SetArgs(append(args, "--data", folder))
		cmd.SetIn(in)
		cmd.SetOut(&out)
		err := cmd.ExecuteContext(ctx)
		return out.String(), err
	}
	const before = "dn: dc=example,dc=org\nobjectClass: domain\ndc: example\n"
	if _, err := run(t.Context(), strings.NewReader(before), "import", "-"); err != nil {
		t.Fatal(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	more := strings.NewReader("dn: ou=people,dc=example,dc=org\nobjectClass: organizationalUnit\nou: people\n")
	if _, err := run(ctx, io.MultiReader(more, atEnd(interrupt)), "import", "-"); !errors.Is(err, errInterrupted) {
		t.Errorf("error %v", err)
	}
	all, err := run(t.Context(), nil, "export")
	if err != nil || strings.Count(all, "\ndn: ") != 1 || !strings.Contains(all, "\ndn: dc=example,dc=org\n") {
		t.Errorf("there is now %s, error %v", all, err)
	}
}

// atEnd is an empty reader that does something when it is read.
type atEnd func()

func (f atEnd) Read([]byte) (int, error) {
	f()
	return 0, io.EOF
}
