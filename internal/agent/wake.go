package agent

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"uetest/internal/wire"
)

// restLimit is how long the guest's own work behind Hello may take: to make
// sixteen threads takes milliseconds.
const restLimit = 5 * time.Second

// settle brings the guest to the state in which it is saved. What is under way
// then would be done by each guest that is restored: so the threads are made,
// the garbage of the set-up is collected, the first test's process waits, and
// the kernel log is sent.
func (c Config) settle(s *stream, r *runner) {
	if c.Settled != nil {
		select {
		case <-c.Settled:
		case <-time.After(restLimit):
			s.send(wire.Message{Kind: wire.Log, Text: fmt.Sprintf("not settled after %v: the agent's threads are not made", restLimit)})
		}
	}
	if c.Prepare != nil {
		c.Prepare()
	}
	r.kmsg.awaitClock()
	// First: a heap that has just been collected has to be set up again, piece by
	// piece. What follows does that.
	runtime.GC()
	if c.Zygote != "" && r.zygote == nil {
		var err error
		if r.zygote, err = r.breed(c.Zygote); err != nil {
			s.send(wire.Message{Kind: wire.Log, Text: fmt.Sprintf("no process waits to be the first test: %v", err)})
		}
	}
	r.kmsg.drain(drainLimit)
	s.send(wire.Message{Kind: wire.Settled, At: sinceBoot()})
}

// growTrace has the kernel make the trace buffers as large as it does when an
// event is enabled for the first time (ring_buffer_expanded, kernel/trace/
// trace.c): "7 (expanded: 1408)" becomes "1408", per CPU. A test on a kernel
// without them misses nothing.
func growTrace(path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		return
	}
	if _, size, ok := strings.Cut(strings.TrimSpace(string(b)), "(expanded: "); ok {
		_ = os.WriteFile(path, []byte(strings.TrimSuffix(size, ")")), 0)
	}
}

// wake answers the host that has restored the guest.
func (c Config) wake(s *stream, m wire.Message) {
	var err error
	if c.Wake != nil {
		err = c.Wake(m.Now, m.Random)
	}
	c.hello(s)
	if err != nil {
		s.send(wire.Message{Kind: wire.Log, Text: "restored guest: " + err.Error()})
	}
}

// wake gives the kernel what all guests restored from one snapshot share, and
// must not: the time of day has stood still since, and the random number
// generator would give each the same numbers. CLOCK_MONOTONIC goes on from where
// it was, so that no timer is late.
func wake(now time.Time, random []byte) error {
	return errors.Join(setTime(now), reseed(random))
}

// setTime sets CLOCK_REALTIME.
func setTime(now time.Time) error {
	if now.IsZero() {
		return errors.New("the host did not tell the time")
	}
	ts := unix.NsecToTimespec(now.UnixNano())
	if err := unix.ClockSettime(unix.CLOCK_REALTIME, &ts); err != nil {
		return fmt.Errorf("set the time: %w", err)
	}
	return nil
}

// The requests are those of include/uapi/linux/random.h: _IOW('R', 3, int[2])
// and _IO('R', 7).
const (
	rndAddEntropy = 0x40085203
	rndReseedCRNG = 0x5207
)

// reseed mixes seed into the kernel's pool, credits it, and has every CPU's
// generator take a new key from the pool before it gives another number
// (crng_reseed, drivers/char/random.c).
func reseed(seed []byte) error {
	if len(seed) < wire.WakeBytes {
		return fmt.Errorf("reseed: the host gave %d random bytes, want %d", len(seed), wire.WakeBytes)
	}
	f, err := os.OpenFile("/dev/urandom", os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("reseed: %w", err)
	}
	defer func() { _ = f.Close() }()
	// struct rand_pool_info
	info := struct {
		entropyBits int32
		size        int32
		seed        [wire.WakeBytes]byte
	}{entropyBits: 8 * wire.WakeBytes, size: wire.WakeBytes}
	copy(info.seed[:], seed)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), rndAddEntropy, uintptr(unsafe.Pointer(&info))); errno != 0 {
		return fmt.Errorf("reseed: RNDADDENTROPY: %w", errno)
	}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), rndReseedCRNG, 0); errno != 0 {
		return fmt.Errorf("reseed: RNDRESEEDCRNG: %w", errno)
	}
	return nil
}
