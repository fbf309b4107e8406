package agent

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/agent/misbehave"
	"uetest/internal/wire"
)

// TestMain makes the test binary its own test program, and the adopter of
// whatever that leaves behind, as PID 1 is in the guest.
func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	if name == Zygote {
		name = Become()
	}
	if name == "misbehave" {
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
	zygote := filepath.Join(t.TempDir(), Zygote)
	if err := os.Symlink(self, zygote); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(programs, "notes.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	ours, theirs := net.Pipe()
	h := &host{t: t, conn: ours, dec: wire.NewDecoder(ours), served: make(chan error, 1)}
	go func() {
		h.served <- Serve(Config{Port: theirs, Kmsg: kmsg, Programs: programs, Guest: wire.Guest{Release: "6.1-test"},
			Zygote: zygote, Becomes: func(program string) bool { return program == "misbehave" }})
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

// What a guest does between Settle and Wake is nothing, and to Wake it answers as
// if it had just booted.
func TestGuestSettlesAndWakes(t *testing.T) {
	ours, theirs := net.Pipe()
	defer func() { _ = ours.Close() }()
	if err := ours.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	settled := make(chan struct{})
	type wake struct {
		now    time.Time
		random string
	}
	woken := make(chan wake, 2)
	c := Config{Port: theirs, Guest: wire.Guest{Release: "6.1-test"}, Settled: settled, Wake: func(now time.Time, random []byte) error {
		woken <- wake{now, string(random)}
		if now.IsZero() {
			return errors.New("no time")
		}
		return nil
	}}
	served := make(chan error, 1)
	go func() { served <- Serve(c) }()
	h := &host{t: t, conn: ours, dec: wire.NewDecoder(ours)}
	if m := h.next(); m.Kind != wire.Hello {
		t.Fatalf("%+v, want hello", m)
	}
	begin := time.Now()
	h.send(wire.Message{Kind: wire.Settle})
	const busy = 50 * time.Millisecond
	time.AfterFunc(busy, func() { close(settled) })
	if m := h.next(); m.Kind != wire.Settled || time.Since(begin) < busy {
		t.Errorf("%+v after %v, want settled when the guest is", m, time.Since(begin))
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	h.send(wire.Message{Kind: wire.Wake, Now: now, Random: []byte("\x00\xffr")})
	if m := h.next(); m.Kind != wire.Hello || m.Version != wire.Version || m.Guest.Release != "6.1-test" {
		t.Errorf("%+v, want a hello", m)
	}
	if got := <-woken; !got.now.Equal(now) || got.random != "\x00\xffr" {
		t.Errorf("woken with %v, %q", got.now, got.random)
	}
	h.send(wire.Message{Kind: wire.Wake})
	if m := h.next(); m.Kind != wire.Hello {
		t.Errorf("%+v, want a hello", m)
	}
	if m := h.next(); m.Kind != wire.Log || !strings.Contains(m.Text, "no time") {
		t.Errorf("%+v, want a log line that says what could not be done", m)
	}
	h.send(wire.Message{Kind: wire.Stop})
	if m := h.next(); m.Kind != wire.Bye {
		t.Errorf("%+v, want bye", m)
	}
	if err := <-served; err != nil {
		t.Error(err)
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
		{`{"kind":"bye"}` + "\n", `a "bye" message, want run, settle, wake, scan or stop`},
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
	if m := h.next(); m.Kind != wire.End || m.Status != wire.Failed || !strings.Contains(m.Text, fmt.Sprintf("protocol version %d", wire.Version+1)) {
		t.Errorf("a run of another version: %+v, want failed", m)
	}
	if r := h.run("done", anyTime); r.end.Status != wire.Done {
		t.Errorf("a run after all that ended %s %q, want done", r.end.Status, r.end.Text)
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
