package directory

import "hash/maphash"

// numbering gives texts numbers: 0 to the first, 1 to the next that is another
// one. It is a map that keeps the texts in one piece of memory, and its own when
// it is reset. The zero value is ready.
type numbering struct {
	seed  maphash.Seed
	slots []uint32 // number+1 at the text's hash or behind it; 0: free. A power of two
	sums  []uint32 // by number: the upper half of the hash
	ends  []int    // by number: where the text ends in texts
	texts []byte
}

func (n *numbering) len() int { return len(n.ends) }

// text is valid until the next call of number.
func (n *numbering) text(number int) []byte {
	start := 0
	if number > 0 {
		start = n.ends[number-1]
	}
	return n.texts[start:n.ends[number]]
}

// number returns the number of a text.
func (n *numbering) number(text []byte) uint32 {
	if 2*len(n.ends) >= len(n.slots) {
		n.grow()
	}
	hash := maphash.Bytes(n.seed, text)
	at := uint32(hash) & uint32(len(n.slots)-1)
	for ; n.slots[at] != 0; at = (at + 1) & uint32(len(n.slots)-1) {
		number := n.slots[at] - 1
		if n.sums[number] == uint32(hash>>32) && string(n.text(int(number))) == string(text) {
			return number
		}
	}
	n.texts = append(n.texts, text...)
	n.ends = append(n.ends, len(n.texts))
	n.sums = append(n.sums, uint32(hash>>32))
	n.slots[at] = uint32(len(n.ends))
	return n.slots[at] - 1
}

func (n *numbering) grow() {
	if n.slots == nil {
		n.seed = maphash.MakeSeed()
	}
	n.slots = make([]uint32, max(1024, 2*len(n.slots)))
	for number := range n.ends {
		at := uint32(maphash.Bytes(n.seed, n.text(number))) & uint32(len(n.slots)-1)
		for n.slots[at] != 0 {
			at = (at + 1) & uint32(len(n.slots)-1)
		}
		n.slots[at] = uint32(number) + 1
	}
}

// reset forgets the texts.
func (n *numbering) reset() {
	clear(n.slots)
	n.sums, n.ends, n.texts = n.sums[:0], n.ends[:0], n.texts[:0]
}
