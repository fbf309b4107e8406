package proc

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
)

// An ExitError is the end of a process with anything but exit status 0, or its
// end because its context ended.
type ExitError struct {
	// Cmd is the command as a shell reads it.
	Cmd string
	// Code is the exit status, or -1 if a signal ended the process.
	Code int
	// Signal is what ended the process, or 0.
	Signal syscall.Signal
	// Stderr is the end of what it wrote to standard error, at most 4 KB, cut
	// at a line.
	Stderr string
	// Cause is why uetest ended the process, context.Canceled for one; nil if
	// it ended by itself.
	Cause error
}

func (e *ExitError) Error() string {
	var b strings.Builder
	b.WriteString(e.Cmd)
	switch {
	case e.Signal != 0:
		fmt.Fprintf(&b, ": ended by signal %d (%v)", int(e.Signal), e.Signal)
	default:
		fmt.Fprintf(&b, ": exit status %d", e.Code)
	}
	if e.Cause != nil {
		fmt.Fprintf(&b, " after uetest stopped it: %v", e.Cause)
	}
	if s := strings.TrimRight(e.Stderr, "\n"); s != "" {
		b.WriteString(":\n" + s)
	}
	return b.String()
}

// Unwrap returns the Cause, so that errors.Is tells an interrupted process.
func (e *ExitError) Unwrap() error { return e.Cause }

// tailSize bounds ExitError.Stderr, in bytes: some 40 lines.
const tailSize = 4 << 10

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
	cut bool
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if len(t.buf) > 2*tailSize {
		t.buf = append(t.buf[:0], t.buf[len(t.buf)-tailSize:]...)
		t.cut = true
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, cut := t.buf, t.cut
	if len(b) > tailSize {
		b, cut = b[len(b)-tailSize:], true
	}
	s := string(b)
	if _, rest, ok := strings.Cut(s, "\n"); cut && ok {
		s = rest
	}
	return s
}
