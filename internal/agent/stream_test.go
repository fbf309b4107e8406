package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"uetest/internal/wire"
)

// gate is a port whose host reads only when it is let.
type gate struct {
	mu     sync.Mutex
	open   *sync.Cond
	shut   bool
	got    bytes.Buffer
	writes int
}

func newGate(shut bool) *gate {
	g := &gate{shut: shut}
	g.open = sync.NewCond(&g.mu)
	return g
}

func (g *gate) set(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	g.open.Broadcast()
}

func (g *gate) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.shut {
		g.open.Wait()
	}
	g.writes++
	return g.got.Write(b)
}

func (g *gate) messages(t *testing.T) (ms []wire.Message) {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	for dec := wire.NewDecoder(&g.got); ; {
		m, err := dec.Decode()
		if err == io.EOF {
			return ms
		}
		if err != nil {
			t.Fatal(err)
		}
		ms = append(ms, m)
	}
}

func TestMessagesArriveInOrderAndInFewWrites(t *testing.T) {
	g := newGate(true)
	s := newStream(g, stallLimit)
	defer s.close(io.ErrClosedPipe)
	const n = 1000
	for i := range n {
		s.send(wire.Message{Kind: wire.Log, Text: fmt.Sprintf("%d %s", i, strings.Repeat("x", 200))})
	}
	g.set(false)
	if !s.flush(patience) {
		t.Fatal("flush: not everything was written")
	}
	writes := g.writes
	ms := g.messages(t)
	if len(ms) != n {
		t.Fatalf("%d messages, want %d", len(ms), n)
	}
	for i, m := range ms {
		if !strings.HasPrefix(m.Text, fmt.Sprintf("%d ", i)) {
			t.Fatalf("message %d is %.20q", i, m.Text)
		}
	}
	// 240 KB: 8 writes of 32 KB, and the first line by itself.
	if writes > 10 {
		t.Errorf("%d writes, want at most 10", writes)
	}
}

func TestHostThatReadsNothingCostsALimitedTimeAndIsTold(t *testing.T) {
	g := newGate(true)
	s := newStream(g, 100*time.Millisecond)
	defer s.close(io.ErrClosedPipe)
	text := strings.Repeat("y", 1000)
	const n = 3 * queueLimit / 1000
	begin := time.Now()
	for range n {
		s.send(wire.Message{Kind: wire.Log, Text: text})
	}
	if took := time.Since(begin); took < 100*time.Millisecond || took > patience/2 {
		t.Errorf("%d messages took %v, want one wait of 100ms in all", n, took)
	}
	g.set(false)
	if !s.flush(patience) {
		t.Fatal("flush: not everything was written")
	}
	s.send(wire.Message{Kind: wire.End, ID: "a/b"})
	if !s.flush(patience) {
		t.Fatal("flush: not everything was written")
	}
	ms := g.messages(t)
	last, note := ms[len(ms)-1], ms[len(ms)-2]
	lost := n - (len(ms) - 2)
	if last.Kind != wire.End || lost <= 0 || note.Text != fmt.Sprintf("%d messages lost: the host read nothing for 100ms", lost) {
		t.Errorf("the stream ends in %+v, %+v; want a note of %d lost messages and the end", note, last, lost)
	}
}

func TestFlushGivesUp(t *testing.T) {
	g := newGate(true)
	defer g.set(false)
	s := newStream(g, stallLimit)
	defer s.close(io.ErrClosedPipe)
	s.send(wire.Message{Kind: wire.Bye})
	if s.flush(50 * time.Millisecond) {
		t.Error("flush says that everything was written")
	}
}

func TestPortThatFailsTakesNothingMoreAndBlocksNobody(t *testing.T) {
	s := newStream(writerFunc(func([]byte) (int, error) { return 0, errors.New("gone") }), patience)
	begin := time.Now()
	for range 4 * queueLimit / 1000 {
		s.send(wire.Message{Kind: wire.Log, Text: strings.Repeat("z", 1000)})
	}
	s.flush(patience)
	if took := time.Since(begin); took > patience/2 {
		t.Errorf("sending to a port that fails took %v", took)
	}
}

func TestMessageThatCannotBeSentIsReplacedByAReport(t *testing.T) {
	g := newGate(false)
	s := newStream(g, stallLimit)
	defer s.close(io.ErrClosedPipe)
	s.send(wire.Message{Kind: wire.Saw, ID: "a/b", Key: "k", Value: strings.Repeat("v", wire.MaxLine)})
	if !s.flush(patience) {
		t.Fatal("flush: not everything was written")
	}
	ms := g.messages(t)
	if len(ms) != 1 || ms[0].Kind != wire.Log || ms[0].ID != "a/b" || !strings.Contains(ms[0].Text, "not sent") {
		t.Errorf("got %+v, want a log line that says what was not sent", ms)
	}
}
