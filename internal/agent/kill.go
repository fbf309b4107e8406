package agent

import (
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	// killLimit is how long a process in state D may take to die of SIGKILL. It
	// may never: a fault in the kernel leaves it there, with its locks held.
	killLimit = 2 * time.Second
	// dieLimit is how long those may take that need only processor time to die,
	// which hundreds do on a busy machine.
	dieLimit = 5 * time.Second
	// killPoll and killPollMost are how often it is looked whether they have.
	killPoll     = time.Millisecond
	killPollMost = 50 * time.Millisecond
)

// endAll kills every process that the test left, whatever group or session it
// is in, and waits for their end, at most dieLimit. It says what was left, or
// nothing, and returns the processes that cannot be killed.
//
// stuck holds the ids of processes that could not be killed earlier; nobody
// waits for them again.
func endAll(r *reaper, stuck map[int]bool) (left string, unkillable []process) {
	if !r.reap() {
		return "", nil
	}
	found, whole := descendants(stuck, whereLimit)
	if len(found) == 0 && whole {
		return "", nil
	}
	left = list(found)
	if !whole {
		left = strings.TrimPrefix(left+", and more than can be counted", ", ")
	}
	killAll(stuck)
	begin := time.Now()
	for pause := killPoll; ; pause = min(2*pause, killPollMost) {
		time.Sleep(pause)
		if !r.reap() {
			return left, nil
		}
		if pause < killPollMost {
			continue // most die at once; /proc is slow
		}
		unkillable, whole = descendants(stuck, whereLimit)
		took := time.Since(begin)
		if len(unkillable) == 0 && whole || took > dieLimit || took > killLimit && whole && allBlocked(unkillable) {
			return left, unkillable
		}
		killAll(stuck)
	}
}

// allBlocked reports whether every process has a thread in state D.
func allBlocked(processes []process) bool {
	return !slices.ContainsFunc(processes, func(p process) bool {
		return !slices.ContainsFunc(p.threads, func(t thread) bool { return t.state == 'D' })
	})
}

// killAll sends SIGKILL to every process of the test.
func killAll(stuck map[int]bool) {
	if os.Getpid() == 1 {
		// All but init and the kernel's threads, which have no use for it, in one
		// go: the kernel holds tasklist_lock, so no fork gets away (kill(2)).
		_ = syscall.Kill(-1, syscall.SIGKILL)
		return
	}
	found, _ := descendants(stuck, whereLimit)
	for _, p := range found {
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
}
