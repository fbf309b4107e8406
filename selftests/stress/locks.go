package main

import (
	"bytes"
	"errors"
	"fmt"
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

// registrationHoldsEnabling enables an event, which is enabled already, while a
// registration of another one waits, with its entry in the list of that event, for
// the memory map, which the test's own thread keeps locked as above. Who changes such
// a list or walks it holds event_mutex, which enabling takes too, so that has to wait
// for the registration. Until it waits there the registration takes event_mutex twice
// and may itself have waited for it: only who enables more often than that within
// one registration was let.
func registrationHoldsEnabling(t *kit.T) {
	const pages, least, lets = 8192, 3, 4
	const limit = 10 * time.Second // of meeting so many registrations
	const pause = 50 * time.Microsecond
	d, ev, other := t.Open(), t.Event("u32 count"), t.Event("u32 count")
	d.Register(other, t.Word().Bit(0))
	other.On()
	args := at(t, ev, t.Word().Bit(0))
	enable, err := unix.Open(kit.Tracefs+"/"+other.Path("enable"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	t.Check(err)

	var under, met, let atomic.Int32 // the number of the registration that is under way, or 0; how many were met
	stat := make(chan int, 1)        // of the thread that registers
	number := int32(0)
	registrar := worker{work: func() error {
		if number++; number == 1 {
			fd, err := unix.Open(fmt.Sprintf("/proc/self/task/%d/stat", unix.Gettid()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
			stat <- fd
			if err != nil {
				return err
			}
		}
		under.Store(number)
		err := uapi.Ioctl(d.FD, uapi.IocReg, args.Pointer(0))
		under.Store(0)
		for wait := time.Now(); time.Since(wait) < pause; {
		}
		if err != nil {
			return err
		}
		return unregister(d.FD, args)
	}}
	// What page it touches has to be there: who holds the map keeps it from others.
	one, line, file := []byte("1"), make([]byte, 512), -1
	of, times := int32(0), 0 // how often who enabled was let by the registration that it met last
	waits := func() bool {
		n, err := unix.Pread(file, line, 0)
		at := bytes.LastIndexByte(line[:max(n, 0)], ')')
		return err == nil && at >= 0 && bytes.HasPrefix(line[at:], []byte(") D"))
	}
	observer := worker{work: func() error {
		if file < 0 {
			file = <-stat
		}
		n := under.Load()
		if n == 0 || !waits() {
			return nil
		}
		if _, err := unix.Write(enable, one); err != nil {
			return err
		}
		if of != n {
			of, times = n, 0
			met.Add(1)
		}
		if under.Load() == n && waits() {
			if times++; times == lets {
				let.Add(1)
			}
		}
		return nil
	}, last: func() error { return errors.Join(unix.Close(file), unix.Close(enable)) }}
	_, err = beside([]worker{registrar, observer}, func() {
		for begin := time.Now(); met.Load() < least; {
			if time.Since(begin) > limit {
				t.Fatalf("%d registrations were met waiting within %v, not %d", met.Load(), limit, least)
			}
			fd := dummy(t)
			b, err := unix.Mmap(fd, 0, (1+pages)*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			t.Check(err)
			t.Check(unix.Munmap(b))
			t.Check(unix.Close(fd))
		}
	}, nil)
	t.Logf("%d of %d registrations let others enable", let.Load(), met.Load())
	t.Saw("error", err)
	t.Saw("enabling-waits", let.Load() == 0)
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
