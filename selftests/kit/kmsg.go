package kit

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// FailLine is what g1 logs for each enabler that it can't write to, at each
// attempt (user_event_enabler_write, blob 633f24c2a1ac). It is not rate
// limited, so the lines can be counted.
const FailLine = "user_events: Enable write failed"

// KernelLog is a reader of /dev/kmsg.
type KernelLog struct {
	t  *T
	fd int
}

// KernelLog starts to read the kernel's log from here on.
func (t *T) KernelLog() *KernelLog {
	fd, err := unix.Open("/dev/kmsg", unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open /dev/kmsg: %v", err)
	}
	t.later(undoUsers, func() error { return unix.Close(fd) })
	if _, err := unix.Seek(fd, 0, unix.SEEK_END); err != nil {
		t.Fatalf("seek to the end of /dev/kmsg: %v", err)
	}
	return &KernelLog{t, fd}
}

// Count returns how many records that hold text were logged since the log was
// opened or last counted. A record is in the log before the system call that
// caused it returns.
func (l *KernelLog) Count(text string) int {
	count := 0
	l.each(func(record string) {
		if recordHolds(record, text) {
			count++
		}
	})
	return count
}

// each calls f with every record that was logged since the log was opened or
// last read.
func (l *KernelLog) each(f func(record string)) {
	// A read returns one record, or EAGAIN after the last one; EPIPE says that
	// records were overwritten (Documentation/ABI/testing/dev-kmsg).
	buf := make([]byte, 8192)
	for {
		n, err := unix.Read(l.fd, buf)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EPIPE):
			l.t.Fatalf("the kernel's log was overwritten before it could be counted: boot with a larger log_buf_len")
		case err != nil:
			l.t.Fatalf("read /dev/kmsg: %v", err)
		}
		f(string(buf[:n]))
	}
}

// recordHolds reports whether the message of a /dev/kmsg record holds text:
// "prio,seq,usec,flags[,…];message\n", then lines " KEY=value".
func recordHolds(record, text string) bool {
	_, message, ok := strings.Cut(record, ";")
	if !ok {
		return false
	}
	message, _, _ = strings.Cut(message, "\n")
	return strings.Contains(message, text)
}

// Failures counts FailLine.
func (l *KernelLog) Failures() int { return l.Count(FailLine) }

// Levels returns how many records that are text were logged at each level since
// the log was opened or last read: "4" for a warning, "4,4" for two.
func (l *KernelLog) Levels(text string) string {
	var levels []string
	l.each(func(record string) {
		head, message, _ := strings.Cut(record, ";")
		prefix, _, _ := strings.Cut(head, ",")
		message, _, _ = strings.Cut(message, "\n")
		if n, err := strconv.Atoi(prefix); err == nil && message == text {
			levels = append(levels, strconv.Itoa(n&7)) // the rest is the facility
		}
	})
	if levels == nil {
		return "none"
	}
	return strings.Join(levels, ",")
}
