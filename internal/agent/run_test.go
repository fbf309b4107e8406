package agent

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"uetest/internal/wire"
)

// anyTime is a limit that no test of these reaches.
const anyTime = 30 * time.Second

func TestEveryEndIsToldApart(t *testing.T) {
	for _, tt := range []struct {
		behaviour string
		limit     time.Duration
		status    wire.Status
		text      string // in the End's text
		saw       string
		output    string // in the output
	}{
		{behaviour: "done", status: wire.Done, saw: "word=1 other=0"},
		{behaviour: "skipped", status: wire.Skipped, text: "needs hugetlb"},
		{behaviour: "failed", status: wire.Failed, text: "open: no such file"},
		{behaviour: "prints", status: wire.Done, output: "to stderr, no newline"},
		{behaviour: "silent", status: wire.Crashed, text: "exit status 0 without an end message"},
		{behaviour: "exits", status: wire.Crashed, text: `exit status 3 after it had said "done"`},
		{behaviour: "panics", status: wire.Crashed, text: "exit status 2 without", output: "panic: on purpose"},
		{behaviour: "segfaults", status: wire.Crashed, text: "signal 11 (SIGSEGV)"},
		{behaviour: "killed", status: wire.Crashed, text: "signal 9 (SIGKILL) after"},
		{behaviour: "loops", limit: 300 * time.Millisecond, status: wire.Timeout, text: "not ended after 300ms, without an end", output: "looping\n"},
		{behaviour: "sleeps", limit: 300 * time.Millisecond, status: wire.Timeout, text: `after it had said "done"`},
		{behaviour: "ignores", limit: 300 * time.Millisecond, status: wire.Timeout},
		{behaviour: "garbage", status: wire.Failed, text: `descriptor 3: not a message: "hello"`},
		{behaviour: "half a line", status: wire.Failed, text: "ends within a line"},
		{behaviour: "two ends", status: wire.Failed, text: "behind the end message"},
		{behaviour: "bad status", status: wire.Failed, text: `status "fine"`},
		{behaviour: "bad kind", status: wire.Failed, text: `"hello" message`},
		{behaviour: "long line", status: wire.Failed, text: "longer than 65536"},
		{behaviour: "unheard of", status: wire.Crashed, text: "exit status 64", output: "no behaviour"},
	} {
		check := func(t *testing.T, h *host) {
			limit := tt.limit
			if limit == 0 {
				limit = anyTime
			}
			r := h.run(tt.behaviour, limit)
			if r.end.Status != tt.status || !strings.Contains(r.end.Text, tt.text) {
				t.Errorf("end %s %q, want %s with %q", r.end.Status, r.end.Text, tt.status, tt.text)
			}
			if r.saw != tt.saw {
				t.Errorf("saw %q, want %q", r.saw, tt.saw)
			}
			if !strings.Contains(r.output, tt.output) {
				t.Errorf("output %q, want %q in it", r.output, tt.output)
			}
			if r.end.At <= 0 || r.end.At > patience {
				t.Errorf("the test took %v", r.end.At)
			}
		}
		t.Run(tt.behaviour, func(t *testing.T) { check(t, serve(t, nil)) })
		t.Run(tt.behaviour+", waiting", func(t *testing.T) {
			h := serve(t, nil)
			h.settle()
			check(t, h)
		})
	}
}

func TestProgramGetsWhatTheContractSays(t *testing.T) {
	h := serve(t, nil)
	r := h.run("context", 7*time.Second)
	want := "args=misbehave,-run,misbehave/context timeout=7s leads_session=true leads_group=true stdin=/dev/null<nil> pipes=1=pipe,2=pipe,3=pipe"
	if r.saw != want {
		t.Errorf("saw  %s\nwant %s", r.saw, want)
	}
}

// More than a pipe holds: nobody has to read while it is written.
func TestProgramReadsTheTextOfItsRun(t *testing.T) {
	h := serve(t, nil)
	text := strings.Repeat("a line\n", 8000)
	const id = "misbehave/input"
	h.send(wire.Message{Kind: wire.Run, ID: id, Program: "misbehave", Timeout: anyTime, Text: text})
	r := h.collect(id)
	want := fmt.Sprintf("input=%d,%x,<nil>", len(text), sha256.Sum256([]byte(text)))
	if r.saw != want || r.end.Status != wire.Done {
		t.Errorf("saw %s, end %s %s, want %s", r.saw, r.end.Status, r.end.Text, want)
	}
}

func TestUnknownProgramIsRefusedAndNamesThoseThereAre(t *testing.T) {
	h := serve(t, nil)
	for _, program := range []string{"", "nothing", "../misbehave", "/bin/true", ".", "..", "notes.txt"} {
		h.send(wire.Message{Kind: wire.Run, ID: "x/y", Program: program})
		r := h.collect("x/y")
		if r.end.Status != wire.Failed || !strings.Contains(r.end.Text, "there are: misbehave") {
			t.Errorf("program %q: end %s %q, want failed with the names there are", program, r.end.Status, r.end.Text)
		}
	}
}

func TestDescendantsNeverOutliveTheTest(t *testing.T) {
	for _, behaviour := range []string{"leaves a child", "leaves a deep child", "child keeps the pipe"} {
		t.Run(behaviour, func(t *testing.T) {
			h := serve(t, nil)
			r := h.run(behaviour, anyTime)
			if r.end.Status != wire.Done {
				t.Errorf("end %s %q, want done", r.end.Status, r.end.Text)
			}
			if !strings.Contains(r.log, "left behind and killed: ") || !strings.Contains(r.log, "in state ") {
				t.Errorf("log %q does not name what was left behind", r.log)
			}
			if left, _ := descendants(nil, patience); len(left) > 0 {
				t.Errorf("after the end there is still %s", list(left))
			}
		})
	}
}

func TestTimeoutSaysWhereTheProgramIs(t *testing.T) {
	h := serve(t, nil)
	r := h.run("sleeps", 200*time.Millisecond)
	if !strings.Contains(r.log, "(misbehave) in state ") {
		t.Errorf("log %q, want a line a thread", r.log)
	}
}

func TestFloodOfOutputKeepsItsBeginningAndItsEnd(t *testing.T) {
	h := serve(t, nil)
	r := h.run("floods output", anyTime)
	if r.end.Status != wire.Done {
		t.Fatalf("end %s %q, want done", r.end.Status, r.end.Text)
	}
	if !strings.HasPrefix(r.output, "the first line\nflood ") || !strings.HasSuffix(r.output, "flood \nthe last line\n") {
		t.Errorf("output is %.40q…%q, want its first and its last line", r.output, r.output[max(0, len(r.output)-40):])
	}
	if most := outputHead + outputTail + 2*outputChunk + 100; len(r.output) > most {
		t.Errorf("%d bytes of output, want at most %d", len(r.output), most)
	}
	_, rest, ok := strings.Cut(r.output, "\n[")
	var cut int
	if n, err := fmt.Sscanf(rest, "%d bytes of output left out]", &cut); !ok || n != 1 || err != nil {
		t.Fatalf("no note of what was left out: %v", err)
	}
	note := len(fmt.Sprintf("\n[%d bytes of output left out]\n", cut))
	if total := len(r.output) - note + cut; total != 800*100*121+len("the first line\nthe last line\n") {
		t.Errorf("%d bytes in all, want what was printed", total)
	}
}

func TestFloodOfObservationsArrivesWholeAndInOrder(t *testing.T) {
	h := serve(t, nil)
	r := h.run("floods report", anyTime)
	n := 0
	for _, m := range r.all {
		if m.Kind == wire.Saw {
			if m.Value != fmt.Sprint(n) {
				t.Fatalf("observation %d is %q", n, m.Value)
			}
			n++
		}
	}
	if n != 20000 || r.end.Status != wire.Done {
		t.Errorf("%d observations, end %s %q; want 20000 and done", n, r.end.Status, r.end.Text)
	}
}

// TestTestEndsThoughTheHostReadsNothing holds the agent's queue full: the
// watchdog has to work all the same.
func TestTestEndsThoughTheHostReadsNothing(t *testing.T) {
	var got []wire.Message
	block := make(chan struct{})
	s := newStream(writerFunc(func(b []byte) (int, error) { <-block; return len(b), nil }), 300*time.Millisecond)
	defer s.close(io.ErrClosedPipe)
	defer close(block)
	programs := t.TempDir()
	self, _ := os.Executable()
	if err := os.Symlink(self, filepath.Join(programs, "misbehave")); err != nil {
		t.Fatal(err)
	}
	r := &runner{programs: programs, reaper: newReaper(), starter: newStarter(), stuck: map[int]bool{}, faulted: kernelFaulted, send: s.send}
	defer r.reaper.close()
	begin := time.Now()
	for range 3 {
		got = append(got, r.run(t.Context(), wire.Message{ID: "misbehave/floods report", Program: "misbehave", Timeout: anyTime}))
	}
	if took := time.Since(begin); took > anyTime {
		t.Errorf("three tests took %v", took)
	}
	if len(got) != 3 || got[0].Status != wire.Done {
		t.Errorf("ends %+v, want three that are done", got)
	}
}

func TestTestIsNotWaitedForOnceTheKernelFaulted(t *testing.T) {
	programs := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(programs, "misbehave")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		behaviour string
		before    bool // it had faulted before the test
		limit     time.Duration
		want      wire.Status
		text      string
	}{
		{"hangs", "loops", false, anyTime, wire.Crashed, "the kernel faulted and ended a thread of the test, which had not ended"},
		{"ends all the same", "leaves a deep child", false, anyTime, wire.Done, ""},
		{"hangs, the fault is an old one", "loops", true, 600 * time.Millisecond, wire.Timeout, "not ended after 600ms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			r := &runner{
				programs: programs, reaper: newReaper(), starter: newStarter(), stuck: map[int]bool{},
				send:    func(wire.Message) {},
				faulted: func() bool { asked++; return tt.before || asked > 1 },
			}
			defer r.reaper.close()
			defer close(r.starter)
			end := r.run(t.Context(), wire.Message{ID: "misbehave/" + tt.behaviour, Program: "misbehave", Timeout: tt.limit})
			if end.Status != tt.want || !strings.Contains(end.Text, tt.text) {
				t.Errorf("end %s %q, want %s with %q", end.Status, end.Text, tt.want, tt.text)
			}
			if end.At > anyTime/2 {
				t.Errorf("it was waited for %v", end.At)
			}
		})
	}
}

func TestEndOfEveryChildReachesItsWatcher(t *testing.T) {
	r := newReaper()
	defer r.close()
	const children = 50
	var exits []<-chan syscall.WaitStatus
	for range children {
		_, c, err := r.start(func() (int, error) {
			return syscall.ForkExec("/bin/sh", []string{"sh", "-c", "exit 7"}, nil)
		})
		if err != nil {
			t.Fatal(err)
		}
		exits = append(exits, c)
	}
	for _, c := range exits {
		select {
		case s := <-c:
			if s.ExitStatus() != 7 {
				t.Errorf("status %v, want 7", s.ExitStatus())
			}
		case <-time.After(patience):
			t.Fatal("a child's end was not seen")
		}
	}
	if r.reap() {
		t.Error("reap says that there are others")
	}
}
