package directory

import (
	"fmt"
	"strings"
	"time"
)

// A cookie is written as OpenLDAP writes its own, since its consumers read in
// it: rid=000,csn=time#count#sid#mod. Its change sequence number grows with
// each change. The time is the generation with the higher bits of the change's
// number, count its lower 24 bits, mod a hash of the search.

const csnTime = "20060102150405.000000Z"

func (f *follower) cookie() []byte {
	t := time.UnixMicro(int64(f.generation + f.at>>24)).UTC()
	return fmt.Appendf(nil, "rid=000,csn=%s#%06x#000#%06x", t.Format(csnTime), f.at&0xffffff, f.hash&0xffffff)
}

// readSyncCookie returns the number of the last change that the client knows,
// if the history goes on from there.
func readSyncCookie(cookie []byte, head historyHead, hash uint64) (at uint64, ok bool) {
	for _, field := range strings.Split(string(cookie), ",") {
		csn, ok := strings.CutPrefix(field, "csn=")
		if !ok {
			continue
		}
		parts := strings.Split(csn, "#")
		if len(parts) != 4 || len(parts[1]) != 6 || len(parts[3]) != 6 {
			return 0, false
		}
		t, err := time.Parse(csnTime, parts[0])
		if err != nil {
			return 0, false
		}
		var count, mod uint64
		if _, err := fmt.Sscanf(parts[1]+" "+parts[3], "%06x %06x", &count, &mod); err != nil {
			return 0, false
		}
		high := uint64(t.UnixMicro()) - head.generation
		at = high<<24 | count
		return at, high < generationGap && mod == hash&0xffffff && at <= head.last && at+1 >= head.first
	}
	return 0, false
}
