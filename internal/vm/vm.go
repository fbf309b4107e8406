package vm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/blame"
	"uetest/internal/proc"
	"uetest/internal/qmp"
)

const (
	// handshakeLimit is from the start of QEMU to its monitor's first words;
	// 0.06 s on an idle machine.
	handshakeLimit = 10 * time.Second
	// exitLimit is from the end of the monitor to the end of the process.
	exitLimit = 2 * time.Second
	// panicLimit is how long a kernel may take from the report of its panic to
	// its reset, before Scale. It prints the rest of its report in that time.
	panicLimit = 2 * time.Second
)

// A VM is a running QEMU. Its methods may be called from any goroutine. Who
// started one has to close it.
type VM struct {
	cfg     Config
	proc    *proc.Process
	monitor *qmp.Client
	channel net.Conn
	input   consoleInput
	console net.Conn // nil without Config.Terminal

	close  sync.Once
	closed chan struct{} // Close was called
	done   chan struct{}
	end    End   // valid once done is closed
	err    error // the same
}

// Start starts QEMU and returns when its monitor answers; the guest is running
// by then. The end of ctx ends the virtual machine. If QEMU does not start, the
// error has its own words and is the host's.
func Start(ctx context.Context, cfg Config) (*VM, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if cfg.GDB != "" {
		return launch(ctx, cfg, nil, leaveToGDB)
	}
	if cfg.SaveTo == "" {
		return launch(ctx, cfg, nil, resume)
	}
	memory, err := createMemory(cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = memory.Close() }()
	return launch(ctx, cfg, []*os.File{memory}, resume)
}

// launch starts QEMU, which inherits files as the descriptors memoryFD and
// stateFD, and has begin make the guest run.
func launch(ctx context.Context, cfg Config, files []*os.File, begin func(context.Context, *qmp.Client) error) (*VM, error) {
	var inherited []*os.File // closed here in any case: QEMU's end of a pair must be QEMU's alone
	defer func() { closeAll(inherited) }()
	var conns []net.Conn
	var input *os.File
	fail := func(err error) (*VM, error) {
		for _, c := range conns {
			_ = c.Close()
		}
		_ = input.Close() // nil is an error of Close's
		return nil, err
	}
	for range 2 {
		ours, theirs, err := socketPair()
		if err != nil {
			return fail(blame.On(blame.Host, err))
		}
		conns, inherited = append(conns, ours), append(inherited, theirs)
	}
	theirs, ours, err := os.Pipe()
	if err != nil {
		return fail(blame.On(blame.Host, err))
	}
	input, inherited = ours, append(inherited, theirs)
	if cfg.Terminal {
		ours, theirs, err := socketPair()
		if err != nil {
			return fail(blame.On(blame.Host, err))
		}
		conns, inherited = append(conns, ours), append(inherited, theirs)
	}
	cmd := cfg.Command()
	cmd.ExtraFiles = append(slices.Clone(inherited), files...) // monitorFD, channelFD, inputFD, …
	if cfg.Clock.logs() {
		cmd.Stdin, cmd.Stdout = inherited[1], inherited[1] // recordedPort
	}
	p, err := proc.Start(ctx, cmd)
	if err != nil {
		return fail(err)
	}
	closeAll(inherited)
	monitor, err := run(ctx, conns[0], begin)
	if err != nil {
		err = notStarted(p, err)
		p.Kill()
		_ = p.Wait() // the reason is known
		return fail(err)
	}
	v := &VM{cfg: cfg, proc: p, monitor: monitor, channel: conns[1], input: consoleInput{pipe: input}, closed: make(chan struct{}), done: make(chan struct{})}
	if cfg.Terminal {
		v.console = conns[2]
	}
	running.add(v)
	go v.watch()
	return v, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		_ = f.Close()
	}
}

// run connects to the monitor of a QEMU whose guest waits and has begin make it
// run.
func run(ctx context.Context, conn net.Conn, begin func(context.Context, *qmp.Client) error) (*qmp.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeLimit)
	defer cancel()
	monitor, err := qmp.Connect(ctx, conn)
	if err != nil {
		return nil, err
	}
	if err := begin(ctx, monitor); err != nil {
		_ = monitor.Close()
		return nil, err
	}
	return monitor, nil
}

// resume has a guest run that was started with -S.
func resume(ctx context.Context, monitor *qmp.Client) error { return monitor.Cont(ctx) }

// leaveToGDB leaves it to gdb.
func leaveToGDB(context.Context, *qmp.Client) error { return nil }

// notStarted is the error of a QEMU whose monitor did not answer because of
// err. If it has ended that is the reason.
func notStarted(p *proc.Process, err error) error {
	select {
	case <-p.Done():
	case <-time.After(exitLimit):
		return err
	}
	var exit *proc.ExitError
	switch waited := p.Wait(); {
	case errors.As(waited, &exit) && exit.Cause != nil:
		return fmt.Errorf("virtual machine stopped: %w", exit.Cause)
	case errors.As(waited, &exit):
		return blame.On(blame.Host, &qemuError{"QEMU did not start", exit})
	case waited != nil:
		return waited
	}
	return blame.On(blame.Host, fmt.Errorf("QEMU did not start: it ended without an error and its monitor never answered\n  command: %s", p.Cmd()))
}

// socketPair is a connected pair: our end, and one to be inherited.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "uetest's end"), os.NewFile(uintptr(fds[1]), "QEMU's end")
	defer func() { _ = ours.Close() }() // net.FileConn has its own
	conn, err := net.FileConn(ours)
	if err != nil {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return conn, theirs, nil
}

// Channel is the host's end of the guest's port. It gives io.EOF after the end
// of the virtual machine and is closed by Close.
func (v *VM) Channel() net.Conn { return v.channel }

// Config is what runs, with what Start filled in.
func (v *VM) Config() Config { return v.cfg }

// Terminal is the host's end of the guest's console, nil without
// Config.Terminal. It ends as Channel does.
func (v *VM) Terminal() net.Conn { return v.console }

// Console is the path of the file that has what the kernel printed.
func (v *VM) Console() string { return v.cfg.Console }

// Monitor is QEMU's monitor. Its events are the VM's to read.
func (v *VM) Monitor() *qmp.Client { return v.monitor }

// Pid is QEMU's process id.
func (v *VM) Pid() int { return v.proc.Pid() }

// Command is the command line that runs, for people.
func (v *VM) Command() proc.Cmd { return v.proc.Cmd() }

// Done is closed when the virtual machine has ended, for whatever reason.
func (v *VM) Done() <-chan struct{} { return v.done }

// End says how the virtual machine ended; Running before Done is closed.
func (v *VM) End() End {
	select {
	case <-v.done:
		return v.end
	default:
		return Running
	}
}

// Err is nil as long as the virtual machine runs, if the guest has switched
// itself off or reset itself in good order, and if Close ended it. A panic is
// blamed on the kernel, any end of QEMU that the guest did not ask for on the
// host. If the context of Start ended it, errors.Is finds the cause.
func (v *VM) Err() error {
	select {
	case <-v.done:
		return v.err
	default:
		return nil
	}
}

// Close ends the virtual machine, if it still runs, and waits for its end. The
// console file stays. It may be called any number of times and returns nil,
// unless QEMU cannot be killed.
func (v *VM) Close() error {
	v.close.Do(func() {
		close(v.closed)
		// Nothing in QEMU is worth a polite end: what the guest printed and
		// sent has been written when it was printed and sent.
		v.proc.Kill()
		<-v.done
		_ = v.channel.Close()
		_ = v.input.pipe.Close()
		if v.console != nil {
			_ = v.console.Close()
		}
		running.remove(v)
	})
	<-v.done
	if v.end == Unkillable {
		return v.err
	}
	return nil
}

// Finish waits until the guest has ended its machine, at most limit, and ends
// QEMU in good order if it has not: a recording that QEMU was killed in has no
// end and cannot be replayed.
func (v *VM) Finish(ctx context.Context, limit time.Duration) error {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-v.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
	}
	if err := v.monitor.Quit(ctx); err != nil && v.End() == Running {
		return blame.On(blame.Host, err)
	}
	select {
	case <-v.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(exitLimit):
		return blame.On(blame.Host, errors.New("QEMU does not end although it was told to"))
	}
}

// watch sees the virtual machine to its end.
func (v *VM) watch() {
	defer close(v.done)
	seen := v.readEvents()
	select {
	case <-v.proc.Done():
	case <-time.After(exitLimit): // the monitor is gone and the process is not
		v.proc.Kill()
		<-v.proc.Done() // limited by proc
	}
	_ = v.monitor.Close()
	seen.closed = isClosed(v.closed)
	seen.console = readTail(v.cfg.Console)
	v.end, v.err = classify(v.proc.Wait(), v.proc.Stderr(), seen)
}

// readEvents returns when QEMU has closed its monitor, which it does at its
// end. A guest that cannot go on, because its kernel panicked and does not
// reset or because the accelerator gave up, is ended here.
func (v *VM) readEvents() seen {
	var s seen
	var overdue <-chan time.Time
	for {
		select {
		case e, open := <-v.monitor.Events():
			switch {
			case !open:
				return s
			case e.Event == qmp.GuestPanicked:
				s.panicked = true
				if v.cfg.GDB == "" { // else somebody may be looking at it
					overdue = time.After(v.scale(panicLimit))
				}
			case e.Event == qmp.Shutdown:
				s.reason, _ = e.Data["reason"].(string)
			case e.Event == qmp.Stopped && v.gaveUp():
				s.gaveUp = true
				v.proc.Kill()
			}
		case <-overdue:
			s.hung = true
			v.proc.Kill()
			overdue = nil
		}
	}
}

// gaveUp tells, of a guest that has just been stopped, whether QEMU stopped it
// because KVM could not execute it. QEMU would keep it like that for ever.
func (v *VM) gaveUp() bool {
	s, err := v.monitor.Status(context.Background()) // limited by qmp
	return err == nil && s.State == "internal-error"
}

func (v *VM) scale(d time.Duration) time.Duration {
	return time.Duration(float64(d) * v.cfg.Accel.Scale() * v.cfg.Clock.Patience())
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// running knows the virtual machines that nobody has closed.
var running = &registry{vms: make(map[*VM]bool)}

type registry struct {
	mu  sync.Mutex
	vms map[*VM]bool
}

func (r *registry) add(v *VM) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.vms[v] = true
}

func (r *registry) remove(v *VM) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.vms, v)
}

// NotClosed names the virtual machines that were started and not closed. A test
// binary that starts some calls it at its end and fails if there is one.
func NotClosed() []string {
	running.mu.Lock()
	defer running.mu.Unlock()
	var names []string
	for v := range running.vms {
		names = append(names, fmt.Sprintf("process %d, console %s", v.Pid(), v.Console()))
	}
	slices.Sort(names)
	return names
}
