// Package agent is the guest's side of uetest: PID 1 of the guest image. It
// sets the guest up, tells the host what this kernel is, runs one test program
// at a time when the host asks for it, and powers the guest off.
//
// A test may break the kernel it runs on. So nothing here waits without a
// limit: neither for a process that SIGKILL does not end, nor for a descriptor
// that such a process holds open, nor for a host that reads nothing. What the
// kernel logged up to the end of a test is sent before its End, so that a splat
// stands between the Start and the End of the test that caused it.
//
// Between agent and test program: the agent starts /selftests/PROGRAM with the
// arguments "-run ID" and descriptor 3 open for writing, in a session of its
// own, with the Run's Text as standard input. On descriptor 3 the program writes
// messages of package wire, one a line, in one write each: any number of
// saw{key, value} and log{text}, and as its last end{status, text} with status
// done, skipped or failed; ID may be left out. Then it exits with status 0.
// Whatever it prints to standard output or standard error arrives as Output.
// UETEST_TIMEOUT holds the watchdog's limit as a Go duration. Processes that
// the program leaves behind are killed, and a line of the log names them.
package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/wire"
)

// Config is what an agent needs to serve a host.
type Config struct {
	// Port is the connection to the host. Its end (io.EOF) ends Serve.
	Port io.ReadWriter
	// Kmsg is an open, non-blocking /dev/kmsg; nil: there is no kernel log.
	Kmsg *os.File
	// Programs is the directory of the test programs.
	Programs string
	// Guest is what Hello says of the kernel.
	Guest wire.Guest
	// Notes are lines about the set-up for people, sent behind Hello.
	Notes []string
	// Scratch are directories that are emptied after each test: what a test
	// leaves in a file system in memory is missing from the next one's.
	Scratch []string
	// Pinned says, when the host says Stop, which pages the kernel has left
	// pinned; empty: none. It may be nil.
	Pinned func() string
	// Settled is closed when the guest has nothing of its own to do any more;
	// nil: it never had.
	Settled <-chan struct{}
	// Prepare does in a guest that settles what the kernel does else in the first
	// test of each one that is restored. It may be nil.
	Prepare func()
	// Zygote is the path of the guest program, as which it becomes each of those
	// that Becomes is true for; empty: there is none.
	Zygote  string
	Becomes func(program string) bool
	// Wake adapts a guest that was restored to where it is now. It may be nil.
	Wake func(now time.Time, random []byte) error
}

const (
	// stopLimit is how long a running test may take to end when the host says
	// Stop: what happens then is bounded by dieLimit and shorter ones.
	stopLimit = dieLimit + 5*time.Second
	// flushLimit is how long the last messages may take. A host that has gone
	// does not keep the guest from powering off.
	flushLimit = 2 * time.Second
)

// Serve says Hello and then does what the host asks for, until it says Stop
// (nil) or the port ends (the port's error). The host may take any time to
// speak: a guest that waits here is what a snapshot is made of.
//
// Serve waits for all children of the calling process; while it runs, nobody
// else may.
func Serve(c Config) error {
	s := newStream(c.Port, stallLimit)
	c.hello(s)
	for _, note := range c.Notes {
		s.send(wire.Message{Kind: wire.Log, Text: note})
	}
	r := &runner{
		programs: c.Programs, becomes: c.Becomes, scratch: c.Scratch, send: s.send, reaper: newReaper(), starter: newStarter(),
		stuck: map[int]bool{}, faulted: kernelFaulted,
	}
	defer r.reaper.close()
	defer close(r.starter)
	defer func() {
		if r.zygote != nil {
			r.drop(r.zygote)
		}
	}()
	if c.Kmsg != nil {
		var err error
		if r.kmsg, err = newKernelLog(c.Kmsg, s.send); err != nil {
			return fmt.Errorf("kernel log: %w", err)
		}
		go r.kmsg.pump()
	}
	why, err := converse(c, s, r)
	if err == nil && c.Pinned != nil {
		if left := c.Pinned(); left != "" {
			s.send(wire.Message{Kind: wire.Log, Text: left})
		}
	}
	s.send(wire.Message{Kind: wire.Bye, Text: why})
	s.flush(flushLimit)
	s.close(io.ErrClosedPipe)
	return err
}

func (c Config) hello(s *stream) {
	s.send(wire.Message{Kind: wire.Hello, Version: wire.Version, Guest: c.Guest, At: sinceBoot()})
}

// sinceBoot is the time since the kernel started its clocks, as in its log.
func sinceBoot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// converse answers the host until it says Stop or the port fails.
func converse(c Config, s *stream, r *runner) (why string, err error) {
	type received struct {
		wire.Message
		err error
	}
	host := make(chan received)
	quit := make(chan struct{})
	defer close(quit)
	go func() {
		for dec := wire.NewDecoder(c.Port); ; {
			m, err := dec.Decode()
			select {
			case host <- received{m, err}:
			case <-quit:
				return
			}
			var bad *wire.LineError
			if err != nil && !errors.As(err, &bad) {
				return
			}
		}
	}()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	running := ""                       // the test that runs
	ended := make(chan wire.Message, 1) // its End
	leave := func(why string, err error) (string, error) {
		cancel()
		if running != "" {
			select {
			case end := <-ended:
				s.send(end)
			case <-time.After(stopLimit):
				why += "; " + running + " did not end"
			}
		}
		return why, err
	}
	for {
		select {
		case end := <-ended:
			// In this order: the host may answer the End with the next Run.
			running = ""
			s.send(end)
		case m := <-host:
			var bad *wire.LineError
			switch {
			case errors.As(m.err, &bad):
				s.send(wire.Message{Kind: wire.Log, Text: "from the host: " + m.err.Error()})
			case m.err != nil:
				return leave(fmt.Sprintf("the port ended: %v", m.err), m.err)
			case m.Kind == wire.Stop:
				return leave("asked to stop", nil)
			case m.Kind == wire.Settle && running == "":
				c.settle(s, r)
			case m.Kind == wire.Wake && running == "":
				c.wake(s, m.Message)
			case m.Kind == wire.Scan && running == "":
				c.scan(s, r.kmsg)
			case m.Kind == wire.Settle || m.Kind == wire.Wake || m.Kind == wire.Scan:
				s.send(wire.Message{Kind: wire.Log, Text: fmt.Sprintf("from the host: a %q message while %s runs", m.Kind, running)})
			case m.Kind != wire.Run:
				s.send(wire.Message{Kind: wire.Log, Text: fmt.Sprintf("from the host: a %q message, want run, settle, wake, scan or stop", m.Kind)})
			case running != "":
				s.send(wire.Message{Kind: wire.End, ID: m.ID, Status: wire.Failed, Text: "not run: the agent runs one test at a time, and now " + running})
			case m.Version != 0 && m.CheckVersion() != nil:
				s.send(wire.Message{Kind: wire.End, ID: m.ID, Status: wire.Failed, Text: "not run: " + m.CheckVersion().Error()})
			default:
				running = m.ID
				go func() { ended <- r.run(ctx, m.Message) }()
			}
		}
	}
}
