package agent

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A reaper waits for all children of this process, those it started and those
// it inherited: an orphan becomes the child of PID 1 or of the nearest
// subreaper (PR_SET_CHILD_SUBREAPER, prctl(2)). No other code may wait for a
// child while there is a reaper.
type reaper struct {
	sigchld chan os.Signal

	mu       sync.Mutex
	watching map[int]chan<- syscall.WaitStatus
}

func newReaper() *reaper {
	r := &reaper{sigchld: make(chan os.Signal, 1), watching: map[int]chan<- syscall.WaitStatus{}}
	signal.Notify(r.sigchld, syscall.SIGCHLD)
	go func() {
		for range r.sigchld {
			r.reap()
		}
	}()
	return r
}

func (r *reaper) close() {
	signal.Stop(r.sigchld)
	close(r.sigchld)
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
	return pid, c, nil
}

// reapMost bounds the work of one call of reap: a fork bomb ends children as
// fast as they are collected.
const reapMost = 10000

// reap collects the children that have ended and reports whether there are
// others.
func (r *reaper) reap() (others bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
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
