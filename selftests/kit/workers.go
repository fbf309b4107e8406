package kit

import (
	"os"
	"path/filepath"
	"strings"
)

// WorkersFinish waits until no worker of the kernel is in the midst of an item
// of the queue that user_events uses (g3, schedule_work): what it has logged
// may not be all that it does.
func (t *T) WorkersFinish() {
	t.Until("the kernel's workers have finished", func() bool {
		// A process that ends meanwhile is none.
		comms, err := filepath.Glob("/proc/[0-9]*/comm")
		t.Check(err)
		for _, file := range comms {
			if comm, err := os.ReadFile(file); err == nil && busyWorker(string(comm)) {
				return false
			}
		}
		return true
	})
}

// busyWorker reports whether a thread's name is that of a worker which works at
// an item of system_wq: "kworker/1:2+events", with a minus where it was the
// worker's last (wq_worker_comm of kernel/workqueue.c).
func busyWorker(comm string) bool {
	return strings.HasPrefix(comm, "kworker/") && strings.HasSuffix(strings.TrimSpace(comm), "+events")
}
