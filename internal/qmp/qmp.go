// Package qmp talks to QEMU's monitor, the QEMU Machine Protocol
// (docs/interop/qmp-spec.rst of QEMU, the commands in qapi/*.json).
//
// The protocol is spoken by digitalocean/go-qemu. Its monitor has ways to hang
// and to return wrong bytes that a test runner cannot live with, so a filter
// stands between it and QEMU (filter.go). With the filter every call has a
// deadline, events never block anything, and replies may have any size.
package qmp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	goqemu "github.com/digitalocean/go-qemu/qmp"
	"golang.org/x/sys/unix"

	"uetest/internal/blame"
)

// Limit is how long a command may take if its context has no earlier deadline.
// An idle QEMU answers in well under a millisecond; on a loaded machine the
// thread that answers waits for the one that emulates.
const Limit = 10 * time.Second

// Event is what QEMU reports without being asked. Event.Event is its name, the
// data are as in qapi/run-state.json.
type Event = goqemu.Event

// Names of events that tell what became of a guest (qapi/run-state.json).
const (
	Shutdown      = "SHUTDOWN"       // guest (bool), reason (ShutdownCause)
	Reset         = "RESET"          // guest (bool), reason
	Stopped       = "STOP"           // no data
	Resumed       = "RESUME"         // no data
	GuestPanicked = "GUEST_PANICKED" // action: pause, poweroff or run
)

// eventBuffer is how many unread events are kept. The oldest go first.
const eventBuffer = 256

// A CommandError is QEMU's refusal of a command.
type CommandError struct {
	Command string
	Class   string // GenericError, CommandNotFound, … (qapi/error.json)
	Desc    string // in QEMU's words
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("QEMU refused %s: %s", e.Command, e.Desc)
}

// ErrClosed is the error of a command when QEMU or the caller has closed the
// monitor, before or during the command.
var ErrClosed = errors.New("QEMU's monitor is closed")

// A Client is one connection to a monitor. Its methods may be called from any
// goroutine.
type Client struct {
	mon    *goqemu.SocketMonitor
	filter *filter
	turn   chan struct{} // holds a token while no command is under way
	close  sync.Once
	done   chan struct{}
}

// Connect shakes hands with the QEMU at the other end of conn, which belongs to
// the Client from now on and is closed if there is an error. The end of ctx
// ends the handshake.
func Connect(ctx context.Context, conn net.Conn) (*Client, error) {
	f, err := newFilter(conn)
	if err != nil {
		conn.Close()
		return nil, blame.On(blame.Host, fmt.Errorf("QEMU's monitor: %w", err))
	}
	stop := context.AfterFunc(ctx, f.shut)
	mon, err := f.monitor()
	if err == nil {
		err = mon.Connect()
	}
	if !stop() || err != nil {
		f.shut()
		<-f.done
		if mon != nil {
			_ = mon.Disconnect()
		}
		switch {
		case ctx.Err() != nil:
			err = fmt.Errorf("no answer: %w", context.Cause(ctx))
		case f.err() != nil:
			err = f.err()
		default:
			if refusal := f.take().Error; refusal != nil {
				err = errors.New(refusal.Desc)
			}
		}
		return nil, blame.On(blame.Host, fmt.Errorf("QEMU's monitor: handshake: %w", err))
	}
	c := &Client{mon: mon, filter: f, turn: make(chan struct{}, 1), done: make(chan struct{})}
	c.turn <- struct{}{}
	go func() { // QEMU's end is ours
		<-f.done
		_ = c.Close()
	}()
	return c, nil
}

// Version is QEMU's, such as "7.2.22".
func (c *Client) Version() string { return c.mon.Version.String() }

// Events delivers what QEMU reports and is closed at the end of the
// connection. If 256 events are unread, the oldest is dropped.
func (c *Client) Events() <-chan Event { return c.filter.events }

// Done is closed at the end of the connection.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close ends the connection; QEMU goes on. Commands under way return
// ErrClosed. It may be called any number of times.
func (c *Client) Close() error {
	c.close.Do(func() {
		c.filter.shut()
		<-c.filter.done
		_ = c.mon.Disconnect()
		close(c.done)
	})
	<-c.done
	return nil
}

// Run has QEMU execute command with args, which may be nil, and stores what it
// returns in out, if that is not nil, as json.Unmarshal does. A refusal is a
// *CommandError. Commands of several goroutines are executed one by one; a
// command whose context has ended may still be executed.
func (c *Client) Run(ctx context.Context, command string, args, out any) error {
	return c.run(ctx, command, args, out, nil)
}

// PassFile gives QEMU file under a name, by which commands then know it as
// fd:name (getfd, qapi/misc.json). The file stays the caller's to close.
func (c *Client) PassFile(ctx context.Context, name string, file *os.File) error {
	// The command may be under way when the caller has given up and closed it.
	own, err := duplicate(file)
	if err != nil {
		return blame.On(blame.Host, err)
	}
	return c.run(ctx, "getfd", map[string]string{"fdname": name}, nil, own)
}

func duplicate(file *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate the descriptor of %s: %w", file.Name(), err)
	}
	return os.NewFile(uintptr(fd), file.Name()), nil
}

// run is Run, and file, if not nil, goes with the command and is closed.
func (c *Client) run(ctx context.Context, command string, args, out any, file *os.File) error {
	sending := false
	defer func() {
		if !sending {
			_ = file.Close() // nil is an error of Close's
		}
	}()
	request, err := json.Marshal(goqemu.Command{Execute: command, Args: args})
	if err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	ctx, cancel := context.WithTimeout(ctx, Limit)
	defer cancel()
	select {
	case <-c.turn:
	case <-c.done:
		return c.fail(command, c.closed())
	case <-ctx.Done():
		return c.fail(command, fmt.Errorf("waiting for an earlier command: %w", context.Cause(ctx)))
	}
	type result struct {
		answer message
		err    error
	}
	replied := make(chan result, 1)
	start := time.Now()
	sending = true
	go func() { // ends with the reply or the connection
		defer func() { c.turn <- struct{}{} }()
		c.filter.take() // an earlier one's
		c.filter.attach(file)
		defer func() { _ = c.filter.attach(nil).Close() }() // if it was not sent
		_, err := c.mon.Run(request)
		replied <- result{c.filter.take(), err}
	}()
	select {
	case r := <-replied:
		return c.decode(command, r.answer, r.err, out)
	case <-ctx.Done():
		return c.fail(command, fmt.Errorf("no answer after %v: %w", time.Since(start).Round(time.Millisecond), context.Cause(ctx)))
	}
}

func (c *Client) decode(command string, answer message, err error, out any) error {
	switch {
	case answer.Error != nil:
		return &CommandError{Command: command, Class: answer.Error.Class, Desc: answer.Error.Desc}
	case answer.Return != nil: // also if the connection ended right behind it
	case err != nil && c.filter.ended(): // go-qemu says "unexpected end of JSON input"
		return c.fail(command, c.closed())
	case err != nil:
		return c.fail(command, err)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Return, out); err != nil {
		return c.fail(command, fmt.Errorf("unexpected answer: %w", err))
	}
	return nil
}

// closed is ErrClosed with the reason, if there is more to say.
func (c *Client) closed() error {
	if err := c.filter.err(); err != nil {
		return fmt.Errorf("%w: %w", ErrClosed, err)
	}
	return ErrClosed
}

func (c *Client) fail(command string, err error) error {
	return blame.On(blame.Host, fmt.Errorf("QEMU's monitor: %s: %w", command, err))
}
