package aci

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// network is ip: a range of addresses.
type network struct{ from, to netip.Addr }

func (n network) holds(q *Requester, _ Entry) (Verdict, error) {
	a := q.Address
	return verdict(a.IsValid() && a.Is4() == n.from.Is4() && a.Compare(n.from) >= 0 && a.Compare(n.to) <= 0), nil
}

// parseNetworks reads addresses, networks (192.0.2.0/24), ranges
// (192.0.2.1-192.0.2.9), and IPv4 with asterisks at the end (192.0.2.*), with
// commas or || between them.
func parseNetworks(value string) (rule, error) {
	parts, err := splitList(strings.ReplaceAll(value, ",", "||"))
	if err != nil {
		return nil, err
	}
	var list or
	for _, part := range parts {
		n, err := parseNetwork(part)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", part, err)
		}
		list = append(list, n)
	}
	return list, nil
}

var errNetwork = errors.New("neither an address nor a network such as 192.0.2.0/24, 192.0.2.*, 192.0.2.1-192.0.2.9 or 2001:db8::/32")

func parseNetwork(text string) (network, error) {
	if from, to, ok := strings.Cut(text, "-"); ok {
		a, err := netip.ParseAddr(strings.TrimSpace(from))
		b, err2 := netip.ParseAddr(strings.TrimSpace(to))
		if err != nil || err2 != nil || a.Zone() != "" || b.Zone() != "" || a.Is4() != b.Is4() || b.Less(a) {
			return network{}, errNetwork
		}
		return network{a, b}, nil
	}
	if address, mask, ok := strings.Cut(text, "+"); ok {
		return maskedNetwork(address, mask)
	}
	if strings.HasSuffix(text, ".*") {
		octets := strings.Split(text, ".")
		bits := 8 * slices.Index(octets, "*")
		for i, o := range octets {
			if 8*i >= bits && o != "*" || len(octets) > 4 {
				return network{}, errNetwork
			}
		}
		text = strings.Join(octets[:bits/8], ".") + strings.Repeat(".0", 4-bits/8) + "/" + strconv.Itoa(bits)
	}
	prefix, err := netip.ParsePrefix(text)
	if a, e := netip.ParseAddr(text); e == nil {
		prefix, err = netip.PrefixFrom(a, a.BitLen()), nil
	}
	switch {
	case err != nil || prefix.Addr().Zone() != "" || prefix.Addr().Is4In6():
		return network{}, errNetwork
	case prefix != prefix.Masked():
		return network{}, fmt.Errorf("an address within a network: do you mean %v?", prefix.Masked())
	}
	return prefixRange(prefix), nil
}

// maskedNetwork reads 192.0.2.0+255.255.255.0.
func maskedNetwork(address, mask string) (network, error) {
	m, err := netip.ParseAddr(strings.TrimSpace(mask))
	if err != nil || !m.Is4() {
		return network{}, errNetwork
	}
	m4 := m.As4()
	bits := binary.BigEndian.Uint32(m4[:])
	ones := 0
	for ones < 32 && bits&(1<<(31-ones)) != 0 {
		ones++
	}
	if bits<<ones != 0 {
		return network{}, errors.New("the mask has holes")
	}
	return parseNetwork(strings.ReplaceAll(strings.TrimSpace(address), "*", "0") + "/" + strconv.Itoa(ones))
}

func prefixRange(p netip.Prefix) network {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return network{p.Addr(), last}
}
