package vm

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// HostTSC is the frequency in kHz of the counter that a guest under TCG reads
// as its time stamp counter, rounded to MHz so that one host always gives one
// kernel command line. The rounding is at most 0.05 % of a guest's time. It
// takes 20 ms the first time.
//
// The kernel does not export its own figure. The "cpu MHz" of /proc/cpuinfo is
// the current clock and not the counter's.
func HostTSC() int { return hostTSC() }

var hostTSC = sync.OnceValue(func() int {
	if !haveCounter {
		// Where QEMU has no code for the host's counter it counts ns
		// (include/qemu/timer.h, cpu_get_host_ticks).
		return 1_000_000
	}
	c0, t0 := readCounter()
	time.Sleep(20 * time.Millisecond)
	c1, t1 := readCounter()
	khz := float64(c1-c0) / float64(t1-t0) * 1e6
	return int(khz/1000+0.5) * 1000
})

// readCounter reads the counter and the time, in ns, of the same moment: the
// attempt with the least time around it, because the thread may be interrupted
// in between. CLOCK_MONOTONIC_RAW is the one clock that NTP does not slew.
func readCounter() (counter uint64, ns int64) {
	best := int64(1) << 62
	for range 10 {
		before := monotonicRaw()
		c := rdtsc()
		after := monotonicRaw()
		if after-before < best {
			best, counter, ns = after-before, c, before+(after-before)/2
		}
	}
	return counter, ns
}

func monotonicRaw() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC_RAW, &ts); err != nil {
		panic(err) // there since Linux 2.6.28
	}
	return ts.Nano()
}
