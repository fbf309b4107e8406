package main

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// registerWhileToggling has threads register and close while the event is
// toggled. A REG that returns has told the place the state that the event has
// then; at the end everybody who is registered knows the last one.
func registerWhileToggling(t *kit.T) {
	const threads, perFile = 3, 8
	d, ev := t.Open(), t.Event("u32 count")
	d.Register(ev, t.Word().Bit(0))
	page := t.Anonymous(1).Touch()
	word := func(i, j int) kit.Word { return page.Word(1024*i + 64*j) }
	var workers []worker
	for i := range threads {
		var args []*kit.Mem
		for j := range perFile {
			args = append(args, at(t, ev, word(i, j).Bit(j)))
		}
		fd := -1
		drop := func() error {
			if fd < 0 {
				return nil
			}
			return drop(fd, args)
		}
		workers = append(workers, worker{work: func() (err error) {
			if err = drop(); err != nil {
				return err
			}
			if fd, err = open(); err != nil {
				return err
			}
			for _, a := range args {
				if err := uapi.Ioctl(fd, uapi.IocReg, a.Pointer(0)); err != nil {
					return fmt.Errorf("register: %w", err)
				}
			}
			return nil
		}, last: drop})
	}
	told := func() (n int) {
		for i := range threads {
			for j := range perFile {
				n += int(word(i, j).Load() >> j & 1)
			}
		}
		return n
	}
	rounds, err := beside(workers, func() { toggle(ev) }, func() {
		t.Saw("told-on", told())
		ev.Off()
		t.Saw("told-off", told())
	})
	t.Logf("%d rounds", rounds)
	t.Saw("error", err)
}

// drop takes places back: by the close of their descriptor, or, where they do
// not go with it, by name before it.
func drop(fd int, args []*kit.Mem) error {
	for _, a := range args {
		if err := unregister(fd, a); err != nil {
			return err
		}
	}
	return unix.Close(fd)
}

// unregister takes the place that args registers back where the kernel can.
func unregister(fd int, args *kit.Mem) error {
	b := args.Bytes()
	u := uapi.Unreg{DisableBit: b[4], DisableAddr: *(*uint64)(unsafe.Pointer(&b[8]))}
	u.Put(b[512:])
	err := uapi.Ioctl(fd, uapi.IocUnreg, args.Pointer(512))
	if errors.Is(err, unix.ENOTTY) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("unregister: %w", err)
	}
	return nil
}

// closeWhileToggling clears its word after each close. Nobody may write it
// then: close, and unregister where there is that, wait for a toggle that is
// under way.
func closeWhileToggling(t *kit.T) {
	const threads, looks = 2, 200
	d, ev := t.Open(), t.Event("u32 count")
	d.Register(ev, t.Word().Bit(0))
	page := t.Anonymous(1).Touch()
	var late atomic.Int32
	var workers []worker
	for i := range threads {
		w := page.Word(256 * i)
		args := at(t, ev, w.Bit(5))
		workers = append(workers, worker{work: func() error {
			fd, err := open()
			if err != nil {
				return err
			}
			if err := uapi.Ioctl(fd, uapi.IocReg, args.Pointer(0)); err != nil {
				return fmt.Errorf("register: %w", err)
			}
			if err := drop(fd, []*kit.Mem{args}); err != nil {
				return err
			}
			w.Store(0)
			for range looks {
				if w.Load() != 0 {
					late.Add(1)
					break
				}
			}
			return nil
		}})
	}
	rounds, err := beside(workers, func() { toggle(ev) }, nil)
	t.Logf("%d rounds", rounds)
	t.Saw("error", err)
	t.Saw("written-after-close", int(late.Load()))
}

// deleteAgainstRegister has one thread register a name and close, and another
// delete it, as fast as they can. Neither sees anything but that the event is
// there, is not there, or is held.
func deleteAgainstRegister(t *kit.T) {
	ev := t.Event("u32 count")
	name := t.Anonymous(1)
	name.PutString(0, ev.Name)
	d := t.Open()
	var workers []worker
	for range 2 {
		args := at(t, ev, t.Word().Bit(0))
		workers = append(workers, worker{work: func() error {
			fd, err := open()
			if err != nil {
				return err
			}
			if err := uapi.Ioctl(fd, uapi.IocReg, args.Pointer(0)); err != nil {
				return fmt.Errorf("register: %w", err)
			}
			return drop(fd, []*kit.Mem{args})
		}})
	}
	deleted, held, odd := 0, 0, 0
	const length, least = 60 * time.Millisecond, 100
	rounds, err := beside(workers, func() {
		for begin, n := time.Now(), 0; n < least || time.Since(begin) < length; n++ {
			switch err := d.Ioctl(uapi.IocDel, name.Pointer(0)); {
			case err == nil:
				deleted++
			case errors.Is(err, unix.EBUSY):
				held++
			case !errors.Is(err, unix.ENOENT):
				t.Logf("delete: %v", err)
				odd++
			}
		}
	}, nil)
	t.Logf("%d registered, %d deleted, %d times held", rounds, deleted, held)
	t.Saw("register-error", err)
	t.Saw("odd-deletes", odd)
	// What is there at the end works.
	w := t.Word()
	r := t.Open().Register(ev, w.Bit(0))
	ev.On()
	t.Saw("on", r.Enabled())
	ev.Off()
	t.Saw("off", r.Enabled())
}

// unmapWhileToggling maps and unmaps the registered page while the kernel
// writes to it. What it writes is its bit, in the page that is there then, and
// nothing else; at the end the page that is there is told.
func unmapWhileToggling(t *kit.T) {
	d, ev := t.Open(), t.Event("u32 count")
	size := os.Getpagesize()
	mem := t.Anonymous(3).Touch()
	before, w, behind := mem.Word(size-4), mem.Word(size+256), mem.Word(2*size)
	before.Store(0xaaaaaaaa)
	behind.Store(0xbbbbbbbb)
	d.Register(ev, w.Bit(4))
	addr := mem.Pointer(size)
	other := 0
	remap := func(prot int) error {
		_, _, errno := unix.Syscall6(unix.SYS_MMAP, uintptr(addr), uintptr(size), uintptr(prot),
			unix.MAP_FIXED|unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
		if errno != 0 {
			return errno
		}
		return nil
	}
	rounds, err := beside([]worker{{work: func() error {
		if err := remap(unix.PROT_READ | unix.PROT_WRITE); err != nil {
			return err
		}
		w.Next(1).Store(7)
		if w.Load()&^(1<<4) != 0 || w.Next(1).Load() != 7 || w.Next(-1).Load() != 0 {
			other++
		}
		return remap(unix.PROT_NONE)
	}}}, func() { toggle(ev) }, nil)
	t.Logf("%d rounds", rounds)
	t.Saw("error", err)
	t.Saw("other-changes", other)
	t.Check(remap(unix.PROT_READ | unix.PROT_WRITE))
	w.Store(0)
	ev.Off()
	ev.On()
	t.Saw("word", w.Load())
	t.Saw("before", before.Load())
	t.Saw("behind", behind.Load())
}
