package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"uetest/internal/blame"
	"uetest/internal/console"
	"uetest/internal/vm"
	"uetest/internal/wire"
)

// Shell is what to run in a guest, and where its input comes from and its
// output goes.
type Shell struct {
	Script string   // a command line for the guest's shell; empty: what In has
	Env    []string // KEY=VALUE, for the guest

	In       io.Reader
	Out, Err io.Writer

	// Limit is how long it may take, on the host's clock and from when the guest
	// is up; 0 is no limit. There is none for a guest that waits for gdb.
	Limit time.Duration

	// Terminal, if not nil, has In and Out be the terminal of the guest, its
	// console, with what the kernel prints. Else they are streams.
	Terminal *Terminal
}

// Terminal is what a guest's shell needs from the user's.
type Terminal struct {
	Window wire.Window
	Resize <-chan wire.Window // may be nil
	// Begin is called when the guest is up, before anything is copied.
	Begin func() error
	// Copy copies what is typed to the guest, up to its end or the end of the
	// guest. left: the user wants to leave.
	Copy func(guest io.Writer, typed io.Reader) (left bool)
}

// ErrLeft is the end of a shell that the user left behind.
var ErrLeft = errors.New("left")

// RunShell boots the one kernel that cfg names and runs a shell or a command in
// it. It returns the command's exit status. The kernel's reports come with it,
// or with the error: what a shell saw of them is for the caller to know.
func RunShell(ctx context.Context, cfg Config, sh Shell) (status int, seen ShellReport, err error) {
	cfg.Notify = serialize(cfg.Notify)
	if err := cfg.settleClock(); err != nil {
		return 0, seen, err
	}
	targets, err := cfg.targets()
	if err != nil {
		return 0, seen, err
	}
	if len(targets) != 1 {
		return 0, seen, blame.On(blame.Usage, fmt.Errorf("a shell runs on one kernel, not on %d", len(targets)))
	}
	err = withGuest(ctx, &cfg, targets[0].arch(), func(ctx context.Context, g *guest) error {
		d, err := newDriver(ctx, &cfg, targets[0], g)
		if err != nil {
			return err
		}
		status, seen, err = d.shell(ctx, sh)
		return err
	})
	return status, seen, err
}

// ShellReport is what the kernel reported while a shell ran.
type ShellReport struct {
	Splats  []console.Splat
	Console string // path of the file that has all that the kernel printed
}

// shell boots and runs a shell.
func (d *driver) shell(ctx context.Context, sh Shell) (status int, seen ShellReport, err error) {
	g := &shellGuest{sh: sh, ended: make(chan struct{})}
	var s *session
	err = d.boot(ctx, func(number int) (err error) {
		s, err = d.startShell(ctx, g, number)
		return err
	})
	if err != nil {
		return 0, seen, err
	}
	if s.hello.Generation == "" {
		d.notify(Event{Kernel: d.run.Kernel.Name, Stage: "boot", Text: noUserEvents})
	}
	status, err = g.run(ctx, s)
	seen.Console = s.vm.Console()
	s.close()
	g.output.Wait()
	if log, rerr := os.ReadFile(seen.Console); rerr == nil {
		seen.Splats = console.Find(strings.Split(string(log), "\n"))
	}
	return status, seen, err
}

// startShell starts a guest and waits for its Hello. What the shell says is not
// kept: it may be any amount, and is the user's.
func (d *driver) startShell(ctx context.Context, g *shellGuest, number int) (*session, error) {
	cfg, forget, err := d.withGDB(d.files(d.config(d.usual()), number), number)
	if err != nil {
		return nil, err
	}
	cfg.Append = append(slices.Clip(cfg.Append), wire.ShellForHost)
	cfg.Terminal = g.sh.Terminal != nil
	machine, err := vm.Start(ctx, cfg)
	if err != nil {
		forget()
		return nil, err
	}
	g.started(machine)
	d.announce(cfg)
	s := &session{d: d, number: number, vm: machine, enc: wire.NewEncoder(machine.Channel()), forget: forget}
	s.read(machine.Channel())
	return s, s.greet(ctx)
}

// A shellGuest is a guest with a shell.
type shellGuest struct {
	sh Shell

	shown  atomic.Bool // the console is shown to the user
	output sync.WaitGroup
	ended  chan struct{} // closed when nothing more is to be typed
}

// started has the console read from the first byte on: a guest whose console
// nobody reads stands still. What it prints while it boots is in the file.
func (g *shellGuest) started(machine *vm.VM) {
	tty := machine.Terminal()
	if tty == nil {
		return
	}
	g.output.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := tty.Read(buf)
			if n > 0 && g.shown.Load() {
				// A terminal that takes nothing any more does not stop the guest.
				_, _ = g.sh.Out.Write(buf[:n])
			}
			if err != nil {
				return
			}
		}
	})
}

// run sends the command and sees to its streams until it ends.
func (g *shellGuest) run(ctx context.Context, s *session) (status int, err error) {
	defer close(g.ended)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := wire.Command{Script: g.sh.Script, Env: g.sh.Env}
	var resize <-chan wire.Window
	if t := g.sh.Terminal; t != nil {
		c.Console, c.Window, resize = true, t.Window, t.Resize
		if err := t.Begin(); err != nil {
			return 0, err
		}
		g.shown.Store(true)
	}
	var sending sync.Mutex
	send := func(p wire.Session) error {
		sending.Lock()
		defer sending.Unlock()
		return s.enc.Encode(wire.Message{Kind: wire.Shell, Shell: &p})
	}
	// What can't be sent has no one to read it: the stream from the guest ends
	// with the one to it, and says so.
	_ = send(wire.Session{Command: &c})
	go func() {
		for {
			select {
			case w := <-resize:
				_ = send(wire.Session{Window: &w})
			case <-g.ended:
				return
			}
		}
	}()
	// It ends when there is nothing more to read, or with the program: there is
	// no way to call off a read of standard input.
	go func() {
		if g.sh.Terminal != nil {
			if g.sh.Terminal.Copy(s.vm.Terminal(), g.sh.In) {
				cancel(ErrLeft)
			}
			return
		}
		pass(g.sh.In, send)
	}()
	end := time.Now().Add(g.limit(s.d))
	for {
		m, err := s.next(ctx, time.Until(end))
		switch {
		case errors.Is(err, errNoMessage):
			return 0, g.late(ctx, s)
		case err != nil && context.Cause(ctx) == ErrLeft:
			return 0, ErrLeft
		case err != nil:
			return 0, g.lost(ctx, s, err)
		}
		if m.Kind != wire.Shell || m.Shell == nil {
			continue
		}
		switch p := m.Shell; {
		case p.Output != nil:
			if err := g.show(*p.Output); err != nil {
				return 0, blame.On(blame.Host, err)
			}
		case p.Exit != nil && p.Exit.Error != "":
			return 0, blame.On(blame.Host, errors.New(p.Exit.Error))
		case p.Exit != nil:
			g.finish(ctx, s)
			return p.Exit.Status, nil
		}
	}
}

// show writes what came out of the command.
func (g *shellGuest) show(b wire.Bytes) error {
	w := g.sh.Out
	if b.Err {
		w = g.sh.Err
	}
	_, err := w.Write(b.Data)
	return err
}

// finish waits for the last of what the guest printed on its console: QEMU's own
// end ends the stream behind it, where closing it would cut it off.
func (g *shellGuest) finish(ctx context.Context, s *session) {
	if g.sh.Terminal != nil && s.vm.Monitor().Quit(ctx) == nil {
		g.output.Wait()
	}
}

// pass sends standard input, and its end.
func pass(in io.Reader, send func(wire.Session) error) {
	buf := make([]byte, wire.MaxBytes)
	for {
		n, err := in.Read(buf)
		if n > 0 && send(wire.Session{Input: &wire.Bytes{Data: buf[:n]}}) != nil {
			return
		}
		if err != nil { // that it can't be read is its end too
			_ = send(wire.Session{Input: &wire.Bytes{End: true}})
			return
		}
	}
}

// limit is how long the shell may take.
func (g *shellGuest) limit(d *driver) time.Duration {
	if g.sh.Limit == 0 || d.cfg.Attach != nil {
		return unlimited
	}
	return g.sh.Limit
}

// late says what the guest was at when its time was up. That is the command's
// fault as far as anybody knows: it has no result.
func (g *shellGuest) late(ctx context.Context, s *session) error {
	l := s.look(ctx)
	party, what := blame.Test, fmt.Sprintf("the command did not end within %s (--timeout)", g.sh.Limit)
	if l.Stopped {
		party, what = blame.Host, "the guest was stopped while the command ran"
	}
	return blame.On(party, fmt.Errorf("%s: %s\n  console: %s", what, l.text, s.vm.Console()))
}

// lost says why the guest went away before its command had ended.
func (g *shellGuest) lost(ctx context.Context, s *session, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	verr := s.ended(err)
	if verr == nil {
		verr = blame.On(blame.Kernel, fmt.Errorf("the guest ended (%s) before its shell did", s.vm.End()))
	}
	return fmt.Errorf("%w\n  console: %s", verr, s.vm.Console())
}
