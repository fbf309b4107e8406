package agent

import (
	"fmt"
	"io"
	"sync"
	"time"

	"uetest/internal/wire"
)

const (
	// queueLimit bounds what waits for the host, in bytes. A kernel log ring of
	// CONFIG_LOG_BUF_SHIFT=17 fits twice.
	queueLimit = 512 << 10
	// stallLimit is how long a sender waits for room. A host that reads nothing
	// for so long has died or was stopped; the guest must still end its tests.
	stallLimit = 10 * time.Second
	// writeSize is the most that one write hands to the port: virtio_console
	// copies at most 32 KB a call (port_fops_write, drivers/char/virtio_console.c).
	writeSize = 32 << 10
)

// A stream writes messages to the port from a goroutine of its own, in the
// order in which send was called. What piles up while the port is busy goes
// out in one write: a thousand short lines cost a fifth of a thousand writes.
type stream struct {
	w     io.Writer
	stall time.Duration // stallLimit, but for tests

	mu      sync.Mutex
	changed *sync.Cond // queue, writing, stalled or err changed
	queue   []byte
	writing bool
	stalled bool
	lost    int // messages dropped since the host was last told
	err     error
}

func newStream(w io.Writer, stall time.Duration) *stream {
	s := &stream{w: w, stall: stall}
	s.changed = sync.NewCond(&s.mu)
	go s.pump()
	return s
}

// send queues m. If the queue is full it waits, at most stall in all: after
// that the messages of everybody are dropped, and counted, until the host reads
// again.
func (s *stream) send(m wire.Message) {
	line, err := wire.Append(nil, m)
	if err != nil {
		line, _ = wire.Append(nil, wire.Message{Kind: wire.Log, ID: m.ID, Text: "not sent: " + err.Error()})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.room(len(line)) && !s.stalled {
		s.wait(s.stall, func() bool { return s.room(len(line)) || s.stalled })
		s.stalled = !s.room(len(line))
	}
	if !s.room(len(line)) {
		s.lost++
		return
	}
	if s.lost > 0 {
		note := fmt.Sprintf("%d messages lost: the host read nothing for %v", s.lost, s.stall)
		s.queue, _ = wire.Append(s.queue, wire.Message{Kind: wire.Log, Text: note})
	}
	s.lost, s.stalled = 0, false
	s.queue = append(s.queue, line...)
	s.changed.Broadcast()
}

// room reports whether n more bytes may wait, or go nowhere.
func (s *stream) room(n int) bool { return s.err != nil || len(s.queue)+n <= queueLimit }

// wait waits for ok, at most limit, with s.mu held.
func (s *stream) wait(limit time.Duration, ok func() bool) bool {
	end := time.Now().Add(limit)
	defer time.AfterFunc(limit, func() {
		s.mu.Lock() // not between a look at the clock and the wait
		defer s.mu.Unlock()
		s.changed.Broadcast()
	}).Stop()
	for !ok() {
		if !time.Now().Before(end) {
			return false
		}
		s.changed.Wait()
	}
	return true
}

// flush waits until the port has taken everything, at most limit.
func (s *stream) flush(limit time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wait(limit, func() bool { return s.err != nil || len(s.queue) == 0 && !s.writing })
}

func (s *stream) pump() {
	var out []byte
	for {
		s.mu.Lock()
		s.writing = false
		s.changed.Broadcast()
		for len(s.queue) == 0 && s.err == nil {
			s.changed.Wait()
		}
		if s.err != nil {
			s.queue = nil
			s.mu.Unlock()
			return
		}
		n := min(len(s.queue), writeSize)
		out = append(out[:0], s.queue[:n]...)
		s.queue = s.queue[:copy(s.queue, s.queue[n:])]
		s.writing = true
		s.changed.Broadcast()
		s.mu.Unlock()

		if _, err := s.w.Write(out); err != nil {
			s.close(err)
		}
	}
}

// close ends the stream: what is queued and what follows goes nowhere.
func (s *stream) close(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.queue = nil
	s.changed.Broadcast()
}
