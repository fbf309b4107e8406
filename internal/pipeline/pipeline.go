// Package pipeline knows the order of the stages and nothing of how they do
// their work: patch → kernel → initramfs → vm → results.
package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"uetest/initramfs"
	"uetest/internal/blame"
	"uetest/internal/kernel"
	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/internal/runs"
	"uetest/internal/vm"
	"uetest/kernel-patches"
	"uetest/selftests/catalog"
)

// Config is what to run. The zero value of every optional field is the main
// job's.
type Config struct {
	Root    string                // the uetest source tree, for the guest image
	Cache   string                // sources, builds, images, saved runs
	Series  *kernelpatches.Series // where the named kernels come from
	Kernels []string              // names of kernels of the series, in order
	Arches  []string              // to have each of them for, in order; none is as their names say
	Patches []*patch.Patch        // put on top of each of them, in order
	Below   bool                  // each of them is tested without Patches too, before
	Fuzz    int                   // lines of context that those may lack; see patch.CheckFuzz

	SourceDir   string          // a kernel tree in place of the source package; never written to
	Commit      string          // of that tree, in place of what lies in it; with Run alone
	Config      kernel.Fragment // a whole .config in place of the series' configuration; its text is empty if there is none
	Tools       kernel.Tools    // the compilers, if the user names them
	KernelFile  string          // a prebuilt image in place of the named kernels
	Symbols     string          // the image with its symbols; empty: looked for
	Unproven    bool            // go on if a blob is not the one the series names
	Select      *regexp.Regexp  // ids to run; nil is all
	Accel       string          // auto, kvm, tcg; empty is auto
	Timeout     time.Duration   // per test, unscaled; 0 is the catalogue's
	BootTimeout time.Duration   // unscaled; 0 is bootLimit
	Jobs        int             // guests at a time; 0 is 1
	Isolation   Isolation       // which tests get a guest of their own
	QEMU        string          // executable; empty is the one in $PATH
	Clock       vm.Clock        // of every guest; the log of one that is recorded has its place in the run's directory
	Machine     results.Machine // what every guest has in place of the usual
	Coverage    string          // say which lines of the patch under test each test executes, by one of CoverageSources; empty: no
	Keep        bool            // the run's files stay until somebody removes them

	Command  []string // the command line, for the record
	Revision string   // of this program
	Table    bool     // many kernels: a text report ends with a line a kernel
	Tester   string   // who signs a mail: NAME <ADDRESS>

	// Record is where what happens is written down; the caller closes it. Nil: in
	// a record of its own.
	Record *runs.Recorder
	// Repeat returns the flags of "uetest run" that ask for a kernel again, for a
	// shell; it may be nil.
	Repeat func(kernel string) string

	// Attach, if not nil, has each guest wait for gdb, and is told where. No time
	// limit applies then, not even to the boot.
	Attach func(Stub)

	// First names tests that run before the others that share a kernel with
	// them.
	First []string
	// Stop, if not nil, is told each result as it comes. Once it returns true
	// the run is over, and holds what there is.
	Stop func(*results.Test) bool

	Count     int    // how often the kernels are gone over; 0 is once, and with UntilFail without an end
	UntilFail bool   // go over them again until something is not as expected
	Shuffle   uint64 // tests that may share a guest run in an order that is made of it; 0 is that of the catalogue

	// Each has every kernel tested that the first patches make, of those on top of
	// the one kernel named or of its own: none of them, one, and so on to all.
	Each bool
	// Ran, if not nil, is told each run when it is over.
	Ran func(*results.Run)

	Notify func(Event) // may be nil; called from several goroutines, one at a time

	files    []initramfs.File // put into the image beside everything else
	endLimit time.Duration    // in place of wire.EndLimit, if a test cannot wait for it
	readOnly bool             // nothing is written to the cache
}

func (cfg *Config) jobs() int { return max(1, cfg.Jobs) }

// Run does the job. The runs it returns are complete as far as they go, also
// if there is an error: then the error says what kept the rest from running.
// A kernel that behaves badly is no error; see results.Run.Exit.
func Run(ctx context.Context, cfg Config) ([]*results.Run, error) {
	cfg.Notify = serialize(cfg.Notify)
	if err := cmp.Or(cfg.settleClock(), cfg.coverFlag(), cfg.passFlags()); err != nil {
		return nil, err
	}
	tests := ordered(chosen(cfg.Select), cfg.First)
	if len(tests) == 0 {
		return nil, blame.On(blame.Nothing, cfg.noTest())
	}
	targets, err := cfg.all(ctx)
	if err != nil {
		return nil, err
	}
	done, err := cfg.atCommit(ctx, targets)
	if err != nil {
		return nil, err
	}
	defer done()
	close, err := cfg.record()
	if err != nil {
		return nil, err
	}
	var list []*results.Run
	err = withGuests(ctx, &cfg, func(ctx context.Context, guestFor func(string) *guest) error {
		list, err = cfg.passes(ctx, targets, guestFor, tests)
		return err
	})
	return list, close(list, err)
}

// run is one on a kernel of several.
func (cfg *Config) run(ctx context.Context, t target, g *guest, tests []catalog.Test) (*results.Run, error) {
	run, err := one(ctx, cfg, t, g, tests)
	if run == nil && t.prefix != nil && failed(err) {
		run, err = t.unbuilt(cfg, err)
	}
	if run != nil {
		if cfg.Ran != nil {
			cfg.Ran(run)
		}
	}
	return run, err
}

// all returns the kernels that cfg asks for, or those that their patches make one
// after the other.
func (cfg *Config) all(ctx context.Context) ([]target, error) {
	if cfg.Each {
		return cfg.prefixes(ctx)
	}
	return cfg.targets()
}

// settleClock chooses the accelerator that counts instructions if the guests'
// clock is made of them.
func (cfg *Config) settleClock() error {
	switch {
	case !cfg.Clock.Counts():
		return nil
	case cfg.Accel == "kvm":
		return blame.On(blame.Usage, errors.New("KVM does not count a guest's instructions, of which virtual time and recordings are made: leave --accel out"))
	}
	if cfg.Machine.CPUs > 1 {
		return blame.On(blame.Usage, fmt.Errorf("virtual time and recordings take one CPU, not %d: leave --smp out", cfg.Machine.CPUs))
	}
	cfg.Accel = "tcg"
	return nil
}

// each makes a run of each target, up to the first error.
func each(targets []target, run func(target) (*results.Run, error)) ([]*results.Run, error) {
	var list []*results.Run
	for _, t := range targets {
		r, err := run(t)
		if r != nil {
			list = append(list, r)
		}
		if err != nil {
			return list, err
		}
	}
	return list, nil
}

// chosen returns the catalogue's tests whose whole id matches re.
func chosen(re *regexp.Regexp) []catalog.Test {
	all := catalog.All()
	if re == nil {
		return all
	}
	var tests []catalog.Test
	for _, t := range all {
		if re.MatchString(t.ID) {
			tests = append(tests, t)
		}
	}
	return tests
}

// noTest is the error of a selection that no test is in.
func (cfg *Config) noTest() error {
	re := runs.Pattern(cfg.Select.String())
	hint := "see 'uetest list tests'"
	if part, err := regexp.Compile(re); err == nil {
		for _, t := range catalog.All() {
			if area, _, _ := strings.Cut(t.ID, "/"); area == re {
				return fmt.Errorf("no test matches --run %s: it is held against whole ids, so an area is --run '%s/.*'", re, area)
			}
			if part.MatchString(t.ID) {
				hint = fmt.Sprintf("it is held against whole ids, and part of one is %s", t.ID)
				break
			}
		}
	}
	return fmt.Errorf("no test matches --run %s: %s", re, hint)
}

// ordered moves the tests that first names to the front, in its order.
func ordered(tests []catalog.Test, first []string) []catalog.Test {
	place := map[string]int{}
	for i, id := range first {
		if _, twice := place[id]; !twice {
			place[id] = i - len(first)
		}
	}
	slices.SortStableFunc(tests, func(a, b catalog.Test) int { return cmp.Compare(place[a.ID], place[b.ID]) })
	return tests
}

// guest is what every kernel of a run boots with. It is prepared while the
// first kernel is built and ready when wait returns nil.
type guest struct {
	machine vm.Machine
	image   initramfs.Image
	accel   vm.Accel
	why     string // how accel was chosen

	stages []results.Stage
	wait   func() error
}

// withGuest prepares a guest of an architecture while use works with it.
func withGuest(ctx context.Context, cfg *Config, arch string, use func(context.Context, *guest) error) error {
	return withGuests(ctx, cfg, func(ctx context.Context, guestFor func(string) *guest) error {
		return use(ctx, guestFor(arch))
	})
}

// withGuests prepares a guest of each architecture that use asks for, which its
// kernels share, while use works with it. If one can't be made the context of use
// ends, for nobody waits for a kernel that can't be booted, and the reason is what
// withGuests returns.
func withGuests(ctx context.Context, cfg *Config, use func(ctx context.Context, guestFor func(arch string) *guest) error) error {
	own, cancel := context.WithCancelCause(ctx)
	all := map[string]*guest{}
	defer func() {
		cancel(nil)
		for _, g := range all {
			_ = g.wait() // what it had to say was said, or nobody needs it any more
		}
	}()
	err := use(own, func(arch string) *guest {
		if all[arch] == nil {
			all[arch] = prepareGuest(own, cfg, arch, cancel)
		}
		return all[arch]
	})
	if why := context.Cause(own); err != nil && why != nil && ctx.Err() == nil {
		return why
	}
	return err
}

// prepareGuest starts building the initramfs and asking the accelerator. If
// either fails it calls fail, before wait tells.
func prepareGuest(ctx context.Context, cfg *Config, arch string, fail func(error)) *guest {
	machine, _ := vm.MachineFor(arch) // a target's is known to be there
	g := &guest{machine: machine}
	s := &stages{notify: cfg.Notify}
	var group errgroup.Group
	try := func(f func() error) {
		group.Go(func() error {
			err := f()
			if err != nil {
				fail(err)
			}
			return err
		})
	}
	try(func() error {
		end := s.begin("initramfs", "")
		image, err := initramfs.Build(ctx, initramfs.Options{Root: cfg.Root, Cache: cfg.Cache, Arch: goArch(arch), Files: cfg.files, Tell: func(line string) {
			cfg.Notify(Event{Stage: "initramfs", Text: line, Notice: true})
		}})
		if err != nil {
			return fmt.Errorf("initramfs: %w", err)
		}
		g.image = image
		end(cachedNote(image.Cached))
		return nil
	})
	try(func() error {
		end := s.begin("accel", "")
		var err error
		g.accel, g.why, err = vm.ProbeAccel(ctx, vm.ProbeConfig{QEMU: cfg.QEMU, Arch: arch, Want: cfg.Accel, Cache: cfg.Cache})
		if err != nil {
			return err
		}
		end(g.accel.String() + ": " + g.why)
		return nil
	})
	g.wait = func() error {
		err := group.Wait()
		g.stages = s.done
		return err
	}
	return g
}

func cachedNote(cached bool) string {
	if cached {
		return "cached"
	}
	return "built"
}

// one runs the tests on one kernel.
func one(ctx context.Context, cfg *Config, t target, g *guest, tests []catalog.Test) (*results.Run, error) {
	d, err := newDriver(ctx, cfg, t, g)
	if err != nil {
		return nil, err
	}
	err = d.drive(ctx, tests)
	d.locate()
	if d.judge != nil && d.run.Select == "" && d.run.Fatal == 0 && !d.stopped {
		d.run.Unused = d.allow.unused()
	}
	return d.run, errors.Join(err, d.finish())
}

// newDriver builds the kernel and makes what drives guests that boot it.
func newDriver(ctx context.Context, cfg *Config, t target, g *guest) (*driver, error) {
	s := &stages{kernel: t.name, notify: cfg.Notify}
	run := &results.Run{Schema: results.Schema, Start: time.Now().UTC(), Prefix: t.prefix, Pass: t.pass, Shuffle: cfg.seed(t.pass)}
	b, err := t.make(ctx, cfg, s)
	if err != nil {
		return nil, err
	}
	if err := g.wait(); err != nil {
		return nil, err
	}
	run.Kernel = b.info
	run.Kernel.Variant, run.Kernel.Mails = b.variant(), b.mails()
	if run.Kernel.Key != "" { // beside a prebuilt image may be anything
		describe(&run.Kernel, b.config())
	}
	if t.id != "" {
		run.Kernel.Commit, run.Kernel.Describe = t.id, t.describe
	} else if err := describeTree(ctx, &run.Kernel, cfg.SourceDir); err != nil {
		return nil, err
	}
	if cfg.Select != nil {
		run.Select = cfg.Select.String()
	}
	run.Accel, run.AccelWhy = g.accel.String(), g.why
	if cfg.Clock.Counts() {
		run.AccelWhy = "it counts the instructions that the guest's time is made of"
	}
	if run.QEMU, err = cfg.qemuVersion(ctx, g.machine.QEMU); err != nil {
		return nil, err
	}
	run.Machine = cfg.Machine
	run.Stages = append(s.done, g.stages...)
	d := &driver{cfg: cfg, run: run, notify: cfg.Notify, kernel: b, guest: g}
	run.OneCPU = d.oneCPU()
	if cfg.Coverage != "" {
		if d.cover, err = newCover(cfg, &b, g); err != nil {
			return nil, err
		}
	}
	return d, d.place(t.name)
}

// LastRun returns the newest saved run of a kernel, one of the whole catalogue
// rather than of a part, or nil if there is none.
func LastRun(dir, kernel string) (*results.Run, error) {
	return results.Last(runs.Home(dir), kernel)
}
