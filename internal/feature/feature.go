// Package feature names what a kernel may lack and a selftest may need, and
// says how to find out: one entry here is all that a new one takes.
//
// user_events itself is none of them: where it is missing there is no
// generation, and no test applies.
package feature

import (
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

// Name names a feature: in a test's needs, in a skip, in a report.
type Name string

// The features.
const (
	Compat32     Name = "compat32"       // programs for 386 on amd64, CONFIG_IA32_EMULATION
	HistTriggers Name = "hist-triggers"  // hist: in a trigger file, CONFIG_HIST_TRIGGERS
	HugePages    Name = "huge-pages"     // MADV_HUGEPAGE, CONFIG_TRANSPARENT_HUGEPAGE
	Hugetlb      Name = "hugetlb"        // MAP_HUGETLB, CONFIG_HUGETLBFS
	Instances    Name = "instances"      // trace instances: tracefs has a folder instances
	KSM          Name = "ksm"            // MADV_MERGEABLE, CONFIG_KSM
	Memfd        Name = "memfd"          // memfd_create(2), CONFIG_MEMFD_CREATE
	Pagemap      Name = "pagemap"        // /proc/PID/pagemap, CONFIG_PROC_PAGE_MONITOR
	Perf         Name = "perf"           // perf_event_open(2), CONFIG_PERF_EVENTS
	RAMDisk      Name = "ram-disk"       // /dev/ram0, CONFIG_BLK_DEV_RAM
	SMP          Name = "smp"            // two CPUs, CONFIG_SMP and a machine that has them
	SecretMemory Name = "secret-memory"  // memfd_secret(2), CONFIG_SECRETMEM; it may need secretmem.enable=1
	SoftDirty    Name = "soft-dirty"     // /proc/PID/clear_refs takes 4, CONFIG_MEM_SOFT_DIRTY
	Swap         Name = "swap"           // swapon(2), CONFIG_SWAP
	Userfault    Name = "userfaultfd"    // userfaultfd(2), CONFIG_USERFAULTFD
	UserfaultWP  Name = "userfaultfd-wp" // and write protection by it, which takes the architecture's support
	UserNS       Name = "user-namespace" // CLONE_NEWUSER, CONFIG_USER_NS
)

// UserEvents is what a test says it lacks that finds no user_events at all. No
// test may need it.
const UserEvents Name = "user_events"

// Tracefs is where the guest has tracefs.
const Tracefs = "/sys/kernel/tracing"

// table says how to find out whether the running kernel has a feature: without
// side effects, without waiting, in well under a millisecond.
var table = []struct {
	name   Name
	option string // of the kernel's configuration, without CONFIG_; empty if no one option brings it
	has    func() bool
	only   []string // architectures that can have it; nil: each
}{
	// arch/x86/entry/vdso/vdso32-setup.c is there with CONFIG_IA32_EMULATION.
	// The kernel may still refuse such programs (ia32_emulation=0): that is
	// found out by starting one.
	{Compat32, "IA32_EMULATION", exists("/proc/sys/abi/vsyscall32"), []string{"x86_64"}},
	{HistTriggers, "HIST_TRIGGERS", readmeSays("hist:keys="), []string{"x86_64", "arm64"}},
	{HugePages, "TRANSPARENT_HUGEPAGE", exists("/sys/kernel/mm/transparent_hugepage/enabled"), nil},
	{Hugetlb, "HUGETLBFS", exists("/proc/sys/vm/nr_hugepages"), nil},
	{Instances, "", exists(Tracefs + "/instances"), nil},
	{KSM, "KSM", exists("/sys/kernel/mm/ksm/run"), nil},
	{Memfd, "MEMFD_CREATE", answers(unix.SYS_MEMFD_CREATE, 0, ^uintptr(0)), nil},
	{Pagemap, "PROC_PAGE_MONITOR", exists("/proc/self/pagemap"), nil},
	// As tools/perf does: the file is there if CONFIG_PERF_EVENTS is
	// (perf_event_open(2)).
	{Perf, "PERF_EVENTS", exists("/proc/sys/kernel/perf_event_paranoid"), nil},
	{RAMDisk, "BLK_DEV_RAM", exists("/dev/ram0"), nil},
	// Up to 6.4 the system call says ENOSYS unless the parameter is set, so it
	// is the parameter that is asked for.
	{SecretMemory, "SECRETMEM", exists("/sys/module/secretmem/parameters/enable"), nil},
	{SMP, "SMP", func() bool { return runtime.NumCPU() > 1 }, nil},
	{SoftDirty, "MEM_SOFT_DIRTY", softDirty, []string{"x86_64"}},
	{Swap, "SWAP", exists("/proc/swaps"), nil},
	{Userfault, "USERFAULTFD", answers(unix.SYS_USERFAULTFD, ^uintptr(0), 0), nil},
	{UserfaultWP, "", userfaultWP, []string{"x86_64"}},
	{UserNS, "USER_NS", exists("/proc/self/ns/user"), nil},
}

// All returns the features that a test may need.
func All() []Name {
	names := make([]Name, len(table))
	for i, f := range table {
		names[i] = f.name
	}
	return names
}

// On returns the features that a kernel of an architecture can have: "x86_64",
// "arm64", "riscv64".
func On(arch string) []Name {
	var names []Name
	for _, f := range table {
		if f.only == nil || slices.Contains(f.only, arch) {
			names = append(names, f.name)
		}
	}
	return names
}

// Option returns the option of the kernel's configuration that brings a feature,
// without CONFIG_; empty if there is none that does so alone.
func Option(name Name) string {
	for _, f := range table {
		if f.name == name {
			return f.option
		}
	}
	return ""
}

// Has reports whether the running kernel has a feature.
func Has(name Name) bool {
	for _, f := range table {
		if f.name == name {
			return f.has()
		}
	}
	return false
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
