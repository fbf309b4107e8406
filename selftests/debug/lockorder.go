package main

import (
	"os"
	"runtime"
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
// It holds one of its own while it waits for the event's mmap_mutex, and no
// longer: lastReference has it wait there until the event is closed.
func lockOrder(t *kit.T) {
	ev, d := t.Event("u32 count"), t.Open()
	r := d.Register(ev, t.Word().Bit(0))
	ev.On()
	t.Saw("on", r.Enabled())
	ev.Off()

	id, err := strconv.ParseUint(strings.TrimSpace(t.ReadFile(ev.Path("id"))), 10, 64)
	t.Check(err)
	const limit = 20 * time.Second
	rounds, waited := 0, 0
	for end := time.Now().Add(limit); time.Now().Before(end) && lockdepWatches(t); rounds++ {
		if lastReference(t, id) {
			waited++
		}
	}
	t.Logf("%d rounds, munmap waited in %d", rounds, waited)
	t.Saw("closed", "ok")
}

// lastReference unmaps a perf buffer such that munmap is left with the last
// reference of an event. A redirection to the event holds its mmap_mutex for a
// grace period of RCU (ring_buffer_attach: cond_synchronize_rcu), in which munmap
// comes to wait for it and the event is closed; the redirection, which has a
// reference of its own as long as it lasts, drops it before munmap gets a CPU
// again. It reports whether munmap was seen to wait.
func lastReference(t *kit.T, id uint64) bool {
	runtime.LockOSThread() // all events have to be those of one thread
	defer runtime.UnlockOSThread()
	size := 2 * os.Getpagesize()
	mapped := func(fd int) uintptr {
		addr, _, errno := unix.Syscall6(unix.SYS_MMAP, 0, uintptr(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED, uintptr(fd), 0)
		if errno != 0 {
			t.Fatalf("map a perf buffer: %v", errno)
		}
		return addr
	}
	target, before := perfOpen(t, id), perfOpen(t, id)
	buffer, other := mapped(target), mapped(before)
	event, mover := perfOpen(t, id), perfOpen(t, id)
	t.Check(unix.IoctlSetInt(event, unix.PERF_EVENT_IOC_SET_OUTPUT, target))
	// What leaves another buffer waits for the grace period.
	t.Check(unix.IoctlSetInt(mover, unix.PERF_EVENT_IOC_SET_OUTPUT, before))

	// While munmap waits nobody may fault: what follows allocates nothing.
	var tids [3]atomic.Int32
	var move, unmap, spin, moved atomic.Bool
	var moveErr, unmapErr unix.Errno
	var all sync.WaitGroup
	on := func(i, cpu, policy int, work func()) {
		all.Go(func() {
			runtime.LockOSThread() // and stays locked: the thread ends with it
			pin(t, cpu, policy)
			tids[i].Store(int32(unix.Gettid()))
			work()
		})
	}
	const schedOther, schedIdle = 0, 5 // include/uapi/linux/sched.h
	on(0, 0, schedOther, func() {
		for !move.Load() {
			nap()
		}
		_, _, moveErr = unix.Syscall(unix.SYS_IOCTL, uintptr(mover), unix.PERF_EVENT_IOC_SET_OUTPUT, uintptr(event))
		moved.Store(true)
	})
	on(1, 1, schedIdle, func() {
		for !unmap.Load() {
			nap()
		}
		_, _, unmapErr = unix.Syscall(unix.SYS_MUNMAP, buffer, uintptr(size), 0)
	})
	// Keeps munmap, of which any other task is more urgent, from its CPU.
	on(2, 1, schedOther, func() {
		for !spin.Load() {
			nap()
		}
		for end := time.Now().Add(patience); !moved.Load() && time.Now().Before(end); {
		}
	})
	var stats [2]int
	for i := range stats {
		for tids[i].Load() == 0 {
			nap()
		}
		fd, err := unix.Open("/proc/self/task/"+strconv.Itoa(int(tids[i].Load()))+"/stat", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		t.Check(err)
		stats[i] = fd
	}
	move.Store(true)
	blocked(stats[0])
	unmap.Store(true)
	waits := blocked(stats[1])
	spin.Store(true)
	closeErr := unix.Close(event)
	all.Wait()
	t.Check(closeErr)
	if moveErr != 0 || unmapErr != 0 {
		t.Fatalf("redirect: %v, munmap: %v", moveErr, unmapErr)
	}
	if _, _, errno := unix.Syscall(unix.SYS_MUNMAP, other, uintptr(size), 0); errno != 0 {
		t.Fatalf("munmap: %v", errno)
	}
	for _, fd := range []int{target, before, mover, stats[0], stats[1]} {
		t.Check(unix.Close(fd))
	}
	return waits
}

// patience bounds what a round waits for: a grace period takes some 20 ms.
const patience = 200 * time.Millisecond

// nap gives the CPU to whoever wants it.
func nap() { _ = unix.Nanosleep(&unix.Timespec{Nsec: 50_000}, nil) }

// blocked waits for a thread to sleep in the kernel where no signal wakes it
// ("D", proc_pid_stat(5)), and reports whether it does. It allocates nothing.
func blocked(stat int) bool {
	var text [64]byte
	for end := time.Now().Add(patience); time.Now().Before(end); {
		n, err := unix.Pread(stat, text[:], 0)
		if err != nil || n < 0 {
			return false
		}
		for i := 0; i+2 < n; i++ {
			if text[i] == ')' && text[i+2] == 'D' {
				return true
			}
		}
	}
	return false
}

// pin keeps the calling thread to a CPU, under a scheduling policy.
func pin(t *kit.T, cpu, policy int) {
	var set unix.CPUSet
	set.Set(cpu)
	t.Check(unix.SchedSetaffinity(0, &set))
	var param struct{ priority int32 }
	if _, _, errno := unix.Syscall(unix.SYS_SCHED_SETSCHEDULER, 0, uintptr(policy), uintptr(unsafe.Pointer(&param))); errno != 0 {
		t.Fatalf("sched_setscheduler: %v", errno)
	}
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
