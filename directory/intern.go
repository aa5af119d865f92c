package directory

import (
	"maps"
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
	namesMu sync.Mutex                        // guards all below

	newNames map[string]string // not in names yet
	asked    int               // how often one was not found in names since that was made
)

func init() { names.Store(&map[string]string{}) }

// internNew is internName of a name that was not in the table. To replace the
// table costs as much as it is long, so it is done when it was missed as often.
func internNew(s string) string {
	namesMu.Lock()
	defer namesMu.Unlock()
	old := *names.Load()
	if known, ok := old[s]; ok {
		return known
	}
	known, ok := newNames[s]
	switch {
	case ok:
		s = known
	case len(old)+len(newNames) >= maxNames:
		return s
	default:
		if newNames == nil {
			newNames = map[string]string{}
		}
		newNames[s] = s
	}
	if asked++; asked > len(old) {
		grown := maps.Clone(old)
		maps.Copy(grown, newNames)
		names.Store(&grown)
		newNames, asked = nil, 0
	}
	return s
}
