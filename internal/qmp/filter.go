package qmp

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	goqemu "github.com/digitalocean/go-qemu/qmp"
	"golang.org/x/sys/unix"
)

const (
	// maxMessage bounds one message of QEMU, in bytes. The longest answer there
	// is, query-qmp-schema, has some 200 KB.
	maxMessage = 16 << 20
	// dialLimit bounds a connection inside of this process.
	dialLimit = 5 * time.Second
)

// What the monitor gets instead of a reply. Both are short and of a length; see
// filter.
const (
	accepted = `{"return": {}}` + "\n"
	refused  = `{"error": {"desc": "refused"}}` + "\n"
)

// A filter stands between QEMU and go-qemu's monitor. The monitor sees the
// greeting, and for each reply whether the command was accepted; the rest goes
// past it.
//
//   - Events: in the monitor one that nobody reads blocks commands and
//     Disconnect for ever.
//   - Replies: one over 64 KB ends the monitor, and what Run returns lies in the
//     buffer that the next message is read into, by another goroutine, even
//     while Run itself decodes it. The buffer is a bufio.Scanner's: it is filled
//     from the front, and from the front again when more than half of it (of
//     4096 bytes at first) is used up. So of short messages none overlaps the
//     one before it, and Run never reads what is being written.
//   - Time limits: the monitor has none. The filter ends its connection instead,
//     at which all of its calls return.
//
// The monitor can only dial, so the two are connected by a socket in Linux's
// abstract namespace (unix(7)), which leaves no file and whose name the kernel
// chooses. It accepts one connection, of this process.
type filter struct {
	qemu   net.Conn
	listen *net.UnixListener
	events chan Event
	done   chan struct{} // closed when nothing is forwarded any more

	mu    sync.Mutex
	peer  net.Conn // the monitor, once it has dialled
	pass  *os.File // goes with the next command
	shot  bool     // shut was called
	reply message  // to the command under way
	fail  error
}

func newFilter(qemu net.Conn) (*filter, error) {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix"}) // no name: autobind
	if err != nil {
		return nil, err
	}
	return &filter{qemu: qemu, listen: l, events: make(chan Event, eventBuffer), done: make(chan struct{})}, nil
}

// monitor makes the monitor and starts forwarding. To be called once; done is
// closed in the end also if there is an error.
func (f *filter) monitor() (*goqemu.SocketMonitor, error) {
	mon, err := goqemu.NewSocketMonitor("unix", f.listen.Addr().String(), dialLimit)
	var peer net.Conn
	if err == nil {
		peer, err = f.accept()
	}
	f.listen.Close()
	if err != nil {
		close(f.events)
		close(f.done)
		return mon, err
	}
	f.mu.Lock()
	f.peer = peer
	if f.shot {
		peer.Close()
	}
	f.mu.Unlock()

	var both sync.WaitGroup
	both.Go(func() { // commands
		_, _ = io.Copy(commands{f}, peer)
		f.shut()
	})
	both.Go(func() { // greeting, replies, events
		if err := f.forward(peer); err != nil {
			f.mu.Lock()
			f.fail = err
			f.mu.Unlock()
		}
		close(f.events)
		f.shut()
	})
	go func() {
		both.Wait()
		close(f.done)
	}()
	return mon, nil
}

// commands writes to QEMU what the monitor has written, and with it the file
// that is to be passed.
type commands struct{ *filter }

func (c commands) Write(b []byte) (int, error) {
	pass := c.attach(nil)
	if pass == nil {
		return c.qemu.Write(b)
	}
	defer func() { _ = pass.Close() }()
	conn, ok := c.qemu.(*net.UnixConn)
	if !ok {
		return 0, fmt.Errorf("no file can be passed over %T", c.qemu)
	}
	// The descriptor comes with the first byte (unix(7), SCM_RIGHTS), and what
	// did not fit goes after it.
	n, _, err := conn.WriteMsgUnix(b, unix.UnixRights(int(pass.Fd())), nil)
	if err == nil && n < len(b) {
		var more int
		more, err = conn.Write(b[n:])
		n += more
	}
	return n, err
}

// attach has file go with the next command, and returns the one that was to. It
// is closed by who takes it.
func (f *filter) attach(file *os.File) (before *os.File) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, f.pass = f.pass, file
	return before
}

// accept takes the monitor's connection and nobody else's.
func (f *filter) accept() (net.Conn, error) {
	if err := f.listen.SetDeadline(time.Now().Add(dialLimit)); err != nil {
		return nil, err
	}
	for {
		conn, err := f.listen.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if pid, err := peerPid(conn); err == nil && pid == os.Getpid() {
			return conn, nil
		}
		conn.Close()
	}
}

func peerPid(conn *net.UnixConn) (int, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var cred *unix.Ucred
	var credErr error
	err = raw.Control(func(fd uintptr) { cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err := errors.Join(err, credErr); err != nil {
		return 0, err
	}
	return int(cred.Pid), nil
}

// shut ends both connections.
func (f *filter) shut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shot = true
	f.qemu.Close()
	f.listen.Close()
	if f.peer != nil {
		f.peer.Close()
	}
}

// ended is whether the monitor's connection has been or is about to be closed.
func (f *filter) ended() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shot
}

// err is why forwarding ended, or nil if QEMU or the caller closed.
func (f *filter) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fail
}

// take returns the reply to the last command, once.
func (f *filter) take() message {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := f.reply
	f.reply = message{}
	return m
}

// forward reads QEMU's messages to the end of the connection.
func (f *filter) forward(peer io.Writer) error {
	r := bufio.NewReader(f.qemu)
	for {
		line, err := readLine(r)
		if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, unix.ECONNRESET) {
			return nil
		}
		if err != nil {
			return err
		}
		m, err := parse(line)
		if err != nil {
			return err
		}
		var forwarded string
		switch {
		case m.event != nil:
			f.deliver(*m.event)
			continue
		case m.QMP != nil:
			forwarded = string(line) + "\n"
		case m.Error != nil:
			forwarded = refused
		default:
			forwarded = accepted
		}
		f.mu.Lock()
		f.reply = m
		f.mu.Unlock()
		if _, err := io.WriteString(peer, forwarded); err != nil {
			return nil // the monitor was disconnected
		}
	}
}

// deliver never blocks: if the buffer is full, the oldest event goes.
func (f *filter) deliver(e Event) {
	for {
		select {
		case f.events <- e:
			return
		default:
		}
		select {
		case <-f.events:
		default:
		}
	}
}

// readLine returns the next line without its end. A last line without a newline
// is torn and not returned.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxMessage {
			return nil, fmt.Errorf("QEMU sent a message of over %d bytes", maxMessage)
		}
		line = append(line, part...)
		if err == nil {
			break
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
	line = line[:len(line)-1]
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, nil
}

// A message is one of the four kinds that a server sends.
type message struct {
	QMP    json.RawMessage // the greeting
	Return json.RawMessage // of a command
	Error  *struct {       // refusal of a command
		Class, Desc string
	}
	Event string

	event *Event // the whole of it, if Event is not empty
}

// parse reads one message. QEMU sends one JSON object a line as long as no
// pretty printing is asked for.
func parse(line []byte) (message, error) {
	var m message
	err := json.Unmarshal(line, &m)
	if err == nil && m.Event != "" {
		m.event = new(Event)
		err = json.Unmarshal(line, m.event)
	}
	if err == nil && m.QMP == nil && m.Return == nil && m.Error == nil && m.Event == "" {
		err = errors.New("neither greeting, reply nor event")
	}
	if err != nil {
		return message{}, fmt.Errorf("QEMU sent something that is no QMP message: %.80q: %w", line, err)
	}
	return m, nil
}
