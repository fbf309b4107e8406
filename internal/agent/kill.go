package agent

import (
	"os"
	"syscall"
	"time"
)

const (
	// killLimit is how long a process may take to die of SIGKILL. In state D it
	// never does: a fault in the kernel leaves it there, with its locks held.
	killLimit = 2 * time.Second
	// killPoll is how often the end of the last one is looked for.
	killPoll = time.Millisecond
)

// endAll kills every process that the test left, whatever group or session it
// is in, and waits for their end, at most killLimit. It returns those that
// were there, and those of them that cannot be killed.
//
// stuck holds the ids of processes that could not be killed earlier; nobody
// waits for them again.
func endAll(r *reaper, stuck map[int]bool) (left, unkillable []process) {
	if !r.reap() {
		return nil, nil
	}
	left, whole := descendants(stuck, whereLimit)
	if len(left) == 0 && whole {
		return nil, nil
	}
	for end := time.Now().Add(killLimit); ; time.Sleep(killPoll) {
		killAll(stuck)
		if !r.reap() {
			return left, nil
		}
		unkillable, whole = descendants(stuck, whereLimit)
		if len(unkillable) == 0 && whole || time.Now().After(end) {
			return left, unkillable
		}
	}
}

// killAll sends SIGKILL to every process of the test.
func killAll(stuck map[int]bool) {
	if os.Getpid() == 1 {
		// All but init and the kernel's threads, which have no use for it, in one
		// go: the kernel holds tasklist_lock, so no fork gets away (kill(2)).
		_ = syscall.Kill(-1, syscall.SIGKILL)
		return
	}
	found, _ := descendants(stuck, killLimit)
	for _, p := range found {
		_ = syscall.Kill(p.pid, syscall.SIGKILL)
	}
}
