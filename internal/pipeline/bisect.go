package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"uetest/internal/bisect"
	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/git"
	"uetest/internal/kernel"
	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/kernel-patches"
	"uetest/selftests/catalog"
)

// BootTest is what Config.Select matches if a kernel that does not boot is what is
// looked for. It is no test of the catalogue: KTAP has a result of this name.
const BootTest = "boot/kernel"

// Range is where Bisect looks.
type Range struct {
	Good, Bad string // names of commits in Config.SourceDir, or their ids
	Count     int    // how often the tests of a commit run before it passes for good; 0 is 1
}

// Bisect looks for the first commit between two of the tree Config.SourceDir at
// which a test has another verdict than at the good one; Config.Kernels names the
// one kernel, without patches, whose configuration they are built in. Both ends are tested
// first, with all tests that Config.Select matches; of those that are good at the
// one and otherwise at the other any decides of the commits in between.
//
// The tree is only read, and git's notes are in a repository of our own. What is
// known so far comes back also if there is an error. tell hears of each commit.
func Bisect(ctx context.Context, cfg Config, r Range, tell func(results.BisectStep)) (*results.Bisection, error) {
	cfg.Notify = serialize(cfg.Notify)
	start := time.Now()
	b := &bisection{cfg: cfg, count: max(1, r.Count), tell: tell, runs: map[string]*results.Run{}, dir: cfg.SourceDir}
	b.out = &results.Bisection{Schema: results.BisectionSchema, Tree: cfg.SourceDir}
	err := b.all(ctx, r)
	b.out.Took = time.Since(start)
	return b.out, err
}

type bisection struct {
	cfg   Config
	dir   string // the user's tree
	count int
	tell  func(results.BisectStep)
	out   *results.Bisection

	tree    *git.Tree
	commits commits
	kernel  kernelpatches.Kernel
	guest   *guest
	runs    map[string]*results.Run // the last of each commit
	watched []catalog.Test
	boot    bool // what is looked for is a kernel that does not boot
}

func (b *bisection) all(ctx context.Context, r Range) error {
	if err := b.cfg.settleClock(); err != nil {
		return err
	}
	tests := chosen(b.cfg.Select)
	b.boot = b.cfg.Select != nil && b.cfg.Select.MatchString(BootTest)
	if len(tests) == 0 && !b.boot {
		return blame.On(blame.Nothing, b.cfg.noTest())
	}
	if err := b.open(ctx, r); err != nil {
		return err
	}
	defer b.commits.repo.Close()
	return withGuest(ctx, &b.cfg, target{kernel: b.kernel}.arch(), func(ctx context.Context, g *guest) error {
		b.guest = g
		if err := b.ends(ctx, tests); err != nil {
			return err
		}
		return b.search(ctx)
	})
}

// open finds the two commits and what to build them in.
func (b *bisection) open(ctx context.Context, r Range) (err error) {
	if b.tree, err = git.Open(b.dir); err != nil {
		return blame.On(blame.Usage, fmt.Errorf("bisect: %w; name the top of a git tree with -C", err))
	}
	for _, end := range []struct {
		name string
		to   *results.Commit
	}{{r.Good, &b.out.Good}, {r.Bad, &b.out.Bad}} {
		c, ok, err := b.tree.Commit(ctx, end.name)
		if err != nil {
			return err
		}
		if !ok {
			return blame.On(blame.Usage, fmt.Errorf("%s: no commit %s there", b.dir, end.name))
		}
		*end.to = results.Commit{ID: c.ID, Describe: c.Describe, Subject: c.Subject}
	}
	good, bad := b.out.Good.ID, b.out.Bad.ID
	b.out.LastGood, b.out.LastBad = good, bad
	if good == bad {
		return blame.On(blame.Usage, fmt.Errorf("%s and %s are one commit, %.12s", r.Good, r.Bad, good))
	}
	if later, err := b.tree.Ancestor(ctx, bad, good); err != nil || later {
		if err == nil {
			err = blame.On(blame.Usage, fmt.Errorf("%s comes before %s: expected the good one first, from which the bad one came", r.Bad, r.Good))
		}
		return err
	}
	if len(b.cfg.Kernels) != 1 || len(b.cfg.Arches) > 1 {
		return blame.On(blame.Usage, errors.New("bisect: expected one kernel at a time, of one architecture"))
	}
	if b.kernel, err = b.cfg.Series.Kernel(kernelpatches.InArch(b.cfg.Kernels[0], b.cfg.arches()[0])); err != nil {
		return blame.On(blame.Usage, err)
	}
	if b.commits.repo, err = b.tree.Borrow(ctx); err != nil {
		return err
	}
	if err = b.commits.buildIn(ctx, &b.cfg, bad, b.kernel.Source); err != nil {
		b.commits.repo.Close()
	}
	b.out.Source = b.cfg.sourceName(b.kernel.Source)
	return err
}

// ends tests the good end and the bad one, and decides which tests to watch.
func (b *bisection) ends(ctx context.Context, tests []catalog.Test) error {
	good, err := b.end(ctx, b.out.Good, "GOOD", tests)
	if err != nil {
		return err
	}
	b.out.Before = good
	if !good.Came() {
		return b.notAsSaid(good, "GOOD", "is not good: it does not boot", blame.Kernel)
	}
	is := map[string]results.Verdict{}
	for i := range good.Tests {
		if t := &good.Tests[i]; t.Verdict.Good() {
			is[t.ID] = t.Verdict
		} else {
			b.out.Noise = append(b.out.Noise, fmt.Sprintf("%s is %s: %s", t.ID, t.Verdict, t.Detail))
		}
	}
	if len(is) == 0 && !b.boot {
		return b.notAsSaid(good, "GOOD", "is not good, for no test is as expected there:\n  "+strings.Join(b.out.Noise, "\n  "), blame.Test)
	}
	b.told(b.out.Good, bisect.Good, fmt.Sprintf("%d tests are good", len(is)), 0, good)

	bad, err := b.end(ctx, b.out.Bad, "BAD", tests)
	if err != nil {
		return err
	}
	if !bad.Came() && !b.boot {
		return b.notAsSaid(bad, "BAD", "does not boot, and no test tells anything; to look for the commit since which it is so say --run "+BootTest, blame.Kernel)
	}
	why := b.differs(bad, is)
	switch {
	case b.boot && !bad.Came():
		b.out.Watched = []string{BootTest}
	case len(why) == 0:
		return b.notAsSaid(bad, "BAD", fmt.Sprintf("is not bad: each of the %d tests that are good at GOOD has the same verdict there", len(is)), blame.Test)
	default:
		b.boot = false
		for _, t := range tests {
			if slices.ContainsFunc(why, func(d results.Test) bool { return d.ID == t.ID }) {
				b.watched = append(b.watched, t)
				b.out.Watched = append(b.out.Watched, t.ID)
			}
		}
	}
	b.told(b.out.Bad, bisect.Bad, b.because(bad, why), 0, bad)
	return nil
}

// end tests one of the two ends with all tests.
func (b *bisection) end(ctx context.Context, c results.Commit, name string, tests []catalog.Test) (*results.Run, error) {
	run, err := b.test(ctx, c.ID, tests)
	if err != nil {
		return nil, err
	}
	if run.Fatal == blame.Patch {
		return nil, blame.On(blame.Patch, fmt.Errorf("%s, %s (%s), does not build, so nothing can be said of it:\n%s", name, c.Short(), c.Subject, strings.Join(run.Problems, "\n")))
	}
	return run, nil
}

func (b *bisection) notAsSaid(run *results.Run, name, what string, party blame.Party) error {
	c := b.out.Good
	if name == "BAD" {
		c = b.out.Bad
	}
	text := fmt.Sprintf("%s, %s (%s), %s", name, c.Short(), c.Subject, what)
	if !run.Came() {
		text += "\n" + strings.Join(run.Problems, "\n")
	}
	return blame.On(party, fmt.Errorf("%s\nsaved in %s", text, run.Dir))
}

// differs returns the tests of a run with another verdict than is says. What has no
// result is no evidence.
func (b *bisection) differs(run *results.Run, is map[string]results.Verdict) []results.Test {
	var list []results.Test
	for _, t := range run.Tests {
		if v, ok := is[t.ID]; ok && t.Verdict != results.Missing && t.Verdict != v {
			list = append(list, t)
		}
	}
	return list
}

// because says in one line why a run is bad.
func (b *bisection) because(run *results.Run, why []results.Test) string {
	if !run.Came() {
		return "does not boot"
	}
	if len(why) == 0 {
		return "as at GOOD"
	}
	text := fmt.Sprintf("%s is %s", why[0].ID, why[0].Verdict)
	if why[0].Detail != "" {
		first, _, _ := strings.Cut(why[0].Detail, "\n")
		text += ": " + first
	}
	if len(why) > 1 {
		text += fmt.Sprintf(", and %d more tests are not as at GOOD", len(why)-1)
	}
	return text
}

// search has git look for the first bad commit.
func (b *bisection) search(ctx context.Context) error {
	out, err := bisect.Search(ctx, b.commits.repo, b.out.Good.ID, b.out.Bad.ID, b.try)
	b.out.Log, b.out.LastGood, b.out.LastBad = out.Log, out.Good, out.Bad
	if err != nil {
		return err
	}
	if out.First == "" {
		for _, id := range out.Candidates {
			b.out.Candidates = append(b.out.Candidates, b.describe(ctx, id))
		}
		return nil
	}
	first := b.describe(ctx, out.First)
	b.out.First, b.out.After = &first, b.runs[out.First]
	return nil
}

// try decides of one commit.
func (b *bisection) try(ctx context.Context, id string, left, _ int) (bisect.Verdict, error) {
	c := b.describe(ctx, id)
	is := map[string]results.Verdict{}
	for _, t := range b.out.Before.Tests {
		is[t.ID] = t.Verdict
	}
	for n := range b.count {
		run, err := b.test(ctx, id, b.watched)
		if err != nil {
			return "", err
		}
		verdict, why := b.decide(run, is)
		if verdict != bisect.Good || n == b.count-1 {
			b.told(c, verdict, why, left, run)
			return verdict, nil
		}
	}
	return bisect.Good, nil
}

// decide says what a run says of its commit.
func (b *bisection) decide(run *results.Run, is map[string]results.Verdict) (bisect.Verdict, string) {
	heard := slices.ContainsFunc(run.Tests, func(t results.Test) bool { return t.Verdict != results.Missing })
	why := b.differs(run, is)
	switch {
	case run.Fatal == blame.Patch:
		first, _, _ := strings.Cut(strings.Join(run.Problems, "\n"), "\n")
		if line := firstError(run.Problems); line != "" {
			first = line
		}
		return bisect.Skip, "does not build: " + first
	case b.boot && !run.Came():
		return bisect.Bad, "does not boot"
	case b.boot:
		return bisect.Good, "boots"
	case !run.Came():
		return bisect.Skip, "does not boot"
	case len(why) > 0:
		return bisect.Bad, b.because(run, why)
	case !heard:
		return bisect.Skip, fmt.Sprintf("generation %q: none of the tests has a result", run.Generation)
	}
	return bisect.Good, "as at GOOD"
}

// firstError is the first line of a failed build that is an error of the compiler.
func firstError(problems []string) string {
	for _, p := range problems {
		for l := range strings.SplitSeq(p, "\n") {
			if strings.Contains(l, "error:") {
				return strings.TrimSpace(l)
			}
		}
	}
	return ""
}

// test builds a commit and runs tests on it. A commit that does not build, or that
// the patches on top do not apply to, gives a run that says so.
func (b *bisection) test(ctx context.Context, id string, tests []catalog.Test) (*results.Run, error) {
	t := target{
		name: id[:min(len(id), 12)], kernel: b.kernel, top: b.cfg.Patches, release: bisected, id: id,
		commit: func(ctx context.Context, tree *kernel.Tree) (patch.Overlay, error) {
			return b.commits.overlay(ctx, id, tree)
		},
	}
	for again := false; ; again = true {
		run, err := one(ctx, &b.cfg, t, b.guest, tests)
		if run == nil && blame.Of(err) == blame.Patch && ctx.Err() == nil {
			run, err = t.unbuilt(&b.cfg, err)
		}
		if run != nil {
			if b.cfg.Record == nil {
				cache.Release(run.Dir)
			}
			b.runs[id] = run
		}
		if err != nil {
			return run, err
		}
		if run.Fatal != blame.Host {
			return run, nil
		}
		if again {
			return run, blame.On(blame.Host, fmt.Errorf("commit %.12s: %s\nsaved in %s", id, strings.Join(run.Problems, "\n"), run.Dir))
		}
	}
}

// told keeps what became of a commit and tells it.
func (b *bisection) told(c results.Commit, v bisect.Verdict, why string, left int, run *results.Run) {
	step := results.BisectStep{Commit: c, Verdict: string(v), Why: why, Left: left, Dir: run.Dir}
	for _, s := range run.Stages {
		step.Took += s.Took
	}
	b.out.Steps = append(b.out.Steps, step)
	if b.tell != nil {
		b.tell(step)
	}
}

// describe says what people want to know of a commit; its id alone if git does not
// say.
func (b *bisection) describe(ctx context.Context, id string) results.Commit {
	c := results.Commit{ID: id}
	out, err := b.commits.repo.Git(ctx, "", "log", "-1", "--no-show-signature", "--format=%an <%ae>%n%aD%n%s", id, "--")
	if field := strings.SplitN(strings.TrimRight(out, "\n"), "\n", 3); err == nil && len(field) == 3 {
		c.Author, c.Date, c.Subject = field[0], field[1], field[2]
	}
	return c
}
