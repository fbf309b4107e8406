package kit

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
)

// What a child does under rights of its own. It is a process with one thread,
// so that a raw system call changes the rights of all of it, and of nobody
// else.

// OpenFile opens a file by its whole path in the child.
func (c *Child) OpenFile(path string, flags int) (int, error) {
	return c.Syscall(unix.SYS_OPENAT, ^uintptr(0), c.text(path), uintptr(flags|unix.O_CLOEXEC), 0)
}

// WriteFile writes text to a file of tracefs in the child.
func (c *Child) WriteFile(path, text string) error {
	fd, err := c.OpenFile(Tracefs+"/"+path, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer c.Close(fd)
	_, err = c.Syscall(unix.SYS_WRITE, uintptr(fd), c.text(text), uintptr(len(text)))
	return err
}

// Delete asks for an event to be deleted, DIAG_IOCSDEL, in the child.
func (c *Child) Delete(fd int, name string) error {
	_, err := c.Syscall(unix.SYS_IOCTL, uintptr(fd), uapi.IocDel, c.text(name))
	return err
}

// RegisterWith registers an event with arguments of the test's own making, but
// for the address of the description, in the child.
func (c *Child) RegisterWith(fd int, ev *Event, r uapi.Reg) error {
	r.NameArgs = uint64(c.text(ev.Desc))
	const regAt = 1024 // of text: behind any description
	reg := c.box.text[regAt:]
	c.t.Layout().Put(reg, r)
	_, err := c.Syscall(unix.SYS_IOCTL, uintptr(fd), uapi.IocReg, uintptr(unsafe.Pointer(&reg[0])))
	return err
}

// Become gives up root for good: no capabilities, no groups but the user's own.
func (c *Child) Become(uid int) {
	id := uintptr(uid)
	for _, call := range [][4]uintptr{
		{unix.SYS_SETGROUPS, 0, 0, 0},
		{unix.SYS_SETRESGID, id, id, id},
		{unix.SYS_SETRESUID, id, id, id},
	} {
		if _, err := c.Syscall(call[0], call[1:]...); err != nil {
			c.t.Fatalf("a child can't become user %d: system call %d: %v", uid, call[0], err)
		}
	}
}

// KeepCapabilities drops all capabilities but the given ones, capset(2).
func (c *Child) KeepCapabilities(keep ...int) {
	var set uint64
	for _, n := range keep {
		set |= 1 << n
	}
	low, high := uint32(set), uint32(set>>32)
	type data struct{ effective, permitted, inheritable uint32 }
	args := (*struct {
		hdr  unix.CapUserHeader
		data [2]data
	})(unsafe.Pointer(&c.box.text[0]))
	args.hdr = unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	args.data = [2]data{{low, low, 0}, {high, high, 0}}
	if _, err := c.Syscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&args.hdr)), uintptr(unsafe.Pointer(&args.data))); err != nil {
		c.t.Fatalf("a child can't set its capabilities to %v: %v", keep, err)
	}
}

// Unshare is unshare(2) in the child.
func (c *Child) Unshare(flags int) error {
	_, err := c.Syscall(unix.SYS_UNSHARE, uintptr(flags))
	return err
}

// SendFD passes one of the child's descriptors to the parent, SCM_RIGHTS over
// a socket pair, and returns the parent's.
func (c *Child) SendFD(over [2]int, fd int) *Data {
	t := c.t
	// Data and control message in the mailbox, which the child sees at the same
	// address.
	text := c.box.text[:]
	rights := unix.UnixRights(fd)
	const iovAt, dataAt, controlAt = 64, 80, 96
	copy(text[controlAt:], rights)
	iov := (*unix.Iovec)(unsafe.Pointer(&text[iovAt]))
	*iov = unix.Iovec{Base: &text[dataAt]}
	iov.SetLen(1)
	msg := (*unix.Msghdr)(unsafe.Pointer(&text[0]))
	*msg = unix.Msghdr{Iov: iov, Control: &text[controlAt]}
	msg.SetIovlen(1)
	msg.SetControllen(len(rights))
	if _, err := c.Syscall(unix.SYS_SENDMSG, uintptr(over[1]), uintptr(unsafe.Pointer(msg)), 0); err != nil {
		t.Fatalf("sendmsg of a descriptor in the child: %v", err)
	}
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(over[0], make([]byte, 1), control, unix.MSG_DONTWAIT|unix.MSG_CMSG_CLOEXEC)
	t.Check(err)
	messages, err := unix.ParseSocketControlMessage(control[:n])
	t.Check(err)
	if len(messages) != 1 {
		t.Fatalf("%d control messages came, not the one with the descriptor", len(messages))
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	t.Check(err)
	return t.data(fds[0])
}

// SocketPair makes two connected sockets for SendFD. A child of a later fork
// has both as well.
func (t *T) SocketPair() [2]int {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	t.Check(err)
	t.later(undoData, func() error { _ = unix.Close(pair[0]); return unix.Close(pair[1]) })
	return pair
}

// Chmod changes the mode of a file of tracefs, relative to its top, until the
// end of the test.
func (t *T) Chmod(path string, mode uint32) {
	full := Tracefs + "/" + path
	var st unix.Stat_t
	t.Check(unix.Stat(full, &st))
	t.later(undoUsers, func() error { return unix.Chmod(full, st.Mode&0o7777) })
	t.Check(unix.Chmod(full, mode))
}

// Chown changes who owns a file of tracefs until the end of the test.
func (t *T) Chown(path string, uid, gid int) {
	full := Tracefs + "/" + path
	var st unix.Stat_t
	t.Check(unix.Stat(full, &st))
	t.later(undoUsers, func() error { return unix.Chown(full, int(st.Uid), int(st.Gid)) })
	t.Check(unix.Chown(full, uid, gid))
}
