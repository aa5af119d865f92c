// Package totp is the vendor's operations on a user's TOTP shared secrets:
// generate one (.56, answered by .57), revoke one or all (.58), and validate a
// code (.15). Who may do what is decided in the directory behind them.
package totp
