package directory

import (
	"bytes"
	"encoding/binary"
	"errors"
	"iter"
	"math/bits"
	"slices"
	"sort"

	"tallystick/directory/store"
)

// Most of what an addition would write are the keys of its trigrams, some sixty.
// So the trigrams of the entries that were added last stand together in pages,
// one for each substring index and each pageSize entries:
//
//	'r' attribute 0         which pages there are, ascending
//	'r' attribute 0 page    the trigrams of the entries from page to page+pageSize-1
//
// A page is named by the first of its ids, 8 bytes as all ids. Its trigrams
// ascend; behind each are four octets, big-endian, with a bit for each entry,
// the lowest for the first. When there are more pages than a search should look
// at, one of the next additions folds them into the blocks of posting.go, which
// takes a key for each trigram where it took one for each entry and trigram.
//
// A posting is in a page, or in a block, or a key of its own, and never in two
// of them; of one entry some may be here and some there. Only additions put some
// into pages, and only where an entry has not very many of one attribute.
const (
	pageSize     = 32
	pageItem     = trigramLen + pageSize/8
	maxPages     = 32     // see above
	maxPageItems = 64     // trigrams of one entry
	maxFolded    = 10_000 // items that one addition folds, unless one page has more
)

func pageOf(id entryID) entryID { return id &^ (pageSize - 1) }

// pageBit is the bit of an entry in its page.
func pageBit(id entryID) uint32 { return 1 << (id % pageSize) }

// isTrigram reports whether an index key, as indexKeys has it, is a trigram's.
func isTrigram(key []byte) bool { return key[0] == substringSpace }

// trigramOf returns the trigram of such a key, and recentKey the key of the
// list of pages that it could be in.
func trigramOf(key []byte) []byte { return key[len(key)-8-trigramLen : len(key)-8] }

func recentKey(key []byte) []byte {
	attribute := key[1 : len(key)-8-trigramLen]
	b := append(make([]byte, 0, len(attribute)+9), recentSpace) // and a page
	return append(b, attribute...)
}

// attributeKeys is how many of keys, which ascend, are trigrams of one attribute
// from the first on; 0: the first is none.
func attributeKeys(keys [][]byte) int {
	if !isTrigram(keys[0]) {
		return 0
	}
	attribute := keys[0][:len(keys[0])-8-trigramLen]
	n := 1
	for n < len(keys) && len(keys[n]) == len(keys[0]) && bytes.HasPrefix(keys[n], attribute) {
		n++
	}
	return n
}

// page is the value of a page.
type page []byte

var errPage = errors.New("malformed page of trigrams")

// readPage reads a page; one that is not there is empty.
func readPage(r store.Reader, key []byte) (page, error) {
	p, err := r.Get(key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, nil
	case err == nil && len(p)%pageItem != 0:
		return nil, errPage
	}
	return p, err
}

// readListed is readPage for one that must be there: to take it for empty would
// be to lose entries.
func readListed(r store.Reader, key []byte) (page, error) {
	p, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) || err == nil && len(p)%pageItem != 0 {
		return nil, errPage
	}
	return p, err
}

// readPages reads a list of pages; ok is false if there is none.
func readPages(r store.Reader, key []byte) (list []byte, ok bool, err error) {
	list, err = r.Get(key)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, false, nil
	case err == nil && len(list)%8 != 0:
		return nil, false, errPage
	}
	return list, err == nil, err
}

func (p page) trigram(i int) []byte { return p[i*pageItem : i*pageItem+trigramLen] }

func (p page) bits(i int) uint32 { return binary.BigEndian.Uint32(p[i*pageItem+trigramLen:]) }

// find returns which item a trigram has, or would have.
func (p page) find(trigram []byte) (i int, ok bool) {
	n := len(p) / pageItem
	i = sort.Search(n, func(i int) bool { return bytes.Compare(p.trigram(i), trigram) >= 0 })
	return i, i < n && bytes.Equal(p.trigram(i), trigram)
}

// of returns the bits of the entries that have a trigram.
func (p page) of(trigram []byte) uint32 {
	if i, ok := p.find(trigram); ok {
		return p.bits(i)
	}
	return 0
}

// with returns a page that has the trigrams of keys, which ascend, for an entry.
func (p page) with(keys [][]byte, entry uint32) page {
	whole := make(page, 0, len(p)+len(keys)*pageItem)
	for _, key := range keys {
		i, ok := p.find(trigramOf(key))
		whole = append(whole, p[:i*pageItem]...)
		p = p[i*pageItem:]
		had := uint32(0)
		if ok {
			had, p = p.bits(0), p[pageItem:]
		}
		whole = append(whole, trigramOf(key)...)
		whole = binary.BigEndian.AppendUint32(whole, had|entry)
	}
	return append(whole, p...)
}

// without returns a page that has none of the trigrams of keys for an entry, and
// those of keys that it had not, in their memory.
func (p page) without(keys [][]byte, entry uint32) (left page, others [][]byte) {
	left, others = slices.Clone(p), keys[:0]
	for _, key := range keys {
		i, ok := left.find(trigramOf(key))
		switch {
		case !ok || left.bits(i)&entry == 0:
			others = append(others, key)
		case left.bits(i) == entry:
			left = slices.Delete(left, i*pageItem, (i+1)*pageItem)
		default:
			binary.BigEndian.PutUint32(left[i*pageItem+trigramLen:], left.bits(i)&^entry)
		}
	}
	return left, others
}

// sound reports whether a page is as it should be.
func (p page) sound() bool {
	if len(p)%pageItem != 0 {
		return false
	}
	for i := range len(p) / pageItem {
		if p.bits(i) == 0 || i > 0 && bytes.Compare(p.trigram(i-1), p.trigram(i)) >= 0 {
			return false
		}
	}
	return true
}

// entriesOf are the ids of the entries of a page whose bits are set, ascending.
func entriesOf(first entryID, set uint32) iter.Seq[entryID] {
	return func(yield func(entryID) bool) {
		for ; set != 0; set &= set - 1 {
			if !yield(first + entryID(bits.TrailingZeros32(set))) {
				return
			}
		}
	}
}

// inPage reports whether the page of a trigram's key has it.
func inPage(r store.Reader, key []byte) (bool, error) {
	id := idAtEnd(key)
	p, err := readPage(r, pageOf(id).append(recentKey(key)))
	return err == nil && p.of(trigramOf(key))&pageBit(id) != 0, err
}

// addPostings puts the index keys of a new entry, ascending, into the index.
func (d *Directory) addPostings(w store.Writer, keys [][]byte) error {
	folded := false
	for len(keys) > 0 {
		n := attributeKeys(keys)
		if n == 0 || n > maxPageItems {
			n = max(n, 1)
			for _, key := range keys[:n] {
				w.Set(key, nil)
			}
			keys = keys[n:]
			continue
		}
		id, recent := idAtEnd(keys[0]), recentKey(keys[0])
		pages, ok, err := readPages(w, recent)
		if err != nil {
			return err
		}
		if !ok {
			w.Set(metaKey("format"), []byte(formatVersion))
		}
		begun := !ok || len(pages) == 0 || idAtEnd(pages) != pageOf(id)
		// Each fold keeps others waiting: of several attributes that have become
		// due together one is folded now, and the rest with the pages to come,
		// unless there is too much of it for that.
		had := len(pages) / 8
		if !folded && (begun && had > d.maxPages || had > 2*d.maxPages) {
			folded = true
			if pages, err = fold(w, recent, pages); err != nil {
				return err
			}
		}
		if begun {
			pages = pageOf(id).append(slices.Clip(pages))
		}
		if begun || len(pages)/8 != had {
			w.Set(recent, pages)
		}
		key := pageOf(id).append(recent)
		var p page
		if !begun {
			if p, err = readListed(w, key); err != nil {
				return err
			}
		}
		w.Set(key, p.with(keys[:n], pageBit(id)))
		keys = keys[n:]
	}
	return nil
}

// removePostings takes index keys of one entry, ascending, out of the index.
func removePostings(w store.Writer, keys [][]byte) error {
	for len(keys) > 0 {
		n := max(attributeKeys(keys), 1)
		some := keys[:n]
		if isTrigram(some[0]) {
			id := idAtEnd(some[0])
			key := pageOf(id).append(recentKey(some[0]))
			p, err := readPage(w, key)
			if err != nil {
				return err
			}
			if len(p) > 0 {
				p, some = p.without(some, pageBit(id))
				w.Set(key, p)
			}
		}
		for _, key := range some {
			if err := removePosting(w, key); err != nil {
				return err
			}
		}
		keys = keys[n:]
	}
	return nil
}

// fold moves what is in pages of an attribute into blocks, from the oldest on,
// but for the last page, and returns which pages are left.
func fold(w store.Writer, recent, pages []byte) (left []byte, err error) {
	var failed error
	index := postings{room: maxFolded * pageSize, put: func(key, value []byte) {
		if len(value) > 0 && failed == nil {
			value, failed = joinBlock(w, key, value)
		}
		w.Set(key, value)
	}}
	attribute := append([]byte{substringSpace}, recent[1:]...)
	var key []byte
	for items := 0; len(pages) > 8 && items < maxFolded; pages = pages[8:] {
		first := idAtEnd(pages[:8])
		at := first.append(slices.Clip(recent))
		p, err := readListed(w, at)
		if err != nil {
			return nil, err
		}
		for i := range len(p) / pageItem {
			for id := range entriesOf(first, p.bits(i)) {
				key = id.append(append(append(key[:0], attribute...), p.trigram(i)...))
				index.add(key)
			}
		}
		items += len(p) / pageItem
		w.Delete(at)
	}
	index.flush()
	return pages, failed
}

// joinBlock is a block that has the ids of the one at key, too, if there is one.
func joinBlock(r store.Reader, key, block []byte) ([]byte, error) {
	old, err := r.Get(key)
	if errors.Is(err, store.ErrNotFound) {
		return block, nil
	}
	if err != nil {
		return nil, err
	}
	ids, err := appendIDs(nil, 0, old, blockSize)
	if err != nil {
		return nil, err
	}
	if ids, err = appendIDs(ids, 0, block, 2*blockSize); err != nil {
		return nil, err
	}
	ids = sortedIDs(ids)
	both := make([]uint16, len(ids))
	for i, id := range ids {
		both[i] = uint16(id)
	}
	return appendBlock(nil, both), nil
}

// trigram is scan for what has a trigram, in pages or not.
func (p *planner) trigram(attribute string, trigram []byte, limit int) ([]entryID, bool, error) {
	if p.effort > maxEffort { // a filter can have very many
		return nil, false, nil
	}
	ids, ok, err := p.scan(substringPrefix(attribute, trigram), limit)
	if err != nil || !ok {
		return nil, false, err
	}
	recent, err := p.recentPages(attribute)
	if err != nil {
		return nil, false, err
	}
	p.effort += len(recent)
	for _, one := range recent {
		ids = slices.AppendSeq(ids, entriesOf(one.first, one.of(trigram)))
	}
	ids = sortedIDs(ids)
	return ids, len(ids) <= limit, nil
}

// recentPage is a page and the first of its ids.
type recentPage struct {
	first entryID
	page
}

// recentPages returns the pages of an attribute, which are read once: a filter
// asks for several trigrams of it, and not only once.
func (p *planner) recentPages(attribute string) ([]recentPage, error) {
	if list, ok := p.recent[attribute]; ok {
		return list, nil
	}
	key := recentPrefix(attribute)
	pages, _, err := readPages(p.r, key)
	if err != nil {
		return nil, err
	}
	list := make([]recentPage, 0, len(pages)/8)
	for ; len(pages) > 0; pages = pages[8:] {
		first := idAtEnd(pages[:8])
		one, err := readListed(p.r, first.append(key[:len(key):len(key)]))
		if err != nil {
			return nil, err
		}
		list = append(list, recentPage{first, one})
	}
	p.effort += scanEffort * len(list)
	if p.recent == nil {
		p.recent = map[string][]recentPage{}
	}
	p.recent[attribute] = list
	return list, nil
}
