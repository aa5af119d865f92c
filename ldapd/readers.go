package ldapd

import "time"

// An operation that takes long has another goroutine read its session on.
// Making one each time would cost more than most such operations: its stack
// begins small and is copied again and again while it grows. So a goroutine
// that is left without a session waits a moment for the next one.

const readerWaits = time.Second

// handOn has another goroutine read c.
func (s *Server) handOn(c *conn) {
	select {
	case s.readers <- c:
	default:
		go s.read(c)
	}
}

// read serves c, and then what is handed on to it.
func (s *Server) read(c *conn) {
	timer := time.NewTimer(readerWaits)
	defer timer.Stop()
	for {
		c.serve()
		timer.Reset(readerWaits)
		select {
		case c = <-s.readers:
		case <-timer.C:
			return
		}
	}
}
