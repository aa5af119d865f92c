// Package storetest is what every storage engine must pass. An engine's own
// test calls Run and adds what only that engine can do.
package storetest

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"tallystick/directory/store"
)

// Open opens the store in dir, which holds what earlier stores in the same
// test have left there, or fails the test. The suite closes the store.
type Open func(t *testing.T, dir string) store.Store

// Run tests the engine that open opens.
func Run(t *testing.T, open func(t *testing.T, dir string) store.Store) {
	tests := []struct {
		name string
		run  func(*testing.T, Open)
	}{
		{"Values", testValues},
		{"Refusals", testRefusals},
		{"Scan", testScan},
		{"ScanOwnWrites", testScanOwnWrites},
		{"FailedUpdate", testFailedUpdate},
		{"Context", testContext},
		{"Snapshot", testSnapshot},
		{"Hold", testHold},
		{"Reopen", testReopen},
		{"Closed", testClosed},
		{"ReadYourWrites", testReadYourWrites},
		{"Counter", testCounter},
		{"WriteSkew", testWriteSkew},
		{"Phantoms", testPhantoms},
		{"Uniqueness", testUniqueness},
		{"Load", testLoad},
		{"LoadOver", testLoadOver},
		{"LoadRefusals", testLoadRefusals},
		{"Model", testModel},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t, open) })
	}
}

// fresh opens a store in a new directory and closes it after the test.
func (open Open) fresh(t *testing.T) store.Store {
	t.Helper()
	s := open(t, t.TempDir())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}

// view and update fail the test on an error.
func view(t *testing.T, s store.Store, fn func(store.Reader) error) {
	t.Helper()
	if err := s.View(context.Background(), fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

func update(t *testing.T, s store.Store, fn func(store.Writer) error) {
	t.Helper()
	if err := s.Update(context.Background(), fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// set stores each key with itself as the value.
func set(t *testing.T, s store.Store, keys ...string) {
	t.Helper()
	update(t, s, func(w store.Writer) error {
		for _, k := range keys {
			w.Set([]byte(k), []byte(k))
		}
		return nil
	})
}

// list returns "key=value" for what a scan of rng sees, or "key" if it asks
// for keys only.
func list(r store.Reader, rng store.Range) (got []string, err error) {
	err = r.Scan(rng, func(key, value []byte) bool {
		switch {
		case !rng.KeysOnly:
			got = append(got, fmt.Sprintf("%s=%s", key, value))
		case value == nil:
			got = append(got, string(key))
		default:
			got = append(got, fmt.Sprintf("%s with a value, though keys only", key))
		}
		return true
	})
	return got, err
}

// has tells whether key is there.
func has(r store.Reader, key string) (bool, error) {
	_, err := r.Get([]byte(key))
	if err == store.ErrNotFound {
		return false, nil
	}
	return err == nil, err
}

// wantValue fails the test unless key has the value want.
func wantValue(t *testing.T, r store.Reader, key, want string) {
	t.Helper()
	got, err := r.Get([]byte(key))
	if err != nil || !bytes.Equal(got, []byte(want)) {
		t.Errorf("Get(%q) = %q, %v; want %q", key, got, err, want)
	}
}
