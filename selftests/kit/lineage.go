package kit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
)

// Lineage is processes that fork from one another, each driven like a Child. A
// process that forks has what its child needs from before it was forked
// itself: mailboxes and pipes are made once, for as many processes as may live
// at a time, and used again.
type Lineage struct {
	t    *T
	free []*slot
}

// slot is what one process at a time is driven with.
type slot struct {
	mem      *Mem
	box      *mailbox
	fds      *childFDs // the process's ends
	commands int       // the test's ends
	replies  int
}

// Lineage prepares for a number of processes.
func (t *T) Lineage(processes int) *Lineage {
	l := &Lineage{t: t}
	for range processes {
		mem := t.Map(-1, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
		var commands, replies [2]int
		for _, p := range []*[2]int{&commands, &replies} {
			if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
				t.Fatalf("pipe: %v", err)
			}
			t.later(undoTest, func() error { return errors.Join(unix.Close(p[0]), unix.Close(p[1])) })
		}
		l.free = append(l.free, &slot{
			mem: mem, box: (*mailbox)(mem.Pointer(0)),
			fds:      &childFDs{commands: commands[0], replies: replies[1], close: [5]int{t.to.fd, unix.Stdin, unix.Stdout, unix.Stderr, -1}},
			commands: commands[1], replies: replies[0],
		})
	}
	return l
}

// Start forks the first process from the test. It and all that come from it
// are killed at the end of the test, or when the test dies.
func (l *Lineage) Start() *Child {
	s := l.take()
	all, old := ^sigset(0), sigset(0)
	pid, errno := rawFork(s.box, s.fds, &all, &old)
	if errno != 0 {
		l.t.Fatalf("clone: %v", errno)
	}
	return l.child(s, int(pid))
}

// Fork forks the child. The new process's parent is the test.
func (c *Child) Fork() *Child {
	s := c.lineage.take()
	c.box.op, c.box.forkBox, c.box.forkFDs = opFork, s.box, s.fds
	c.must()
	if c.box.errno != 0 {
		c.t.Fatalf("clone in child %d: %v", c.pid, unix.Errno(c.box.errno))
	}
	return c.lineage.child(s, int(c.box.result))
}

func (l *Lineage) take() *slot {
	if len(l.free) == 0 {
		l.t.Fatalf("more processes in a lineage than it was made for")
	}
	s := l.free[len(l.free)-1]
	l.free = l.free[:len(l.free)-1]
	return s
}

func (l *Lineage) child(s *slot, pid int) *Child {
	c := &Child{t: l.t, pid: pid, box: s.box, mem: s.mem, commands: s.commands, replies: s.replies, lineage: l, slot: s}
	l.t.later(undoChildren, c.kill)
	var err error
	if c.pidfd, err = unix.PidfdOpen(pid, 0); err != nil {
		l.t.Fatalf("pidfd_open of child %d: %v", pid, err)
	}
	return c
}

// parkFlag is the argument with which Exec runs the area's program.
const parkFlag = "-parked"

// Parked has to be the first thing that main of an area with an Exec calls:
// where the program is what Exec started, it says so and waits to be killed.
func Parked(args []string) {
	if len(args) != 3 || args[1] != parkFlag {
		return
	}
	fd, err := strconv.Atoi(args[2])
	if err != nil {
		return
	}
	_, _ = unix.Write(fd, []byte{0})
	_ = unix.Close(fd)
	for {
		_ = unix.Pause()
	}
}

// Exec has a child of a lineage execute the area's own program, which does
// nothing (see Parked). From then on the child can only be killed.
func (c *Child) Exec(program string) {
	// What tells the end of the exec outlives it.
	fd, err := c.Syscall(unix.SYS_FCNTL, uintptr(c.slot.fds.replies), unix.F_DUPFD, 3)
	if err != nil {
		c.t.Fatalf("dup in child %d: %v", c.pid, err)
	}
	args := c.Args()
	texts := []string{"/proc/self/exe", program, parkFlag, strconv.Itoa(fd), "GOMAXPROCS=1"}
	at := 256 // behind the vectors
	var addrs []uintptr
	for _, s := range texts {
		addrs = append(addrs, uintptr(unsafe.Pointer(&args[at])))
		at += copy(args[at:], s+"\x00")
	}
	const words = 16
	vectors := (*[words]uintptr)(unsafe.Pointer(&args[0]))
	*vectors = [words]uintptr{addrs[1], addrs[2], addrs[3], 0, addrs[4], 0}
	_, err = c.Syscall(unix.SYS_EXECVE, addrs[0], uintptr(unsafe.Pointer(&vectors[0])), uintptr(unsafe.Pointer(&vectors[4])))
	if err != nil {
		c.t.Fatalf("execve in child %d: %v", c.pid, err)
	}
}

// Args is memory that the child has at the same address, for what its system
// calls point to.
func (c *Child) Args() []byte { return c.box.text[:] }

// Pass passes a descriptor of the child to another child by SCM_RIGHTS, by a
// pair of sockets that both inherited, and returns the other's descriptor,
// which is closed on exec.
func (c *Child) Pass(fd int, sockets [2]int, to *Child) int {
	m := c.message()
	m.header.Type, m.header.Level = unix.SCM_RIGHTS, unix.SOL_SOCKET
	m.header.SetLen(unix.CmsgLen(4))
	m.fd = int32(fd)
	if _, err := c.Syscall(unix.SYS_SENDMSG, uintptr(sockets[0]), uintptr(unsafe.Pointer(&m.msg)), 0); err != nil {
		c.t.Fatalf("sendmsg in child %d: %v", c.pid, err)
	}
	m = to.message()
	if _, err := to.Syscall(unix.SYS_RECVMSG, uintptr(sockets[1]), uintptr(unsafe.Pointer(&m.msg)), unix.MSG_CMSG_CLOEXEC); err != nil {
		c.t.Fatalf("recvmsg in child %d: %v", to.pid, err)
	}
	if m.header.Type != unix.SCM_RIGHTS {
		c.t.Fatalf("child %d received no descriptor", to.pid)
	}
	return int(m.fd)
}

// passed is a message of one byte and one descriptor (cmsg(3)).
type passed struct {
	msg    unix.Msghdr
	iov    unix.Iovec
	header unix.Cmsghdr
	fd     int32
	_      int32
	data   byte
}

func (c *Child) message() *passed {
	m := (*passed)(unsafe.Pointer(&c.Args()[0]))
	*m = passed{}
	m.iov.Base = &m.data
	m.iov.SetLen(1)
	m.msg.Iov = &m.iov
	m.msg.SetIovlen(1)
	m.msg.Control = (*byte)(unsafe.Pointer(&m.header))
	m.msg.SetControllen(unix.CmsgSpace(4))
	return m
}

// Memory is a look at another process's memory that leaves its page table as
// it is. It is of the image that the process runs when it is opened.
type Memory struct {
	t            *T
	pagemap, mem int
}

// Memory opens the child's memory, until it is closed.
func (c *Child) Memory() *Memory {
	m := &Memory{t: c.t}
	for name, fd := range map[string]*int{"pagemap": &m.pagemap, "mem": &m.mem} {
		var err error
		*fd, err = unix.Open(fmt.Sprintf("/proc/%d/%s", c.pid, name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENOENT) {
			c.t.Skip(feature.Pagemap)
		}
		if err != nil {
			c.t.Fatalf("open %s of child %d: %v", name, c.pid, err)
		}
	}
	return m
}

// Present reports for each of some pages whether it is in the page table: bit
// 63 of its entry (Documentation/admin-guide/mm/pagemap.rst).
func (m *Memory) Present(addr uint64, pages int) []bool {
	b := make([]byte, 8*pages)
	if n, err := unix.Pread(m.pagemap, b, int64(addr)/int64(os.Getpagesize())*8); err != nil || n != len(b) {
		m.t.Fatalf("read %d entries of pagemap: %d bytes, %v", pages, n, err)
	}
	present := make([]bool, pages)
	for i := range present {
		present[i] = binary.NativeEndian.Uint64(b[8*i:])>>63 != 0
	}
	return present
}

// Word reads a word of a page that is present, whatever its protection. mem_rw
// uses FOLL_FORCE, and takes a reference and no pin, which would make anonymous
// memory exclusive.
func (m *Memory) Word(addr uint64) uint32 {
	var b [4]byte
	if n, err := unix.Pread(m.mem, b[:], int64(addr)); err != nil || n != len(b) {
		m.t.Fatalf("read memory at %#x: %d bytes, %v", addr, n, err)
	}
	return binary.NativeEndian.Uint32(b[:])
}

// Close ends the look.
func (m *Memory) Close() { m.t.Check(errors.Join(unix.Close(m.pagemap), unix.Close(m.mem))) }
