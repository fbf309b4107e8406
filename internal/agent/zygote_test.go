package agent

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"uetest/internal/wire"
)

// settle has the agent come to rest and returns the id of the process that waits
// to be the first test.
func (h *host) settle() int {
	h.t.Helper()
	h.send(wire.Message{Kind: wire.Settle})
	if m := h.next(); m.Kind != wire.Settled {
		h.t.Fatalf("%+v, want settled", m)
	}
	// On a host with more to do than this it may wait for a CPU when it has not used
	// one for a while.
	found, _ := descendants(nil, patience)
	for end := time.Now().Add(patience); len(found) == 1 && found[0].threads[0].state != 'S' && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
		found, _ = descendants(nil, patience)
	}
	if len(found) != 1 || found[0].threads[0].state != 'S' {
		h.t.Fatalf("there are the processes %q, want one that sleeps", list(found))
	}
	return found[0].pid
}

func TestFirstTestIsDoneByTheProcessThatWaits(t *testing.T) {
	h := serve(t, nil)
	waits := h.settle()
	if again := h.settle(); again != waits {
		t.Errorf("settled twice there is process %d, before %d", again, waits)
	}
	first := h.run("context", 7*time.Second)
	if got := first.all[0]; got.Kind != wire.Start || got.PID != waits {
		t.Errorf("%+v, want the start of process %d", got, waits)
	}
	second := h.run("context", 7*time.Second)
	if second.all[0].PID <= waits {
		t.Errorf("the second test has process ids from %d on, the first one had %d", second.all[0].PID, waits)
	}
	if first.saw != second.saw || first.saw == "" || first.end.Status != wire.Done {
		t.Errorf("the test that waited saw %s (%s),\nthe one that did not %s", first.saw, first.end.Text, second.saw)
	}
}

// It can't be every test: what it does not fit it does not touch.
func TestProcessThatWaitsIsEndedWhereItDoesNotFit(t *testing.T) {
	h := serve(t, nil)
	waits := h.settle()
	const id = "misbehave/input"
	h.send(wire.Message{Kind: wire.Run, ID: id, Program: "misbehave", Timeout: anyTime, Text: "a line\n"})
	if r := h.collect(id); r.all[0].PID <= waits || !strings.HasPrefix(r.saw, "input=7,") {
		t.Errorf("process ids from %d on, that of the one that waited is %d; saw %s, end %s", r.all[0].PID, waits, r.saw, r.end.Text)
	}
	h.settle()
	h.send(wire.Message{Kind: wire.Run, ID: "x/y", Program: "nothing"})
	if r := h.collect("x/y"); r.end.Status != wire.Failed || !strings.Contains(r.end.Text, "there are: misbehave") {
		t.Errorf("end %s %q, want failed with the names there are", r.end.Status, r.end.Text)
	}
	if left, _ := descendants(nil, patience); len(left) > 0 {
		t.Errorf("there is still %s", list(left))
	}
}

func TestProcessThatDiedWhileItWaitedIsReplaced(t *testing.T) {
	h := serve(t, nil)
	if err := syscall.Kill(h.settle(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if left, _ := descendants(nil, patience); len(left) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it does not die")
		}
	}
	if r := h.run("done", anyTime); r.end.Status != wire.Done || r.saw != "word=1 other=0" {
		t.Errorf("saw %s, end %s %s", r.saw, r.end.Status, r.end.Text)
	}
}

func TestAgentThatLeavesEndsTheProcessThatWaits(t *testing.T) {
	h := serve(t, nil)
	h.settle()
	h.send(wire.Message{Kind: wire.Stop})
	if m := h.next(); m.Kind != wire.Bye {
		t.Errorf("%+v, want bye", m)
	}
	if err := <-h.served; err != nil {
		t.Error(err)
	}
	h.served <- nil
	if left, _ := descendants(nil, patience); len(left) > 0 {
		t.Errorf("there is still %s", list(left))
	}
}
