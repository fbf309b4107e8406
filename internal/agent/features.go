package agent

import (
	"os"

	"golang.org/x/sys/unix"

	"uetest/selftests/catalog"
)

// features says how to find out whether this kernel has a feature of the
// catalogue: without side effects, without waiting, in well under a
// millisecond.
var features = map[catalog.Feature]func() bool{
	catalog.Instances: exists(tracefs + "/instances"),
	catalog.Memfd:     answers(unix.SYS_MEMFD_CREATE, 0, ^uintptr(0)),
	// As tools/perf does: the file is there if CONFIG_PERF_EVENTS is
	// (perf_event_open(2)).
	catalog.Perf: exists("/proc/sys/kernel/perf_event_paranoid"),
}

// missing returns the features of the catalogue that this kernel lacks. One
// that nobody knows how to check counts as missing.
func missing() []string {
	names := []string{}
	for _, f := range catalog.Features() {
		if has := features[f]; has == nil || !has() {
			names = append(names, string(f))
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
