// Package mutation asks whether the suite tells a broken patch from the right
// one. It puts small patches, mutants, on a kernel of the series, each of which
// breaks one promise, builds the kernels one after the other in the build
// directory of that series, runs the suite on each, and says which tests
// noticed. A mutant that no test notices is a hole in the suite.
//
// The suite runs on the unbroken kernel first: a test that already complains
// there notices nothing. And what few tests noticed is asked of them again, so
// that no mutant counts as caught by a test that fails now and then.
package mutation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"time"

	"uetest/internal/blame"
	"uetest/internal/coverage"
	"uetest/internal/pipeline"
	"uetest/internal/results"
	"uetest/internal/wire"
)

// Options say how mutants are tried. The zero value of every optional field is
// the usual way.
type Options struct {
	Config pipeline.Config // the job; its Kernels, First and Stop are this package's
	On     string          // the kernel that the mutants are put on
	First  bool            // end each run at the first test that notices
	// Budget, if it is not 0, is after how long no other mutant is begun.
	Budget time.Duration
	// Coverage, if not nil, says which tests execute what a mutant changes: those
	// run first.
	Coverage *coverage.Report
	// Nothing, if not nil, is a patch that changes nothing that is compiled. With it
	// a mutant that compiles to the same is told by that and not run.
	Nothing []byte
	Keep    bool // leave the built kernels in the cache
	// Dir, if it is not empty, is where the runs go, and those stay that somebody has
	// to look at. Without it they are saved like any others.
	Dir string
	// Files and Suite are for the table.
	Files []File
	Suite string
	// Then names variants of the kernel, "lockdep", that those which survive are
	// tried on in turn: some promises only a kernel with checks of its own can
	// be seen to break.
	Then []string
	// Earlier is a table of a pass that was interrupted: mutants that have an
	// outcome there are not tried again.
	Earlier *Table
	// Report, if not nil, is told each outcome as it comes, with the table so
	// far.
	Report func(*Table, *Outcome)
}

// kernelName is what every mutant is called while it is built: another name
// would make kbuild compile again whatever holds the release.
const kernelName = "mutant"

// Run tries the mutants in their order. The table is complete as far as it
// goes, also if there is an error.
func Run(ctx context.Context, o Options, mutants []Mutant) (*Table, error) {
	t := &tryer{Options: o, start: time.Now(), noise: map[string]bool{}, caught: map[string]int{}, proven: map[string]int{}}
	t.table = &Table{
		Schema: Schema, Start: t.start.UTC(), Command: o.Config.Command, On: o.On, Files: o.Files, Suite: o.Suite,
		First: o.First, Of: len(mutants),
	}
	defer func() { t.table.Took = t.before() + time.Since(t.start) }()
	if o.Config.Select != nil {
		t.table.Select = o.Config.Select.String()
	}
	for _, v := range o.Then {
		if _, err := o.Config.Series.Kernel(o.On + "+" + v); err != nil {
			return t.table, blame.On(blame.Usage, err)
		}
	}
	todo := slices.DeleteFunc(slices.Clone(mutants), t.known)
	if len(todo) > 0 {
		if err := t.control(ctx); err != nil {
			return t.table, err
		}
		if err := t.reference(ctx); err != nil {
			return t.table, err
		}
		if err := t.pass(ctx, todo); err != nil {
			return t.table, err
		}
	}
	return t.table, t.variants(ctx, mutants)
}

// pass tries mutants, each while the next one is built.
func (t *tryer) pass(ctx context.Context, todo []Mutant) error {
	ctx, cancel := context.WithCancel(ctx)
	kernels := t.build(ctx, todo)
	defer func() {
		cancel()
		for k := range kernels { // what was built ahead and nobody wants any more
			t.drop(ctx, k)
		}
	}()
	for k := range kernels {
		out, err := t.insist(ctx, k)
		t.drop(ctx, k)
		if err != nil {
			t.forget() // it has no outcome
			return fmt.Errorf("mutant %s: %w", k.mutant.Name, err)
		}
		t.add(out)
	}
	return ctx.Err()
}

// tryer is one pass.
type tryer struct {
	Options
	table  *Table
	made   []string // folders of Dir with runs of the mutant that is tried
	start  time.Time
	plain  string          // what the kernel without a mutant compiles to; empty: it is not known
	noise  map[string]bool // tests that complain of the unbroken kernel
	caught map[string]int  // how many mutants a test caught in this pass
	proven map[string]int  // how often a test that had noticed was content with the unbroken kernel
}

// spent tells whether no other mutant is to be begun.
func (t *tryer) spent() bool { return t.Budget > 0 && time.Since(t.start) >= t.Budget }

// before is how long the pass took that was interrupted.
func (t *tryer) before() time.Duration {
	if t.Earlier == nil {
		return 0
	}
	return t.Earlier.Took
}

func (t *tryer) add(out Outcome) {
	t.table.Took = t.before() + time.Since(t.start)
	t.look(&out)
	t.table.Outcomes = append(t.table.Outcomes, out)
	for _, n := range out.By {
		t.caught[n.ID]++
	}
	if t.Report != nil {
		t.Report(t.table, &out)
	}
}

// known takes a mutant's outcome from the earlier table.
func (t *tryer) known(m Mutant) bool {
	if t.Earlier == nil {
		return false
	}
	for _, out := range t.Earlier.Outcomes {
		if out.Digest == t.key(m) && out.Class != Untried && (out.Class != Survived || t.Earlier.Suite == t.Suite) {
			out.Name, out.Lines, out.Runs = m.Name, lines(m.Text), nil
			if was := out.Equivalent; was != m.Equivalent && was != sameCode { // somebody gave a reason, or took it back
				out.Equivalent = m.Equivalent
				out.Class = reclassify(&out)
			}
			t.add(out)
			return true
		}
	}
	return false
}

// control runs the suite on the unbroken kernel.
func (t *tryer) control(ctx context.Context) error {
	cfg := t.Config
	cfg.Kernels = []string{t.On}
	run, err := t.runOne(ctx, cfg)
	if err != nil {
		t.forget()
		return err
	}
	if run.Fatal != 0 || len(run.Problems)+len(results.Charged(run.Splats)) > 0 {
		return blame.On(blame.Kernel, fmt.Errorf("%s itself does not get through the suite, so it can tell nothing: 'uetest run --on %[1]s' shows why", t.On))
	}
	if t.table.Noise = notices(run, nil); len(t.table.Noise) == 0 {
		t.forget()
	}
	t.made = nil
	for _, n := range t.table.Noise {
		t.noise[n.ID] = true
	}
	return nil
}

// insist tries a mutant again if the harness lets it down, and leaves it untried
// if it does so again: one of many must not end the pass. A build that is not
// the patch's fault, a full disk and the end of ctx do.
func (t *tryer) insist(ctx context.Context, k candidate) (Outcome, error) {
	out, err := t.try(ctx, k)
	if err == nil || k.err != nil || ctx.Err() != nil || full(err) {
		return out, err
	}
	if out, err = t.try(ctx, k); err == nil || ctx.Err() != nil || full(err) {
		return out, err
	}
	out = t.outcome(k.mutant)
	out.Class, out.Error = Untried, err.Error()
	return out, nil
}

func full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

func (t *tryer) outcome(m Mutant) Outcome {
	out := Outcome{Name: m.Name, Breaks: m.Breaks, Operator: m.Operator, Equivalent: m.Equivalent, Digest: t.key(m), Lines: lines(m.Text)}
	if m.Operator != "" {
		out.Diff = m.diff()
	}
	return out
}

// hung is how many tests may hang, die or crash the kernel before the rest of
// the suite is spared: each of them costs its time-out and a boot.
const hung = 3

// few is how many tests that noticed are asked again.
const few = 2

// try runs the suite on one mutant.
func (t *tryer) try(ctx context.Context, k candidate) (Outcome, error) {
	out := t.outcome(k.mutant)
	if k.err != nil {
		if blame.Of(k.err) != blame.Patch {
			return out, k.err
		}
		out.Class, out.Error = Unbuilt, k.err.Error()
		if k.mutant.Operator != "" {
			out.Class = Stillborn
		}
		return out, nil
	}
	if same, err := t.same(k); err != nil {
		return out, err
	} else if same {
		out.Class, out.Equivalent = Equivalent, sameCode
		return out, nil
	}
	start := time.Now()
	cfg := k.cfg
	cfg.First = t.likely()
	if t.Coverage != nil {
		code := false
		out.Covering, code = covering(t.Coverage, out.Lines)
		out.Uncovered = code && len(out.Covering) == 0
		cfg.First = order(cfg.First, out.Covering)
	}
	down := 0
	cfg.Stop = func(r *results.Test) bool {
		if !t.noticed(r) {
			return false
		}
		if wedged(r) {
			down++
		}
		out.Cut = t.First || down >= hung
		return out.Cut
	}
	run, err := t.runOne(ctx, cfg)
	if err != nil {
		return out, err
	}
	out.Ran, out.By, out.Outside = len(run.Tests)-run.Count(results.Missing), notices(run, t.noise), outside(run)
	if len(out.Outside) == 0 && len(out.By) > 0 && len(out.By) <= few {
		if err := t.again(ctx, k.cfg, &out); err != nil {
			return out, err
		}
		if t.First && len(out.By) == 0 {
			// What ended the run was no notice: all the rest of the suite has
			// yet to be asked.
			return t.unhurried(ctx, k, out)
		}
	}
	out.Took = time.Since(start)
	if out.Class = classify(&out); out.Class != Survived {
		out.Covering, out.Uncovered = nil, false // who notices is known
	}
	return out, nil
}

// order puts the tests that execute what a mutant changes before the others: of them
// those that caught most, then the rest of them, then those that caught most of the
// others.
func order(likely, covering []string) []string {
	covers := map[string]bool{}
	for _, id := range covering {
		covers[id] = true
	}
	var first, last []string
	for _, id := range likely {
		if covers[id] {
			first = append(first, id)
		} else {
			last = append(last, id)
		}
	}
	return slices.Concat(first, covering, last)
}

// unhurried tries a mutant to the end of the suite, and without the tests that are not
// to be relied on.
func (t *tryer) unhurried(ctx context.Context, k candidate, first Outcome) (Outcome, error) {
	slow := *t
	slow.First = false
	slow.noise = maps.Clone(t.noise)
	for _, n := range first.Unsure {
		slow.noise[n.ID] = true
	}
	out, err := slow.try(ctx, k)
	t.made = slow.made
	out.Unsure = append(first.Unsure, out.Unsure...)
	return out, err
}

// likely returns the tests that caught most mutants so far, the best first.
func (t *tryer) likely() []string {
	ids := slices.Collect(maps.Keys(t.caught))
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(cmp.Compare(t.caught[b], t.caught[a]), cmp.Compare(a, b))
	})
	return ids
}

// noticed reports whether r is the notice of a test that is to be relied on.
func (t *tryer) noticed(r *results.Test) bool {
	return !r.Verdict.Good() && !t.noise[r.ID]
}

// wedged reports whether the kernel, or the test, had to be given up.
func wedged(r *results.Test) bool {
	return r.Verdict == results.UnknownFault ||
		r.Verdict == results.Errored && strings.HasPrefix(r.Detail, string(wire.Timeout))
}

// notices returns the tests of a run that saw what they should not have.
func notices(run *results.Run, noise map[string]bool) []Notice {
	var list []Notice
	for i := range run.Tests {
		r := &run.Tests[i]
		if !r.Verdict.Good() && r.Verdict != results.Missing && !noise[r.ID] {
			list = append(list, Notice{r.ID, r.Verdict, r.Detail})
		}
	}
	return list
}

// outside returns what a run shows that belongs to no test.
func outside(run *results.Run) []string {
	var list []string
	for _, s := range results.Charged(run.Splats) {
		list = append(list, s.Title)
	}
	return append(list, run.Problems...)
}

// reclassify is the class of an outcome of an earlier pass whose reason is another
// now.
func reclassify(out *Outcome) Class {
	switch out.Class {
	case Survived, Equivalent, Caught, Contradiction:
		return classify(out)
	}
	return out.Class
}

func classify(out *Outcome) Class {
	noticed := len(out.By)+len(out.Outside) > 0
	switch {
	case noticed && out.Equivalent != "":
		return Contradiction
	case noticed:
		return Caught
	case out.Equivalent != "":
		return Equivalent
	}
	return Survived
}
