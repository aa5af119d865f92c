package badger

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// sorter sorts more pairs than fit into memory: it collects runs, sorts each,
// writes it to a file in a directory of its own, and merges them at the end.
// While one run is sorted and written another one is collected.
type sorter struct {
	dir     string
	runSize int // bytes of pairs in one run
	current *run
	other   *run       // idle, or being written if writing is not nil
	writing chan error // receives the outcome of writing other
	files   []string
	bytes   int64 // of all pairs added
}

// newSorter makes its directory in the folder root.
func newSorter(root string, runSize int) (*sorter, error) {
	dir, err := os.MkdirTemp(root, sortPrefix)
	if err != nil {
		return nil, err
	}
	return &sorter{dir: dir, runSize: runSize, current: new(run), other: new(run)}, nil
}

// close removes the files.
func (s *sorter) close() error {
	return errors.Join(s.wait(), os.RemoveAll(s.dir))
}

// add keeps copies of key and value. maxKey and maxValue are the limits.
func (s *sorter) add(key, value []byte) error {
	size := pairHeader + len(key) + len(value)
	s.bytes += int64(size)
	if len(s.current.data) > 0 && len(s.current.data)+size > s.runSize {
		if err := s.spill(); err != nil {
			return err
		}
	}
	if s.current.data == nil {
		s.current.data = make([]byte, 0, max(s.runSize, size))
	}
	s.current.add(key, value)
	return nil
}

// spill begins to write the current run and exchanges it for the other one.
func (s *sorter) spill() error {
	if err := s.wait(); err != nil {
		return err
	}
	name := filepath.Join(s.dir, fmt.Sprintf("run-%06d", len(s.files)))
	s.files = append(s.files, name)
	s.current, s.other = s.other, s.current
	full, done := s.other, make(chan error, 1)
	s.writing = done
	go func() { done <- full.writeFile(name) }()
	return nil
}

// wait returns when no run is being written.
func (s *sorter) wait() error {
	if s.writing == nil {
		return nil
	}
	err := <-s.writing
	s.writing = nil
	return err
}

// merge calls fn for all pairs in the order of their keys, and fails on a key
// that comes twice. Key and value are valid until fn returns.
func (s *sorter) merge(fn func(key, value []byte) error) (err error) {
	if err := s.wait(); err != nil {
		return err
	}
	s.other = nil // leave its memory to the database
	s.current.sort()
	sources := mergeHeap{s.current.source()}
	buffer := min(256<<10, max(16<<10, 64<<20/(len(s.files)+1)))
	for _, name := range s.files {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		sources = append(sources, &fileSource{r: bufio.NewReaderSize(f, buffer)})
	}
	for i := len(sources) - 1; i >= 0; i-- {
		switch err := sources[i].next(); {
		case err == io.EOF:
			sources = slices.Delete(sources, i, i+1)
		case err != nil:
			return err
		}
	}
	heap.Init(&sources)
	var last []byte
	for n := 0; len(sources) > 0; n++ {
		key, value := sources[0].pair()
		if n > 0 && bytes.Equal(key, last) {
			return fmt.Errorf("badger: load: key %q was put twice", key)
		}
		if err := fn(key, value); err != nil {
			return err
		}
		last = append(last[:0], key...)
		switch err := sources[0].next(); {
		case err == io.EOF:
			heap.Pop(&sources)
		case err != nil:
			return err
		default:
			heap.Fix(&sources, 0)
		}
	}
	return nil
}

// A run is pairs one behind the other, in memory or in a file:
//
//	key length (2 bytes) | value length (4 bytes) | key | value
const pairHeader = 2 + 4

type run struct {
	data  []byte
	index []pairRef
}

// pairRef is where a pair begins and, for sorting, eight octets of its key.
type pairRef struct {
	part   uint64
	offset uint32
}

// part is the eight octets of a key behind depth others; 0 stands for those it
// does not have.
func part(key []byte, depth int) uint64 {
	var octets [8]byte
	copy(octets[:], key[depth:])
	return binary.BigEndian.Uint64(octets[:])
}

func (r *run) add(key, value []byte) {
	r.index = append(r.index, pairRef{part(key, 0), uint32(len(r.data))})
	r.data = binary.BigEndian.AppendUint16(r.data, uint16(len(key)))
	r.data = binary.BigEndian.AppendUint32(r.data, uint32(len(value)))
	r.data = append(r.data, key...)
	r.data = append(r.data, value...)
}

func (r *run) pair(ref pairRef) (key, value []byte) {
	data := r.data[ref.offset:]
	k := int(binary.BigEndian.Uint16(data))
	v := int(binary.BigEndian.Uint32(data[2:]))
	data = data[pairHeader:]
	return data[:k], data[k : k+v]
}

func (r *run) sort() { r.sortFrom(r.index, 0) }

// sortFrom sorts pairs whose keys are the same up to depth, and whose parts are
// what follows there: by their parts, then those with the same part by the next.
// Keys have long beginnings in common, and are not in the cache.
func (r *run) sortFrom(refs []pairRef, depth int) {
	slices.SortFunc(refs, func(a, b pairRef) int { return cmp.Compare(a.part, b.part) })
	for len(refs) > 0 {
		n := 1
		for n < len(refs) && refs[n].part == refs[0].part {
			n++
		}
		r.sortSame(refs[:n], depth+8)
		refs = refs[n:]
	}
}

// sortSame sorts pairs whose keys are the same up to depth, but for keys that
// have ended.
func (r *run) sortSame(refs []pairRef, depth int) {
	few := len(refs) < 8
	for i := range refs {
		if few {
			break
		}
		key, _ := r.pair(refs[i])
		if few = len(key) < depth; !few {
			refs[i].part = part(key, depth)
		}
	}
	if !few {
		r.sortFrom(refs, depth)
		return
	}
	slices.SortFunc(refs, func(a, b pairRef) int {
		ka, _ := r.pair(a)
		kb, _ := r.pair(b)
		return bytes.Compare(ka, kb)
	})
}

// writeFile sorts the run, writes it to a new file, and empties it. There is
// no flush to disk: after a crash nobody reads the file.
func (r *run) writeFile(name string) error {
	r.sort()
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 256<<10)
	for _, ref := range r.index {
		key, value := r.pair(ref)
		end := int(ref.offset) + pairHeader + len(key) + len(value)
		if _, err = w.Write(r.data[ref.offset:end]); err != nil {
			break
		}
	}
	r.data, r.index = r.data[:0], r.index[:0]
	return errors.Join(err, w.Flush(), f.Close())
}

// source hands out the pairs of one sorted run. next must be called first,
// and returns io.EOF at the end.
type source interface {
	next() error
	pair() (key, value []byte)
}

func (r *run) source() *runSource { return &runSource{run: r, n: -1} }

type runSource struct {
	run *run
	n   int
}

func (s *runSource) next() error {
	if s.n++; s.n == len(s.run.index) {
		return io.EOF
	}
	return nil
}

func (s *runSource) pair() (key, value []byte) { return s.run.pair(s.run.index[s.n]) }

type fileSource struct {
	r   *bufio.Reader
	buf []byte
	key int // length
}

func (s *fileSource) next() error {
	var header [pairHeader]byte
	if _, err := io.ReadFull(s.r, header[:]); err != nil {
		return err // io.EOF only between pairs
	}
	s.key = int(binary.BigEndian.Uint16(header[:]))
	n := s.key + int(binary.BigEndian.Uint32(header[2:]))
	if n > maxKey+maxValue+checksumLen {
		return errors.New("badger: load: a temporary file is damaged")
	}
	s.buf = slices.Grow(s.buf[:0], n)[:n]
	if _, err := io.ReadFull(s.r, s.buf); err != nil {
		return fmt.Errorf("badger: load: a temporary file is cut short: %w", err)
	}
	return nil
}

func (s *fileSource) pair() (key, value []byte) { return s.buf[:s.key], s.buf[s.key:] }

// mergeHeap has the source with the lowest key in front.
type mergeHeap []source

func (h mergeHeap) Len() int { return len(h) }
func (h mergeHeap) Less(i, j int) bool {
	a, _ := h[i].pair()
	b, _ := h[j].pair()
	return bytes.Compare(a, b) < 0
}
func (h mergeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *mergeHeap) Push(x any)   { *h = append(*h, x.(source)) }
func (h *mergeHeap) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	*h = (*h)[:last]
	return s
}
