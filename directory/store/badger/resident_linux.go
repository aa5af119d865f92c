package badger

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// pageOut asks the system to take back the memory that the files of a folder
// are mapped to. A Load writes its tables through mappings that Badger keeps, so
// without this all of a new database would count as the process's memory. It
// changes no content, whatever else may be mapped there by now, and is an
// advice: what the system does not know it refuses, which is no matter.
func pageOut(folder string) {
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		// 7f2c8e000000-7f2c90000000 rw-s 00000000 fe:00 131 /the/folder/000001.sst
		addresses, rest, _ := strings.Cut(lines.Text(), " ")
		if _, name, ok := strings.Cut(rest, " /"); !ok || filepath.Dir("/"+name) != folder {
			continue
		}
		from, to, _ := strings.Cut(addresses, "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil && start < end {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(start), uintptr(end-start), unix.MADV_PAGEOUT)
		}
	}
}
