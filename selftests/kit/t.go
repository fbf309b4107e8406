package kit

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"uetest/internal/feature"
	"uetest/internal/uapi"
	"uetest/internal/wire"
)

// Tracefs is where the agent mounts tracefs.
const Tracefs = feature.Tracefs

// T is a running test. Its methods are for the test's own goroutine.
type T struct {
	id     string
	to     sender
	family uapi.Generation
	space  *Mem // scratch page for ioctl arguments: never on the Go heap
	page   *Mem // the status page, on g0
	events int

	enablers []enabler           // what has been registered, where a close leaves it
	wrote    [][]byte            // payloads of events
	traced   map[string][]Record // what was read of a trace file, where reading consumes it

	args  []string // of a Part
	files []int    // that it inherited

	undoing [phases][]func() error
	status  wire.Status
	text    string
}

// phase is when something is undone: an event can be deleted only once the
// descriptors that hold it are closed, and those only once the children that
// inherited them are gone.
type phase int

const (
	undoChildren phase = iota
	undoTest           // what the test itself asked for
	undoUsers          // perf events, instances
	undoEnablers       // what a close leaves registered
	undoData           // descriptors
	undoEvents
	undoMemory
	phases
)

func newT(id string, to sender) *T { return &T{id: id, to: to, traced: map[string][]Record{}} }

// stop ends the test's goroutine. What is deferred still runs.
func (t *T) stop() { runtime.Goexit() }

// end sets how the test ended. The first call counts, but a failure to undo
// turns a good end into a bad one.
func (t *T) end(s wire.Status, text string) {
	if t.status == "" {
		t.status, t.text = s, text
	}
}

func (t *T) later(p phase, f func() error) { t.undoing[p] = append(t.undoing[p], f) }

// undo runs what the test left to be undone, the latest first within a phase.
func (t *T) undo() {
	var errs []error
	for p := range t.undoing {
		for i := len(t.undoing[p]) - 1; i >= 0; i-- {
			if err := t.undoing[p][i](); err != nil {
				errs = append(errs, err)
			}
		}
		t.undoing[p] = nil
	}
	err := errors.Join(errs...)
	switch {
	case err == nil:
	case t.status == wire.Done:
		t.status, t.text = wire.Failed, "the test left something behind: "+err.Error()
	default:
		t.text += "\nand left something behind: " + err.Error()
	}
}

// Cleanup runs f at the end of the test, before descriptors are closed and
// events deleted.
func (t *T) Cleanup(f func()) { t.later(undoTest, func() error { f(); return nil }) }

// Saw reports one observation. The value is shown as Value shows it and holds
// no blanks; the order of observations is part of what the catalogue expects.
func (t *T) Saw(key string, value any) {
	v, err := Value(value)
	if err != nil {
		t.Fatalf("observation %s: %v", key, err)
	}
	if v == "" || strings.ContainsAny(v, " \t\n=") || key == "" || strings.ContainsAny(key, " \t\n=") {
		t.Fatalf("observation %q=%q is empty or holds a blank or =", key, v)
	}
	t.message(wire.Message{Kind: wire.Saw, ID: t.id, Key: key, Value: v})
}

// Logf sends a line for people; it does not count.
func (t *T) Logf(format string, args ...any) {
	t.message(wire.Message{Kind: wire.Log, ID: t.id, Text: fmt.Sprintf(format, args...)})
}

// Measure sends a number for people, and for the plots of a report; it does not
// count. Of says what was measured at x of per, and y how much of unit it was.
func (t *T) Measure(of string, x float64, per string, y float64, unit string) {
	t.message(wire.Message{
		Kind: wire.Log, ID: t.id, Text: fmt.Sprintf("%s: %g %s: %.4g %s", of, x, per, y, unit),
		Sample: &wire.Sample{Of: of, X: x, Per: per, Y: y, Unit: unit},
	})
}

func (t *T) message(m wire.Message) {
	if err := t.to.send(m); err != nil {
		t.end(wire.Failed, fmt.Sprintf("can't report: %v", err))
		t.stop()
	}
}

// Fatalf ends the test as failed: it could not do its work. A behaviour that
// is worth an expectation is never a Fatalf but a Saw.
func (t *T) Fatalf(format string, args ...any) {
	t.end(wire.Failed, fmt.Sprintf(format, args...))
	t.stop()
}

// Check is Fatalf if err is not nil.
func (t *T) Check(err error) {
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// Skip ends the test because the kernel lacks a feature, one of those that the
// catalogue lists in the test's Needs. Any other skip is an error there.
func (t *T) Skip(f feature.Name) {
	t.end(wire.Skipped, string(f))
	t.stop()
}

// Value shows an observation: nil is "ok", an error its errno name ("EFAULT"),
// a bool "yes" or "no", an integer decimal, but a uint32, a word, hexadecimal
// with eight digits.
func Value(value any) (string, error) {
	switch v := value.(type) {
	case nil:
		return "ok", nil
	case error:
		var errno unix.Errno
		if !errors.As(v, &errno) {
			return "", fmt.Errorf("no errno in %w", v)
		}
		if name := unix.ErrnoName(errno); name != "" {
			return name, nil
		}
		return "", fmt.Errorf("errno %d has no name", errno)
	case bool:
		if v {
			return "yes", nil
		}
		return "no", nil
	case string:
		return v, nil
	case int:
		return fmt.Sprint(v), nil
	case uint32:
		return fmt.Sprintf("%#08x", v), nil
	}
	return "", fmt.Errorf("a %T can't be shown", value)
}

// Result shows the result of a call that returns a count: the count, or the
// errno.
func Result(n int, err error) any {
	if err != nil {
		return err
	}
	return n
}
