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

// shield makes this process proof against signals that a test sends to it or to
// everybody. The kernel keeps from PID 1 every signal that it does not handle
// (sig_task_ignored, kernel/signal.c), but the Go runtime handles all and ends
// the process for many. Ignoring them would do as well, but is inherited.
// signal.Notify takes ten milliseconds for them all under emulation.
func shield() {
	for _, sig := range []syscall.Signal{
		syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGPIPE,
		syscall.SIGALRM, syscall.SIGTERM, syscall.SIGSTKFLT, syscall.SIGXCPU, syscall.SIGXFSZ,
		syscall.SIGVTALRM, syscall.SIGIO, syscall.SIGPWR, syscall.SIGSYS, syscall.SIGTSTP,
	} {
		var action [8]uint64 // struct sigaction of zeros: SIG_DFL, no flags, no mask
		_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, sigsetSize, 0, 0)
	}
}

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
