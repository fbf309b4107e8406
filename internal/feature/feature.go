// Package feature names what a kernel may lack and a selftest may need, and
// says how to find out: one entry here is all that a new one takes.
//
// user_events itself is none of them: where it is missing there is no
// generation, and no test applies.
package feature

import (
	"os"

	"golang.org/x/sys/unix"
)

// Name names a feature: in a test's needs, in a skip, in a report.
type Name string

// The features.
const (
	HugePages Name = "huge-pages" // MADV_HUGEPAGE, CONFIG_TRANSPARENT_HUGEPAGE
	Instances Name = "instances"  // trace instances: tracefs has a folder instances
	Memfd     Name = "memfd"      // memfd_create(2), CONFIG_MEMFD_CREATE
	Pagemap   Name = "pagemap"    // /proc/PID/pagemap, CONFIG_PROC_PAGE_MONITOR
	Perf      Name = "perf"       // perf_event_open(2), CONFIG_PERF_EVENTS
)

// UserEvents is what a test says it lacks that finds no user_events at all. No
// test may need it.
const UserEvents Name = "user_events"

// Tracefs is where the guest has tracefs.
const Tracefs = "/sys/kernel/tracing"

// table says how to find out whether the running kernel has a feature: without
// side effects, without waiting, in well under a millisecond.
var table = []struct {
	name Name
	has  func() bool
}{
	{HugePages, exists("/sys/kernel/mm/transparent_hugepage")},
	{Instances, exists(Tracefs + "/instances")},
	{Memfd, answers(unix.SYS_MEMFD_CREATE, 0, ^uintptr(0))},
	{Pagemap, exists("/proc/self/pagemap")},
	// As tools/perf does: the file is there if CONFIG_PERF_EVENTS is
	// (perf_event_open(2)).
	{Perf, exists("/proc/sys/kernel/perf_event_paranoid")},
}

// All returns the features that a test may need.
func All() []Name {
	names := make([]Name, len(table))
	for i, f := range table {
		names[i] = f.name
	}
	return names
}

// Missing returns the features that the running kernel lacks.
func Missing() []Name {
	names := []Name{}
	for _, f := range table {
		if !f.has() {
			names = append(names, f.name)
		}
	}
	return names
}

func exists(path string) func() bool {
	return func() bool {
		_, err := os.Lstat(path)
		return err == nil
	}
}

// answers makes a system call with arguments that no kernel takes: one that has
// the call says so with another error than ENOSYS.
func answers(nr, arg0, arg1 uintptr) func() bool {
	return func() bool {
		_, _, errno := unix.Syscall(nr, arg0, arg1, 0)
		return errno != unix.ENOSYS
	}
}
