package main

import (
	"os/exec"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// grpcurl is where the program is that tools/go.mod names. The first time, or
// after a change of its version, it is compiled, which takes a minute.
var grpcurl = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "tool", "-n", "grpcurl")
	cmd.Dir = "../../tools"
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
})

// cmdGRPCurl calls the server in the clear. Options come first, then the
// address, and the method last.
func cmdGRPCurl(ts *testscript.TestScript, neg bool, args []string) {
	program, err := grpcurl()
	if err != nil {
		ts.Fatalf("grpcurl: %v", err)
	}
	address := strings.TrimPrefix(ts.Getenv("HTTP"), "http://")
	options := len(args)
	for i := 0; i < len(args); i++ {
		if !strings.HasPrefix(args[i], "-") {
			options = i
			break
		}
		i++ // an option's value
	}
	call := append([]string{"-plaintext"}, args[:options]...)
	call = append(append(call, address), args[options:]...)
	if err := ts.Exec(program, call...); (err != nil) != neg {
		ts.Fatalf("grpcurl: %v, and fails is %v", err, neg)
	}
}
