package seal

import "log/slog"

const redacted = "[redacted]"

// Secret is octets that must not be printed: the key of a credential, a
// password. However it is formatted or logged, it says [redacted].
type Secret []byte

func (Secret) String() string               { return redacted }
func (Secret) GoString() string             { return redacted }
func (Secret) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Wipe overwrites the octets.
func (s Secret) Wipe() { clear(s) }
