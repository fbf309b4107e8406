package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"uetest/internal/blame"
	"uetest/internal/console"
	"uetest/internal/results"
	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

// driver runs the tests of a plan on one kernel, in as many boots as it takes.
type driver struct {
	cfg    *Config
	run    *results.Run
	notify func(Event)
	kernel built
	guest  *guest

	judge    *results.Judge
	reported int
	planned  int
	stopped  bool // Config.Stop has had enough

	booting, testing time.Duration
	retries          int
}

// drive fills d.run. It returns an error only if the host or the user keeps
// the tests from being run; what the kernel does wrong is a result.
func (d *driver) drive(ctx context.Context, tests []catalog.Test) error {
	if d.kernel.generation != "" {
		tests = d.plan(d.kernel.generation, tests)
	}
	err := d.batches(ctx, tests)
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
	note := ""
	switch {
	case d.retries > 0:
		note = fmt.Sprintf("%d boots, %d tried again", d.run.Boots, d.retries)
	case d.run.Boots > 1:
		note = fmt.Sprintf("%d boots", d.run.Boots)
	}
	d.run.Stages = append(d.run.Stages,
		results.Stage{Name: "boot", Took: d.booting, Note: note},
		results.Stage{Name: "tests", Took: d.testing})
	d.notify(Event{Kernel: d.run.Kernel.Name, Stage: "tests", Finished: true,
		Took: d.booting + d.testing, Done: d.reported, Total: d.planned})
	return err
}

// plan decides what is expected of whom: the tests that apply to generation g
// and to the kernel's variant.
func (d *driver) plan(g catalog.Generation, tests []catalog.Test) []catalog.Test {
	var plan []catalog.Test
	for _, t := range tests {
		if _, ok := t.On(g); ok && d.takes(t) {
			plan = append(plan, t)
		}
	}
	d.run.Generation = string(g)
	d.judge = results.NewJudge(g, plan, d.kernel.must)
	d.planned = len(plan)
	return plan
}

// takes reports whether the kernel is one that the test can be done with.
func (d *driver) takes(t catalog.Test) bool {
	if t.Source != "" && d.kernel.tree == nil {
		return false
	}
	return t.Variant == "" || t.Variant == d.kernel.variant
}

// batches runs the tests that may share a kernel in one boot, and each of the
// others in its own. What a dead guest left undone goes into another boot.
func (d *driver) batches(ctx context.Context, tests []catalog.Test) error {
	if d.judge != nil {
		rest, err := d.compile(ctx, tests)
		if err != nil {
			return err
		}
		return d.drain(ctx, nil, split(rest))
	}
	// Nobody declared what this kernel is: the first boot, of the usual
	// machine, asks it.
	s, err := d.boot(ctx, catalog.Machine{})
	if err != nil {
		return err
	}
	g := catalog.Generation(s.hello.Generation)
	if g == "" {
		s.close()
		return blame.On(blame.Kernel, &bootError{what: noUserEvents})
	}
	tests = d.plan(g, tests)
	d.judge.Boot()
	queue := split(tests)
	if len(queue) > 0 && !queue[0][0].Machine.Usual() {
		s.close()
		s = nil
	}
	return d.drain(ctx, s, queue)
}

func split(tests []catalog.Test) [][]catalog.Test {
	var shared []catalog.Test
	var queue [][]catalog.Test
	for _, t := range tests {
		if t.Isolation == catalog.Fresh {
			queue = append(queue, []catalog.Test{t})
		} else {
			shared = append(shared, t)
		}
	}
	if len(shared) > 0 {
		queue = append([][]catalog.Test{shared}, queue...)
	}
	return queue
}

// drain works the queue off. s, if not nil, is a guest that is already up.
func (d *driver) drain(ctx context.Context, s *session, queue [][]catalog.Test) error {
	if len(queue) == 0 && s != nil {
		s.close()
	}
	for len(queue) > 0 && !d.stopped {
		batch := queue[0]
		queue = queue[1:]
		if s == nil {
			var err error
			if s, err = d.boot(ctx, batch[0].Machine); err != nil {
				return err
			}
		}
		rest, err := d.batch(ctx, s, batch)
		s = nil
		if err != nil {
			return err
		}
		if len(rest) > 0 {
			queue = append([][]catalog.Test{rest}, queue...)
		}
	}
	return nil
}

// batch runs tests in one guest and ends it. It returns those that did not get
// their turn because the guest cannot be trusted any more.
func (d *driver) batch(ctx context.Context, s *session, tests []catalog.Test) (rest []catalog.Test, err error) {
	start := time.Now()
	defer func() { d.testing += time.Since(start) }()
	defer s.close()
	for i, t := range tests {
		d.notify(Event{Kernel: d.run.Kernel.Name, Stage: "tests", Text: t.ID, Done: d.reported, Total: d.planned})
		fit, err := s.run(ctx, t)
		if err != nil {
			return nil, err
		}
		d.reported++
		if d.stopped {
			return nil, nil
		}
		if !fit {
			return tests[i+1:], nil
		}
	}
	return nil, s.stop(ctx)
}

// noUserEvents is said of a kernel that boots and can't be tested.
const noUserEvents = "this kernel has no user_events: it was built without CONFIG_USER_EVENTS"

// bootError is a kernel that does not come up.
type bootError struct {
	what    string
	console string   // path of the console log
	tail    []string // its last lines
}

func (e *bootError) short() string { return e.what }

func (e *bootError) Error() string {
	var b strings.Builder
	b.WriteString(e.what)
	for _, l := range e.tail {
		b.WriteString("\n  | " + l)
	}
	if e.console != "" {
		b.WriteString("\n  console: " + e.console)
	}
	return b.String()
}

// tries is how often a boot is tried: emulated microvm machines lose some one
// boot in a hundred on a loaded host. The second try is reported.
const tries = 2

// boot starts a guest and waits for its Hello.
func (d *driver) boot(ctx context.Context, m catalog.Machine) (*session, error) {
	start := time.Now()
	defer func() { d.booting += time.Since(start) }()
	var err error
	for try := range tries {
		if try > 0 {
			d.retries++
		}
		d.run.Boots++
		text := ""
		if d.run.Boots > 1 {
			text = fmt.Sprintf("boot %d", d.run.Boots)
		}
		d.notify(Event{Kernel: d.run.Kernel.Name, Stage: "boot", Text: text})
		var s *session
		if s, err = d.start(ctx, m); err == nil {
			d.notify(Event{Kernel: d.run.Kernel.Name, Stage: "boot", Text: text, Finished: true, Took: time.Since(start)})
			d.check(s)
			return s, nil
		}
		var dead *bootError
		if !errors.As(err, &dead) || ctx.Err() != nil {
			return nil, err
		}
		if len(console.Find(dead.tail)) > 0 {
			// It crashed: that is a result, another boot would crash too.
			return nil, err
		}
	}
	return nil, err
}

// check compares the guest's Hello with what the host believes to have booted.
func (d *driver) check(s *session) {
	d.run.Guest = s.hello
	if d.judge != nil {
		d.judge.Boot()
	}
	declared := string(d.kernel.generation)
	if got := s.hello.Generation; declared != "" && got != declared && d.run.Boots == 1+d.retries {
		if got == "" {
			got = "one without user_events"
		}
		d.run.Problems = append(d.run.Problems, fmt.Sprintf(
			"the kernel answers as generation %s, the series declares %s", got, declared))
	}
}

// lost tells the judge that the guest went away, or has to, during test id.
func (d *driver) lost(id, why, consolePath string) {
	log, err := os.ReadFile(consolePath)
	if err != nil {
		why += "; its console cannot be read: " + err.Error()
	}
	r := d.judge.Lost(id, why, console.Find(strings.Split(string(log), "\n")))
	if r == nil || !r.Verdict.Good() {
		d.run.Fatal = blame.Kernel
	}
	d.tell(r)
}

// tell shows a result to the one who may end the run for it.
func (d *driver) tell(r *results.Test) {
	if r != nil && d.cfg.Stop != nil && d.cfg.Stop(r) {
		d.stopped = true
	}
}

// file returns the path of a file of the current boot in the run's directory.
func (d *driver) file(format string) string {
	return filepath.Join(d.run.Dir, fmt.Sprintf(format, d.run.Boots))
}

func asMessage(t catalog.Test, timeout time.Duration) wire.Message {
	return wire.Message{Kind: wire.Run, ID: t.ID, Program: t.Area(), Timeout: timeout}
}
