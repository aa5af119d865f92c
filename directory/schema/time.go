package schema

import "time"

// ParseGeneralizedTime reads a value of the Generalized Time syntax (RFC 4517,
// section 3.3.13).
func ParseGeneralizedTime(value []byte) (time.Time, error) { return parseTime(value) }
