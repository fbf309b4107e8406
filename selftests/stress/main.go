// Stress is the area of what happens at the same time: threads and processes
// that register, fork, map, close, exit and delete while the kernel writes.
// Each test ends with what the final state has to be, whatever the order was.
package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

func main() {
	kit.Main(kit.Tests{
		"stress/close-waits":                 closeWaits,
		"stress/adds-against-each-source":    addsAgainstEachSource,
		"stress/bad-places-delay":            badPlacesDelay,
		"stress/close-while-toggling":        closeWhileToggling,
		"stress/delete-against-register":     deleteAgainstRegister,
		"stress/exit-while-toggling":         exitWhileToggling,
		"stress/fork-while-toggling":         forkWhileToggling,
		"stress/mapping-holds-writes":        mappingHoldsWrites,
		"stress/many-events-in-processes":    manyEventsInProcesses,
		"stress/register-while-toggling":     registerWhileToggling,
		"stress/registration-holds-enabling": registrationHoldsEnabling,
		"stress/stores-behind-a-page-end":    storesBehindPageEnd,
		"stress/unmap-while-toggling":        unmapWhileToggling,
	})
}

// at prepares the arguments that register ev at a bit, for threads other than
// the test's own: they may not use the T.
func at(t *kit.T, ev *kit.Event, bit kit.Bit) *kit.Mem {
	args := t.Anonymous(1)
	args.PutReg(0, uapi.Reg{
		NameArgs: args.PutString(256, ev.Desc), EnableSize: 4,
		EnableBit: uint8(bit.N), EnableAddr: bit.Word.Addr(),
	})
	return args
}

// open opens user_events_data for another thread than the test's own.
func open() (int, error) {
	return unix.Open(kit.Tracefs+"/"+uapi.DataFile, unix.O_RDWR|unix.O_CLOEXEC, 0)
}

// A worker does work again and again on a thread of its own, and last when it
// is to end. On g3 a place belongs to the thread that registered it, unless its
// process had done so before the thread was made, so that the same thread has
// to take it back.
type worker struct {
	work func() error
	last func() error // may be nil
}

// beside runs workers while the test's own thread does what during does. Once
// none of them works any more it calls check, and then they do what is last. It
// returns how often they worked and the first error.
func beside(workers []worker, during, check func()) (rounds int, err error) {
	var stop atomic.Bool
	var working, ending sync.WaitGroup
	var mu sync.Mutex
	leave := make(chan struct{})
	failed := func(e error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			err = e
		}
	}
	working.Add(len(workers))
	for _, w := range workers {
		ending.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			n := 0
			var e error
			for ; e == nil && (n == 0 || !stop.Load()); n++ {
				e = w.work()
			}
			failed(e)
			mu.Lock()
			rounds += n
			mu.Unlock()
			working.Done()
			<-leave
			if w.last != nil {
				failed(w.last())
			}
		})
	}
	during()
	stop.Store(true)
	working.Wait()
	if check != nil {
		check()
	}
	close(leave)
	ending.Wait()
	return rounds, err
}

// toggle enables and disables an event for as long as the races are looked
// for, and leaves it enabled.
func toggle(ev *kit.Event) {
	const length, least = 60 * time.Millisecond, 3
	begin := time.Now()
	for n := 0; n < least || time.Since(begin) < length; n++ {
		ev.On()
		ev.Off()
	}
	ev.On()
}
