package main

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// closeWaits closes descriptors, each while a toggle walks through the places
// of their event, and looks whether the walk is over then. The newest place is
// written first and the oldest last; between them are some that can't be
// written, whose log lines make the walk take milliseconds.
func closeWaits(t *kit.T) {
	const slow, closes = 2, 4
	const pause = time.Millisecond // between toggles
	const limit = 10 * time.Second // of waiting for one: on a busy host both CPUs are rarely there
	d, ev := t.Open(), t.Event("u32 count")
	oldest, newest := t.Word(), t.Word()
	bad := t.BadWord()
	d.Register(ev, oldest.Bit(0))
	var files [closes]*kit.Data
	for i := range files {
		files[i] = t.Open()
		files[i].Register(ev, t.Word().Bit(0))
	}
	for range slow {
		d.Register(ev, bad.Bit(0))
	}
	d.Register(ev, newest.Bit(0))
	walking := func() bool { return oldest.Load() != newest.Load() }

	early := 0
	_, err := beside([]worker{{work: func() error {
		time.Sleep(pause)
		if err := ev.SetEnable(true); err != nil {
			return err
		}
		time.Sleep(pause)
		return ev.SetEnable(false)
	}}}, func() {
		for _, f := range files {
			for begin := time.Now(); !walking(); {
				if time.Since(begin) > limit {
					t.Fatalf("no toggle was met under way within %v", limit)
				}
			}
			f.Close()
			if walking() {
				early++
			}
		}
	}, nil)
	t.Check(err)
	t.Logf("%d of %d closes were over before the walk", early, closes)
	t.Saw("waits", early <= closes/2)
}

// mappingHoldsWrites registers a place again and again, each a write by the
// kernel, while the test's own thread maps large buffers of perf, whose pages the
// kernel allocates with the memory map locked (perf_mmap, kernel/events/core.c):
// thousands of pages, so tens of milliseconds under emulation, against tens of
// microseconds for a registration. Registered places are found by that map, so
// the writes have to wait.
func mappingHoldsWrites(t *kit.T) {
	const pages, rounds = 8192, 3
	const pause = 50 * time.Microsecond // between registrations
	d, ev := t.Open(), t.Event("u32 count")
	w := t.Word()
	d.Register(ev, w.Bit(0))
	args := at(t, ev, w.Bit(1))

	var registered atomic.Int32
	let := 0
	_, err := beside([]worker{{work: func() error {
		err := uapi.Ioctl(d.FD, uapi.IocReg, args.Pointer(0))
		registered.Add(1)
		// Who takes a lock all the time keeps the others from it.
		for wait := time.Now(); time.Since(wait) < pause; {
		}
		return err
	}}}, func() {
		for range rounds {
			fd := dummy(t)
			for n := registered.Load(); registered.Load() == n; {
			}
			before, begin := registered.Load(), time.Now()
			b, err := unix.Mmap(fd, 0, (1+pages)*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			during, took := registered.Load()-before, time.Since(begin)
			t.Check(err)
			t.Check(unix.Munmap(b))
			t.Check(unix.Close(fd))
			// As long again with nothing to wait for.
			before = registered.Load()
			for begin = time.Now(); time.Since(begin) < took; {
			}
			free := registered.Load() - before
			t.Logf("%d registered in %v of mapping, %d in as long without", during, took, free)
			if during > free/2 {
				let++
			}
		}
	}, nil)
	t.Saw("error", err)
	t.Saw("writes-wait", let <= rounds/2)
}

// dummy opens a perf event that counts nothing.
func dummy(t *kit.T) int {
	attr := unix.PerfEventAttr{
		Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_DUMMY,
		Size: uint32(unsafe.Sizeof(unix.PerfEventAttr{})),
	}
	fd, err := unix.PerfEventOpen(&attr, 0, -1, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if errors.Is(err, unix.ENOSYS) {
		t.Skip(feature.Perf)
	}
	t.Check(err)
	return fd
}
