package agent

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/wire"
)

// recordSize is the longest /dev/kmsg record in bytes; read(2) gives EINVAL for
// a shorter buffer (CONSOLE_EXT_LOG_MAX, include/linux/printk.h).
const recordSize = 8 << 10

// A kernelLog forwards the records of /dev/kmsg. One read gives one record
// (Documentation/ABI/testing/dev-kmsg).
type kernelLog struct {
	conn syscall.RawConn
	send func(wire.Message)

	mu   sync.Mutex // the order of reading is the order of sending
	buf  [recordSize]byte
	next uint64 // the sequence number expected next

	clock string        // the clock source that the kernel said last it had changed to
	since time.Duration // after its start

	stalls atomic.Int64 // reports of a stall so far
}

// isStall reports whether a line says that somebody in the kernel gets no
// further: a task in state D (kernel/hung_task.c), a CPU that does not schedule
// (kernel/watchdog.c), one that keeps an RCU grace period from ending
// (kernel/rcu/tree_stall.h).
func isStall(line string) bool {
	return strings.HasPrefix(line, "INFO: task ") && strings.Contains(line, " blocked for more than ") ||
		strings.HasPrefix(line, "watchdog: BUG: soft lockup") ||
		strings.HasPrefix(line, "rcu: INFO: rcu_") && strings.Contains(line, "detected stall")
}

// stalled is how many stalls the kernel has reported.
func (k *kernelLog) stalled() int64 {
	if k == nil {
		return 0
	}
	return k.stalls.Load()
}

// newKernelLog forwards the records that are in f, oldest first, and those that
// come. f has to be non-blocking and stays open.
func newKernelLog(f *os.File, send func(wire.Message)) (*kernelLog, error) {
	conn, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &kernelLog{conn: conn, send: send}, nil
}

// pump forwards records as they come until f is closed.
func (k *kernelLog) pump() {
	_ = k.conn.Read(func(fd uintptr) bool {
		// false: nothing there, wait until there is something. An end or an
		// error other than "nothing there" ends the pump.
		return !k.forward(int(fd), time.Time{})
	})
}

// drain forwards what has been logged up to now, so that what is sent next
// stands behind it. It takes at most limit, however fast the kernel logs.
func (k *kernelLog) drain(limit time.Duration) {
	if k == nil {
		return
	}
	_ = k.conn.Control(func(fd uintptr) { k.forward(int(fd), time.Now().Add(limit)) })
}

// forward sends records until there are none (true), until the file ends or
// fails, or until end, if that is not zero (false).
func (k *kernelLog) forward(fd int, end time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for end.IsZero() || time.Now().Before(end) {
		n, err := unix.Read(fd, k.buf[:])
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN:
			return true
		case err == unix.EPIPE:
			// The ring went over records that nobody had read yet. The next
			// read goes on with the oldest one; its number tells the gap.
			continue
		case err != nil || n == 0:
			return false
		}
		m, err := parseRecord(k.buf[:n])
		if err != nil {
			k.send(wire.Message{Kind: wire.Log, Text: fmt.Sprintf("/dev/kmsg: %v", err)})
			continue
		}
		if m.Seq > k.next {
			k.send(wire.Message{Kind: wire.Log, Text: fmt.Sprintf("kernel log: %d records lost before number %d: the ring is too small for what was logged at once", m.Seq-k.next, m.Seq)})
		}
		k.next = m.Seq + 1
		if m.Facility == 0 && isStall(m.Text) {
			k.stalls.Add(1)
		}
		if name, ok := strings.CutPrefix(m.Text, clockChanged); ok && m.Facility == 0 {
			k.clock, k.since = name, m.At
		}
		k.send(m)
	}
	return false
}

// An x86 kernel begins with a clock source that it does not trust, and measures
// for a second of its delayed work until it changes to its own, "tsc"
// (tsc_refine_calibration_work, arch/x86/kernel/tsc.c): 1.0 to 1.1 s later on an
// idle machine, 1.8 s on a busy one. It stops all CPUs for it.
const (
	clockChanged   = "clocksource: Switched to clocksource "
	tentativeClock = "tsc-early"
	clockMeasured  = 1050 * time.Millisecond
	// clockNear is how long it is worth to wait for it. A microvm on an idle
	// machine is asked to settle 0.6 s before: the tests that are restored from it
	// one by one end earlier.
	clockNear = 500 * time.Millisecond
	// clockLate is how much longer it may take than it should.
	clockLate = time.Second
)

// awaitClock waits for the change of the clock source if that is near.
func (k *kernelLog) awaitClock() {
	if k == nil {
		return
	}
	k.drain(drainLimit)
	for {
		k.mu.Lock()
		left := k.since + clockMeasured - sinceBoot()
		changed := k.clock != tentativeClock
		k.mu.Unlock()
		if changed || left > clockNear || left < -clockLate {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// parseRecord reads one record, "prio,seq,usec,flags[,caller=ID][,…];text\n",
// behind which lines that start with a blank give KEY=value pairs, which are left
// out. prio is facility times 8 plus level. Bytes that are not printable are escaped as
// \xNN in the text (Documentation/ABI/testing/dev-kmsg).
func parseRecord(rec []byte) (wire.Message, error) {
	head, text, ok := bytes.Cut(rec, []byte(";"))
	if !ok {
		return wire.Message{}, fmt.Errorf("record without a semicolon: %.80q", rec)
	}
	field := bytes.Split(head, []byte(","))
	if len(field) < 4 {
		return wire.Message{}, fmt.Errorf("record with %d header fields, want at least 4: %.80q", len(field), rec)
	}
	prio, err1 := strconv.ParseUint(string(field[0]), 10, 32)
	seq, err2 := strconv.ParseUint(string(field[1]), 10, 64)
	usec, err3 := strconv.ParseUint(string(field[2]), 10, 63)
	if err := errors.Join(err1, err2, err3); err != nil {
		return wire.Message{}, fmt.Errorf("record %.80q: %w", rec, err)
	}
	if usec > uint64(1<<63-1)/uint64(time.Microsecond) {
		return wire.Message{}, fmt.Errorf("record %.80q: time out of range", rec)
	}
	caller := ""
	for _, f := range field[4:] { // info_print_ext_header, kernel/printk/printk.c
		if id, ok := bytes.CutPrefix(f, []byte("caller=")); ok {
			caller = string(id)
		}
	}
	text, _, _ = bytes.Cut(text, []byte("\n"))
	return wire.Message{
		Kind:     wire.Kmsg,
		Level:    int(prio & 7), // LOG_PRI and LOG_FAC, syslog(3)
		Facility: int(prio >> 3),
		Seq:      seq,
		Caller:   caller,
		At:       time.Duration(usec) * time.Microsecond,
		Text:     string(unescape(text)),
	}, nil
}

// unescape undoes \xNN. The kernel escapes a backslash of the text too
// (msg_add_ext_text, kernel/printk/printk.c), so none can be mistaken.
func unescape(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if i+3 < len(b) && b[i] == '\\' && b[i+1] == 'x' {
			if v, err := strconv.ParseUint(string(b[i+2:i+4]), 16, 8); err == nil {
				out = append(out, byte(v))
				i += 3
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}
