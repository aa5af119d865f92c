// Package backup writes everything that is in a store to a file and reads it
// back. It knows nothing of what the keys and values mean.
//
// Engines' own backups are not used: Badger's takes gigabytes of memory, and
// its incremental ones bring deleted keys back to life. This one is always
// full, comes from one snapshot, in one goroutine and constant memory.
//
// A file is a line and then frames:
//
//	"tallystick backup 1\n"
//	frame 'h'    value: when it was made, RFC 3339
//	frame 'r'    key and value of one pair, ascending by key; any number of them
//	frame 'e'    value: how many pairs (8 bytes), SHA-256 of all octets before this frame
//
// and nothing behind. A frame is
//
//	kind (1 byte) | length of key (2) | length of value (4) | key | value | checksum (4)
//
// with numbers big-endian. The checksum is the CRC-32C of all octets of the
// file before it, so that a frame that is damaged, missing or out of place is
// found where it is. Neither sum protects against somebody who writes the file
// anew: keep backups where only those can write who may.
package backup

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"slices"
	"time"

	"tallystick/directory/store"
)

const magic = "tallystick backup 1\n"

const (
	kindHeader = 'h'
	kindPair   = 'r'
	kindEnd    = 'e'
)

// A file with more than that is damaged.
const (
	maxKey   = 1<<16 - 1
	maxValue = 2 << 20
)

const (
	frameHeader = 1 + 2 + 4
	bufferSize  = 256 << 10
)

// ErrFormat is returned for a file that is no backup, or that of a newer
// program.
var ErrFormat = errors.New("not a backup of this program")

// ErrDamaged is returned for a backup that is not as it was written.
var ErrDamaged = errors.New("the backup is damaged")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Summary is what a backup holds.
type Summary struct {
	Made   time.Time // UTC, to the second
	Pairs  uint64
	Octets int64 // of the file
}

// Write writes all pairs of s, as they are at one moment, to w. progress, if
// not nil, is called with the size of each frame.
func Write(ctx context.Context, s store.Store, w io.Writer, now time.Time, progress func(octets int)) (Summary, error) {
	buffered := bufio.NewWriterSize(w, bufferSize)
	out := &writer{w: buffered, all: sha256.New(), progress: progress}
	out.sum.Made = now.UTC().Truncate(time.Second)
	if err := out.put([]byte(magic)); err != nil {
		return out.sum, err
	}
	if err := out.frame(kindHeader, nil, []byte(out.sum.Made.Format(time.RFC3339))); err != nil {
		return out.sum, err
	}
	var failed error
	err := s.View(ctx, func(r store.Reader) error {
		return r.Scan(store.Range{}, func(key, value []byte) bool {
			out.sum.Pairs++
			failed = out.frame(kindPair, key, value)
			return failed == nil
		})
	})
	if err = errors.Join(failed, err); err != nil {
		return out.sum, err
	}
	end := binary.BigEndian.AppendUint64(nil, out.sum.Pairs)
	if err := out.frame(kindEnd, nil, out.all.Sum(end)); err != nil {
		return out.sum, err
	}
	return out.sum, buffered.Flush()
}

type writer struct {
	w        io.Writer
	crc      uint32
	all      hash.Hash
	sum      Summary
	progress func(int)
}

func (w *writer) frame(kind byte, key, value []byte) error {
	if len(key) > maxKey || len(value) > maxValue {
		return fmt.Errorf("%w for a backup: a key of %d octets with a value of %d", store.ErrTooLarge, len(key), len(value))
	}
	head := binary.BigEndian.AppendUint16([]byte{kind}, uint16(len(key)))
	head = binary.BigEndian.AppendUint32(head, uint32(len(value)))
	for _, part := range [][]byte{head, key, value} {
		if err := w.put(part); err != nil {
			return err
		}
	}
	if err := w.put(binary.BigEndian.AppendUint32(nil, w.crc)); err != nil {
		return err
	}
	if w.progress != nil {
		w.progress(frameHeader + len(key) + len(value) + 4)
	}
	return nil
}

// put writes b and adds it to the sums.
func (w *writer) put(b []byte) error {
	w.crc = crc32.Update(w.crc, castagnoli, b)
	w.all.Write(b)
	n, err := w.w.Write(b)
	w.sum.Octets += int64(n)
	return err
}

// Read reads a backup from r and calls fn for each pair, ascending by key;
// they are valid until fn returns. What fn did must not count before Read has
// returned nil: only the end of the file tells that all of it was there.
// Errors: ErrFormat, ErrDamaged, those of r and fn, and the context's.
func Read(ctx context.Context, r io.Reader, fn func(key, value []byte) error) (Summary, error) {
	in := &reader{r: bufio.NewReaderSize(r, bufferSize), all: sha256.New()}
	first := make([]byte, len(magic))
	if err := in.take(first); err != nil || string(first) != magic {
		if err == nil || errors.Is(err, ErrDamaged) {
			err = ErrFormat
		}
		return in.sum, err
	}
	kind, _, value, err := in.frame()
	if err == nil {
		if in.sum.Made, err = time.Parse(time.RFC3339, string(value)); kind != kindHeader || err != nil {
			err = in.damaged("no header")
		}
	}
	if err != nil {
		return in.sum, err
	}
	var last []byte
	for {
		if in.sum.Pairs%1024 == 0 && ctx.Err() != nil {
			return in.sum, ctx.Err()
		}
		var whole []byte
		if next, _ := in.r.Peek(1); len(next) == 1 && next[0] == kindEnd {
			whole = in.all.Sum(nil)
		}
		kind, key, value, err := in.frame()
		if err != nil {
			return in.sum, err
		}
		if kind == kindEnd {
			return in.sum, in.end(whole, value)
		}
		if kind != kindPair || bytes.Compare(key, last) <= 0 { // also a pair without a key
			return in.sum, in.damaged("a frame out of place")
		}
		in.sum.Pairs++
		last = append(last[:0], key...)
		if err := fn(key, value); err != nil {
			return in.sum, err
		}
	}
}

type reader struct {
	r   *bufio.Reader
	buf []byte
	crc uint32
	all hash.Hash
	sum Summary
}

func (r *reader) damaged(what string) error {
	return fmt.Errorf("%w: %s, before octet %d", ErrDamaged, what, r.sum.Octets)
}

// end compares the last frame with what was read before it.
func (r *reader) end(whole, value []byte) error {
	if want := append(binary.BigEndian.AppendUint64(nil, r.sum.Pairs), whole...); !bytes.Equal(value, want) {
		return r.damaged("the sum at the end is that of another file")
	}
	switch _, err := r.r.ReadByte(); err {
	case io.EOF:
		return nil
	case nil:
		return r.damaged("it goes on behind its end")
	default:
		return err
	}
}

// frame reads the next frame. key and value are valid until the one after it.
func (r *reader) frame() (kind byte, key, value []byte, err error) {
	var head [frameHeader]byte
	if err := r.take(head[:]); err != nil {
		return 0, nil, nil, err
	}
	k, v := int(binary.BigEndian.Uint16(head[1:])), int64(binary.BigEndian.Uint32(head[3:]))
	if v > maxValue {
		return 0, nil, nil, r.damaged("an impossible length")
	}
	n := k + int(v)
	r.buf = slices.Grow(r.buf[:0], n)[:n]
	if err := r.take(r.buf); err != nil {
		return 0, nil, nil, err
	}
	want := r.crc
	var sum [4]byte
	if err := r.take(sum[:]); err != nil {
		return 0, nil, nil, err
	}
	if binary.BigEndian.Uint32(sum[:]) != want {
		return 0, nil, nil, r.damaged("a wrong checksum")
	}
	return head[0], r.buf[:k:k], r.buf[k:], nil
}

// take fills b and adds it to the sums.
func (r *reader) take(b []byte) error {
	n, err := io.ReadFull(r.r, b)
	r.sum.Octets += int64(n)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return r.damaged("it ends too early")
	}
	r.crc = crc32.Update(r.crc, castagnoli, b)
	r.all.Write(b)
	return err
}
