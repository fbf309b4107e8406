package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"uetest/internal/blame"
	"uetest/internal/coverage"
	"uetest/internal/feature"
	"uetest/internal/results"
	"uetest/internal/vm"
	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

// Time limits on a machine with hardware acceleration; vm.Accel.Scale turns
// them into those of emulation.
const (
	bootLimit = 10 * time.Second // Start to Hello
	stopLimit = 2 * time.Second  // Stop to Bye
)

// session is one guest that said Hello.
type session struct {
	d       *driver
	number  int    // of the guest in the run
	saved   *saved // what it was restored from; nil: it was booted
	vm      *vm.VM
	enc     *wire.Encoder
	msgs    <-chan wire.Message // closed at the end of the stream
	gone    func() error        // why msgs was closed
	hello   wire.Guest
	early   []wire.Message // what came before Hello
	heard   *results.Guest // nil: nobody judges what it says
	log     *os.File       // the stream as it came, for people and for judging again; may be nil
	counted []byte         // the counters of the patch when they were last read
	forget  func()         // removes what the guest had beside the run's files; may be nil
}

// files gives a guest the files of its number.
func (d *driver) files(cfg vm.Config, number int) vm.Config {
	cfg.Console = d.file("console-%d.log", number)
	if cfg.Clock.Mode == vm.Recording {
		cfg.Clock.Log = d.file("record-%d.log", number)
	}
	return cfg
}

// start boots the machine and waits for Hello. A kernel that does not come up
// is a *bootError.
func (d *driver) start(ctx context.Context, m machine, number int) (*session, error) {
	cfg := d.files(d.config(m), number)
	cfg.Trace = d.traced(number)
	cfg, forget, err := d.withGDB(cfg, number)
	if err != nil {
		return nil, err
	}
	machine, err := vm.Start(ctx, cfg)
	if err != nil {
		forget()
		return nil, err
	}
	d.announce(cfg)
	s, err := d.attach(machine, number)
	if err != nil {
		forget()
		return nil, err
	}
	s.forget = forget
	return s, s.booted(ctx)
}

// attach listens to a guest. It ends the guest if it can't.
func (d *driver) attach(machine *vm.VM, number int) (*session, error) {
	log, err := os.Create(d.file("stream-%d.jsonl", number))
	if err != nil {
		_ = machine.Close() // the reason is known
		return nil, blame.On(blame.Host, err)
	}
	s := &session{d: d, number: number, vm: machine, log: log, enc: wire.NewEncoder(machine.Channel())}
	s.read(io.TeeReader(machine.Channel(), log))
	return s, nil
}

// greet waits for Hello. A guest that does not say it is ended.
func (s *session) greet(ctx context.Context) error {
	deadline := time.Now().Add(s.d.bootLimit())
	hello, err := s.next(ctx, time.Until(deadline))
	// The kernel of a restored guest does not wait until it is spoken to.
	for err == nil && (hello.Kind == wire.Kmsg || hello.Kind == wire.Log) {
		s.early = append(s.early, hello)
		hello, err = s.next(ctx, time.Until(deadline))
	}
	switch {
	case err == nil && hello.Kind != wire.Hello:
		err = blame.On(blame.Host, fmt.Errorf("guest sent %q before %q", hello.Kind, wire.Hello))
	case err == nil && hello.Version != wire.Version:
		err = blame.On(blame.Host, fmt.Errorf("guest speaks protocol version %d, uetest version %d: the guest image is stale", hello.Version, wire.Version))
	case err != nil && ctx.Err() == nil:
		err = s.dead(ctx, err)
	}
	if err != nil {
		s.close()
		return err
	}
	s.hello = hello.Guest
	s.d.coverTest(ctx, s, coverage.Boot)
	return nil
}

// booted waits for the Hello of a guest that boots, and looks whether it can be
// used. One that can't is ended.
func (s *session) booted(ctx context.Context) error {
	if err := s.greet(ctx); err != nil {
		return err
	}
	printed, err := os.ReadFile(s.vm.Console())
	if err == nil {
		err = lame(printed, s.vm.Console())
	}
	if err != nil {
		s.close()
	}
	return blame.On(blame.Host, err)
}

// lame is the error of a guest without a timer, by what it printed to the file
// console.
func lame(printed []byte, console string) error {
	if line := vm.LostTimer(printed); line != "" {
		return &bootError{what: "the host kept the booting kernel from counting its timer: " + line, console: console, hosts: true}
	}
	return nil
}

// dead says why there was no Hello.
func (s *session) dead(ctx context.Context, err error) error {
	if verr := s.ended(err); verr != nil && blame.Of(verr) != blame.Kernel {
		return verr
	}
	e := &bootError{console: s.vm.Console(), tail: s.vm.ConsoleTail(20)}
	if errors.Is(err, errNoMessage) {
		l := s.look(ctx)
		if l.Stopped {
			return blame.On(blame.Host, fmt.Errorf("the guest was stopped while it booted: %s", l.text))
		}
		e.look = l.text
	}
	switch {
	case errors.Is(err, errNoMessage) && len(e.tail) == 0:
		e.what = fmt.Sprintf("the kernel did not boot: it printed nothing within %s", s.d.bootLimit())
	case errors.Is(err, errNoMessage):
		e.what = fmt.Sprintf("the kernel did not boot within %s; the last it printed:", s.d.bootLimit())
	case len(e.tail) == 0:
		e.what = "the kernel died before it printed anything"
	default:
		e.what = "the kernel died during boot; the last it printed:"
	}
	return blame.On(blame.Kernel, e)
}

// bootLimit is how long a kernel may take to say Hello.
func (d *driver) bootLimit() time.Duration {
	if d.cfg.BootTimeout > 0 {
		return d.cfg.BootTimeout
	}
	return d.patience(bootLimit)
}

// patience is a limit on the host's clock for what a guest does that may have
// another clock. What bounds a guest on virtual time is in general its own
// clock, by which it ends its tests; this is for one that has stopped to.
func (d *driver) patience(limit time.Duration) time.Duration {
	return d.stretch(d.scale(limit))
}

// stretch is a limit on the guest's clock as one on ours: on a clock made of
// instructions the guest takes more of ours for the same.
func (d *driver) stretch(limit time.Duration) time.Duration {
	return time.Duration(float64(limit) * d.cfg.Clock.Patience())
}

// scale is a limit on the guest's clock.
func (d *driver) scale(limit time.Duration) time.Duration {
	if d.cfg.Attach != nil {
		return unlimited
	}
	return time.Duration(float64(limit) * d.guest.accel.Scale() * d.kernel.plan.Guest().Slower)
}

// read pumps the stream into msgs. It ends with the stream, which close ends.
func (s *session) read(r io.Reader) {
	msgs := make(chan wire.Message, 64)
	end := make(chan error, 1)
	s.msgs = msgs
	s.gone = func() error {
		err := <-end
		end <- err
		return err
	}
	go func() {
		dec := wire.NewDecoder(r)
		for {
			m, err := dec.Decode()
			if err != nil {
				end <- err
				close(msgs)
				return
			}
			msgs <- m
		}
	}()
}

// errNoMessage is silence up to the deadline.
var errNoMessage = errors.New("the guest said nothing in time")

// next returns the next message. The error is errNoMessage, ctx's, io.EOF for
// a stream that ended, or a broken stream's.
func (s *session) next(ctx context.Context, limit time.Duration) (wire.Message, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case m, ok := <-s.msgs:
		if !ok {
			return wire.Message{}, s.gone()
		}
		return m, nil
	case <-timer.C:
		// What came in time counts also if nobody looked: uetest itself may have
		// been stopped for a while.
		select {
		case m, ok := <-s.msgs:
			if ok {
				return m, nil
			}
		default:
		}
		return wire.Message{}, errNoMessage
	case <-ctx.Done():
		return wire.Message{}, ctx.Err()
	}
}

// run runs one test to its end. fit tells whether the guest can be trusted
// with another one.
func (s *session) run(ctx context.Context, t catalog.Test) (fit bool, err error) {
	for _, f := range t.Needs {
		if slices.Contains(s.hello.Missing, f) {
			return true, s.skip(t, f)
		}
	}
	timeout := s.d.cfg.Timeout
	if timeout == 0 {
		timeout = t.Timeout
		if timeout == 0 {
			timeout = catalog.DefaultTimeout
		}
		timeout = s.d.scale(timeout)
	}
	hold := s.d.scale(holdLimit)
	m := wire.Message{Kind: wire.Run, ID: t.ID, Program: t.Area(), Timeout: timeout, Hold: hold}
	if err := s.enc.Encode(m); err != nil {
		return s.lose(ctx, t, nil, err)
	}
	late := s.whenLate(ctx, t.ID, s.d.stretch(timeout))
	defer late.stop()
	deadline := time.Now().Add(s.d.stretch(timeout + hold + cmp.Or(s.d.cfg.endLimit, wire.EndLimit)))
	for {
		m, err := s.next(ctx, time.Until(deadline))
		if err != nil {
			return s.lose(ctx, t, late.stop(), err)
		}
		if m.Kind == wire.End {
			late.stop() // what it has to say is the test's
		}
		r, err := s.heard.Add(m)
		if err != nil {
			return false, blame.On(blame.Host, fmt.Errorf("protocol: %w", err))
		}
		if r != nil {
			s.d.coverTest(ctx, s, t.ID)
			s.d.tell(r)
			return m.Status != wire.Timeout && m.Status != wire.Crashed && !s.heard.Splatted(), nil
		}
	}
}

// skip skips a test for want of a feature that the guest says it has not. Whether
// it may lack that is for the judge.
func (s *session) skip(t catalog.Test, f feature.Name) error {
	return s.d.hear(s.heard, wire.Message{Kind: wire.Start, ID: t.ID},
		wire.Message{Kind: wire.End, ID: t.ID, Status: wire.Skipped, Text: string(f)})
}

// lose ends a test whose guest went silent or away. l is what was seen of it
// when the test's time was up, or nil.
func (s *session) lose(ctx context.Context, t catalog.Test, l *look, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	var file *fs.PathError
	if errors.As(err, &file) {
		// The guest is well; what it says can't be taken down, whoever runs.
		return false, blame.On(blame.Host, fmt.Errorf("the guest's messages during %s: %w", t.ID, err))
	}
	silent := errors.Is(err, errNoMessage)
	verr := s.ended(err)
	if verr != nil && blame.Of(verr) == blame.User {
		return false, verr
	}
	party := blame.Kernel
	var why string
	switch {
	case l != nil && l.Stopped:
		party = blame.Host
		why = fmt.Sprintf("the guest was stopped during %s: %s", t.ID, l.text)
	case verr != nil:
		party = blame.Of(verr)
		why = fmt.Sprintf("the guest went away during %s: %v", t.ID, verr)
	case silent:
		why = fmt.Sprintf("the guest went silent during %s: neither the test's end nor its watchdog's", t.ID)
		if l != nil {
			why += "; " + l.text
		}
	case s.vm.End() == vm.Running:
		why = fmt.Sprintf("the guest closed its port during %s: %v", t.ID, err)
	default:
		why = fmt.Sprintf("the guest %s in good order, during %s", s.vm.End(), t.ID)
	}
	s.d.coverTest(ctx, s, t.ID)
	s.d.lost(s, t.ID, why, party)
	return false, nil
}

// ended returns how the machine ended, nil if it runs; err is what the stream
// said last. The end of QEMU is known a moment after its sockets are closed.
func (s *session) ended(err error) error {
	if !errors.Is(err, errNoMessage) {
		select {
		case <-s.vm.Done():
		case <-time.After(s.d.patience(time.Second)):
		}
	}
	return s.vm.Err()
}

// stop asks the guest to say Bye. A stream that ends without it is an error of
// the run: something may be missing from it.
func (s *session) stop(ctx context.Context) error {
	if err := s.scan(ctx); err != nil {
		return err
	}
	err := s.enc.Encode(wire.Message{Kind: wire.Stop})
	for err == nil {
		var m wire.Message
		if m, err = s.next(ctx, s.d.patience(stopLimit)); err == nil {
			if m.Kind == wire.Bye {
				return nil
			}
			_, err = s.heard.Add(m)
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	s.d.problem("guest %d ended without a Bye: %v", s.number, err)
	return nil
}

// close ends the virtual machine; the files of the boot stay.
func (s *session) close() {
	// How a machine ends that nobody needs any more changes no result.
	_ = s.vm.Close()
	for range s.msgs { // the reader ends with the machine's end of the channel
	}
	_ = s.log.Close() // nil is an error of Close's
	if s.forget != nil {
		s.forget()
	}
}
