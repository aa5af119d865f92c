package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

// Source is where a keyset is kept, as the configuration writes it:
//
//	file:NAME      a file; a text without a word and a colon before it is one too
//	env:NAME       an environment variable
//	command:LINE   what a command prints, which the shell runs
//
// Each holds the text that a file made by Create holds. Only a file can be
// wrapped, see Wrapped. The zero value is no source.
type Source struct {
	kind, where string
	wrapper     Wrapper
}

// Wrapped is a file whose keyset w encrypts.
func Wrapped(path string, w Wrapper) Source { return Source{"file", path, w} }

// ErrSource means that a text names no source.
var ErrSource = errors.New("seal: keyset is none of file:NAME, env:NAME, command:LINE")

// otherKind is a text that means something else than a file: another word, or
// one of ours misspelt.
var otherKind = regexp.MustCompile(`^[A-Za-z]+:`)

// commandTime is how long a command may take to print a keyset.
const commandTime = 30 * time.Second

// ParseSource reads a source. The error is ErrSource.
func ParseSource(text string) (Source, error) {
	for _, kind := range []string{"file", "env", "command"} {
		if where, ok := strings.CutPrefix(text, kind+":"); ok {
			if strings.TrimSpace(where) == "" || kind == "env" && strings.ContainsAny(where, "= ") {
				return Source{}, fmt.Errorf("%w: %s: has no such name or line behind it", ErrSource, kind)
			}
			return Source{kind: kind, where: where}, nil
		}
	}
	if text == "" || otherKind.MatchString(text) {
		return Source{}, ErrSource
	}
	return Source{kind: "file", where: text}, nil
}

// String is the source as ParseSource reads it. It holds no secret but what
// the operator wrote into a command.
func (s Source) String() string { return s.kind + ":" + s.where }

// File is the file that the keyset is in; ok is false if it is kept elsewhere.
func (s Source) File() (file File, ok bool) {
	return File{s.where, s.wrapper}, s.kind == "file"
}

// Read reads the keyset. A file or variable that is not there is an
// os.ErrNotExist. What a command says on its standard error goes to ours.
func (s Source) Read(ctx context.Context) (*Keyset, error) {
	switch s.kind {
	case "file":
		return File{s.where, s.wrapper}.Open()
	case "env":
		text, ok := os.LookupEnv(s.where)
		if !ok {
			return nil, unset(s.where)
		}
		k, err := read(strings.NewReader(text), nil)
		if err != nil {
			return nil, fmt.Errorf("environment variable %s: %w", s.where, err)
		}
		return k, nil
	case "command":
		return readCommand(ctx, s.where)
	default:
		return nil, ErrSource
	}
}

// unset is the error of an environment variable that is not there.
type unset string

func (e unset) Error() string        { return "seal: the environment variable " + string(e) + " is not set" }
func (e unset) Is(target error) bool { return target == os.ErrNotExist }

func readCommand(ctx context.Context, line string) (*Keyset, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	var out limitedBuffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, os.Stderr, time.Second
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("seal: the command that prints the keyset: %w", errors.Join(err, ctx.Err()))
	}
	defer clear(out.text)
	k, err := read(bytes.NewReader(out.text), nil)
	if err != nil {
		return nil, fmt.Errorf("the output of the command: %w", err)
	}
	return k, nil
}

// limitedBuffer takes no more than maxText octets.
type limitedBuffer struct{ text []byte }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	if len(b.text)+len(p) > maxText {
		return 0, errText
	}
	b.text = append(b.text, p...)
	return len(p), nil
}
