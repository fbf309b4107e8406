package misbehave

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/wire"
)

// deaths are ways to take the guest along. None of them may run on a machine
// that matters. Each says "before" first, and goes on when the agent has it.
func deaths() map[string]func() {
	return map[string]func(){
		// The kernel's own.
		"panics the kernel":              func() { before(); sysrq('c'); forever() },
		"panics it and it stays":         func() { before(); sysctl("kernel/panic", "0"); sysrq('c'); forever() },
		"faults three times":             func() { before(); sysrq('b'); forever() }, // emergency_restart, reboot=t
		"restarts":                       func() { before(); reboot(unix.LINUX_REBOOT_CMD_RESTART) },
		"hangs a task":                   hangTask,
		"locks a processor up":           lockUp,
		"hogs memory for good":           func() { before(); protect(); hog() },
		"fills the temporary files":      func() { before(); fill("/tmp/full"); done() },
		"waits":                          func() { before(); forever() },
		"says nothing more on 3":         func() { before(); _ = syscall.Close(3); forever() },
		"floods the kernel log for ever": func() { before(); floodForever("/dev/kmsg", "<6>uetest: flood") },
		"floods its output for ever":     func() { before(); floodForever("/dev/stdout", "flood") },

		// The agent.
		"faults init":      func() { before(); _ = syscall.Kill(1, syscall.SIGSEGV); forever() },
		"stops init":       stopInit,
		"starves the rest": starve,
	}
}

// before reports that something went before, and waits until the agent has read
// that and has had the time to pass it on.
func before() {
	fmt.Println("printed before")
	saw("before", "1")
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if n, err := unix.IoctlGetInt(3, unix.TIOCINQ); err == nil && n == 0 {
			break
		}
	}
	time.Sleep(300 * time.Millisecond)
}

func forever() { time.Sleep(time.Hour) }

// must ends the program if err is not nil: as skipped, so that a test of the
// test program is not taken for one of what it does.
func must(what string, err error) {
	if err != nil {
		end(wire.Skipped, what+": "+err.Error())
		os.Exit(0)
	}
}

func sysctl(name, value string) {
	must("sysctl "+name, os.WriteFile("/proc/sys/"+name, []byte(value), 0))
}

func reboot(how int) {
	must("reboot", unix.Reboot(how))
}

// protect keeps the kernel from ending this process for want of memory: as
// there is no other, it has to panic.
func protect() {
	must("oom_score_adj", os.WriteFile("/proc/self/oom_score_adj", []byte("-1000"), 0))
}

// fill writes to a file until there is no room.
func fill(path string) {
	f, err := os.Create(path)
	must("create "+path, err)
	block := make([]byte, 1<<20)
	for i := range block {
		block[i] = 1
	}
	for err == nil {
		_, err = f.Write(block)
	}
	fmt.Println(err)
}

func floodForever(path, line string) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	must("open", err)
	for i := 0; ; i++ {
		_, _ = fmt.Fprintln(f, line, i)
	}
}

// hangTask leaves a thread in state D for good: it wants a pipe whose lock is
// held by another one, which waits in a page fault that nobody resolves.
func hangTask() {
	sysctl("kernel/hung_task_timeout_secs", "2")
	sysctl("kernel/hung_task_check_interval_secs", "1")
	runtime.GOMAXPROCS(3) // the system calls below keep what runs goroutines
	page := faulting()
	var pipe [2]int
	must("pipe", unix.Pipe2(pipe[:], unix.O_CLOEXEC))
	before()
	write := func(b []byte) {
		_, _, _ = syscall.RawSyscall(syscall.SYS_WRITE, uintptr(pipe[1]), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	}
	go write(page)
	time.Sleep(200 * time.Millisecond)
	go write([]byte("x"))
	forever()
}

// faulting returns a page whose first touch waits for ever (userfaultfd(2),
// ioctl_userfaultfd(2)).
func faulting() []byte {
	const (
		uffdioAPI      = 0xc018aa3f
		uffdioRegister = 0xc020aa00
		missing        = 1 // UFFDIO_REGISTER_MODE_MISSING
	)
	fd, _, errno := syscall.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|unix.O_NONBLOCK, 0, 0)
	if errno != 0 {
		must("userfaultfd", errno)
	}
	size := os.Getpagesize()
	page, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	must("mmap", err)
	api := [3]uint64{0xaa}
	ioctl(fd, uffdioAPI, unsafe.Pointer(&api))
	reg := [4]uint64{uint64(uintptr(unsafe.Pointer(&page[0]))), uint64(size), missing}
	ioctl(fd, uffdioRegister, unsafe.Pointer(&reg))
	return page
}

func ioctl(fd, request uintptr, arg unsafe.Pointer) {
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)); errno != 0 {
		must(fmt.Sprintf("ioctl %#x", request), errno)
	}
}

// lockUp keeps a CPU in the kernel for seconds: poll(2) walks all its
// descriptors without a point where it could be preempted (do_poll,
// fs/select.c), and takes as many as RLIMIT_NOFILE allows. That the first one is
// ready keeps it from queueing for the others, which would take memory.
func lockUp() {
	sysctl("kernel/watchdog_thresh", "1") // a soft lockup is twice that
	const most = 1 << 24
	sysctl("fs/nr_open", strconv.Itoa(most))
	must("setrlimit", syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: most, Max: most}))
	kmsg, err := os.Open("/dev/kmsg") // its poll is a slow one
	must("open /dev/kmsg", err)
	before()
	// What one takes that is long enough tells how many take as long as is wanted.
	const wanted = 3500 * time.Millisecond
	for many := most / 64; ; {
		fds := make([]unix.PollFd, many)
		fds[0] = unix.PollFd{Fd: 1, Events: unix.POLLOUT}
		for i := range fds[1:] {
			fds[i+1] = unix.PollFd{Fd: int32(kmsg.Fd()), Events: unix.POLLPRI}
		}
		began := time.Now()
		var now unix.Timespec
		_, _, errno := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), uintptr(many), uintptr(unsafe.Pointer(&now)), 0, 0, 0)
		took := time.Since(began)
		fmt.Println("poll of", many, "took", took, errno)
		if took > wanted*3/4 || many == most {
			break
		}
		many = min(most, max(2*many, int(float64(many)*float64(wanted)/float64(took))))
	}
	done()
}

// stopInit stops every thread of PID 1 by tracing it, which signals cannot.
func stopInit() {
	before()
	runtime.LockOSThread() // the tracer is a thread
	tasks, err := filepath.Glob("/proc/1/task/[0-9]*")
	must("threads of PID 1", err)
	for _, task := range tasks {
		tid, err := strconv.Atoi(filepath.Base(task))
		must("thread of PID 1", err)
		must("ptrace", unix.PtraceAttach(tid))
	}
	forever()
}

// starve takes all CPUs for itself: nothing of a lower priority runs any more.
func starve() {
	before()
	sysctl("kernel/sched_rt_runtime_us", "-1") // else others have 5 % of the time
	n := runtime.NumCPU()
	var ready sync.WaitGroup
	ready.Add(n)
	for cpu := range n {
		go func() {
			runtime.LockOSThread()
			var set unix.CPUSet
			set.Set(cpu)
			must("sched_setaffinity", unix.SchedSetaffinity(0, &set))
			ready.Done()
			ready.Wait()
			const fifo = 1 // SCHED_FIFO
			attr := unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: fifo, Priority: 99}
			must("sched_setattr", unix.SchedSetAttr(0, &attr, 0))
			spin()
		}()
	}
	forever()
}
