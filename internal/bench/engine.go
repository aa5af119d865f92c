//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"tallystick/directory/store"
	"tallystick/directory/store/badger"
)

// measureEngine prints what the disk and the engine allow: how often a second
// what an accepted code writes becomes durable, without LDAP, names or codes,
// written by as many goroutines at a time as the table has connections.
func measureEngine(ctx context.Context, dir string, d time.Duration) error {
	s, err := badger.Open(dir, badger.Config{})
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Print("\nThe engine alone, writing what an accepted code does, durable:")
	for _, at := range levels {
		before := s.Stats()
		start := time.Now()
		if err := acceptances(ctx, s, at.connections, d); err != nil {
			return err
		}
		after, elapsed := s.Stats(), time.Since(start)
		updates, commits := after.Updates-before.Updates, after.Commits-before.Commits
		fmt.Printf(" %.0f/s with %d writers, %.1f a commit;", float64(updates)/elapsed.Seconds(), at.connections,
			float64(updates)/float64(max(commits, 1)))
	}
	fmt.Println()
	return nil
}

// acceptances writes for so long as an accepted code does: a credential, a
// record of the audit log and the head of that, in the sizes they have.
func acceptances(ctx context.Context, s store.Store, writers int, d time.Duration) error {
	const holders = 20_000
	credential, record, head := make([]byte, 150), make([]byte, 250), make([]byte, 80)
	var n atomic.Uint64
	end := time.Now().Add(d)
	g, ctx := errgroup.WithContext(ctx)
	for range writers {
		g.Go(func() error {
			for time.Now().Before(end) {
				i := n.Add(1)
				err := s.Update(ctx, func(w store.Writer) error {
					w.Set(fmt.Appendf(nil, "c%08dAAAAAAAAAAAAAAAAAAAAAAAAAA", i%holders), credential)
					w.Set(binary.BigEndian.AppendUint64([]byte("a"), i), record)
					w.Set([]byte("maudit head"), head)
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}
