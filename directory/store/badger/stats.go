package badger

import "time"

// Stats are a store's numbers for monitoring.
type Stats struct {
	Updates  uint64 // that changed something, since Open
	Commits  uint64 // they took; fewer than Updates, because commits are shared
	Version  uint64 // of the newest commit, counted since the store was made
	ReadOnly bool   // the disk is nearly full, or Failed
	Failed   bool   // a commit failed: there are no more updates until the store is opened anew

	Waiting    int       // updates that have begun and are not durable yet
	LastCommit time.Time // zero: none since Open

	Tables, Logs int64 // bytes on disk, renewed once a minute or so
	Free         int64 // bytes free on that disk, a moment ago; -1: unknown, or not watched

	Cache CacheStats
}

// CacheStats are about what is kept on the heap of what was read.
type CacheStats struct {
	Hits, Misses uint64 // of keys and of families of keys, since the database in use was opened
	Bytes        int64  // that are kept, about
}

// Stats returns the numbers of now; all are zero once the store is closed.
func (s *Store) Stats() Stats {
	snap := s.acquire()
	if snap == nil {
		return Stats{}
	}
	defer snap.release()
	tables, logs := snap.db.badger.Size()
	return Stats{
		Updates:  s.updates.Load(),
		Commits:  s.commits.Load(),
		Version:  snap.version,
		ReadOnly: s.readOnly.Load() || s.broken.Load() != nil,
		Failed:   s.broken.Load() != nil,

		Waiting:    int(s.waiting.Load()),
		LastCommit: s.lastCommit(),

		Tables: tables,
		Logs:   logs,
		Free:   s.free.Load(),

		Cache: snap.db.memory.values.stats().plus(snap.db.memory.families.stats()),
	}
}

func (s *Store) lastCommit() time.Time {
	if at := s.committed.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

func (a CacheStats) plus(b CacheStats) CacheStats {
	return CacheStats{a.Hits + b.Hits, a.Misses + b.Misses, a.Bytes + b.Bytes}
}

func (c *cache) stats() (all CacheStats) {
	for i := range c.shards {
		s := &c.shards[i]
		s.mu.RLock()
		all = all.plus(CacheStats{s.hits.Load(), s.misses.Load(), int64(c.bytes(s))})
		s.mu.RUnlock()
	}
	return all
}
