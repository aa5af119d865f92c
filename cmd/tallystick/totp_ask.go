package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"tallystick/directory/password"
)

// asker asks a person, or reads line by line what a script gives.
type asker struct {
	lines  *bufio.Reader
	prompt io.Writer
	file   *os.File // the terminal; nil: there is none
}

func newAsker(in io.Reader, prompt io.Writer) *asker {
	a := &asker{lines: bufio.NewReader(in), prompt: prompt}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		a.file = f
	}
	return a
}

// ask returns the next line, without blanks around it. At the end of the input
// it is io.EOF.
func (a *asker) ask(ctx context.Context, prompt string) (string, error) {
	if a.file != nil {
		fmt.Fprint(a.prompt, prompt)
	}
	text, err := waitFor(ctx, a.line)
	if a.file != nil && err != nil {
		fmt.Fprintln(a.prompt)
	}
	return string(bytes.TrimSpace(text)), err
}

// askHidden is ask for a password: what is typed does not show, and every
// octet counts.
func (a *asker) askHidden(ctx context.Context, prompt string) ([]byte, error) {
	if a.file == nil {
		return waitFor(ctx, a.line)
	}
	state, err := term.GetState(int(a.file.Fd()))
	if err != nil {
		return nil, err
	}
	text, err := waitFor(ctx, func() ([]byte, error) { return promptHidden(a.file, prompt) })
	if ctx.Err() != nil {
		err = errors.Join(err, term.Restore(int(a.file.Fd()), state))
	}
	return text, err
}

func (a *asker) line() ([]byte, error) {
	var text []byte
	for {
		c, err := a.lines.ReadByte()
		if err == io.EOF && len(text) > 0 || err == nil && c == '\n' {
			return bytes.TrimSuffix(text, []byte("\r")), nil
		}
		if err != nil {
			return nil, err
		}
		if text = append(text, c); len(text) > password.MaxLength+1 {
			return nil, errors.New("the line is too long")
		}
	}
}

// waitFor returns what read does, or earlier if ctx ends: nobody need type
// something to be rid of a question.
func waitFor(ctx context.Context, read func() ([]byte, error)) ([]byte, error) {
	type answer struct {
		text []byte
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		return a.text, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
