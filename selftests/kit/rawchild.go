package kit

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The child of a raw clone has one thread, that of the caller, and the whole
// Go heap, but none of the threads that the runtime expects: a lock that
// another thread held stays locked for ever, and nobody collects, grows or
// schedules. So rawChild and what it calls use raw system calls and memory
// that was mapped before, and nothing else: no allocation, no growing of the
// stack (nosplit), no write barrier (no pointer is stored), no preemption
// (every signal is blocked before the clone and stays blocked).

// mailbox is a page shared between parent and child. One side writes it while
// the other waits in read(2) on a pipe; the system calls order the accesses.
type mailbox struct {
	op   uintptr
	nr   uintptr // opSyscall: number and arguments
	args [6]uintptr
	ptr  unsafe.Pointer // opLoad, opStore: what to access, in mapped memory

	result uintptr // opLoad: the value; opSyscall: r1
	errno  uintptr

	// opFork: what the new process takes its commands from.
	forkBox *mailbox
	forkFDs *childFDs

	text [2048]byte // aligned as a pointer
	call byte       // what the pipes carry
}

const (
	opLoad8 = 1 + iota
	opLoad32
	opStore32
	opSyscall
	opFork
	opExit
)

// childFDs are the descriptors that the child uses and those that it closes.
type childFDs struct {
	commands int // read
	replies  int // write
	close    [5]int
}

// rawFork forks. In the child it never returns. The caller is locked to its
// thread, which has to outlive the child: the kernel kills the child when the
// thread that cloned it ends (PR_SET_PDEATHSIG).
//
// The arguments of clone(2) stand in another order on some machines; with
// nothing but the signal that the order does not matter, s390x excepted.
//
//go:nosplit
//go:norace
func rawFork(box *mailbox, fds *childFDs, all, old *sigset) (pid uintptr, errno unix.Errno) {
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(all)), uintptr(unsafe.Pointer(old)), sigsetSize, 0, 0)
	pid, _, errno = unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if pid == 0 && errno == 0 {
		rawChild(box, fds)
	}
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK,
		uintptr(unsafe.Pointer(old)), 0, sigsetSize, 0, 0)
	return pid, errno
}

// sigset is the kernel's sigset_t: 64 signals on every machine but mips.
type sigset uint64

const sigsetSize = unsafe.Sizeof(sigset(0))

// rawChild does what the mailbox says until it is told to exit or the parent
// is gone.
//
//go:nosplit
//go:norace
func rawChild(box *mailbox, fds *childFDs) {
	_, _, _ = unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0, 0)
	for i := 0; i < len(fds.close); i++ {
		_, _, _ = unix.RawSyscall(unix.SYS_CLOSE, uintptr(fds.close[i]), 0, 0)
	}
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fds.commands), uintptr(unsafe.Pointer(&box.call)), 1)
		if errno == unix.EINTR {
			continue
		}
		if n != 1 || errno != 0 {
			rawExit(0) // the parent closed its end, or died
		}
		box.errno = 0
		switch box.op {
		case opLoad8:
			box.result = uintptr(*(*uint8)(box.ptr))
		case opLoad32:
			box.result = uintptr(*(*uint32)(box.ptr))
		case opStore32:
			*(*uint32)(box.ptr) = uint32(box.args[0])
		case opSyscall:
			r1, _, errno := unix.RawSyscall6(box.nr, box.args[0], box.args[1], box.args[2], box.args[3], box.args[4], box.args[5])
			box.result, box.errno = r1, uintptr(errno)
		case opFork:
			// A sibling: whoever made this process waits for the new one too. What
			// the mailbox says is read before: when the new process runs, it may
			// hold the next command to this one.
			newBox, newFDs := box.forkBox, box.forkFDs
			r1, _, errno := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_PARENT|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
			if r1 == 0 && errno == 0 {
				_, _, _ = unix.RawSyscall6(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0, 0)
				box, fds = newBox, newFDs
				continue
			}
			box.result, box.errno = r1, uintptr(errno)
		case opExit:
			rawExit(box.args[0])
		}
		for {
			_, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fds.replies), uintptr(unsafe.Pointer(&box.call)), 1)
			if errno == 0 {
				break
			}
			if errno != unix.EINTR {
				rawExit(1)
			}
		}
	}
}

//go:nosplit
//go:norace
func rawExit(code uintptr) {
	for {
		_, _, _ = unix.RawSyscall(unix.SYS_EXIT_GROUP, code, 0, 0)
	}
}
