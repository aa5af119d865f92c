package badger

import (
	"encoding/binary"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
)

// cache keeps what was read under a key, on the heap: finding it in Badger
// takes ten times as long. It is exact: what it has of a key is what all
// snapshots have, from that of a certain version up to the published one. For
// that each commit tells it of what it wrote before it is published, and what
// was read in a snapshot is not taken where a later commit may have written it.
//
// Keys and values lie one behind the other in blocks, without pointers to them:
// a collection of garbage has nothing to do for what is kept. What is in a block
// is never changed, and what replaces it goes behind the last.
type cache struct {
	seed   maphash.Seed
	shards [64]shard
	most   int // bytes that a shard takes
	block  int // bytes of a block
}

type shard struct {
	mu      sync.RWMutex     // guards what follows
	places  map[uint64]place // by hash of the key
	blocks  []block
	filling int    // index of the block that takes what is new
	written uint64 // version of the last commit that wrote a key of this shard

	hits, misses atomic.Uint64
}

// place is where a key and its value are kept.
type place struct {
	since uint64 // version of the oldest snapshot that surely has it
	block int32
	at    uint32
}

// block holds records: the lengths of key and value in two bytes each, the
// latter plus one, and 0 where nothing is under the key; key; value.
type block struct {
	records []byte // nil: the block is free
	dead    int    // bytes of those records that no place points to
}

const (
	maxCached   = 8 << 10 // bytes that are kept under one key at most
	headerLen   = 4
	placeCosts  = 40 // bytes that a place takes, about
	shardBlocks = 16 // of a shard that is full, if places took nothing
)

// newCache returns a cache that takes so many bytes.
func newCache(bytes int) *cache {
	c := &cache{seed: maphash.MakeSeed()}
	c.most = max(bytes, 0) / len(c.shards)
	c.block = c.most / shardBlocks
	for i := range c.shards {
		c.shards[i].places = make(map[uint64]place)
	}
	return c
}

// get returns what the snapshot of a version has under key, if that is kept;
// nil: there is nothing under it. Nobody may modify it.
func (c *cache) get(key []byte, version uint64) (value []byte, ok bool) {
	hash := maphash.Bytes(c.seed, key)
	s := c.shard(hash)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if p, ok := s.places[hash]; ok && p.since <= version {
		if kept, value, _ := s.record(p); string(kept) == string(key) {
			s.hits.Add(1)
			return value, true
		}
	}
	s.misses.Add(1)
	return nil, false
}

// learn keeps a copy of what the snapshot of a version has under key, and lets
// others go where there is no room. A nil value: there is nothing.
func (c *cache) learn(key, value []byte, version uint64) {
	hash := maphash.Bytes(c.seed, key)
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.places[hash]; ok || s.written > version {
		return
	}
	c.put(s, hash, key, value, version)
}

// wrote notes that the commit of a version wrote under key. change makes of
// what is kept there what the snapshots from now on have; ok false: it cannot.
func (c *cache) wrote(key []byte, version uint64, change func(old []byte) (new []byte, ok bool)) {
	hash := maphash.Bytes(c.seed, key)
	s := c.shard(hash)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = version
	p, ok := s.places[hash]
	if !ok {
		return
	}
	kept, old, size := s.record(p)
	if string(kept) != string(key) {
		return
	}
	delete(s.places, hash)
	s.blocks[p.block].dead += size
	if value, ok := change(old); ok {
		c.put(s, hash, key, value, version)
	}
}

func (c *cache) shard(hash uint64) *shard { return &c.shards[hash%uint64(len(c.shards))] }

// put adds a record, for whose hash there is no place.
func (c *cache) put(s *shard, hash uint64, key, value []byte, since uint64) {
	size := headerLen + len(key) + len(value)
	if len(key) > maxKey || len(value) > maxCached || size > c.block {
		return
	}
	if len(s.blocks) == 0 || len(s.blocks[s.filling].records)+size > c.block {
		s.filling = c.free(s)
	}
	b := &s.blocks[s.filling]
	s.places[hash] = place{since, int32(s.filling), uint32(len(b.records))}
	length := 0
	if value != nil {
		length = 1 + len(value)
	}
	b.records = binary.LittleEndian.AppendUint16(b.records, uint16(len(key)))
	b.records = binary.LittleEndian.AppendUint16(b.records, uint16(length))
	b.records = append(append(b.records, key...), value...)
}

// free returns the index of a block that has nothing in it, for which it may
// have to give up others: those of which the most is dead, or any. As much as
// the block takes is left for the places of what it will hold.
func (c *cache) free(s *shard) int {
	free := -1
	used := 0
	for i, b := range s.blocks {
		if b.records == nil {
			free = i
		} else {
			used++
		}
	}
	for ; used > 0 && (used+2)*c.block+len(s.places)*placeCosts > c.most; used-- {
		worst := -1
		for n, begin := 0, rand.IntN(len(s.blocks)); n < len(s.blocks); n++ {
			i := (begin + n) % len(s.blocks)
			if s.blocks[i].records != nil && (worst < 0 || s.blocks[i].dead > s.blocks[worst].dead) {
				worst = i
			}
		}
		c.drop(s, worst)
		free = worst
	}
	if free < 0 {
		free = len(s.blocks)
		s.blocks = append(s.blocks, block{})
	}
	// Not the old block's memory: somebody may be reading it.
	s.blocks[free] = block{records: make([]byte, 0, c.block)}
	return free
}

// drop forgets what is in a block.
func (c *cache) drop(s *shard, i int) {
	for at := 0; at < len(s.blocks[i].records); {
		p := place{block: int32(i), at: uint32(at)}
		key, _, size := s.record(p)
		hash := maphash.Bytes(c.seed, key)
		if now := s.places[hash]; now.block == p.block && now.at == p.at {
			delete(s.places, hash)
		}
		at += size
	}
	s.blocks[i] = block{}
}

// record returns what is at a place, and how many bytes it takes there.
func (s *shard) record(p place) (key, value []byte, size int) {
	r := s.blocks[p.block].records[p.at:]
	size = headerLen + int(binary.LittleEndian.Uint16(r))
	key = r[headerLen:size]
	if length := int(binary.LittleEndian.Uint16(r[2:])); length > 0 {
		end := size + length - 1
		value = r[size:end:end]
		size = end
	}
	return key, value, size
}

// bytes is what the shard takes.
func (c *cache) bytes(s *shard) int {
	n := len(s.places) * placeCosts
	for _, b := range s.blocks {
		n += cap(b.records)
	}
	return n
}
