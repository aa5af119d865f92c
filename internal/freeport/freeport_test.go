package freeport

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
)

const each = 20

// sameStart has every process look at the same ports, as chance may have it.
func sameStart() { next.Store(1) }

// No two calls give the same address, in this process or another, and a server
// can listen there again and again.
func TestAddress(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestOtherProcess$")
	cmd.Env = append(os.Environ(), "TALLYSTICK_TEST_FREEPORT=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sameStart()
	given := map[string]bool{}
	for range each {
		address, err := Address()
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			l, err := net.Listen("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
		given[address] = true
	}
	for lines := bufio.NewScanner(out); len(given) < 2*each && lines.Scan(); {
		if given[lines.Text()] {
			t.Errorf("%s twice", lines.Text())
			break
		}
		given[lines.Text()] = true
	}
	if len(given) != 2*each {
		t.Errorf("%d addresses", len(given))
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func TestOtherProcess(t *testing.T) {
	if os.Getenv("TALLYSTICK_TEST_FREEPORT") == "" {
		t.Skip("a part of TestAddress")
	}
	sameStart()
	for range each {
		address, err := Address()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println(address)
	}
	os.Stdin.Read(make([]byte, 1)) // until TestAddress has all
}
