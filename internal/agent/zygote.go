package agent

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/wire"
)

// A guest that is restored finds everything in its memory, but no instruction
// that the emulator has met: it translates each anew, ten microseconds a block.
// To exec a program and have the Go runtime and all packages set themselves up
// is most of what a short test has translated. So a guest that settles starts a
// process that has that behind it and waits for its order, a zygote: the first
// test that runs in the restored guest is done by it. The programs being one
// binary, it can become any of them.
//
// It is started as a test program is, and is one once it has its order, but that
// /proc shows another command line and environment. Who wants a standard input
// of his own is started in the ordinary way.

// Zygote is the name under which the guest program waits for its order.
const Zygote = "zygote"

// zygoteThreads are as many as a short test has the Go runtime make.
const zygoteThreads = 3

// The descriptors of a zygote behind the three standard ones.
const (
	reportFD = 3 // a test program's
	orderFD  = 4 // a Run message comes, once
)

// Become waits for the order and returns the program that the caller is to be,
// with the arguments and the environment that it is started with otherwise. If
// the agent has no order it does not return.
func Become() string {
	runtime.LockOSThread() // the first thread: it has the process's name
	defer runtime.UnlockOSThread()
	makeThreads(zygoteThreads)
	_ = os.Setenv(timeoutVariable, "0s") // the first one copies the environment
	// Said as a test says what it sees: what that takes is then there.
	ready, err := wire.Append(nil, wire.Message{Kind: wire.Settled})
	if err == nil {
		_, err = unix.Write(reportFD, ready)
	}
	var m wire.Message
	if err == nil {
		m, err = readOrder(orderFD)
	}
	if err == nil {
		_ = unix.Close(orderFD)
		name := append([]byte(m.Program), 0)
		err = unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&name[0])), 0, 0, 0)
	}
	if err == nil {
		err = os.Setenv(timeoutVariable, m.Timeout.String())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "zygote:", err)
		os.Exit(1)
	}
	os.Args = arguments(m.Program, m.ID)
	return m.Program
}

// readOrder reads one message. The agent ends a zygote that it has no use for.
func readOrder(fd int) (wire.Message, error) {
	var line []byte
	buf := make([]byte, 1<<10)
	for {
		n, err := unix.Read(fd, buf)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return wire.Message{}, err
		case n == 0:
			os.Exit(0)
		}
		line = append(line, buf[:n]...)
		if bytes.HasSuffix(line, []byte("\n")) {
			return wire.Parse(line)
		}
	}
}

// A zygote is the agent's side of one.
type zygote struct {
	*child
	faulted bool // the kernel had, before
}

// breed starts a zygote and returns when it waits for its order.
func (r *runner) breed(path string) (*zygote, error) {
	theirs, order, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = theirs.Close() }()
	stdin, err := inputFile("")
	if err != nil {
		_ = order.Close()
		return nil, err
	}
	defer func() { _ = stdin.Close() }()
	z := &zygote{faulted: r.faulted()}
	if z.child, err = r.fork(path, []string{Zygote}, os.Environ(), stdin, theirs); err != nil {
		_ = order.Close()
		return nil, err
	}
	z.order = order
	if err := z.await(restLimit); err != nil {
		r.drop(z)
		return nil, err
	}
	return z, nil
}

// await reads the zygote's first message and returns when it sleeps.
func (z *zygote) await(limit time.Duration) error {
	end := time.Now().Add(limit)
	if err := z.report.SetReadDeadline(end); err != nil {
		return err
	}
	line := make([]byte, 1<<10)
	n, err := z.report.Read(line) // it comes in one write
	if err != nil {
		return err
	}
	if m, err := wire.Parse(line[:n]); err != nil || m.Kind != wire.Settled {
		return fmt.Errorf("it says %.80q (%v), want settled", line[:n], err)
	}
	for before := time.Duration(-1); ; time.Sleep(5 * time.Millisecond) {
		used := processTime(z.pid)
		if used == before {
			break
		}
		if time.Now().After(end) {
			return errors.New("it does not come to rest")
		}
		before = used
	}
	return z.report.SetReadDeadline(time.Time{})
}

// processTime is the processor time that a process has used. Its files in /proc
// tell its state, but once they were read the kernel keeps them in its cache, and
// whoever reaps the process has to clear them away
// (proc_invalidate_siblings_dcache, fs/proc/inode.c): in each restored guest.
func processTime(pid int) time.Duration {
	const sched = 2 // CPUCLOCK_SCHED, include/linux/posix-timers.h
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|sched), &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// tell gives the zygote its order. After an error it is no test.
func (z *zygote) tell(m wire.Message) error { return wire.NewEncoder(z.order).Encode(m) }

// drop ends a zygote.
func (r *runner) drop(z *zygote) {
	_ = syscall.Kill(z.pid, syscall.SIGKILL)
	select {
	case <-z.exited:
	case <-time.After(dieLimit):
		r.stuck[z.pid] = true
	}
	z.close()
}

// hatch returns the process that waits to become m's program, nil if there is
// none or it can't. It is nobody else's from then on.
func (r *runner) hatch(m wire.Message) *zygote {
	z := r.zygote
	r.zygote = nil
	if z != nil && (m.Text != "" || !r.becomes(m.Program)) {
		r.drop(z)
		z = nil
	}
	return z
}
