package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"tallystick/directory/password"
)

// readPassword reads a password: from a terminal twice and unseen, otherwise
// the first line of the standard input.
func readPassword(in io.Reader, what string) ([]byte, error) {
	f, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return readLine(in)
	}
	first, err := promptHidden(f, what+": ")
	if err != nil {
		return nil, err
	}
	second, err := promptHidden(f, what+", once more: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passwords differ")
	}
	return checkLength(first)
}

func promptHidden(f *os.File, prompt string) ([]byte, error) {
	fmt.Fprint(os.Stderr, prompt)
	text, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(os.Stderr)
	return text, err
}

// firstLine is readLine of a file.
func firstLine(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLine(f)
}

func readLine(in io.Reader) ([]byte, error) {
	r := bufio.NewReader(io.LimitReader(in, password.MaxLength+3)) // one more octet than allowed, and a newline
	text, err := r.ReadBytes('\n')
	if err != nil && err != io.EOF {
		return nil, err
	}
	return checkLength(bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r")))
}

func checkLength(text []byte) ([]byte, error) {
	switch {
	case len(text) == 0:
		return nil, errors.New("no password given")
	case len(text) > password.MaxLength:
		return nil, fmt.Errorf("the password is longer than %d octets", password.MaxLength)
	}
	return text, nil
}
