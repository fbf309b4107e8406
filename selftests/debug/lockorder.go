package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// lockOrder takes event_mutex and mmap_lock in both orders. The kernel's write
// to the word takes mmap_lock under event_mutex. munmap of a perf buffer takes
// event_mutex under mmap_lock if it drops the last reference of an event whose
// output goes to that buffer (kernel/events/core.c, perf_mmap_close: put_event).
// It holds one for some microseconds: another thread closes those events
// meanwhile, a little earlier or later each time.
func lockOrder(t *kit.T) {
	ev, d := t.Event("u32 count"), t.Open()
	r := d.Register(ev, t.Word().Bit(0))
	ev.On()
	t.Saw("on", r.Enabled())
	ev.Off()

	id, err := strconv.ParseUint(strings.TrimSpace(t.ReadFile(ev.Path("id"))), 10, 64)
	t.Check(err)
	const redirected, steps, limit = 16, 40, 20 * time.Second
	rounds := 0
	for end := time.Now().Add(limit); time.Now().Before(end) && lockdepWatches(t); rounds++ {
		target := perfOpen(t, id)
		buffer, err := unix.Mmap(target, 0, 2*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		t.Check(err)
		var fds []int
		for range redirected {
			fd := perfOpen(t, id)
			t.Check(unix.IoctlSetInt(fd, unix.PERF_EVENT_IOC_SET_OUTPUT, target))
			fds = append(fds, fd)
		}
		var closing sync.WaitGroup
		var begun atomic.Bool
		closing.Go(func() {
			begun.Store(true)
			for _, fd := range slices.Backward(fds) { // as munmap goes through them
				_ = unix.Close(fd) // nothing is lost with it
			}
		})
		for !begun.Load() {
		}
		for until := time.Now().Add(time.Duration(rounds%steps) * 50 * time.Microsecond); time.Now().Before(until); {
		}
		t.Check(unix.Munmap(buffer))
		closing.Wait()
		t.Check(unix.Close(target))
	}
	t.Logf("%d rounds", rounds)
	t.Saw("closed", "ok")
}

// lockdepWatches reports whether lockdep has not found anything yet, after which
// it stops looking (lib/debug_locks.c).
func lockdepWatches(t *kit.T) bool {
	stats, err := os.ReadFile("/proc/lockdep_stats")
	t.Check(err)
	for line := range strings.Lines(string(stats)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "debug_locks" {
			return strings.TrimSpace(value) == "1"
		}
	}
	t.Fatalf("/proc/lockdep_stats does not say debug_locks")
	return false
}

// perfOpen opens a perf event of this thread on a tracepoint. The caller closes
// it.
func perfOpen(t *kit.T, id uint64) int {
	attr := unix.PerfEventAttr{
		Type: unix.PERF_TYPE_TRACEPOINT, Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})), Config: id,
		Sample: 1, Sample_type: unix.PERF_SAMPLE_RAW,
	}
	const self, anyCPU = 0, -1
	fd, err := unix.PerfEventOpen(&attr, self, anyCPU, -1, unix.PERF_FLAG_FD_CLOEXEC)
	t.Check(err)
	return fd
}
