// Package kit is what the selftests are made with. A selftest program is an
// area, a main package in selftests/AREA with nothing but a table of tests:
//
//	func main() {
//		kit.Main(kit.Tests{
//			"enable/event-file": eventFile,
//		})
//	}
//
//	func eventFile(t *kit.T) {
//		ev, d := t.Event("u32 count"), t.Open()
//		r := d.Register(ev, t.Word().Bit(3))
//		t.Saw("before", r.Enabled())
//		ev.On()
//		t.Saw("on", r.Enabled())
//	}
//
// A test says what it saw and never what it expected: that is catalogue data
// (selftests/catalog). Everything that it makes by way of the T is undone at
// its end, so that the kernel is left as it was found; what can't be undone
// fails the test.
//
// The agent runs a program as "PROGRAM -run ID" with descriptor 3 the write
// end of a pipe, on which the program sends the messages Saw, Log and End of
// internal/wire. Run by hand, without such a descriptor, the program prints
// text to standard output. "PROGRAM -list" prints its tests' ids.
package kit

import (
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"

	"golang.org/x/sys/unix"

	"uetest/internal/wire"
)

// Tests maps the ids of an area's tests, "area/what-holds", to their bodies.
type Tests map[string]func(*T)

// resultFD is the descriptor that the agent passes.
const resultFD = 3

// Main runs the test that the command line names, or a Part of it, and exits: 0
// if an End was sent, whatever it says, else 2.
func Main(tests Tests) {
	os.Exit(run(os.Args[1:], tests, os.Stdout, os.Stderr, resultSender()))
}

func run(args []string, tests Tests, stdout, stderr io.Writer, to sender) int {
	switch {
	case len(args) == 1 && args[0] == "-list":
		for _, id := range slices.Sorted(maps.Keys(tests)) {
			_, _ = fmt.Fprintln(stdout, id)
		}
		return 0
	case len(args) == 2 && args[0] == "-run", len(args) > 2 && args[0] == "-run" && args[2] == partFlag:
		id := args[1]
		body, ok := tests[id]
		end := wire.Message{Kind: wire.End, ID: id, Status: wire.Failed, Text: "this program has no such test; the image and the catalogue differ"}
		if ok {
			end = runOne(id, body, to, args[2:]...)
		}
		if err := to.send(end); err != nil {
			_, _ = fmt.Fprintf(stderr, "%s: can't report the end: %v\n", id, err)
			return 2
		}
		return 0
	}
	_, _ = fmt.Fprintln(stderr, "usage: PROGRAM -run ID | -list")
	return 2
}

// runOne runs the body in a goroutine of its own that is locked to its thread
// until the process ends: children of a raw clone are killed when the thread
// that made them ends, and perf counts a thread.
func runOne(id string, body func(*T), to sender, part ...string) wire.Message {
	t := newT(id, to)
	if len(part) > 0 {
		var err error
		if t.family, t.files, t.args, err = parsePart(part[1:]); err != nil {
			return wire.Message{Kind: wire.End, ID: id, Status: wire.Failed, Text: err.Error()}
		}
	}
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		debug.SetPanicOnFault(true) // a fault in mapped memory is the test's, with a stack
		defer close(done)
		defer t.undo()
		defer func() {
			if p := recover(); p != nil {
				t.end(wire.Failed, fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		body(t)
		t.end(wire.Done, "")
	}()
	<-done
	if t.status == "" {
		t.end(wire.Failed, "the test's goroutine ended without a result")
	}
	return wire.Message{Kind: wire.End, ID: id, Status: t.status, Text: t.text}
}

// A sender sends messages to the agent.
type sender struct {
	send func(wire.Message) error
	fd   int // what a child must not hold open; -1 if there is no such descriptor
}

// resultSender sends on the agent's pipe, or prints for a person where there
// is none. Without the agent descriptor 3 may be anything that the Go runtime
// opened, so it has to be a pipe.
func resultSender() sender {
	var st unix.Stat_t
	if err := unix.Fstat(resultFD, &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFIFO {
		unix.CloseOnExec(resultFD)
		return sender{wire.NewEncoder(os.NewFile(resultFD, "results")).Encode, resultFD}
	}
	return sender{func(m wire.Message) error {
		var err error
		switch m.Kind {
		case wire.Saw:
			_, err = fmt.Printf("%s=%s\n", m.Key, m.Value)
		case wire.End:
			_, err = fmt.Printf("%s: %s %s\n", m.ID, m.Status, m.Text)
		default:
			_, err = fmt.Printf("# %s\n", m.Text)
		}
		return err
	}, -1}
}
