package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/wire"
)

const (
	// defaultLimit is that of a Run that has none.
	defaultLimit = 5 * time.Second
	// drainLimit is how long the kernel log is read at the start and the end of
	// a test: a kernel that logs without end must not keep a test from ending.
	drainLimit = 2 * time.Second
	// pipeLimit is how long the pipes of a test are read after its processes
	// are gone. All that was written is there then; only a process that can't be
	// killed holds them open.
	pipeLimit = time.Second
	// whereLimit is how long /proc is asked where a stuck process is.
	whereLimit = 500 * time.Millisecond

	// oopsPoll is how often the kernel is asked whether it has faulted, and
	// oopsGrace how long the test may go on if it has. The kernel ends the thread
	// that faulted and nothing else; what waits for that thread waits for ever.
	oopsPoll  = 250 * time.Millisecond
	oopsGrace = time.Second

	// endLimit is all that may come between the watchdog and the End: asking
	// where the processes are, killing them and looking who is left, asking
	// again, closing two pipes, removing files, and draining the log. The host relies on it.
	endLimit = whereLimit + (whereLimit + dieLimit + whereLimit) + whereLimit + 2*pipeLimit + sweepLimit + drainLimit
)

// A runner runs tests, one at a time.
type runner struct {
	programs string
	becomes  func(program string) bool // a zygote can become it; nil: there is none
	zygote   *zygote                   // waits to become the next test, or nil
	spent    *child                    // the last test's, whose pipes are open; or nil
	scratch  []string
	send     func(wire.Message)
	kmsg     *kernelLog
	reaper   *reaper
	starter  starter
	stuck    map[int]bool // processes that SIGKILL did not end
	faulted  func() bool  // the kernel has had a fault since it booted
}

// outcome is all that decides how a test ended.
type outcome struct {
	limit    time.Duration
	hold     time.Duration // after limit
	status   syscall.WaitStatus
	exited   bool // status is valid
	timedOut bool
	trouble  string // what the kernel said of itself before the test ended
	stopped  bool
	said     *wire.Message // the test's own end, if it came
	garbled  error         // the first fault of what it wrote on descriptor 3
	stuck    []process     // what SIGKILL did not end
}

// run runs the test of the Run message m: it sends Start and what the test has
// to say, and returns the End. When ctx ends the test is killed.
func (r *runner) run(ctx context.Context, m wire.Message) wire.Message {
	begin := time.Now()
	// Not at the end of its test: nobody waits for it here either, but the
	// kernel takes a while to free a pipe.
	if r.spent != nil {
		r.spent.close()
		r.spent = nil
	}
	r.kmsg.drain(drainLimit)
	z, pid := r.hatch(m), 0
	if z != nil {
		pid = z.pid
	} else {
		pid = nextPID()
	}
	r.send(wire.Message{Kind: wire.Start, ID: m.ID, PID: pid})
	status, text := r.outcome(ctx, m, z)
	r.kmsg.drain(drainLimit)
	return wire.Message{Kind: wire.End, ID: m.ID, Status: status, Text: text, At: time.Since(begin)}
}

// outcome starts the test's program, which z becomes if there is one, and waits
// for its end.
func (r *runner) outcome(ctx context.Context, m wire.Message, z *zygote) (wire.Status, string) {
	o := outcome{limit: m.Timeout, hold: m.Hold}
	if o.limit <= 0 {
		o.limit = defaultLimit
	}
	m.Timeout = o.limit
	t, err := r.start(m, z)
	if err != nil {
		return wire.Failed, err.Error()
	}
	r.watch(ctx, t, &o)
	return o.judge()
}

// trouble says what the kernel has said of itself since the test began, if that
// means that the test may not end, or else "".
func (r *runner) trouble(t *test) string {
	switch {
	case !t.faulted && r.faulted():
		return "the kernel faulted and ended a thread of the test"
	case r.kmsg.stalled() > t.stalls:
		return "the kernel reported a stall during the test"
	}
	return ""
}

// kernelFaulted reports whether the kernel has had an oops since it booted: bit
// 7 of the taint mask, TAINT_DIE (Documentation/admin-guide/tainted-kernels.rst).
func kernelFaulted() bool {
	return taint()&(1<<7) != 0
}

// taint is the taint mask of the kernel.
func taint() uint64 {
	b, err := os.ReadFile("/proc/sys/kernel/tainted")
	if err != nil {
		return 0
	}
	mask, _ := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return mask
}

// find returns the path of a test program.
func (r *runner) find(program string) (string, error) {
	path := filepath.Join(r.programs, program)
	if program != "" && filepath.Base(path) == program {
		info, err := os.Stat(path)
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	var have []string
	entries, _ := os.ReadDir(r.programs)
	for _, e := range entries {
		have = append(have, e.Name())
	}
	return "", fmt.Errorf("no program %q in this guest; there are: %s", program, strings.Join(have, ", "))
}

// A test is a started test program.
type test struct {
	id      string
	began   time.Time
	faulted bool  // the kernel had, before the test
	stalls  int64 // that it had reported by then
	exited  <-chan syscall.WaitStatus
	report  *report
	output  *output
}

// start starts the program of a Run, which z becomes if there is one.
func (r *runner) start(m wire.Message, z *zygote) (*test, error) {
	t := &test{id: m.ID, began: time.Now(), stalls: r.kmsg.stalled()}
	if z != nil && z.tell(m) != nil { // it has died
		r.drop(z)
		z = nil
	}
	var c *child
	if z != nil {
		c, t.faulted = z.child, z.faulted
	} else {
		path, err := r.find(m.Program)
		if err != nil {
			return nil, err
		}
		stdin, err := inputFile(m.Text)
		if err != nil {
			return nil, err
		}
		defer func() { _ = stdin.Close() }()
		t.faulted = r.faulted()
		env := append(os.Environ(), timeoutVariable+"="+m.Timeout.String())
		if c, err = r.fork(path, arguments(m.Program, m.ID), env, stdin); err != nil {
			return nil, fmt.Errorf("start %s: %w", path, err)
		}
	}
	r.spent, t.exited = c, c.exited
	t.report = readReport(c.report, m.ID, r.send)
	t.output = readOutput(c.output, m.ID, r.send)
	return t, nil
}

// timeoutVariable holds the watchdog's limit.
const timeoutVariable = "UETEST_TIMEOUT"

// arguments are those of a test program.
func arguments(program, id string) []string { return []string{program, "-run", id} }

// A child is a process that is a test program, or will be.
type child struct {
	pid    int
	exited <-chan syscall.WaitStatus
	report *os.File // what it writes on descriptor 3
	output *os.File // what it prints
	order  *os.File // of a zygote; else nil
}

func (c *child) close() {
	_ = c.report.Close()
	_ = c.output.Close()
	_ = c.order.Close() // nil is an error of Close's
}

// fork starts a program in a session of its own. It gets files as descriptors
// from 4 on.
func (r *runner) fork(path string, args, env []string, stdin *os.File, files ...*os.File) (_ *child, err error) {
	c := &child{}
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = outWrite.Close() }()
	repRead, repWrite, err := os.Pipe()
	if err != nil {
		_ = outRead.Close()
		return nil, err
	}
	defer func() { _ = repWrite.Close() }()

	// Fd makes a descriptor blocking: right for the program's ends, which are
	// other open files than the ends that the agent reads with deadlines.
	attr := &syscall.ProcAttr{
		Env: env,
		Files: []uintptr{
			stdin.Fd(), outWrite.Fd(), outWrite.Fd(), repWrite.Fd(),
		},
		Sys: &syscall.SysProcAttr{Setsid: true},
	}
	for _, f := range files {
		attr.Files = append(attr.Files, f.Fd())
	}
	c.report, c.output = repRead, outRead
	c.pid, c.exited, err = r.reaper.start(func() (int, error) {
		return r.starter.do(func() (int, error) { return syscall.ForkExec(path, args, attr) })
	})
	if err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// inputFile returns an open file to read text from. It is one in memory: what
// a pipe does not hold would need somebody to write it.
func inputFile(text string) (*os.File, error) {
	if text == "" {
		return os.Open(os.DevNull)
	}
	fd, err := unix.MemfdCreate("input", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "input")
	_, err = f.WriteString(text)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// watch sees a test to its end, whatever that is, and leaves no process of it.
func (r *runner) watch(ctx context.Context, t *test, o *outcome) {
	timer := time.NewTimer(o.limit)
	defer timer.Stop()
	log := func(lines ...string) {
		for _, line := range lines {
			r.send(wire.Message{Kind: wire.Log, ID: t.id, Text: line})
		}
	}
	oops := time.NewTicker(oopsPoll)
	defer oops.Stop()
	for ended := false; !ended; {
		select {
		case o.status = <-t.exited:
			o.exited, ended = true, true
		case <-timer.C:
			o.timedOut, ended = true, true
			if o.trouble == "" { // else the kernel has said what there is to know
				select {
				case o.status = <-t.exited:
					o.exited = true
				case <-time.After(o.hold):
				case <-ctx.Done():
				}
			}
			log(whereabouts(r.stuck, whereLimit)...)
		case <-oops.C:
			if o.trouble = r.trouble(t); o.trouble != "" {
				oops.Stop()
				timer.Reset(min(oopsGrace, o.limit-time.Since(t.began)))
			}
		case <-ctx.Done():
			o.stopped, ended = true, true
		}
	}

	left, unkillable := endAll(r.reaper, r.stuck)
	if o.exited && left != "" {
		log("left behind and killed: " + left)
	}
	if len(unkillable) > 0 {
		o.stuck = unkillable
		log("SIGKILL does not end: " + list(unkillable))
		log(whereabouts(r.stuck, whereLimit)...)
		for _, p := range unkillable {
			r.stuck[p.pid] = true
		}
	}
	if !o.exited {
		select {
		case o.status = <-t.exited: // it may have died of SIGKILL, or a moment before
			o.exited = true
		default:
		}
	}
	o.said, o.garbled = t.report.close(pipeLimit)
	t.output.close(pipeLimit)
	if left := sweep(r.scratch, sweepLimit); left != "" {
		log("left behind and removed: " + left)
	}
}

func list(processes []process) string {
	const most = 5
	var names []string
	for i, p := range processes {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(processes)-most))
			break
		}
		names = append(names, p.String())
	}
	return strings.Join(names, ", ")
}

// judge says how the test ended. A test counts as done only if it said so,
// exited with status 0, and wrote nothing but messages: silence is failure.
func (o *outcome) judge() (wire.Status, string) {
	if o.exited && o.status == 0 && !o.timedOut && !o.stopped && o.garbled == nil && len(o.stuck) == 0 && o.said != nil && o.said.Status == wire.Done {
		return o.said.Status, o.said.Text // nearly always, so nothing is put together for it
	}
	said := "without an end message"
	if o.said != nil {
		said = fmt.Sprintf("after it had said %q", o.said.Status)
	}
	stuck := ""
	if len(o.stuck) > 0 {
		stuck = "; cannot be killed: " + list(o.stuck)
	}
	switch {
	case o.stopped:
		return wire.Failed, "ended because the host left" + stuck
	case o.timedOut && o.trouble != "":
		return wire.Crashed, fmt.Sprintf("%s, which had not ended %v later, %s%s", o.trouble, oopsGrace, said, stuck)
	case o.timedOut:
		return wire.Timeout, fmt.Sprintf("not ended after %v, %s%s", o.limit, said, stuck)
	case o.status.Signaled():
		sig := o.status.Signal()
		return wire.Crashed, fmt.Sprintf("killed by signal %d (%s) %s%s", int(sig), unix.SignalName(sig), said, stuck)
	case o.status.ExitStatus() != 0:
		return wire.Crashed, fmt.Sprintf("exit status %d %s%s", o.status.ExitStatus(), said, stuck)
	case o.garbled != nil:
		return wire.Failed, fmt.Sprintf("descriptor 3: %v", o.garbled)
	case o.said == nil:
		return wire.Crashed, "exit status 0 " + said + stuck
	case o.said.Status != wire.Done && o.said.Status != wire.Skipped && o.said.Status != wire.Failed:
		return wire.Failed, fmt.Sprintf("end message with status %q, want done, skipped or failed", o.said.Status)
	case stuck != "":
		return wire.Timeout, "a process of the test remains" + stuck
	}
	return o.said.Status, o.said.Text
}
