package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"uetest/internal/blame"
	"uetest/internal/console"
	"uetest/internal/feature"
	"uetest/internal/results"
	"uetest/internal/runs"
	"uetest/selftests/catalog"
)

// driver runs the tests of a plan on one kernel, in as many guests as it takes.
type driver struct {
	cfg    *Config
	notify func(Event)
	kernel built
	guest  *guest

	snapshots snapshots
	cover     *cover // nil: nobody wants to know what is executed, or there is nothing

	rec *runs.Recorder // nil: what happens is nobody's to judge, of a shell for one
	key string         // of the kernel in it

	judge *results.Judge // nil until it is known what to expect of the kernel
	allow *allowlist     // as long as judge is
	queue *queue

	mu       sync.Mutex // guards what follows while guests run
	run      *results.Run
	spare    *session // a guest that is up and has not run anything
	guests   int      // started so far
	reported int      // results of d.total
	total    int
	stopped  bool // Config.Stop has had enough
	booting  time.Duration
}

// drive fills d.run. It returns an error only if the host or the user keeps
// the tests from being run; what the kernel does wrong is a result.
func (d *driver) drive(ctx context.Context, tests []catalog.Test) error {
	return d.conclude(ctx, func() error { return d.all(ctx, tests) })
}

// conclude runs work and makes what the guests said of it the run's results.
func (d *driver) conclude(ctx context.Context, work func() error) error {
	start := time.Now()
	err := work()
	why := "the run ended before its turn"
	switch {
	case ctx.Err() != nil:
		d.run.Fatal, why = blame.User, "interrupted"
	case err != nil:
		var dead *bootError
		if !errors.As(err, &dead) {
			why = err.Error()
			d.run.Fatal = blame.Of(err)
			break
		}
		d.run.Fatal, why = blame.Kernel, dead.short()
		d.run.Problems = append(d.run.Problems, dead.Error())
		err = nil
	}
	if d.judge != nil {
		d.run.Tests, d.run.Splats = d.judge.Finish(why)
		for _, note := range d.judge.Notes() {
			d.run.Problems = append(d.run.Problems, "the guest says: "+note)
		}
		if d.stopped {
			d.run.Tests = slices.DeleteFunc(d.run.Tests, func(t results.Test) bool { return t.Verdict == results.Missing })
		}
	}
	var order []string
	for i := range d.run.Tests {
		order = append(order, d.run.Tests[i].ID)
	}
	d.run.Coverage = d.cover.conclude(order)
	d.times(time.Since(start))
	return err
}

// times says how long it took. What guests that boot side by side take is
// counted once each; the tests have what the clock on the wall says.
func (d *driver) times(took time.Duration) {
	boots, tests := results.Stage{Name: "boot", Took: d.booting}, results.Stage{Name: "tests", Took: took}
	boots.Note = started(d.run.Boots, d.run.Restored, len(d.run.Retries))
	if jobs := d.cfg.jobs(); jobs > 1 {
		tests.Note = fmt.Sprintf("%d guests at a time, with their boots", jobs)
	} else {
		tests.Took -= d.booting
	}
	d.run.Stages = append(d.run.Stages, boots, tests)
	d.notify(Event{Kernel: d.run.Kernel.Name, Stage: "tests", Text: d.cfg.passNote(d.run.Pass), Finished: true, Took: took, Done: d.reported, Total: d.total})
}

// started says how the guests of a run came up, if there is anything to say.
func started(boots, restored, retries int) string {
	var parts []string
	if restored > 0 {
		parts = append(parts, fmt.Sprintf("%d restored", restored))
	}
	if boots > 1 || boots > 0 && restored > 0 {
		parts = append(parts, fmt.Sprintf("%d booted", boots))
	}
	if retries > 0 {
		parts = append(parts, fmt.Sprintf("%d tried again", retries))
	}
	return strings.Join(parts, ", ")
}

// all does the tests on the host, then those in guests, several at a time.
func (d *driver) all(ctx context.Context, tests []catalog.Test) error {
	tests, err := d.plan(ctx, tests)
	defer d.snapshots.release()
	defer d.release()
	if err != nil || d.enough() {
		return err
	}
	d.enqueue(tests)
	if err := d.coverBoot(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for range min(d.cfg.jobs(), len(tests)) {
		group.Go(func() error { return d.work(ctx) })
	}
	return group.Wait()
}

// plan decides what is expected of whom: of the tests that apply to the kernel's
// generation and variant. It returns those that are left for a guest. If nobody
// declared what the kernel is, a guest asks it.
func (d *driver) plan(ctx context.Context, tests []catalog.Test) (_ []catalog.Test, err error) {
	g := d.kernel.generation
	if g == "" {
		s, err := d.open(ctx, d.usual())
		if err != nil {
			return nil, err
		}
		d.spare = s
		if g = catalog.Generation(s.hello.Generation); g == "" {
			return nil, blame.On(blame.Kernel, &bootError{what: noUserEvents})
		}
	}
	var here []catalog.Test
	for _, t := range tests {
		t, ok := t.In(d.kernel.plan.VariantNames()...).For(d.guest.machine.Arch)
		if _, applies := t.On(g); ok && applies && d.takes(t) {
			here = append(here, t)
		}
	}
	tests = here
	tests = d.kernel.expected(g, tests)
	d.run.Generation = string(g)
	must := d.kernel.must
	if d.single() {
		must = slices.DeleteFunc(slices.Clone(must), func(f feature.Name) bool { return f == feature.SMP })
	}
	d.judge = results.NewJudge(g, tests, must)
	d.allow = newAllowlist(d.cfg.Series, d.run.Kernel.Name)
	d.judge.Allow(d.allow.allows)
	d.planned(tests)
	return d.compile(ctx, tests)
}

// enqueue makes the queue of the tests that are for guests.
func (d *driver) enqueue(tests []catalog.Test) {
	how := d.cfg.Isolation
	if d.cover != nil && d.cover.trace != nil {
		how = IsolateTest
	}
	d.total = d.reported + len(tests) // some tests were compiled on the host
	d.queue = newQueue(shuffled(tests, d.run.Shuffle), how, func(t catalog.Test) string { return fmt.Sprint(d.of(t)) })
}

// takes reports whether the kernel is one that the test can be done with.
func (d *driver) takes(t catalog.Test) bool {
	if t.Source != "" && d.kernel.tree == nil {
		return false
	}
	return t.Variant == "" || d.kernel.plan.In(t.Variant)
}

// work runs one guest after the other until there is nothing left to do.
func (d *driver) work(ctx context.Context) error {
	for {
		t, more, ok := d.queue.first()
		if !ok {
			return nil
		}
		s, err := d.acquire(ctx, d.of(t))
		if err != nil {
			return err
		}
		if err := d.use(ctx, s, t, more); err != nil {
			return err
		}
	}
}

// acquire returns a guest that nobody has used.
func (d *driver) acquire(ctx context.Context, m machine) (*session, error) {
	d.mu.Lock()
	s := d.spare
	if s != nil && m.Usual() && m.cpus == d.cpus() {
		d.spare = nil
	} else {
		s = nil
	}
	d.mu.Unlock()
	if s == nil {
		var err error
		if s, err = d.open(ctx, m); err != nil {
			return nil, err
		}
	}
	if s.saved != nil {
		if err := s.saved.told(d.judge); err != nil {
			s.close()
			return nil, err
		}
	}
	s.heard = d.judge.Guest(s.number)
	for _, m := range s.early {
		if _, err := s.heard.Add(m); err != nil {
			s.close()
			return nil, blame.On(blame.Host, fmt.Errorf("protocol: %w", err))
		}
	}
	return s, nil
}

// release ends the spare guest, if there is one.
func (d *driver) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.spare != nil {
		d.spare.close()
		d.spare = nil
	}
}

// use runs test t in a guest, then those that more gives as long as the guest
// can be trusted, and ends it.
func (d *driver) use(ctx context.Context, s *session, t catalog.Test, more func() (catalog.Test, bool)) error {
	first := t.ID
	defer func() {
		s.close()
		d.coverEnd(s, first)
	}()
	for ok := true; ok; t, ok = more() {
		d.progress(t.ID)
		fit, err := s.run(ctx, t)
		if err != nil {
			return err
		}
		if !fit || d.enough() {
			return nil
		}
	}
	return s.stop(ctx)
}

// progress tells which test begins.
func (d *driver) progress(id string) {
	if d.rec != nil {
		d.rec.Start(d.key, id)
	}
	d.mu.Lock()
	done := d.reported
	if d.run.Shuffle != 0 {
		d.run.Order = append(d.run.Order, id)
	}
	d.mu.Unlock()
	d.notify(Event{Kernel: d.run.Kernel.Name, Stage: "tests", Text: id, Done: done, Total: d.total})
}

// tell counts a result and shows it to the one who may end the run for it.
func (d *driver) tell(r *results.Test) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reported++
	if r != nil && d.rec != nil {
		d.rec.Result(d.key, r)
	}
	if r != nil && d.cfg.Stop != nil && !d.stopped && d.cfg.Stop(r) {
		d.stopped = true
		if d.queue != nil {
			d.queue.clear()
		}
	}
}

// enough reports whether Config.Stop has ended the run.
func (d *driver) enough() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopped
}

// problem keeps what is wrong with the run as a whole.
func (d *driver) problem(format string, args ...any) {
	d.count(func() { d.run.Problems = append(d.run.Problems, fmt.Sprintf(format, args...)) })
}

// lost tells the judge that the guest went away, or has to, during test id, and
// who is to blame.
func (d *driver) lost(s *session, id, why string, party blame.Party) {
	log, err := os.ReadFile(s.vm.Console())
	if err != nil {
		why += "; its console cannot be read: " + err.Error()
	}
	r := s.heard.Lost(id, why, party, console.Find(strings.Split(string(log), "\n")))
	if r == nil || !r.Verdict.Good() {
		d.count(func() { d.run.Fatal = max(d.run.Fatal, party) }) // the host's before the kernel's
	}
	d.tell(r)
}
