package qmp

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// fake is a QMP server: the greeting, the negotiation of capabilities, and for
// each command what answer returns.
type fake struct {
	t      *testing.T
	conn   net.Conn
	answer func(f *fake, command string, args json.RawMessage) string

	mu       sync.Mutex
	commands []string
}

const greeting = `{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}`

// send writes one message as QEMU does, with CR LF.
func (f *fake) send(line string) { _, _ = io.WriteString(f.conn, line+"\r\n") }

func (f *fake) event(name string) {
	f.send(fmt.Sprintf(`{"timestamp": {"seconds": 1700000000, "microseconds": 5}, "event": %q, "data": {"guest": true, "reason": "guest-reset"}}`, name))
}

func (f *fake) serve() {
	defer f.conn.Close()
	f.send(greeting)
	dec := json.NewDecoder(f.conn)
	for negotiated := false; ; {
		var c struct {
			Execute   string
			Arguments json.RawMessage
		}
		if err := dec.Decode(&c); err != nil {
			return
		}
		f.mu.Lock()
		f.commands = append(f.commands, c.Execute)
		f.mu.Unlock()
		switch {
		case c.Execute == "qmp_capabilities":
			negotiated = true
			f.send(`{"return": {}}`)
		case !negotiated:
			f.send(`{"error": {"class": "CommandNotFound", "desc": "Expecting capabilities negotiation with 'qmp_capabilities'"}}`)
		default:
			reply := f.answer(f, c.Execute, c.Arguments)
			if reply == "" {
				return
			}
			f.send(reply)
		}
	}
}

// pair is a connected socket pair, as QEMU inherits one.
func pair(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	conns := make([]net.Conn, 2)
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socketpair")
		conns[i], err = net.FileConn(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conns[i].Close() })
	}
	return conns[0], conns[1]
}

// connect connects a Client to a fake.
func connect(t *testing.T, answer func(f *fake, command string, args json.RawMessage) string) (*Client, *fake) {
	t.Helper()
	ours, theirs := pair(t)
	f := &fake{t: t, conn: theirs, answer: answer}
	go f.serve()
	c, err := Connect(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c, f
}

// garbage answers the handshake with s and closes, or not.
func garbage(t *testing.T, s string, closes bool) net.Conn {
	ours, theirs := pair(t)
	go func() {
		_, _ = io.Copy(theirs, strings.NewReader(s))
		if closes {
			theirs.Close()
		}
	}()
	return ours
}
