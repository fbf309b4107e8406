package proc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/blame"
)

const (
	// pipeDelay is how long output is still read after the process and its
	// group are gone: only a descendant that left the group can hold the pipe.
	pipeDelay = time.Second
	// killDelay is how long SIGKILL may take. A process in D state does not
	// die of it.
	killDelay = 5 * time.Second
)

// A Process is a started command. All of its methods may be called from any
// goroutine, at any time.
type Process struct {
	cmd   Cmd
	pid   int
	entry string // what the guard knows it by
	exec  *exec.Cmd
	clean func() // removes its temporary files
	tail  *tail

	mu     sync.Mutex
	reaped bool // the pid may belong to somebody else by now

	done chan struct{}
	err  error // valid once done is closed
}

// Start starts c. The end of ctx sends SIGTERM to the process group and, after
// c.Grace, SIGKILL. Whoever starts a process need not call Wait for it to be
// reaped.
func Start(ctx context.Context, c Cmd) (*Process, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("%s: not started: %w", c.Path, err)
	}
	path, err := LookPath(c.Path)
	if err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil { // os/exec takes a relative one from c.Dir
		return nil, blame.On(blame.Host, err)
	}
	p := &Process{cmd: c, tail: new(tail), done: make(chan struct{}), clean: func() {}}
	if c.Scratch {
		var dir string
		if dir, p.clean, err = TempDir("tmp-"); err != nil {
			return nil, err
		}
		if c.Env == nil {
			c.Env = os.Environ()
		}
		c.Env = append(slices.Clip(c.Env), "TMPDIR="+dir, "GOTMPDIR=")
	}
	p.exec = exec.Command(path, c.Args...)
	p.exec.Dir, p.exec.Env, p.exec.Stdin, p.exec.ExtraFiles = c.Dir, c.Env, c.Stdin, c.ExtraFiles
	p.exec.Args[0] = c.Path
	p.exec.Stdout, p.exec.Stderr = p.outputs()
	p.exec.WaitDelay = pipeDelay
	p.exec.SysProcAttr = &syscall.SysProcAttr{
		Setpgid: true,
		// SIGTERM and not SIGKILL: make removes half-written targets on it. A
		// process that ignores it gets SIGKILL from the guard.
		Pdeathsig: syscall.SIGTERM,
	}
	if err := theGuard.ensure(); err != nil {
		p.clean()
		return nil, err
	}
	if err := onStarter(p.exec.Start); err != nil {
		p.clean()
		return nil, blame.On(blame.Host, fmt.Errorf("cannot start %s: %w", c, err))
	}
	p.pid = p.exec.Process.Pid
	p.entry = fmt.Sprintf("g %d %d", p.pid, startTime(p.pid))
	err = theGuard.add(p.entry)
	go p.supervise(ctx)
	if err != nil { // a process without a guard is not what the caller asked for
		p.Kill()
		<-p.done
		return nil, err
	}
	return p, nil
}

// outputs are the writers for standard output and standard error with the tail
// put in.
func (p *Process) outputs() (stdout, stderr io.Writer) {
	c := p.cmd
	if _, isFile := c.Stderr.(*os.File); isFile {
		return c.Stdout, c.Stderr
	}
	if c.Stderr == nil {
		return c.Stdout, p.tail
	}
	stderr = io.MultiWriter(p.tail, c.Stderr)
	if same(c.Stdout, c.Stderr) { // os/exec then uses one pipe and keeps the order
		return stderr, stderr
	}
	return c.Stdout, stderr
}

func same(a, b io.Writer) bool {
	defer func() { _ = recover() }() // types that cannot be compared are not the same
	return a == b
}

// Pid is the id of the process and of its group.
func (p *Process) Pid() int { return p.pid }

// Cmd is the command that was started.
func (p *Process) Cmd() Cmd { return p.cmd }

// Done is closed when the process and its group have ended and all output has
// been written.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for Done and returns nil for exit status 0, else an *ExitError.
// It may be called any number of times.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Stderr is the end of what the process has written to standard error so far.
func (p *Process) Stderr() string { return p.tail.String() }

// Signal sends sig to the process alone. After its end it does nothing.
func (p *Process) Signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return os.ErrProcessDone
	}
	return syscall.Kill(p.pid, sig)
}

// Kill sends SIGKILL to the group. It does not wait. After the end of the
// process it does nothing.
func (p *Process) Kill() { p.signalGroup(syscall.SIGKILL) }

func (p *Process) signalGroup(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped { // unreaped, the number is still ours
		_ = syscall.Kill(-p.pid, sig)
	}
}

// supervise sees the process to its end.
func (p *Process) supervise(ctx context.Context) {
	defer close(p.done)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		awaitExit(p.pid)
	}()

	var cause error
	select {
	case <-ended:
	case <-ctx.Done():
		select {
		case <-ended: // by itself, at the same moment
		default:
			cause = context.Cause(ctx)
			p.signalGroup(syscall.SIGTERM)
		}
	}
	if cause != nil && !within(ended, p.cmd.grace()) {
		p.signalGroup(syscall.SIGKILL)
		if !within(ended, killDelay) {
			// It stays known to the guard.
			p.err = blame.On(blame.Host, fmt.Errorf("%s: process %d still there %v after SIGKILL (%w)", p.cmd, p.pid, killDelay, cause))
			return
		}
	}
	p.endGroup()
	p.clean()
	theGuard.remove(p.entry)

	p.mu.Lock()
	p.reaped = true
	p.mu.Unlock()
	p.err = p.exitError(p.exec.Wait(), cause)
}

// endGroup ends what the process left in its group. The process itself is not
// reaped yet, so the group's number cannot have been given to somebody else.
func (p *Process) endGroup() {
	if len(Members(p.pid)) == 0 {
		return
	}
	p.signalGroup(syscall.SIGTERM)
	for end := time.Now().Add(p.cmd.grace()); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if len(Members(p.pid)) == 0 {
			return
		}
	}
	p.signalGroup(syscall.SIGKILL)
	for end := time.Now().Add(killDelay); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if len(Members(p.pid)) == 0 {
			return
		}
	}
}

func (p *Process) exitError(err, cause error) error {
	// ErrWaitDelay: the process ended with 0, and a descendant that left the
	// group still holds its pipe. What the process itself wrote has been read.
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	state := p.exec.ProcessState
	if err == nil && cause == nil {
		return nil
	}
	if state == nil || (cause == nil && state.Success()) { // Wait itself failed, or a Writer
		return fmt.Errorf("%s: %w", p.cmd, err)
	}
	e := &ExitError{Cmd: p.cmd.String(), Code: state.ExitCode(), Stderr: p.tail.String(), Cause: cause}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		e.Signal = ws.Signal()
	}
	return e
}

func within(c <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-c:
		return true
	case <-t.C:
		return false
	}
}

// awaitExit returns when the child pid has ended and leaves it unreaped.
func awaitExit(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}

// onStarter runs start on the one operating system thread that starts all
// processes. The parent-death signal of prctl(2) comes with the end of the
// thread that forked, not of the process: a Go thread may end at any time, this
// one ends with uetest.
func onStarter(start func() error) error {
	starterOnce.Do(func() {
		go func() {
			runtime.LockOSThread()
			for f := range starter {
				f()
			}
		}()
	})
	result := make(chan error, 1)
	starter <- func() { result <- start() }
	return <-result
}

var (
	starterOnce sync.Once
	starter     = make(chan func())
)
