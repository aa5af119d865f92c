package badger

// Stats are a store's numbers for monitoring.
type Stats struct {
	Updates  uint64 // that changed something, since Open
	Commits  uint64 // they took; fewer than Updates, because commits are shared
	Version  uint64 // of the newest commit, counted since the store was made
	Bytes    int64  // size of the database on disk, renewed once a minute or so
	ReadOnly bool   // the disk is nearly full
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
		Bytes:    tables + logs,
		ReadOnly: s.readOnly.Load(),
	}
}
