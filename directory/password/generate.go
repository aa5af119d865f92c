package password

import "crypto/rand"

// Generate returns a new random password for somebody to type once: 26
// characters of base32, 130 bits.
func Generate() string { return rand.Text() }
