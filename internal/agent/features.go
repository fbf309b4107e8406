package agent

import (
	"os"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/selftests/catalog"
)

// features says how to find out whether this kernel has a feature of the
// catalogue: without side effects, without waiting, in well under a
// millisecond. A feature of the catalogue without a line here counts as
// missing, and a test fails.
var features = map[catalog.Feature]func() bool{
	"hugetlb":      exists("/sys/kernel/mm/hugepages"),
	"thp":          exists("/sys/kernel/mm/transparent_hugepage/enabled"),
	"ksm":          exists("/sys/kernel/mm/ksm/run"),
	"swap":         exists("/proc/swaps"),
	"userns":       exists("/proc/self/ns/user"),
	"perf":         exists("/proc/sys/kernel/perf_event_paranoid"), // tools/perf asks the same
	"kallsyms":     exists("/proc/kallsyms"),
	"slabinfo":     exists("/proc/slabinfo"),
	"tracefs":      exists(tracefs + "/trace"),
	"user_events":  exists(tracefs + "/user_events_data"),
	"instances":    exists(tracefs + "/instances"),
	"smp":          func() bool { return runtime.NumCPU() > 1 },
	"compat":       exists("/proc/sys/abi/vsyscall32"), // CONFIG_COMPAT_32 on x86-64, arch/x86/entry/vdso/vdso32-setup.c
	"memfd":        refuses(unix.SYS_MEMFD_CREATE, 0, ^uintptr(0)),
	"memfd_secret": refuses(unix.SYS_MEMFD_SECRET, ^uintptr(0)),
	"userfaultfd":  refuses(unix.SYS_USERFAULTFD, ^uintptr(0)),
	"soft-dirty":   softDirty,
}

// missing returns the features that this kernel lacks, sorted.
func missing() []string {
	var names []string
	for f, has := range features {
		if !has() {
			names = append(names, string(f))
		}
	}
	slices.Sort(names)
	return names
}

func exists(path string) func() bool {
	return func() bool {
		_, err := os.Lstat(path)
		return err == nil
	}
}

// refuses makes a system call with arguments that no kernel takes: one that has
// the call says so with another error than ENOSYS.
func refuses(nr uintptr, args ...uintptr) func() bool {
	return func() bool {
		var a [2]uintptr
		copy(a[:], args)
		fd, _, errno := unix.Syscall(nr, a[0], a[1], 0)
		if errno == 0 {
			_ = unix.Close(int(fd))
		}
		return errno != unix.ENOSYS
	}
}

// softDirty looks for bit 55 in the pagemap entry of a page just written
// (Documentation/admin-guide/mm/soft-dirty.rst): without
// CONFIG_MEM_SOFT_DIRTY it is never set.
func softDirty() bool {
	page := os.Getpagesize()
	mem, err := unix.Mmap(-1, 0, page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return false
	}
	defer func() { _ = unix.Munmap(mem) }()
	mem[0] = 1
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	var entry uint64
	buf := unsafe.Slice((*byte)(unsafe.Pointer(&entry)), 8)
	if _, err := f.ReadAt(buf, int64(uintptr(unsafe.Pointer(&mem[0]))/uintptr(page)*8)); err != nil {
		return false
	}
	return entry>>55&1 == 1
}
