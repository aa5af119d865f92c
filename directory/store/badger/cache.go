package badger

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// cache keeps what was read under a key, on the heap: finding it in Badger
// takes ten times as long. It is exact: what it has of a key is what all
// snapshots have, from that of a certain version up to the published one. For
// that each commit tells it of what it wrote before it is published, and what
// was read in a snapshot is not taken where a later commit may have written it.
type cache[V cacheable] struct {
	seed   maphash.Seed
	shards [64]shard[V]
	most   int // bytes that a shard keeps
}

// cacheable is what a cache can keep. Nobody may modify what is kept.
type cacheable interface{ size() int } // bytes

type shard[V cacheable] struct {
	mu      sync.RWMutex // guards what follows
	kept    map[string]kept[V]
	size    int    // bytes of what is kept
	written uint64 // version of the last commit that wrote a key of this shard

	hits, misses atomic.Uint64
}

type kept[V cacheable] struct {
	value V
	since uint64 // version of the oldest snapshot that surely has it
}

const (
	maxCached = 8 << 10 // bytes that are kept under one key at most
	keptCosts = 100     // bytes that a key takes beside itself and its value
)

// newCache returns a cache that keeps so many bytes.
func newCache[V cacheable](bytes int) *cache[V] {
	c := &cache[V]{seed: maphash.MakeSeed()}
	c.most = bytes / len(c.shards)
	for i := range c.shards {
		c.shards[i].kept = make(map[string]kept[V])
	}
	return c
}

// get returns what the snapshot of a version has under key, if that is kept.
func (c *cache[V]) get(key []byte, version uint64) (value V, ok bool) {
	s := &c.shards[maphash.Bytes(c.seed, key)%uint64(len(c.shards))]
	s.mu.RLock()
	defer s.mu.RUnlock()
	if k, ok := s.kept[string(key)]; ok && k.since <= version {
		s.hits.Add(1)
		return k.value, true
	}
	s.misses.Add(1)
	return value, false
}

// learn keeps what the snapshot of a version has under key, and lets others go
// where there is no room.
func (c *cache[V]) learn(key string, value V, version uint64) {
	if value.size() > maxCached {
		return
	}
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.kept[key]; ok || s.written > version {
		return
	}
	mine := kept[V]{value, version}
	if mine.costs(key) > c.most {
		return
	}
	for other := range s.kept { // in no order, which is good enough
		if s.size+mine.costs(key) <= c.most {
			break
		}
		s.drop(other)
	}
	s.put(key, mine)
}

// wrote notes that the commit of a version wrote under key. change makes of
// what is kept there what the snapshots from now on have; ok false: it cannot.
func (c *cache[V]) wrote(key string, version uint64, change func(old V) (new V, ok bool)) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written = version
	k, ok := s.kept[key]
	if !ok {
		return
	}
	s.drop(key)
	if value, ok := change(k.value); ok && value.size() <= maxCached {
		s.put(key, kept[V]{value, version})
	}
}

func (c *cache[V]) shard(key string) *shard[V] {
	return &c.shards[maphash.String(c.seed, key)%uint64(len(c.shards))]
}

func (s *shard[V]) put(key string, k kept[V]) {
	s.size += k.costs(key)
	s.kept[key] = k
}

func (s *shard[V]) drop(key string) {
	s.size -= s.kept[key].costs(key)
	delete(s.kept, key)
}

func (k kept[V]) costs(key string) int { return k.value.size() + len(key) + keptCosts }
