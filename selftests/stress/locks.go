package main

import (
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// indexesOfTwoThreads has two threads register the same events on one
// descriptor, in different order and at the same time. Each event has one index
// then, and no two have the same.
func indexesOfTwoThreads(t *kit.T) {
	const events, rounds = 6, 25
	holder := t.Open()
	var args [2][events]*kit.Mem
	for i := range events {
		ev, w := t.Event("u32 count"), t.Word()
		holder.Register(ev, w.Bit(0))
		for j := range args {
			args[j][i] = at(t, ev, w.Bit(1+j))
		}
	}
	index := func(thread, event int) uint32 {
		n, _ := t.Layout().Outputs(args[thread][event].Bytes())
		return n
	}
	wrong := 0
	for range rounds {
		fd, err := open()
		t.Check(err)
		start := make(chan struct{})
		var wg sync.WaitGroup
		var failed [2]error
		for j := range args {
			wg.Go(func() {
				runtime.LockOSThread()
				defer runtime.UnlockOSThread()
				<-start
				for k := range events {
					i := k
					if j == 1 {
						i = events - 1 - k
					}
					if err := uapi.Ioctl(fd, uapi.IocReg, args[j][i].Pointer(0)); err != nil && failed[j] == nil {
						failed[j] = fmt.Errorf("register: %w", err)
					}
				}
			})
		}
		close(start)
		wg.Wait()
		taken := map[uint32]bool{}
		for i := range events {
			a, b := index(0, i), index(1, i)
			if a != b || taken[a] || a >= events {
				wrong++
			}
			taken[a] = true
		}
		for j := range args {
			t.Check(failed[j])
		}
		t.Check(unix.Close(fd))
	}
	t.Saw("wrong", wrong)
}
