// Package arch holds tests about the repository itself: which package may
// reach which, and what every package and every file has or must not have. It
// has no code of its own.
package arch
