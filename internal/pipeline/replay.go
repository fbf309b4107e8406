package pipeline

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"uetest/internal/blame"
	"uetest/internal/bundle"
	"uetest/internal/proc"
	"uetest/internal/results"
	"uetest/internal/vm"
)

// ReplayConfig says what to replay.
type ReplayConfig struct {
	Bundle string // path
	QEMU   string // executable; empty is the one in $PATH
	Force  bool   // with another QEMU than the one that recorded, too
	// Attach, if not nil, has the guest wait for gdb, and is told where. No time
	// limit applies then.
	Attach func(Stub)
	Notify func(Event) // may be nil
}

// Replayed is a guest that ran again as it was recorded.
type Replayed struct {
	Manifest *bundle.Manifest
	Run      *results.Run // as recorded, which is what the replay showed as well
	Took     time.Duration
	Notes    []string // what is not as it was when it was recorded and did not matter
	// Lines of the console and of the agent's stream that were compared.
	Console, Stream int
	Cut             bool // gdb ended the guest; up to there all was the same
}

// Limits of a replay that nobody looks at with gdb. A replay takes some twice
// the time of its recording, on a host that may have much else to do.
const (
	replayTimes = 20
	replayLeast = time.Minute
	// tailPause is how often the console's file is read.
	tailPause = 20 * time.Millisecond
)

// Replay runs the guest of a bundle again and compares what it prints and sends
// with what was recorded. The first difference is the error, a
// *bundle.Difference, and ends the guest.
func Replay(ctx context.Context, cfg ReplayConfig) (*Replayed, error) {
	cfg.Notify = serialize(cfg.Notify)
	dir, remove, err := proc.TempDir("replay-*")
	if err != nil {
		return nil, err
	}
	defer remove()
	s := &stages{notify: cfg.Notify}
	end := s.begin("unpack", "")
	m, err := unpack(cfg.Bundle, dir)
	if err != nil {
		return nil, err
	}
	end(m.Release)
	r := &Replayed{Manifest: m}
	if r.Run, err = results.Load(dir); err != nil {
		return nil, blame.On(blame.Usage, fmt.Errorf("%s: %w", cfg.Bundle, err))
	}
	machine, err := cfg.machine(m, dir)
	if err != nil {
		return nil, err
	}
	if r.Notes, err = cfg.sameQEMU(ctx, m, machine); err != nil {
		return nil, err
	}
	end = s.begin("replay", "")
	start := time.Now()
	err = cfg.play(ctx, r, machine, dir)
	r.Took = time.Since(start)
	if err == nil {
		end(fmt.Sprintf("%d lines of the console, %d of the stream", r.Console, r.Stream))
	}
	return r, err
}

func unpack(path, dir string) (*bundle.Manifest, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, blame.On(blame.Usage, err)
	}
	defer func() { _ = f.Close() }()
	m, err := bundle.Unpack(f, dir)
	if err != nil { // a full disk stays the host's fault
		return nil, blame.On(blame.Usage, fmt.Errorf("%s: %w", path, err))
	}
	return m, nil
}

// machine is the recorded machine, with the files in dir.
func (cfg *ReplayConfig) machine(m *bundle.Manifest, dir string) (vm.Config, error) {
	if m.Machine.Type != vm.Microvm.Type {
		return vm.Config{}, blame.On(blame.Usage, fmt.Errorf("%s: recorded on a machine of type %q; this uetest replays %s alone", cfg.Bundle, m.Machine.Type, vm.Microvm.Type))
	}
	return vm.Config{
		QEMU:    cfg.QEMU,
		Memory:  m.Machine.Memory,
		Kernel:  filepath.Join(dir, bundle.Kernel),
		Initrd:  filepath.Join(dir, bundle.Initramfs),
		Append:  m.Machine.Append,
		Port:    m.Machine.Port,
		Console: filepath.Join(dir, "console.replayed"),
		Clock:   vm.Clock{Mode: vm.Replaying, Log: filepath.Join(dir, bundle.Log)},
	}, nil
}

// sameQEMU compares QEMU and its arguments with those of the recording.
func (cfg *ReplayConfig) sameQEMU(ctx context.Context, m *bundle.Manifest, machine vm.Config) (notes []string, err error) {
	here, err := theQEMU(ctx, cfg.QEMU)
	if err != nil {
		return nil, err
	}
	if here.Version != m.QEMU.Version {
		err := fmt.Errorf("recorded by another QEMU\n  recorded  %s\n  here      %s", m.QEMU.Version, here.Version)
		if !cfg.Force {
			return nil, blame.On(blame.Host, fmt.Errorf("%w\nAnother version may execute the guest in other portions; --force tries", err))
		}
		notes = append(notes, err.Error())
	} else if here.SHA256 != m.QEMU.SHA256 {
		notes = append(notes, "the same version of QEMU, built otherwise than the one that recorded")
	}
	if args := withoutPlaces(machine); !slices.Equal(args, m.Args) {
		err := fmt.Errorf("this uetest starts QEMU otherwise than the one that recorded\n%s", firstOther(m.Args, args))
		if !cfg.Force {
			return nil, blame.On(blame.Host, fmt.Errorf("%w\nReplay it with the uetest that recorded it; --force tries", err))
		}
		notes = append(notes, err.Error())
	}
	return notes, nil
}

// firstOther shows the first argument that is another one.
func firstOther(recorded, here []string) string {
	at := func(args []string, i int) string {
		if i < len(args) {
			return args[i]
		}
		return "(no more arguments)"
	}
	i := 0
	for i < len(recorded) && i < len(here) && recorded[i] == here[i] {
		i++
	}
	return fmt.Sprintf("  recorded  %s\n  here      %s", at(recorded, i), at(here, i))
}

// play runs the guest and compares.
func (cfg *ReplayConfig) play(ctx context.Context, r *Replayed, machine vm.Config, dir string) error {
	console, err := comparison(dir, bundle.Console, "the console")
	if err != nil {
		return err
	}
	stream, err := comparison(dir, bundle.Stream, "the agent's stream")
	if err != nil {
		return err
	}
	if cfg.Attach != nil {
		if machine.GDB = filepath.Join(dir, "gdb"); len(machine.GDB) > socketPath {
			return blame.On(blame.Host, fmt.Errorf("%s: too long for the path of a socket; set TMPDIR to a shorter one", machine.GDB))
		}
	} else {
		var cancel context.CancelFunc
		limit := max(replayLeast, replayTimes*r.Manifest.Took)
		ctx, cancel = context.WithTimeoutCause(ctx, limit, fmt.Errorf("the replay did not end within %s; the recording took %s", limit, r.Manifest.Took.Round(time.Millisecond)))
		defer cancel()
	}
	v, err := vm.Start(ctx, machine)
	if err != nil {
		return err
	}
	defer func() { _ = v.Close() }() // what it showed has been compared
	if cfg.Attach != nil {
		stub := Stub{Kernel: r.Run.Kernel.Name, Socket: machine.GDB, Symbols: machine.Kernel}
		if r.Manifest.Has(bundle.Symbols) {
			stub.Symbols = filepath.Join(dir, bundle.Symbols)
			stub.Stops = stops(stub.Symbols)
		}
		cfg.Attach(stub)
	}
	differ := make(chan error, 2)
	var both sync.WaitGroup
	both.Go(func() { differ <- compareStream(stream, v) })
	both.Go(func() {
		differ <- compareConsole(console, v, func() {
			cfg.Notify(Event{Stage: "replay", Done: int(console.Seen() * 100), Total: 100})
		})
	})
	go func() { both.Wait(); close(differ) }()
	for err := range differ {
		if err == nil {
			continue
		}
		_ = v.Close() // the rest is another guest's
		for other := range differ {
			// What ends early for want of a guest is not where it went wrong.
			var d *bundle.Difference
			if errors.As(err, &d) && d.Ended && other != nil {
				err = other
			}
		}
		r.Console, r.Stream = console.Lines(), stream.Lines()
		if cfg.Attach != nil && blame.Of(v.Err()) == blame.User && ctx.Err() == nil {
			r.Cut = true // whoever looks at it has seen enough
			return nil
		}
		return cfg.differs(ctx, v, err)
	}
	r.Console, r.Stream = console.Lines(), stream.Lines()
	if err := v.Err(); err != nil && blame.Of(err) != blame.Kernel {
		return err
	}
	return nil
}

// differs is the error of a replay that is not as recorded.
func (cfg *ReplayConfig) differs(ctx context.Context, v *vm.VM, err error) error {
	if why := context.Cause(ctx); why != nil {
		return blame.On(blame.Test, fmt.Errorf("%w\n%w", why, err))
	}
	if end := v.Err(); end != nil && blame.Of(end) != blame.Kernel {
		return blame.On(blame.Test, fmt.Errorf("%w\n%w", err, end))
	}
	return blame.On(blame.Test, err)
}

func comparison(dir, file, name string) (*bundle.Comparison, error) {
	want, err := os.ReadFile(filepath.Join(dir, file))
	return bundle.Compare(name, want), blame.On(blame.Host, err)
}

// compareStream compares what the guest's agent sends until the guest ends.
func compareStream(c *bundle.Comparison, v *vm.VM) error {
	if _, err := io.Copy(c, v.Channel()); err != nil {
		return err
	}
	return c.Done()
}

// compareConsole compares what the guest prints until it ends.
func compareConsole(c *bundle.Comparison, v *vm.VM, progress func()) error {
	f, err := os.Open(v.Console())
	if err != nil {
		return blame.On(blame.Host, err)
	}
	defer func() { _ = f.Close() }()
	for ended := false; ; {
		n, err := io.Copy(c, f)
		switch {
		case err != nil:
			return err
		case n > 0:
			progress()
			continue
		case ended:
			return c.Done()
		}
		select {
		case <-v.Done():
			ended = true
		case <-time.After(tailPause):
		}
	}
}

// reporters are the functions in which a kernel begins a report: of an oops on
// any machine (kernel/panic.c), a warning, a panic, KASAN's.
var reporters = []string{"oops_enter", "__warn", "panic", "kasan_report"}

// stops returns those of reporters that an image has.
func stops(image string) []string {
	f, err := elf.Open(image)
	if err != nil {
		return nil // gdb says so too
	}
	defer func() { _ = f.Close() }()
	symbols, _ := f.Symbols() // none: none can be stopped at
	has := map[string]bool{}
	for _, s := range symbols {
		has[s.Name] = true
	}
	return slices.DeleteFunc(slices.Clone(reporters), func(name string) bool { return !has[name] })
}
