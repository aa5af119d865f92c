package directory

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"tallystick/directory/store"
)

// The ids of the entries that one value (or trigram, or attribute) stands for
// are under the value's prefix, each in one of two ways, or in a third that
// recent.go has:
//
//	prefix id        -
//	prefix block 0   the ids from block to block+blockSize-1 that are meant
//
// Changes write the first, which needs no reading; a Load, which has many
// entries at hand, the second wherever a block has more than one of them, which
// takes a fraction of the time and the space. Block is the first of its ids.
//
// The ids of a block are, counted from its beginning, either a uvarint each,
// of the distance to the one before, or bits of which the lowest of the first
// octet stands for the first id. Only bits are blockSize/8 octets long; the
// distances, where they are shorter.
const blockSize = 4096

func blockOf(id entryID) entryID { return id &^ (blockSize - 1) }

// blockKey is where the id at the end of key stands if it is not by itself.
func blockKey(key []byte) []byte {
	prefix := key[:len(key)-8]
	b := make([]byte, 0, len(key)+1)
	return append(blockOf(idAtEnd(key)).append(append(b, prefix...)), 0)
}

// appendBlock appends the ids of a block, ascending and counted from its
// beginning, to b.
func appendBlock(b []byte, ids []uint16) []byte {
	start, last := len(b), uint16(0)
	for _, id := range ids {
		b = binary.AppendUvarint(b, uint64(id-last))
		last = id
		if len(b)-start >= blockSize/8 {
			return appendBits(b[:start], ids)
		}
	}
	return b
}

func appendBits(b []byte, ids []uint16) []byte {
	var set [blockSize / 8]byte
	for _, id := range ids {
		set[id/8] |= 1 << (id % 8)
	}
	return append(b, set[:]...)
}

// appendIDs appends the ids of a block that begins with first to ids, but no
// more of them once there are more than limit.
func appendIDs(ids []entryID, first entryID, block []byte, limit int) ([]entryID, error) {
	if len(block) == blockSize/8 {
		for i := 0; i < len(block); i += 8 {
			for set := binary.LittleEndian.Uint64(block[i:]); set != 0; set &= set - 1 {
				if len(ids) > limit {
					return ids, nil
				}
				ids = append(ids, first+entryID(i*8+bits.TrailingZeros64(set)))
			}
		}
		return ids, nil
	}
	var at uint64
	for len(block) > 0 && len(ids) <= limit {
		distance, n := binary.Uvarint(block)
		if at += distance; n <= 0 || distance >= blockSize || at >= blockSize {
			return ids, errBlock
		}
		ids = append(ids, first+entryID(at))
		block = block[n:]
	}
	return ids, nil
}

var errBlock = errors.New("malformed block of index ids")

// postingIDs appends the ids at one key of an index to ids, as appendIDs does:
// one by itself, those of a block, or none where the key is that of a longer
// value. prefix is the length of the prefix.
func postingIDs(ids []entryID, key, value []byte, prefix, limit int) ([]entryID, error) {
	switch len(key) - prefix {
	case 8:
		return append(ids, idAtEnd(key)), nil
	case 9:
		if len(value) > 0 {
			return appendIDs(ids, idAtEnd(key[:len(key)-1]), value, limit)
		}
	}
	return ids, nil
}

// hasPosting reports whether an index key, as indexKeys has it, is there in one
// way or another.
func hasPosting(r store.Reader, key []byte) (bool, error) {
	if has, err := hasOldPosting(r, key); has || err != nil || !isTrigram(key) {
		return has, err
	}
	return inPage(r, key)
}

// hasOldPosting is hasPosting without the pages of recent.go.
func hasOldPosting(r store.Reader, key []byte) (bool, error) {
	_, err := r.Get(key)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return false, err
	}
	_, at, err := findInBlock(r, key)
	return at >= 0, err
}

// findInBlock returns the ids of the block that the id at the end of key would
// be in, none if there is no such block, and where it is among them; -1: it is
// not.
func findInBlock(r store.Reader, key []byte) (ids []entryID, at int, err error) {
	value, err := r.Get(blockKey(key))
	if errors.Is(err, store.ErrNotFound) {
		return nil, -1, nil
	}
	if err != nil {
		return nil, -1, err
	}
	id := idAtEnd(key)
	if ids, err = appendIDs(nil, blockOf(id), value, blockSize); err != nil {
		return nil, -1, err
	}
	for i := range ids {
		if ids[i] == id {
			return ids, i, nil
		}
	}
	return ids, -1, nil
}

// removePosting takes an index key, as indexKeys has it, that is in no page out
// of the index.
func removePosting(w store.Writer, key []byte) error {
	w.Delete(key)
	ids, at, err := findInBlock(w, key)
	if err != nil || at < 0 {
		return err
	}
	if len(ids) == 1 {
		w.Delete(blockKey(key))
		return nil
	}
	left := make([]uint16, 0, len(ids)-1)
	for i, id := range ids {
		if i != at {
			left = append(left, uint16(id-blockOf(id)))
		}
	}
	w.Set(blockKey(key), appendBlock(nil, left))
	return nil
}

// postings gathers the index of entries whose ids ascend, and puts it block by
// block.
type postings struct {
	put      func(key, value []byte)
	room     int // for so many at once: an entry can be a group of a great many
	block    entryID
	prefixes numbering // in the block
	log      []posting // in the order of ids
	byValue  []uint16  // scratch: ids of the log, value by value
	buf      []byte    // scratch
}

// posting says that the entry at id, counted from the block's beginning, has
// the prefix with the number.
type posting struct {
	number uint32
	id     uint16
}

// add takes an index key, as indexKeys has it. One that comes twice counts once.
func (p *postings) add(key []byte) {
	id, prefix := idAtEnd(key), key[:len(key)-8]
	if blockOf(id) != p.block {
		p.flush()
		p.block = blockOf(id)
	}
	if len(p.log) == p.room {
		p.empty(true)
	}
	p.log = append(p.log, posting{p.prefixes.number(prefix), uint16(id - p.block)})
}

// flush puts what was gathered, which must be all of the block.
func (p *postings) flush() { p.empty(false) }

// empty puts what was gathered; each id by itself, if more of the block is to
// come.
func (p *postings) empty(single bool) {
	ends := make([]int, p.prefixes.len()+1)
	for _, at := range p.log {
		ends[at.number+1]++
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	// ends[n] is where the ids of n begin now, and where they end when all are
	// in their places.
	p.byValue = append(p.byValue[:0], make([]uint16, len(p.log))...)
	start := slices.Clone(ends)
	for _, at := range p.log {
		if n := ends[at.number]; n > start[at.number] && p.byValue[n-1] == at.id {
			continue
		}
		p.byValue[ends[at.number]] = at.id
		ends[at.number]++
	}
	for n := range p.prefixes.len() {
		ids := p.byValue[start[n]:ends[n]]
		key := append(p.buf[:0], p.prefixes.text(n)...)
		prefix := len(key)
		if single || len(ids) == 1 {
			for _, id := range ids {
				key = (p.block + entryID(id)).append(key[:prefix])
				p.put(key, nil)
			}
		} else {
			key = appendBlock(append(p.block.append(key), 0), ids)
			p.put(key[:prefix+9], key[prefix+9:])
		}
		p.buf = key
	}
	p.prefixes.reset()
	p.log = p.log[:0]
}
