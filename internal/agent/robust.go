package agent

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What keeps PID 1 alive and on time whatever a test does.

// shield makes this process proof against signals that a test sends to it. The
// Go runtime handles all signals and ends the process for many. Here the kernel
// drops them. A child does not inherit that: package syscall resets what the
// runtime had handled at its start. Three are left to the runtime, which turns
// them into panics with a stack.
//
// Not SIG_DFL, though the kernel keeps such a signal from PID 1 too: not while
// its first thread blocks it (sig_ignored and complete_signal,
// kernel/signal.c), and the thread of package os/signal blocks nearly all
// (ensureSigM, runtime/signal_unix.go). Not signal.Notify: it takes ten
// milliseconds under emulation.
func shield() {
	for sig := syscall.Signal(1); sig < 32; sig++ {
		switch sig {
		case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, // panics
			syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPROF, // in use
			syscall.SIGKILL, syscall.SIGSTOP, // can't be handled
			// Not handled by the runtime, so a child would inherit SIG_IGN, and by
			// default they stop a process, which the kernel spares PID 1.
			syscall.SIGCONT, syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
			continue
		}
		action := [8]uint64{sigIgn} // struct sigaction: no flags, no mask
		_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, sigsetSize, 0, 0)
	}
}

// sigIgn is SIG_IGN (include/uapi/asm-generic/signal-defs.h), as the first word
// of struct sigaction in the order of a 64-bit or little-endian machine.
const sigIgn = 1

// sigsetSize is sizeof(sigset_t) in the kernel: 64 signals.
const sigsetSize = 8

// prefer has the scheduler prefer this process to the tests, so that the
// watchdog is on time however many processes a test has made. Their nice value
// is 0 nevertheless (SCHED_FLAG_RESET_ON_FORK, sched_setattr(2)), and so is
// that of threads that are made later.
func prefer() error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Flags: unix.SCHED_FLAG_RESET_ON_FORK, Nice: -20}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.SchedSetAttr(tid, &attr, 0); err != nil {
			return err
		}
	}
	return nil
}

// spareThreads is how many threads the agent has in reserve.
const spareThreads = 8

// reserveThreads has the Go runtime make threads ahead of time, which it keeps.
// When a test has used up the kernel's threads none can be made, and a Go
// program that needs one and gets none is ended by its runtime: as PID 1, with
// the whole guest.
func reserveThreads() {
	var all sync.WaitGroup
	all.Add(spareThreads)
	for range spareThreads {
		go func() {
			runtime.LockOSThread() // until all are there, so that each is one more
			defer runtime.UnlockOSThread()
			all.Done()
			all.Wait()
		}()
	}
	all.Wait()
}
