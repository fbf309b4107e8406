package main

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/selftests/kit"
)

// whileMappingChanges maps and unmaps the pages around a word while the kernel
// writes words in a page that is there all the time, so no write may fail.
func whileMappingChanges(t *kit.T) {
	const pages, places = 16, 64
	const length, least = 80 * time.Millisecond, 3 // of toggles
	d, ev, log := t.Open(), t.Event("u32 count"), t.KernelLog()
	mem, size := t.Anonymous(pages).Touch(), os.Getpagesize()
	word := func(i int) kit.Word { return mem.Word(pages/2*size + 16*i) }
	for i := range places {
		d.Register(ev, word(i).Bit(2))
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	var rounds int
	var failed error
	started := make(chan struct{})
	wg.Go(func() {
		for first := true; failed == nil && !stop.Load(); rounds++ {
			// Every other page, so that no two make one mapping.
			for i := 1; i < pages; i += 2 {
				prot := uintptr(unix.PROT_NONE)
				if rounds%2 == 1 {
					prot = unix.PROT_READ
				}
				if _, _, errno := unix.Syscall6(unix.SYS_MMAP, uintptr(unsafe.Pointer(mem.Pointer(i*size))), uintptr(size), prot,
					unix.MAP_FIXED|unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0); errno != 0 {
					failed = errno
				}
			}
			if first {
				first = false
				close(started)
			}
		}
	})
	<-started
	wrong := 0
	for n, begin := 0, time.Now(); n < least || time.Since(begin) < length; n++ {
		ev.On()
		for i := range places {
			if word(i).Load() != 1<<2 {
				wrong++
			}
		}
		ev.Off()
	}
	stop.Store(true)
	wg.Wait()
	t.Logf("%d rounds", rounds)
	t.Saw("mapping", failed)
	t.Saw("wrong", wrong)
	t.Saw("lines", log.Failures())
}
