package ldapd

import (
	"sync/atomic"
	"time"

	"tallystick/directory"
	"tallystick/ldapd/wire"
)

// Stats are a server's numbers since it was made, for monitoring.
type Stats struct {
	Connections int    // open now, of clients
	Within      int    // open now, of this process itself: of the HTTP bridge
	Accepted    uint64 // connections
	Refused     uint64 // connections: there were too many, or the server was stopping

	Requests Requests // being received and served

	Operations []OperationStats // one for each kind; Unbind is none
}

// OperationStats are the operations of one kind that have ended.
type OperationStats struct {
	Kind    string                          // as the log has it: "bind", "modifyDN"
	Results map[directory.ResultCode]uint64 // without those that never were
	Took    []uint64                        // how many took up to each of Durations; the last: longer
	Total   time.Duration                   // of all together
}

// Durations are what the times of operations are compared with.
var Durations = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second, 30 * time.Second,
}

// Count is how many there were.
func (o *OperationStats) Count() (n uint64) {
	for _, took := range o.Took {
		n += took
	}
	return n
}

// Within is the one of Durations that a percentage of the operations took no
// longer than; the longest where more took longer still, 0 where there were none.
func (o *OperationStats) Within(percent uint64) time.Duration {
	want := o.Count() * percent
	if want == 0 {
		return 0
	}
	var n uint64
	for i, d := range Durations {
		if n += o.Took[i]; n*100 >= want {
			return d
		}
	}
	return Durations[len(Durations)-1]
}

// kind says of which kind a request is.
type kind int

const (
	kindBind kind = iota
	kindSearch
	kindCompare
	kindAdd
	kindModify
	kindDelete
	kindModifyDN
	kindExtended
	kindAbandon
	kinds
)

var kindNames = [kinds]string{"bind", "search", "compare", "add", "modify", "delete", "modifyDN", "extended", "abandon"}

func kindOf(request any) kind {
	switch request.(type) {
	case *directory.BindRequest:
		return kindBind
	case *directory.SearchRequest:
		return kindSearch
	case *directory.CompareRequest:
		return kindCompare
	case *directory.AddRequest:
		return kindAdd
	case *directory.ModifyRequest:
		return kindModify
	case *directory.DeleteRequest:
		return kindDelete
	case *directory.ModifyDNRequest:
		return kindModifyDN
	case *wire.ExtendedRequest:
		return kindExtended
	}
	return kindAbandon
}

// counters count without a lock: each operation adds to three numbers.
type counters struct {
	refused    atomic.Uint64 // connections
	operations [kinds]struct {
		results [128]atomic.Uint64                // by code; see slot
		took    [len(Durations) + 1]atomic.Uint64 // by Durations
		total   atomic.Int64                      // nanoseconds
	}
}

// largeCodes are the codes that are larger than there are slots; they are
// counted in the last ones.
var largeCodes = [...]directory.ResultCode{directory.SyncRefreshRequired, directory.NoOperation}

const firstLarge = len(counters{}.operations[0].results) - len(largeCodes)

// slot is where a code is counted.
func slot(code directory.ResultCode) int {
	for i, large := range largeCodes {
		if code == large {
			return firstLarge + i
		}
	}
	if code < 0 || int(code) >= firstLarge {
		return int(directory.Other)
	}
	return int(code)
}

// ended counts an operation.
func (c *counters) ended(request any, code directory.ResultCode, took time.Duration) {
	o := &c.operations[kindOf(request)]
	o.results[slot(code)].Add(1)
	i := 0
	for i < len(Durations) && took > Durations[i] {
		i++
	}
	o.took[i].Add(1)
	o.total.Add(int64(took))
}

// Stats returns the numbers of now. Operations that end meanwhile may be in
// some of them only.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	stats := Stats{Connections: len(s.conns) - s.within, Within: s.within, Accepted: s.lastConn}
	s.mu.Unlock()
	stats.Refused = s.counters.refused.Load()
	stats.Requests = s.requests()
	for k := range kinds {
		o := &s.counters.operations[k]
		one := OperationStats{Kind: kindNames[k], Results: map[directory.ResultCode]uint64{}, Total: time.Duration(o.total.Load())}
		for i := range o.results {
			n := o.results[i].Load()
			if n == 0 {
				continue
			}
			code := directory.ResultCode(i)
			if i >= firstLarge {
				code = largeCodes[i-firstLarge]
			}
			one.Results[code] = n
		}
		for i := range o.took {
			one.Took = append(one.Took, o.took[i].Load())
		}
		stats.Operations = append(stats.Operations, one)
	}
	return stats
}
