package agent

import (
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A reaper waits for all children of this process, those it started and those
// it inherited: an orphan becomes the child of PID 1 or of the nearest
// subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)). No other code may wait for a
// child while there is a reaper.
//
// It has a thread in waitid(2) as long as there are children. A handler of
// SIGCHLD would do too, but to deliver a signal is a long way through kernel
// and runtime, which nothing else in a guest takes.
type reaper struct {
	mu       sync.Mutex
	watching map[int]chan<- syscall.WaitStatus
	waits    bool // a goroutine waits for the next child's end
	closed   bool
}

func newReaper() *reaper {
	return &reaper{watching: map[int]chan<- syscall.WaitStatus{}}
}

// close leaves the children that there still are, and their ends, to others.
func (r *reaper) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
}

// start calls fork, which returns the id of a new child, and returns the channel
// on which that child's status will come. The lock keeps the child from being
// reaped before it is known.
func (r *reaper) start(fork func() (pid int, err error)) (pid int, exited <-chan syscall.WaitStatus, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if pid, err = fork(); err != nil {
		return 0, nil, err
	}
	c := make(chan syscall.WaitStatus, 1)
	r.watching[pid] = c
	if !r.waits {
		r.waits = true
		go r.wait()
	}
	return pid, c, nil
}

// wait reaps until there are no children. Nobody inherits a child who has none:
// an orphan's next ancestor that lives is one, or is this process.
func (r *reaper) wait() {
	for {
		// WNOWAIT: it is collected below, whoever comes first.
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT|unix.WALL, nil)
		if err == unix.EINTR {
			continue
		}
		r.mu.Lock()
		if r.closed || !r.collect() {
			r.waits = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
	}
}

// reapMost bounds the work of one call of reap: a fork bomb ends children as
// fast as they are collected.
const reapMost = 10000

// reap collects the children that have ended and reports whether there are
// others.
func (r *reaper) reap() (others bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.collect()
}

// collect is reap with r.mu held.
func (r *reaper) collect() (others bool) {
	for range reapMost {
		var status syscall.WaitStatus
		// __WALL: also a child of clone(2) whose exit signal is not SIGCHLD,
		// which the raw fork of a test may leave to us.
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG|unix.WALL, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil: // ECHILD
			return false
		case pid == 0:
			return true
		}
		if c, ok := r.watching[pid]; ok {
			c <- status
			delete(r.watching, pid)
		}
	}
	return true
}
