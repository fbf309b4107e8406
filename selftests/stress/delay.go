package main

import (
	"os"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/uapi"
	"uetest/selftests/kit"
)

// threadTime is the processor time of the test's thread.
func threadTime(t *kit.T) time.Duration {
	var now unix.Timespec
	t.Check(unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now))
	return time.Duration(now.Nano())
}

// badPlacesDelay compares what it costs to enable an event with one place, one
// with many, and one with as many that can't be written any more. All of it is
// done under event_mutex, so it is what everybody else waits who enables,
// registers or closes. A write that fails is not a page that is waited for but
// a log line, and those are counted: a busy host makes times, which are logged,
// no observation.
func badPlacesDelay(t *kit.T) {
	const places, rounds = 300, 3
	size := places*8/os.Getpagesize() + 1
	good, bad := t.Anonymous(size).Touch(), t.Anonymous(size).Touch()
	d, args := t.Open(), t.Anonymous(1)
	register := func(mem *kit.Mem, n int) *kit.Event {
		ev := t.Event("u32 count")
		desc := args.PutString(256, ev.Desc)
		for i := range n {
			_, err := d.RegAt(args, 0, uapi.Reg{NameArgs: desc, EnableSize: 4, EnableAddr: mem.Addr(8 * i)})
			t.Check(err)
		}
		return ev
	}
	events := [3]*kit.Event{register(t.Anonymous(1).Touch(), 1), register(good, places), register(bad, places)}
	bad.Unmap()
	log := t.KernelLog()
	least := [3]time.Duration{time.Hour, time.Hour, time.Hour}
	for range rounds {
		for i, ev := range events {
			begin := threadTime(t)
			ev.On()
			least[i] = min(least[i], threadTime(t)-begin)
			ev.Off()
		}
	}
	t.Logf("processor time to enable an event: one place %v, %d good ones %v, %d bad ones %v",
		least[0], places, least[1], places, least[2])
	t.Saw("lines-a-toggle", log.Failures()/rounds/2)
}
