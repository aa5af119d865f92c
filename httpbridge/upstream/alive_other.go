//go:build !unix

package upstream

// alive reports whether a connection is good, as far as is known without asking.
func (l *link) alive() bool { return !l.broken && l.r.Buffered() == 0 }
