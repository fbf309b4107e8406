package agent

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/agent/misbehave"
	"uetest/internal/wire"
)

// TestMain makes the test binary its own test program, and the adopter of
// whatever that leaves behind, as PID 1 is in the guest.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "misbehave" {
		misbehave.Main()
		os.Exit(0)
	}
	// The race detector has every process wait a second at its end.
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil {
		panic(err)
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "PR_SET_CHILD_SUBREAPER:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// patience bounds every wait of these tests. It is reached only by a fault.
const patience = 60 * time.Second

// A host is the other end of an agent's port.
type host struct {
	t      *testing.T
	conn   net.Conn
	dec    *wire.Decoder
	served chan error
}

// serve starts an agent whose only program is misbehave and takes its Hello.
func serve(t *testing.T, kmsg *os.File) *host {
	t.Helper()
	programs := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(programs, "misbehave")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(programs, "notes.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	h := &host{t: t, conn: ours, dec: wire.NewDecoder(ours), served: make(chan error, 1)}
	go func() {
		h.served <- Serve(Config{Port: theirs, Kmsg: kmsg, Programs: programs, Guest: wire.Guest{Release: "6.1-test"}})
	}()
	if err := ours.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if m := h.next(); m.Kind != wire.Hello || m.Version != wire.Version || m.Guest.Release != "6.1-test" || m.At <= 0 {
		t.Fatalf("first message %+v, want a hello", m)
	}
	t.Cleanup(func() {
		_ = ours.Close()
		select {
		case err := <-h.served:
			_ = err // a test that cares has read it
		case <-time.After(patience):
			t.Error("Serve did not return after the port was closed")
		}
		if left, _ := descendants(nil, patience); len(left) > 0 {
			t.Errorf("left behind: %s", list(left))
		}
	})
	return h
}

func (h *host) next() wire.Message {
	h.t.Helper()
	m, err := h.dec.Decode()
	if err != nil {
		h.t.Fatalf("from the agent: %v", err)
	}
	return m
}

func (h *host) send(m wire.Message) {
	h.t.Helper()
	if err := wire.NewEncoder(h.conn).Encode(m); err != nil {
		h.t.Fatalf("to the agent: %v", err)
	}
}

// A result is what one test sent.
type result struct {
	all    []wire.Message
	saw    string // key=value key=value
	log    string // lines
	output string
	end    wire.Message
}

// run runs one behaviour and returns all it sent, from its Start to its End.
func (h *host) run(behaviour string, limit time.Duration) result {
	h.t.Helper()
	id := "misbehave/" + behaviour
	h.send(wire.Message{Kind: wire.Run, ID: id, Program: "misbehave", Timeout: limit})
	return h.collect(id)
}

func (h *host) collect(id string) (r result) {
	h.t.Helper()
	var saw, log, out strings.Builder
	for {
		m := h.next()
		if len(r.all) == 0 && (m.Kind == wire.Kmsg || m.ID == "") {
			continue // from before
		}
		r.all = append(r.all, m)
		if len(r.all) == 1 && m.Kind != wire.Start {
			h.t.Fatalf("first message of %s is %+v, want its start", id, m)
		}
		if m.Kind != wire.Kmsg && m.ID != id {
			h.t.Errorf("message %+v during %s", m, id)
		}
		switch m.Kind {
		case wire.Saw:
			fmt.Fprintf(&saw, " %s=%s", m.Key, m.Value)
		case wire.Log:
			log.WriteString(m.Text + "\n")
		case wire.Output:
			out.WriteString(m.Text)
		case wire.End:
			r.saw, r.log, r.output, r.end = strings.TrimSpace(saw.String()), log.String(), out.String(), m
			return r
		}
	}
}

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
		t.Run(tt.behaviour, func(t *testing.T) {
			h := serve(t, nil)
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

func TestSecondRunIsRefusedWhileOneRuns(t *testing.T) {
	h := serve(t, nil)
	h.send(wire.Message{Kind: wire.Run, ID: "misbehave/loops", Program: "misbehave", Timeout: time.Second})
	h.send(wire.Message{Kind: wire.Run, ID: "misbehave/done", Program: "misbehave", Timeout: anyTime})
	status := map[string]wire.Message{}
	for len(status) < 2 {
		if m := h.next(); m.Kind == wire.End {
			status[m.ID] = m
		}
	}
	if m := status["misbehave/done"]; m.Status != wire.Failed || !strings.Contains(m.Text, "misbehave/loops") {
		t.Errorf("second run ended %s %q, want failed with the name of the first", m.Status, m.Text)
	}
	if m := status["misbehave/loops"]; m.Status != wire.Timeout {
		t.Errorf("first run ended %s %q, want timeout", m.Status, m.Text)
	}
	if r := h.run("done", anyTime); r.end.Status != wire.Done {
		t.Errorf("a run after both ended %s %q, want done", r.end.Status, r.end.Text)
	}
}

func TestStopEndsARunningTestAndSaysBye(t *testing.T) {
	h := serve(t, nil)
	h.send(wire.Message{Kind: wire.Run, ID: "misbehave/loops", Program: "misbehave", Timeout: anyTime})
	if m := h.next(); m.Kind != wire.Start {
		t.Fatalf("%+v, want start", m)
	}
	h.send(wire.Message{Kind: wire.Stop})
	r := wire.Message{}
	var m wire.Message
	for m = h.next(); m.Kind != wire.Bye; m = h.next() {
		if m.Kind == wire.End {
			r = m
		}
	}
	if r.Status != wire.Failed || !strings.Contains(r.Text, "the host left") {
		t.Errorf("the test ended %s %q, want failed because the host left", r.Status, r.Text)
	}
	if m.Text != "asked to stop" {
		t.Errorf("bye says %q", m.Text)
	}
	select {
	case err := <-h.served:
		if err != nil {
			t.Errorf("Serve: %v", err)
		}
		h.served <- nil
	case <-time.After(patience):
		t.Error("Serve did not return")
	}
}

func TestPortThatEndsEndsTheRunningTest(t *testing.T) {
	h := serve(t, nil)
	h.send(wire.Message{Kind: wire.Run, ID: "misbehave/loops", Program: "misbehave", Timeout: anyTime})
	if m := h.next(); m.Kind != wire.Start {
		t.Fatalf("%+v, want start", m)
	}
	_ = h.conn.Close()
	select {
	case err := <-h.served:
		if !errors.Is(err, io.EOF) {
			t.Errorf("Serve: %v, want io.EOF", err)
		}
		h.served <- nil
	case <-time.After(patience):
		t.Error("Serve did not return")
	}
}

func TestAgentAnswersNonsenseAndGoesOn(t *testing.T) {
	h := serve(t, nil)
	for _, tt := range []struct{ line, want string }{
		{"hello agent\n", "not a message"},
		{`{"kind":"bye"}` + "\n", `a "bye" message, want run or stop`},
		{strings.Repeat("x", 100<<10) + "\n", "longer than"},
	} {
		if _, err := io.WriteString(h.conn, tt.line); err != nil {
			t.Fatal(err)
		}
		if m := h.next(); m.Kind != wire.Log || m.ID != "" || !strings.Contains(m.Text, tt.want) {
			t.Errorf("answer %+v, want a log line with %q", m, tt.want)
		}
	}
	h.send(wire.Message{Kind: wire.Run, ID: "misbehave/done", Program: "misbehave", Version: wire.Version + 1})
	if m := h.next(); m.Kind != wire.End || m.Status != wire.Failed || !strings.Contains(m.Text, "protocol version 2") {
		t.Errorf("a run of another version: %+v, want failed", m)
	}
	if r := h.run("done", anyTime); r.end.Status != wire.Done {
		t.Errorf("a run after all that ended %s %q, want done", r.end.Status, r.end.Text)
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

// A host that answers each End at once with the next Run must not be told that
// the agent is busy.
func TestNextRunMayFollowTheEndAtOnce(t *testing.T) {
	h := serve(t, nil)
	for i := range 100 {
		if r := h.run("done", anyTime); r.end.Status != wire.Done {
			t.Fatalf("run %d: got %+v, want done", i, r.end)
		}
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
		{"hangs", "loops", false, anyTime, wire.Crashed, "the kernel faulted and ended a thread of it"},
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

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// kmsgPair is a stand-in for /dev/kmsg: as there, a read gives one record.
func kmsgPair(t *testing.T) (reader, writer *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	reader, writer = os.NewFile(uintptr(fds[0]), "kmsg"), os.NewFile(uintptr(fds[1]), "printk")
	t.Cleanup(func() { _, _ = reader.Close(), writer.Close() })
	return reader, writer
}

func TestKernelLogStandsInTheBracketOfTheTest(t *testing.T) {
	reader, writer := kmsgPair(t)
	h := serve(t, reader)
	printk := func(seq int, text string) {
		if _, err := fmt.Fprintf(writer, "4,%d,1000,-;%s\n SUBSYSTEM=x\n", seq, text); err != nil {
			t.Error(err)
		}
	}
	const rounds = 30
	for i := range rounds {
		printk(2*i, fmt.Sprintf("before %d", i))
		h.send(wire.Message{Kind: wire.Run, ID: "misbehave/done", Program: "misbehave", Timeout: anyTime})
		var order []string
		for done := false; !done; {
			m := h.next()
			switch m.Kind {
			case wire.Kmsg:
				order = append(order, m.Text)
			case wire.Start:
				order = append(order, "start")
				printk(2*i+1, fmt.Sprintf("within %d", i))
			case wire.End:
				order = append(order, "end")
				done = true
			}
		}
		want := fmt.Sprintf("before %d,start,within %d,end", i, i)
		if got := strings.Join(order, ","); got != want {
			t.Fatalf("order %s, want %s", got, want)
		}
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
