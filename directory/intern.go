package directory

import (
	"sync"
	"sync/atomic"
)

// internName returns a shared string for an attribute name read from the
// store: entries repeat a few hundred names millions of times.
func internName(b []byte) string {
	if s, ok := (*names.Load())[string(b)]; ok {
		return s
	}
	return internNew(string(b))
}

// maxNames bounds the table; names beyond it are simply not shared.
const maxNames = 4096

var (
	names   atomic.Pointer[map[string]string] // replaced, never changed
	namesMu sync.Mutex
)

func init() { names.Store(&map[string]string{}) }

func internNew(s string) string {
	namesMu.Lock()
	defer namesMu.Unlock()
	old := *names.Load()
	if known, ok := old[s]; ok || len(old) >= maxNames {
		if ok {
			return known
		}
		return s
	}
	grown := make(map[string]string, len(old)+1)
	for k := range old {
		grown[k] = k
	}
	grown[s] = s
	names.Store(&grown)
	return s
}
