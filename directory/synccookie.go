package directory

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// A cookie is written as OpenLDAP writes its own, since its consumers read in
// it: rid=000,csn=time#count#sid#mod. Its change sequence number grows with
// each change. The time is the generation with the higher bits of the change's
// number, count its lower 24 bits, mod says that this server made the cookie, of
// that change, for this search of who sees what he sees: from an earlier one he
// would be told what went before he might see it.

const csnTime = "20060102150405.000000Z"

func (f *follower) cookie() []byte {
	t := time.UnixMicro(int64(f.generation + f.at>>24)).UTC()
	return fmt.Appendf(nil, "rid=000,csn=%s#%06x#000#%06x", t.Format(csnTime), f.at&0xffffff, cookieMod(f.key, f.generation, f.at, f.hash))
}

// cookieMod authenticates the rest of a cookie, in as many bits as there is room
// for.
func cookieMod(key []byte, generation, at, hash uint64) uint32 {
	mac := hmac.New(sha256.New, key)
	for _, n := range []uint64{generation, at, hash} {
		mac.Write(binary.BigEndian.AppendUint64(nil, n))
	}
	return binary.BigEndian.Uint32(mac.Sum(nil)) >> 8
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
		var count uint64
		var mod uint32
		if _, err := fmt.Sscanf(parts[1]+" "+parts[3], "%06x %06x", &count, &mod); err != nil {
			return 0, false
		}
		high := uint64(t.UnixMicro()) - head.generation
		at = high<<24 | count
		return at, high < generationGap && subtle.ConstantTimeEq(int32(mod), int32(cookieMod(head.key, head.generation, at, hash))) == 1 && at <= head.last && at+1 >= head.first
	}
	return 0, false
}
