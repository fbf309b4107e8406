package agent

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const tracefs = "/sys/kernel/tracing"

// A mount is one line of the guest's fstab.
type mount struct {
	target, fs string
	flags      uintptr
	data       string
	optional   bool // the kernel may lack it; a Feature says so where it matters
}

const safe = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

var mounts = []mount{
	{"/proc", "proc", safe, "", false},
	{"/sys", "sysfs", safe, "", false},
	{"/dev", "devtmpfs", unix.MS_NOSUID, "mode=0755", false},
	{"/dev/pts", "devpts", unix.MS_NOSUID | unix.MS_NOEXEC, "ptmxmode=0666,mode=0620", true},
	{"/dev/shm", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777", true},
	{"/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV, "mode=1777", true},
	{tracefs, "tracefs", safe, "", true},
	{"/sys/kernel/debug", "debugfs", safe, "", true},
	{"/dev/hugepages", "hugetlbfs", unix.MS_NOSUID | unix.MS_NODEV, "", true},
}

// sysctls are written under /proc/sys if they are there.
var sysctls = []struct{ name, value string }{
	{"kernel/hostname", "uetest"},
	// What tests log is never dropped for its rate.
	{"kernel/printk_devkmsg", "on"},
	// Tests read addresses and symbols, use perf and userfaultfd, and drop
	// their rights without losing these.
	{"kernel/kptr_restrict", "0"},
	{"kernel/dmesg_restrict", "0"},
	{"kernel/perf_event_paranoid", "-1"},
	{"kernel/perf_event_mlock_kb", "65536"},
	{"vm/unprivileged_userfaultfd", "1"},
	// The host may ask for a dump of all tasks.
	{"kernel/sysrq", "1"},
	// Who was killed for want of memory, but not all who were there.
	{"vm/oom_dump_tasks", "0"},
	// An oops ends its process and not the machine: what hangs afterwards is
	// evidence. The kernel's command line has the last word on panics.
	{"kernel/panic_on_oops", "0"},
}

// limits are what the tests inherit. A test registers some 100,000 enablers
// and opens as many descriptors.
var limits = []struct {
	resource int
	limit    uint64
}{
	{unix.RLIMIT_NOFILE, 1 << 20}, // fs.nr_open, the most there is
	{unix.RLIMIT_MEMLOCK, unix.RLIM_INFINITY},
	{unix.RLIMIT_NPROC, unix.RLIM_INFINITY},
	{unix.RLIMIT_CORE, 0},
}

// setUp makes the guest a place to run programs in. It returns what did not
// work, for people; a test that misses it says so itself.
func setUp() (notes []string) {
	note := func(what string, err error) {
		if err != nil {
			notes = append(notes, fmt.Sprintf("set-up: %s: %v", what, err))
		}
	}
	unix.Umask(0o022)
	for _, m := range mounts {
		if err := os.MkdirAll(m.target, 0o755); err != nil {
			// sysfs has the mount point only if the kernel has the file system.
			if !m.optional {
				note("mkdir "+m.target, err)
			}
			continue
		}
		err := unix.Mount(m.fs, m.target, m.fs, m.flags, m.data)
		if m.optional && errors.Is(err, unix.ENODEV) {
			continue
		}
		note("mount "+m.target, err)
	}
	for name, target := range map[string]string{
		"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0",
		"/dev/stdout": "/proc/self/fd/1", "/dev/stderr": "/proc/self/fd/2",
	} {
		note("symlink", os.Symlink(target, name))
	}
	for _, s := range sysctls {
		note("sysctl", setSysctl("/proc/sys/"+s.name, s.value))
	}
	note("threads-max", quarter("/proc/sys/kernel/threads-max"))
	for _, l := range limits {
		// syscall's and not unix's: it tells package syscall, which else gives
		// a child back the limit that Go raised by itself.
		err := syscall.Setrlimit(l.resource, &syscall.Rlimit{Cur: l.limit, Max: l.limit})
		note(fmt.Sprintf("rlimit %d", l.resource), err)
	}
	for name, value := range map[string]string{
		"PATH": "/bbin:" + Programs, "HOME": "/", "TMPDIR": "/tmp", "TERM": "linux",
	} {
		note("setenv", os.Setenv(name, value))
	}
	note("interface lo", loopbackUp())
	return notes
}

// quarter writes a quarter of the number in a file to it. For threads-max, whose
// default is as many as an eighth of the memory holds stacks for
// (set_max_threads, kernel/fork.c). But a thread of a Go program takes 220 KB
// in all, so a fork bomb runs out of memory first, and then the kernel kills
// process after process for minutes while nobody else gets anywhere. With a
// quarter of it fork fails while there is memory.
func quarter(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(strconv.Itoa(n/4)), 0)
}

// setSysctl writes a value if there is such a file and it has another one:
// writing printk_devkmsg fails where the kernel's command line has set it.
func setSysctl(path, value string) error {
	is, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) || strings.TrimSpace(string(is)) == value {
		return nil
	}
	// With the newline: devkmsg_sysctl_set_loglvl, kernel/printk/printk.c,
	// wants it.
	return os.WriteFile(path, []byte(value+"\n"), 0)
}

// loopbackUp brings lo up (netdevice(7)).
func loopbackUp() error {
	// Any socket will do, and a kernel may lack IPv4.
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.ENOSYS) {
		return nil // a kernel without sockets: nobody can miss it
	}
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(s) }()
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(s, unix.SIOCGIFFLAGS, req); err != nil {
		return err
	}
	req.SetUint16(req.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req)
}
