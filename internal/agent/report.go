package agent

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"uetest/internal/wire"
)

// A report reads what a test writes on descriptor 3 and forwards it. Who reads
// slowly slows the test down: the pipe is the bound.
type report struct {
	pipe *os.File
	done chan struct{}

	// Valid once done is closed.
	end     *wire.Message
	garbled error
}

func readReport(pipe *os.File, id string, send func(wire.Message)) *report {
	r := &report{pipe: pipe, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		for dec := wire.NewDecoder(pipe); ; {
			m, err := dec.Decode()
			if err == io.EOF {
				return
			}
			var bad *wire.LineError
			if err != nil && !errors.As(err, &bad) {
				// A deadline is no fault: somebody who can't be killed holds the
				// other end.
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					r.fault(err)
				}
				return
			}
			switch {
			case err != nil:
				r.fault(err)
			case r.end != nil:
				r.fault(fmt.Errorf("a %s message behind the end message", m.Kind))
			case m.Kind == wire.Saw:
				send(wire.Message{Kind: wire.Saw, ID: id, Key: m.Key, Value: m.Value})
			case m.Kind == wire.Log:
				send(wire.Message{Kind: wire.Log, ID: id, Text: m.Text, Sample: m.Sample})
			case m.Kind == wire.End:
				r.end = &m
			default:
				r.fault(fmt.Errorf("a %q message, want saw, log or end", m.Kind))
			}
		}
	}()
	return r
}

func (r *report) fault(err error) {
	if r.garbled == nil {
		r.garbled = err
	}
}

// readOn waits for the end of a pipe's reader, at most limit.
func readOn(pipe *os.File, done <-chan struct{}, limit time.Duration) {
	select {
	case <-done:
	case <-time.After(limit):
		_ = pipe.SetReadDeadline(time.Now())
		<-done
	}
}

// close reads on for at most limit and returns the test's end message, if it
// came, and the first fault.
func (r *report) close(limit time.Duration) (*wire.Message, error) {
	readOn(r.pipe, r.done, limit)
	return r.end, r.garbled
}

const (
	// outputHead and outputTail are how much of a test's output is forwarded, in
	// bytes: what it printed first, and what it printed before it died.
	outputHead = 256 << 10
	outputTail = 32 << 10
	// outputChunk is the most that one Output message holds.
	outputChunk = 16 << 10
)

// An output forwards what a test prints, whole lines at a time. It reads as
// fast as the test prints; of a flood it keeps the beginning and the end.
type output struct {
	pipe *os.File
	done chan struct{}
	send func(text []byte)

	line []byte // not sent yet: the line that has not ended
	sent int
	tail []byte // what came when outputHead had been sent
	cut  int    // bytes that fell out of tail
}

func readOutput(pipe *os.File, id string, send func(wire.Message)) *output {
	o := &output{pipe: pipe, done: make(chan struct{}), send: func(text []byte) {
		if len(text) > 0 {
			send(wire.Message{Kind: wire.Output, ID: id, Text: string(text)})
		}
	}}
	go func() {
		defer close(o.done)
		buf := make([]byte, outputChunk)
		for {
			n, err := pipe.Read(buf)
			o.take(buf[:n])
			if err != nil {
				o.finish()
				return
			}
		}
	}()
	return o
}

func (o *output) take(b []byte) {
	if o.sent >= outputHead {
		o.tail = append(o.tail, b...)
		if over := len(o.tail) - outputTail; over > outputTail { // move seldom
			o.cut += over
			o.tail = append(o.tail[:0], o.tail[over:]...)
		}
		return
	}
	o.line = append(o.line, b...)
	i := bytes.LastIndexByte(o.line, '\n') + 1
	if i == 0 && len(o.line) >= outputChunk {
		i = len(o.line)
	}
	o.send(o.line[:i])
	o.sent += i
	o.line = append(o.line[:0], o.line[i:]...)
}

// finish sends what is left.
func (o *output) finish() {
	tail := append(o.line, o.tail...)
	cut := o.cut
	if over := len(tail) - outputTail; over > 0 && o.sent >= outputHead {
		cut += over
		tail = tail[over:]
	}
	if cut > 0 {
		o.send(fmt.Appendf(nil, "\n[%d bytes of output left out]\n", cut))
	}
	for len(tail) > 0 {
		n := min(len(tail), outputChunk)
		o.send(tail[:n])
		tail = tail[n:]
	}
}

// close reads on for at most limit.
func (o *output) close(limit time.Duration) {
	readOn(o.pipe, o.done, limit)
}
