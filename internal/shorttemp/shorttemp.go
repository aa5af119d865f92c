// Package shorttemp has a folder for what tests write temporarily, whose name
// leaves room for that of a local socket.
package shorttemp

import "os"

// longest is that of a name of which 107 octets are a socket's in a folder below,
// as tests and scripts name theirs.
const longest = 40

// Dir is os.TempDir(), or /tmp if that is too long.
func Dir() string {
	if dir := os.TempDir(); len(dir) <= longest {
		return dir
	}
	return "/tmp"
}
