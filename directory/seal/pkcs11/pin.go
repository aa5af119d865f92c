package pkcs11

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// longestPIN is in octets.
const longestPIN = 1 << 10

// commandTime is how long a command may take to print a PIN.
const commandTime = 30 * time.Second

var errPIN = errors.New("pkcs11: the PIN is empty or too long")

// readPIN reads the PIN, without the end of its line, from where pin-source
// says. No error quotes it.
func readPIN(source string) (string, error) {
	text, err := readSource(source)
	if err != nil {
		return "", fmt.Errorf("pkcs11: reading the PIN: %w", err)
	}
	pin := strings.TrimRight(text, "\r\n")
	if pin == "" || len(pin) > longestPIN {
		return "", errPIN
	}
	return pin, nil
}

func readSource(source string) (string, error) {
	if name, ok := strings.CutPrefix(source, "env:"); ok {
		return os.Getenv(name), nil
	}
	if line, ok := strings.CutPrefix(source, "|"); ok {
		ctx, cancel := context.WithTimeout(context.Background(), commandTime)
		defer cancel()
		cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
		cmd.Stderr, cmd.WaitDelay = os.Stderr, time.Second
		out, err := cmd.Output()
		if err != nil {
			err = fmt.Errorf("the command that prints it: %w", errors.Join(err, ctx.Err()))
		}
		return string(out), err
	}
	f, err := os.Open(strings.TrimPrefix(source, "file:"))
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s has %v: nobody but its owner may read it", f.Name(), info.Mode())
	}
	text, err := io.ReadAll(io.LimitReader(f, longestPIN+2))
	return string(text), err
}
