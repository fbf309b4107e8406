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

// mappingHoldsWrites registers a place again and again, each a write by the kernel,
// while the test's own thread keeps the memory map locked. Registered places are found
// by that map, so a registration is seen waiting, and it has nothing else to wait for.
func mappingHoldsWrites(t *kit.T) {
	const rounds, least = 20, 5 // one is enough, but who looks may come too late
	const enough = 3 * time.Second
	d, ev := t.Open(), t.Event("u32 count")
	w := t.Word()
	d.Register(ev, w.Bit(0))
	r := registrar{fd: d.FD, args: at(t, ev, w.Bit(1)), stat: make(chan int, 1)}
	var met atomic.Int32
	_, err := beside([]worker{{work: r.register}, {work: func() error {
		if r.waiting() != 0 {
			met.Add(1)
		}
		return nil
	}, last: r.close}}, func() {
		r.settle(t)
		begin := time.Now()
		for n := 0; n < rounds && met.Load() == 0 && (n < least || time.Since(begin) < enough); n++ {
			lockMap(t)
		}
	}, nil)
	t.Saw("error", err)
	t.Saw("writes-wait", met.Load() > 0)
}

// registrationHoldsEnabling enables an event, which is enabled already, while a
// registration of another one waits, with its entry in the list of that event, for
// the memory map. Who changes such a list or walks it holds event_mutex, which
// enabling takes too, so that has to wait for the registration. Until it waits there
// the registration takes event_mutex twice and may itself have waited for it: only who
// enables more often than that within one registration was let.
func registrationHoldsEnabling(t *kit.T) {
	const most, lets = 3, 4
	const enough, limit = 2 * time.Second, 10 * time.Second // of meeting so many registrations; of meeting any
	d, ev, other := t.Open(), t.Event("u32 count"), t.Event("u32 count")
	d.Register(other, t.Word().Bit(0))
	other.On()
	enable, err := unix.Open(kit.Tracefs+"/"+other.Path("enable"), unix.O_WRONLY|unix.O_CLOEXEC, 0)
	t.Check(err)
	r := registrar{fd: d.FD, args: at(t, ev, t.Word().Bit(0)), stat: make(chan int, 1)}
	var met, let atomic.Int32
	of, times, one := int32(0), 0, []byte("1") // how often who enabled was let by the registration that it met last
	enabled := false
	_, err = beside([]worker{{work: r.register}, {work: func() error {
		n := r.waiting()
		if n == 0 && enabled {
			return nil
		}
		enabled = true // the first time is for its pages to be there
		if _, err := unix.Write(enable, one); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		if of != n {
			of, times = n, 0
			met.Add(1)
		}
		if r.waiting() == n {
			if times++; times == lets {
				let.Add(1)
			}
		}
		return nil
	}, last: func() error { return errors.Join(r.close(), unix.Close(enable)) }}}, func() {
		r.settle(t)
		for begin := time.Now(); met.Load() < most; {
			lockMap(t)
			if took := time.Since(begin); took > enough && met.Load() > 0 {
				break
			} else if took > limit {
				t.Fatalf("no registration was met waiting within %v", limit)
			}
		}
	}, nil)
	t.Logf("%d of %d registrations let others enable", let.Load(), met.Load())
	t.Saw("error", err)
	t.Saw("enabling-waits", let.Load() == 0)
}

// lockMap keeps the memory map of the process locked for a while: the kernel allocates
// the pages of a buffer of perf with it locked (perf_mmap, kernel/events/core.c),
// thousands of them, so for tens of milliseconds under emulation.
func lockMap(t *kit.T) {
	const pages = 8192
	fd := dummy(t)
	b, err := unix.Mmap(fd, 0, (1+pages)*os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	t.Check(err)
	t.Check(unix.Munmap(b))
	t.Check(unix.Close(fd))
}

// registrar registers a place again and again on one thread, and tells another
// whether it waits within that.
type registrar struct {
	fd   int
	args *kit.Mem
	stat chan int // of the thread that registers, once

	number int32        // of the registration; register's own
	under  atomic.Int32 // number of the one that is under way, or 0
	looks  atomic.Int32 // how often waiting was asked
	file   int          // waiting's own
	line   [512]byte
}

// settle lets both do their work for a while: they may touch no page that is not there
// yet when somebody holds the map, their programs' included.
func (r *registrar) settle(t *kit.T) {
	const times = 20
	const limit = 10 * time.Second
	for begin := time.Now(); r.under.Load() < times || r.looks.Load() < times; time.Sleep(50 * time.Microsecond) {
		if time.Since(begin) > limit {
			t.Fatalf("%d looks at %d registrations within %v", r.looks.Load(), r.under.Load(), limit)
		}
	}
}

// register is one registration.
func (r *registrar) register() error {
	const pause = 50 * time.Microsecond
	if r.number++; r.number == 1 {
		fd, err := unix.Open(fmt.Sprintf("/proc/self/task/%d/stat", unix.Gettid()), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		r.stat <- fd
	}
	r.under.Store(r.number)
	err := uapi.Ioctl(r.fd, uapi.IocReg, r.args.Pointer(0))
	r.under.Store(0)
	// Who takes a lock all the time keeps the others from it.
	for wait := time.Now(); time.Since(wait) < pause; {
	}
	if err != nil {
		return err
	}
	return unregister(r.fd, r.args)
}

// waiting returns the number of the registration that is seen waiting, uninterruptibly
// as for a lock (state D in proc(5)), or 0.
func (r *registrar) waiting() int32 {
	if r.file == 0 {
		select {
		case r.file = <-r.stat:
		default:
			return 0
		}
	}
	r.looks.Add(1)
	number := r.under.Load()
	n, err := unix.Pread(r.file, r.line[:], 0)
	at := bytes.LastIndexByte(r.line[:max(n, 0)], ')')
	if err != nil || at < 0 || !bytes.HasPrefix(r.line[at:], []byte(") D")) || r.under.Load() != number {
		return 0
	}
	return number
}

func (r *registrar) close() error {
	if r.file == 0 {
		return nil
	}
	return unix.Close(r.file)
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
