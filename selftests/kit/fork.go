package kit

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
)

// Child is a forked process that shares nothing with its parent but what a
// fork shares. It does single operations that the parent asks for, see
// rawChild.
type Child struct {
	t        *T
	pid      int
	box      *mailbox
	mem      *Mem // the mailbox's page
	commands int  // write end
	replies  int  // read end
	reaped   bool

	// Of a Lineage's child; else pidfd is -1.
	lineage *Lineage
	slot    *slot
	pidfd   int
}

// childLimit is how long an operation of a child may take. It takes
// microseconds, some milliseconds under emulation; a kernel that wedges the
// child must not wedge the test.
const childLimit = 5 * time.Second

// Fork forks. The child is killed at the end of the test, or when the test
// dies.
func (t *T) Fork() *Child {
	mem := t.Map(-1, 1, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	var commands, replies [2]int
	for _, p := range []*[2]int{&commands, &replies} {
		if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
			t.Fatalf("pipe: %v", err)
		}
	}
	c := &Child{t: t, box: (*mailbox)(mem.Pointer(0)), mem: mem, commands: commands[1], replies: replies[0], pidfd: -1}
	// The child lets go of the parent's ends, so that it sees the end of the
	// file when the parent dies, and of what the agent waits for.
	fds := &childFDs{
		commands: commands[0], replies: replies[1],
		close: [5]int{commands[1], replies[0], t.to.fd, unix.Stdout, unix.Stderr},
	}
	all, old := ^sigset(0), sigset(0)
	pid, errno := rawFork(c.box, fds, &all, &old)
	if errno != 0 {
		t.Fatalf("clone: %v", errno)
	}
	c.pid = int(pid)
	t.later(undoChildren, c.kill)
	t.Check(errors.Join(unix.Close(commands[0]), unix.Close(replies[1])))
	return c
}

// call has the child do what the mailbox says.
func (c *Child) call() error {
	if _, err := unix.Write(c.commands, []byte{0}); err != nil {
		return fmt.Errorf("child %d takes no commands: %w", c.pid, err)
	}
	deadline := time.Now().Add(childLimit)
	for {
		fds := []unix.PollFd{{Fd: int32(c.replies), Events: unix.POLLIN}, {Fd: int32(c.pidfd), Events: unix.POLLIN}}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("child %d did not answer within %v; it is in %s", c.pid, childLimit, whereabouts(c.pid))
		}
		_, err := unix.Poll(fds, int(left.Milliseconds())+1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("poll: %w", err)
		}
		if fds[0].Revents == 0 {
			if fds[1].Revents != 0 {
				return errGone
			}
			continue
		}
		var b [1]byte
		switch n, err := unix.Read(c.replies, b[:]); {
		case err != nil:
			return fmt.Errorf("read from child %d: %w", c.pid, err)
		case n == 0:
			return errGone
		}
		return nil
	}
}

var errGone = errors.New("the child died")

func (c *Child) must() {
	if err := c.call(); err != nil {
		c.t.Fatalf("%v", err)
	}
}

// Load reads a word in the child's memory.
func (c *Child) Load(w Word) uint32 {
	c.box.op, c.box.ptr = opLoad32, w.m.Pointer(w.off)
	c.must()
	return uint32(c.box.result)
}

// Store writes a word in the child's memory.
func (c *Child) Store(w Word, v uint32) {
	c.box.op, c.box.ptr, c.box.args[0] = opStore32, w.m.Pointer(w.off), uintptr(v)
	c.must()
}

// Enabled is Registration.Enabled in the child.
func (c *Child) Enabled(r *Registration) int {
	if !c.t.StatusPage() {
		return bit(c.Load(r.At.Word), 1<<r.At.N)
	}
	byt, mask := r.statusByte()
	c.box.op, c.box.ptr = opLoad8, c.t.statusPage().Pointer(byt)
	c.must()
	return bit(uint32(c.box.result), mask)
}

// Syscall makes a system call in the child. Arguments that are addresses have
// to be those of mapped memory.
func (c *Child) Syscall(nr uintptr, args ...uintptr) (int, error) {
	c.box.op, c.box.nr, c.box.args = opSyscall, nr, [6]uintptr{}
	copy(c.box.args[:], args)
	c.must()
	if c.box.errno != 0 {
		return -1, unix.Errno(c.box.errno)
	}
	return int(c.box.result), nil
}

// text puts a string into the mailbox and returns its address.
func (c *Child) text(s string) uintptr {
	off := int(unsafe.Offsetof(c.box.text))
	return uintptr(c.mem.PutString(off, s))
}

// Open opens user_events_data in the child and returns the child's descriptor.
func (c *Child) Open() int {
	fd, err := c.Syscall(unix.SYS_OPENAT, ^uintptr(0), c.text(Tracefs+"/"+uapi.DataFile), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		c.t.Fatalf("open %s in the child: %v", uapi.DataFile, err)
	}
	return fd
}

// Register registers an event in the child on one of its descriptors, its own
// or an inherited one.
func (c *Child) Register(fd int, ev *Event, at Bit) *Registration {
	r, err := c.TryRegister(fd, ev, at)
	if err != nil {
		c.t.Fatalf("register %q in the child: %v", ev.Desc, err)
	}
	return r
}

// TryRegister is Register that returns the error.
func (c *Child) TryRegister(fd int, ev *Event, at Bit) (*Registration, error) {
	layout := c.t.Layout()
	r := place(at)
	r.NameArgs = uint64(c.text(ev.Desc))
	const regAt = 1024 // of text: behind any description
	reg := c.box.text[regAt:]
	layout.Put(reg, r)
	if _, err := c.Syscall(unix.SYS_IOCTL, uintptr(fd), uapi.IocReg, uintptr(unsafe.Pointer(&reg[0]))); err != nil {
		return nil, err
	}
	index, statusBit := layout.Outputs(reg)
	return &Registration{c.t, int(index), statusBit, at, r.EnableAddr}, nil
}

// Write writes one record in the child.
func (c *Child) Write(fd, index int, payload []byte) (int, error) {
	if 4+len(payload) > len(c.box.text) {
		c.t.Fatalf("a payload of %d bytes does not fit the mailbox", len(payload))
	}
	c.t.Wrote(payload...)
	putIndex(c.box.text[:], uint32(index))
	copy(c.box.text[4:], payload)
	return c.Syscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&c.box.text[0])), uintptr(4+len(payload)))
}

// Close closes a descriptor in the child.
func (c *Child) Close(fd int) {
	if _, err := c.Syscall(unix.SYS_CLOSE, uintptr(fd)); err != nil {
		c.t.Fatalf("close %d in the child: %v", fd, err)
	}
}

// PID is the child's process id.
func (c *Child) PID() int { return c.pid }

// Exit has the child exit and waits until it is gone: its memory unmapped, its
// descriptors closed.
func (c *Child) Exit() {
	c.box.op, c.box.args[0] = opExit, 0
	if err := c.call(); !errors.Is(err, errGone) {
		c.t.Fatalf("child %d did not exit: %v", c.pid, err)
	}
	c.t.Check(c.reap())
}

// Start has the child begin a system call and does not wait for its end: the
// child is for Kill only after that.
func (c *Child) Start(nr uintptr, args ...uintptr) {
	c.box.op, c.box.nr, c.box.args = opSyscall, nr, [6]uintptr{}
	copy(c.box.args[:], args)
	if _, err := unix.Write(c.commands, []byte{0}); err != nil {
		c.t.Fatalf("child %d takes no commands: %v", c.pid, err)
	}
}

// Bytes puts bytes into memory that the child reads at the same address, for
// the arguments of a system call of it.
func (c *Child) Bytes(b string) uintptr { return c.text(b) }

// Kill kills the child with SIGKILL and waits until it is gone.
func (c *Child) Kill() { c.t.Check(c.kill()) }

// kill ends the child whatever it does.
func (c *Child) kill() error {
	if c.reaped {
		return nil
	}
	if err := unix.Kill(c.pid, unix.SIGKILL); err != nil {
		return fmt.Errorf("kill child %d: %w", c.pid, err)
	}
	return c.reap()
}

// reap waits for the child's end, but no longer than childLimit: one that the
// kernel holds in an uninterruptible sleep never ends.
func (c *Child) reap() error {
	for deadline := time.Now().Add(childLimit); ; c.pause() {
		pid, err := unix.Wait4(c.pid, nil, unix.WNOHANG, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("wait for child %d: %w", c.pid, err)
		case pid == c.pid:
			c.reaped = true
			return c.released()
		case time.Now().After(deadline):
			return fmt.Errorf("child %d did not end within %v of SIGKILL", c.pid, childLimit)
		}
	}
}

// released closes what the test has of a child that is gone.
func (c *Child) released() error {
	if c.lineage == nil {
		return errors.Join(unix.Close(c.commands), unix.Close(c.replies))
	}
	c.lineage.free = append(c.lineage.free, c.slot)
	return unix.Close(c.pidfd)
}

// pause waits a millisecond, or up to the child's end where a pidfd tells it.
func (c *Child) pause() {
	_, _ = unix.Poll([]unix.PollFd{{Fd: int32(c.pidfd), Events: unix.POLLIN}}, 1)
}

// whereabouts says what a process does: its state and the innermost function of
// the kernel that it is in (proc(5), stat and stack).
func whereabouts(pid int) string {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	stack, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stack", pid))
	_, state, _ := strings.Cut(string(stat), ") ")
	if len(state) > 1 {
		state = state[:1]
	}
	return fmt.Sprintf("state %q, %q", state, stack)
}
