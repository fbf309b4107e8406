package agent

import (
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/wire"
)

// A remote is the shell, or the command, that the host asks for: on the console
// as its terminal, or with the streams that the host has.
type remote struct {
	reaper *reaper
	guest  wire.Guest

	mu  sync.Mutex // of enc
	enc *wire.Encoder

	tty   *os.File // the console, if it runs there
	stdin *os.File // else our end of its standard input; nil once that is over
}

// remoteShell says Hello, runs what the host then asks for and returns when the
// port ends, or the host says Stop. Nothing in it has a limit, for a person may
// take any time; the machine ends with uetest.
func remoteShell(port io.ReadWriter, g wire.Guest, notes []string) error {
	s := &remote{reaper: newReaper(), guest: g, enc: wire.NewEncoder(port)}
	defer s.reaper.close()
	s.send(wire.Message{Kind: wire.Hello, Version: wire.Version, Guest: g, At: sinceBoot()})
	for _, note := range notes {
		s.send(wire.Message{Kind: wire.Log, Text: note})
	}
	started := false
	for dec := wire.NewDecoder(port); ; {
		m, err := dec.Decode()
		switch {
		case err != nil:
			return err
		case m.Kind == wire.Stop:
			return nil
		case m.Kind != wire.Shell || m.Shell == nil:
		case m.Shell.Command != nil && !started:
			started = true
			if err := s.start(*m.Shell.Command); err != nil {
				s.say(wire.Session{Exit: &wire.Exit{Status: 126, Error: err.Error()}})
			}
		case m.Shell.Window != nil && s.tty != nil:
			resize(s.tty, *m.Shell.Window)
		case m.Shell.Input != nil && s.stdin != nil:
			s.input(*m.Shell.Input)
		}
	}
}

// send sends a message. A port that takes none ends the loop that reads it.
func (s *remote) send(m wire.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.enc.Encode(m)
}

func (s *remote) say(p wire.Session) { s.send(wire.Message{Kind: wire.Shell, Shell: &p}) }

// start starts the command and has its Exit sent when it ends.
func (s *remote) start(c wire.Command) error {
	var args []string
	if c.Script != "" {
		args = []string{"-c", c.Script}
	}
	if c.Console {
		return s.startOnConsole(c, args)
	}
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			_ = f.Close()
		}
	}()
	var fds []uintptr
	var outputs [2]*os.File
	for i := range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		if i == 0 {
			r, w = w, r
			s.stdin = r
		} else {
			outputs[i-1] = r
		}
		theirs, fds = append(theirs, w), append(fds, w.Fd())
	}
	exited, err := start(s.reaper, args, c.Env, func(a *syscall.ProcAttr) {
		a.Files, a.Sys = fds, &syscall.SysProcAttr{Setsid: true}
	})
	if err != nil {
		return err
	}
	var read sync.WaitGroup
	for i, f := range outputs {
		read.Go(func() { s.forward(f, i == 1) })
	}
	go func() {
		status := <-exited
		for _, f := range outputs {
			// What the command wrote is there; only what it left running can
			// write more.
			_ = f.SetReadDeadline(time.Now())
		}
		read.Wait()
		s.say(wire.Session{Exit: &wire.Exit{Status: exitStatus(status)}})
	}()
	return nil
}

// startOnConsole starts the shell or the script on the console.
func (s *remote) startOnConsole(c wire.Command, args []string) error {
	tty, err := console()
	if err != nil {
		return err
	}
	resize(tty, c.Window)
	if c.Script == "" {
		greet(tty, s.guest)
	}
	exited, err := start(s.reaper, args, c.Env, onTerminal(tty))
	if err != nil {
		return err
	}
	s.tty = tty
	go func() {
		status := <-exited
		// Until the last of its output has left the serial port (tcdrain(3)).
		_ = unix.IoctlSetInt(int(tty.Fd()), unix.TCSBRK, 1)
		s.say(wire.Session{Exit: &wire.Exit{Status: exitStatus(status)}})
	}()
	return nil
}

// resize tells a terminal its size, and what runs there learns of it by SIGWINCH.
// A size that nobody knows stays as it is.
func resize(tty *os.File, w wire.Window) {
	if w == (wire.Window{}) {
		return
	}
	_ = unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: w.Rows, Col: w.Cols})
}

// input passes a piece of standard input on. A command that reads none of it
// holds up what the host sends behind it; that is more input.
func (s *remote) input(b wire.Bytes) {
	_, err := s.stdin.Write(b.Data)
	if err != nil || b.End { // EPIPE: nobody reads it any more
		_ = s.stdin.Close()
		s.stdin = nil
	}
}

// forward sends what comes out of f, up to its end or its deadline.
func (s *remote) forward(f *os.File, isErr bool) {
	defer func() { _ = f.Close() }()
	buf := make([]byte, wire.MaxBytes)
	send := func(n int) {
		if n > 0 {
			s.say(wire.Session{Output: &wire.Bytes{Data: buf[:n], Err: isErr}})
		}
	}
	for {
		n, err := f.Read(buf)
		send(n)
		if err != nil {
			break
		}
	}
	// At the deadline there may be something left in the pipe, which does not
	// block: os.Pipe made it so.
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		for {
			n, err := unix.Read(int(fd), buf)
			if err == unix.EINTR {
				continue
			}
			if n <= 0 || err != nil {
				return
			}
			send(n)
		}
	})
}
