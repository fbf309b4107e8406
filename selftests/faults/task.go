package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// taskOfSameMemory has a task register that shares the test's memory but not
// its descriptors, as a child of vfork does, and end: its file is closed, and
// the bit is left in memory that lives on.
func taskOfSameMemory(t *kit.T) {
	ev, w := t.Event("u32 count"), t.Word()
	args := t.Anonymous(1)
	args.PutReg(0, uapi.Reg{NameArgs: args.PutString(256, ev.Desc), EnableSize: 4, EnableAddr: w.Addr()})
	registered, leave, tid := make(chan error), make(chan bool), 0
	var task func()
	task = func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if tid = unix.Gettid(); tid == os.Getpid() {
			go task() // on another one: the runtime keeps the first thread
		} else {
			registered <- registerAlone(args)
		}
		<-leave
	}
	go task()
	t.Check(<-registered)
	ev.On()
	t.Saw("on", int(w.Load()))
	close(leave)
	gone := func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
		return os.IsNotExist(err)
	}
	for deadline := time.Now().Add(time.Second); !gone(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the thread %d did not end within a second", tid)
		}
	}
	t.Saw("gone", int(w.Load()))
	ev.Off()
	t.Saw("off", int(w.Load()))
}

// registerAlone registers on a descriptor of the calling thread's own.
func registerAlone(args *kit.Mem) error {
	if err := unix.Unshare(unix.CLONE_FILES); err != nil {
		return fmt.Errorf("unshare: %w", err)
	}
	fd, err := unix.Open(filepath.Join(kit.Tracefs, uapi.DataFile), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", uapi.DataFile, err)
	}
	return uapi.Ioctl(fd, uapi.IocReg, args.Pointer(0))
}
