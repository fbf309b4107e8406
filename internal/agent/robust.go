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
// caller is the main goroutine; it keeps its thread for good.
//
// The Go runtime handles most signals and ends the process for many. Here the
// kernel drops them. A child does not inherit that: package syscall resets what
// the runtime had handled at its start. Three are left to the runtime, which
// turns them into panics with a stack. (signal.Notify would do too, but takes
// ten milliseconds under emulation.)
//
// Of signals that nobody handles the kernel spares PID 1, but not while its
// first thread blocks them (sig_ignored and complete_signal, kernel/signal.c). It
// does in each of the runtime's handlers. So those that the runtime does not
// handle get a handler that does nothing; that they are dropped a child would
// inherit. And package os/signal has a thread that blocks nearly all (ensureSigM,
// runtime/signal_unix.go): it must not be the first.
func shield() {
	runtime.LockOSThread()
	var handled sigaction
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(syscall.SIGURG), 0, uintptr(unsafe.Pointer(&handled)), sigsetSize, 0, 0)
	for sig := syscall.Signal(1); sig <= lastUnhandled; sig++ {
		action := sigaction{sigIgn}
		switch sig {
		case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, // panics
			syscall.SIGCHLD, syscall.SIGURG, syscall.SIGPROF, // in use
			syscall.SIGKILL, syscall.SIGSTOP, // can't be handled
			syscall.SIGCONT: // does nothing to who is not stopped
			continue
		case syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU, 32, 33, lastUnhandled:
			action[0] = uint64(spare)
			copy(action[1:], handled[1:]) // flags, and what returns from a handler
		}
		_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, sigsetSize, 0, 0)
	}
}

// lastUnhandled is the last of the three signals that the runtime leaves to the
// C library (sigtable, runtime/sigtab_linux_generic.go).
const lastUnhandled = 34

// spare is the address of a signal handler that does nothing.
var spare uintptr

// sigaction is the kernel's struct sigaction, which is four words, or three
// without a restorer.
type sigaction [4]uint64

// sigIgn is SIG_IGN (include/uapi/asm-generic/signal-defs.h), as the first word
// of struct sigaction in the order of a 64-bit or little-endian machine.
const sigIgn = 1

// sigsetSize is sizeof(sigset_t) in the kernel: 64 signals.
const sigsetSize = 8

// preferred is the nice value of the agent's threads: with hundreds of processes
// that want the processor, the watchdog of an ordinary one came ten seconds
// late. ordinary is that of the tests.
const (
	preferred = -20
	ordinary  = 0
)

// prefer has the scheduler prefer all threads of this process, and those that
// they make.
func prefer() error {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range tasks {
		tid, err := strconv.Atoi(t.Name())
		if err != nil {
			return err
		}
		if err := unix.Setpriority(unix.PRIO_PROCESS, tid, preferred); err != nil {
			return err
		}
	}
	return nil
}

// A starter starts test programs, on a thread of its own that is not
// preferred: a child inherits the nice value of the thread that made it. (A
// thread that the runtime makes while this one is busy does not inherit from
// it: newm, runtime/proc.go, never clones a locked one.)
type starter chan func()

func newStarter() starter {
	s := make(starter)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		for start := range s {
			start()
		}
	}()
	return s
}

// do calls start on the starter's thread.
func (s starter) do(start func() (int, error)) (pid int, err error) {
	done := make(chan struct{})
	s <- func() {
		defer close(done)
		if err = unix.Setpriority(unix.PRIO_PROCESS, 0, ordinary); err == nil {
			pid, err = start()
		}
	}
	<-done
	return pid, err
}

// spareThreads is how many threads the agent has in reserve beside the five or
// so that it used to set itself up: enough for all of its goroutines to be in a
// system call at once. With four a fork bomb ended PID 1 each time, with eight
// never, and with sixteen it never had to make another.
const spareThreads = 16

// reserveThreads has the Go runtime make threads ahead of time, which it keeps.
// When a test has used up the kernel's threads none can be made, and a Go
// program that needs one and gets none is ended by its runtime: as PID 1, with
// the whole guest.
func reserveThreads() { makeThreads(spareThreads) }

func makeThreads(n int) {
	var all sync.WaitGroup
	all.Add(n)
	for range n {
		go func() {
			runtime.LockOSThread() // until all are there, so that each is one more
			defer runtime.UnlockOSThread()
			all.Done()
			all.Wait()
		}()
	}
	all.Wait()
}
