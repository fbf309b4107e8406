package main

import (
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// threadLimit is how long a thread may take to see the bit, and to go.
const threadLimit = 2 * time.Second

// youngerThread starts a thread, a task that shares the registrar's memory,
// once the place is registered, and lets it end. The place is the memory's, so
// that neither matters.
func youngerThread(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 a")
	r := d.Register(ev, t.Word().Bit(4))
	started, saw := make(chan int), make(chan int)
	thread(func() {
		started <- unix.Gettid()
		for end := time.Now().Add(threadLimit); r.Enabled() == 0 && time.Now().Before(end); {
			runtime.Gosched()
		}
		saw <- r.Enabled()
	})
	tid := <-started
	ev.On()
	t.Saw("thread", <-saw)
	t.Saw("gone", within(threadLimit, func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", tid))
		return os.IsNotExist(err)
	}))
	t.Saw("on", r.Enabled())
	ev.Off()
	t.Saw("off", r.Enabled())
	ev.On()
	t.Saw("on-again", r.Enabled())
}

// thread runs f on a thread that ends with it. The Go runtime ends the thread
// of a goroutine that never unlocks it, but not the program's first one.
func thread(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() {
			thread(f)
			select {} // keeps the first thread from being taken again
		}
		f()
	}()
}

// within asks until the answer is yes, and returns the last one.
func within(limit time.Duration, holds func() bool) bool {
	for end := time.Now().Add(limit); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}
