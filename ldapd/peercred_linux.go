package ldapd

import (
	"net"
	"syscall"
)

// peerCredentials asks the kernel who connected.
func peerCredentials(nc *net.UnixConn) (uid, gid uint32, err error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return 0, 0, err
	}
	var cred *syscall.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		cred, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil {
		return 0, 0, err
	}
	if failed != nil {
		return 0, 0, failed
	}
	return cred.Uid, cred.Gid, nil
}
