package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"uetest/internal/blame"
	"uetest/internal/bundle"
	"uetest/internal/proc"
	"uetest/internal/results"
	"uetest/internal/vm"
	"uetest/selftests/catalog"
)

// finishLimit is from a recorded guest's Bye to the end of its machine, before
// Scale. A reset with a process that cannot be killed takes the longest.
const finishLimit = 5 * time.Second

// Recorded is a guest that was recorded and can be replayed.
type Recorded struct {
	Run    *results.Run
	Bundle string   // path
	Size   int64    // of the bundle
	Left   []string // tests that show the fault too and take another guest
	Replay *Replayed
}

// Record runs the tests that show a fault on cfg's one kernel in one recorded
// guest and writes the bundle to path. It has been replayed when Record returns
// without an error.
func Record(ctx context.Context, cfg Config, fault, path string) (*Recorded, error) {
	cfg.Notify = serialize(cfg.Notify)
	cfg.Clock.Mode = vm.Recording
	if cfg.Attach != nil {
		return nil, blame.On(blame.Usage, errors.New("what gdb does to a guest can't be recorded: leave --gdb out, and look at the replay with 'uetest replay --gdb'"))
	}
	if err := cfg.settleClock(); err != nil {
		return nil, err
	}
	targets, err := cfg.targets()
	if err != nil {
		return nil, err
	}
	if len(targets) != 1 {
		return nil, blame.On(blame.Usage, fmt.Errorf("one kernel can be recorded at a time, not %d", len(targets)))
	}
	t := targets[0]
	tests, left := together(fault, catalog.Generation(t.kernel.Generation), t.arch())
	if len(tests) == 0 {
		return nil, blame.On(blame.Nothing, fmt.Errorf("no test in a guest shows %s on %s, generation %s: there is nothing to record", fault, t.name, t.kernel.Generation))
	}
	r := &Recorded{Bundle: path, Left: left}
	close, err := cfg.record()
	if err != nil {
		return nil, err
	}
	err = withGuest(ctx, &cfg, t.arch(), func(ctx context.Context, g *guest) error {
		d, err := newDriver(ctx, &cfg, t, g)
		if err != nil {
			return err
		}
		r.Run = d.run
		return d.bundle(ctx, tests, fault, path)
	})
	var list []*results.Run
	if r.Run != nil {
		list = append(list, r.Run)
	}
	if err = close(list, err); err != nil {
		return r, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return r, blame.On(blame.Host, err)
	}
	r.Size = info.Size()
	r.Replay, err = Replay(ctx, ReplayConfig{Bundle: path, QEMU: cfg.QEMU, Notify: cfg.Notify})
	if err != nil {
		_ = os.Remove(path) // it is none that anybody can use
		return r, fmt.Errorf("what was recorded cannot be replayed: %w", err)
	}
	return r, nil
}

// together returns the tests that show a fault on generation g of an architecture and can be
// recorded in one guest, and the ids of the others.
func together(fault string, g catalog.Generation, arch string) (tests []catalog.Test, left []string) {
	for _, t := range results.FaultTests(fault) {
		t, ok := t.For(arch)
		if !ok {
			continue
		}
		if e, ok := t.On(g); !ok || e.Fault != fault || t.Source != "" {
			continue
		}
		alone := func(t catalog.Test) bool { return t.Isolation == catalog.Fresh || !t.Machine.Usual() }
		if len(tests) > 0 && (alone(t) || alone(tests[0])) {
			left = append(left, t.ID)
			continue
		}
		tests = append(tests, t)
	}
	return tests, left
}

// bundle records a guest and puts all that a replay takes into a bundle.
func (d *driver) bundle(ctx context.Context, tests []catalog.Test, fault, path string) error {
	var s *session
	var took time.Duration
	err := d.conclude(ctx, func() (err error) {
		start := time.Now()
		s, err = d.record(ctx, tests)
		took = time.Since(start)
		return err
	})
	if err = errors.Join(err, d.finish()); err != nil {
		return err
	}
	if s == nil {
		return blame.On(blame.Kernel, fmt.Errorf("nothing was recorded: %s", strings.Join(d.run.Problems, "; ")))
	}
	m := &bundle.Manifest{Recorded: d.run.Start, Took: took, Fault: fault, Release: s.hello.Release}
	for _, t := range tests {
		m.Tests = append(m.Tests, t.ID)
	}
	if m.QEMU, err = theQEMU(ctx, d.cfg.QEMU); err != nil {
		return err
	}
	cfg := s.vm.Config()
	m.Machine = bundle.Machine{Type: cfg.Machine.Type, Memory: cfg.Memory, Append: cfg.Append, Port: cfg.Port}
	m.Args = withoutPlaces(cfg)
	files := []bundle.Source{
		{Name: bundle.Run, Path: filepath.Join(d.run.Dir, results.SavedName)},
		{Name: bundle.Kernel, Path: cfg.Kernel},
		{Name: bundle.Initramfs, Path: cfg.Initrd},
		{Name: bundle.Log, Path: cfg.Clock.Log},
		{Name: bundle.Console, Path: cfg.Console},
		{Name: bundle.Stream, Path: d.file("stream-%d.jsonl", s.number)},
	}
	if d.kernel.symbols != "" {
		files = append(files, bundle.Source{Name: bundle.Symbols, Path: d.kernel.symbols},
			bundle.Source{Name: bundle.Config, Path: filepath.Join(filepath.Dir(d.kernel.symbols), "config")})
	}
	end := (&stages{kernel: d.run.Kernel.Name, notify: d.cfg.Notify}).begin("bundle", path)
	if err := bundle.Write(path, m, files); err != nil {
		return err
	}
	end("")
	// A run's directory stays for a long time, and the log is in the bundle.
	return blame.On(blame.Host, os.Remove(cfg.Clock.Log))
}

// record runs tests in one guest and sees that machine to its end. The session
// is closed; it is nil for a kernel that did not boot.
func (d *driver) record(ctx context.Context, tests []catalog.Test) (*session, error) {
	tests, err := d.plan(ctx, tests)
	defer d.release()
	if err != nil {
		return nil, err
	}
	d.enqueue(tests)
	t, more, ok := d.queue.first()
	if !ok {
		return nil, blame.On(blame.Nothing, errors.New("no test applies to this kernel"))
	}
	s, err := d.acquire(ctx, d.of(t))
	if err != nil {
		return nil, err
	}
	defer s.close()
	for fit := true; ok && fit; t, ok = more() {
		d.progress(t.ID)
		if fit, err = s.run(ctx, t); err != nil {
			return nil, err
		}
	}
	// However the tests ended: the recording has to have an end.
	if err := s.stop(ctx); err != nil {
		return nil, err
	}
	return s, s.vm.Finish(ctx, d.patience(finishLimit))
}

// withoutPlaces are the arguments of a recorded guest with the names of the
// bundle's files for the paths.
func withoutPlaces(cfg vm.Config) []string {
	cfg.Kernel, cfg.Initrd, cfg.Console, cfg.GDB = bundle.Kernel, bundle.Initramfs, bundle.Console, ""
	cfg.Clock = vm.Clock{Mode: vm.Recording, Log: bundle.Log}
	return cfg.Args()
}

// theQEMU says which QEMU an executable is; empty is the usual.
func theQEMU(ctx context.Context, name string) (bundle.QEMU, error) {
	if name == "" {
		name = vm.Microvm.QEMU
	}
	path, err := proc.LookPath(name)
	if err != nil {
		return bundle.QEMU{}, err
	}
	out, err := proc.Output(ctx, proc.Cmd{Path: path, Args: []string{"--version"}})
	if err != nil {
		return bundle.QEMU{}, err
	}
	version, _, _ := strings.Cut(string(out), "\n")
	f, err := os.Open(path)
	if err != nil {
		return bundle.QEMU{}, blame.On(blame.Host, err)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return bundle.QEMU{}, blame.On(blame.Host, err)
	}
	return bundle.QEMU{Version: version, SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
