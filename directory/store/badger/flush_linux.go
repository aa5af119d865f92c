package badger

import (
	"os"

	"golang.org/x/sys/unix"
)

// flushData makes the contents of f durable, also what was written to it through
// a mapping, but not its times.
func flushData(f *os.File) error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
