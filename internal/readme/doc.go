// Package readme holds no code: its test runs the commands of the README's
// "Five minutes" against a fresh server.
package readme
