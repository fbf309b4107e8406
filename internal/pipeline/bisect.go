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

// BootTest is what Config.Select matches if a kernel that does not boot, or does not
// build, is what is looked for. It is no test of the catalogue: KTAP has a result of this name.
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
	b.test = b.tested
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
	test    func(ctx context.Context, id string, tests []catalog.Test) (*results.Run, error)
	runs    map[string]*results.Run    // the last of each commit
	is      map[string]results.Verdict // of the tests that are good at GOOD, each time
	watched []catalog.Test
	whole   bool // the kernel as a whole was asked for as well
	aim     aim
	took    time.Duration // by the runs since the last commit was told
}

// aim is what of a commit makes it bad.
type aim int

const (
	aTest  aim = iota // one of the watched tests has another verdict than at GOOD
	aBoot             // it does not boot
	aBuild            // it does not build
)

func (b *bisection) all(ctx context.Context, r Range) error {
	if err := b.cfg.settleClock(); err != nil {
		return err
	}
	tests := chosen(b.cfg.Select)
	b.whole = b.cfg.Select != nil && b.cfg.Select.MatchString(BootTest)
	if len(tests) == 0 && !b.whole {
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

// differs returns the tests of a run with another verdict than at GOOD. What has no
// result is no evidence.
func (b *bisection) differs(run *results.Run) []results.Test {
	var list []results.Test
	for _, t := range run.Tests {
		if v, ok := b.is[t.ID]; ok && t.Verdict != results.Missing && t.Verdict != v {
			list = append(list, t)
		}
	}
	return list
}

// because says in one line what tests make a run bad.
func because(why []results.Test) string {
	text := fmt.Sprintf("%s is %s", why[0].ID, why[0].Verdict)
	if why[0].Detail != "" {
		first, _, _ := strings.Cut(why[0].Detail, "\n")
		text += ": " + first
	}
	switch more := len(why) - 1; more {
	case 0:
	case 1:
		text += ", and another test is not as at GOOD"
	default:
		text += fmt.Sprintf(", and %d more tests are not as at GOOD", more)
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
	for n := range b.count {
		run, err := b.once(ctx, id, b.watched)
		if err != nil {
			return "", err
		}
		verdict, why := b.decide(run)
		if verdict != bisect.Good || n == b.count-1 || b.aim == aBuild {
			b.told(c, verdict, why, left, run)
			return verdict, nil
		}
	}
	return bisect.Good, nil
}

// decide says what a run says of its commit.
func (b *bisection) decide(run *results.Run) (bisect.Verdict, string) {
	heard := slices.ContainsFunc(run.Tests, func(t results.Test) bool { return t.Verdict != results.Missing })
	why := b.differs(run)
	switch {
	case !run.Built():
		first, _, _ := strings.Cut(strings.Join(run.Problems, "\n"), "\n")
		if line := firstError(run.Problems); line != "" {
			first = line
		}
		if b.aim == aBuild {
			return bisect.Bad, "does not build: " + first
		}
		return bisect.Skip, "does not build: " + first
	case b.aim == aBuild:
		return bisect.Good, "builds"
	case b.aim == aBoot && !run.Came():
		return bisect.Bad, "does not boot"
	case b.aim == aBoot:
		return bisect.Good, "boots"
	case !run.Came():
		return bisect.Skip, "does not boot"
	case len(why) > 0:
		return bisect.Bad, because(why)
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

// once tests a commit and counts the time.
func (b *bisection) once(ctx context.Context, id string, tests []catalog.Test) (*results.Run, error) {
	run, err := b.test(ctx, id, tests)
	if run != nil {
		for _, s := range run.Stages {
			b.took += s.Took
		}
	}
	return run, err
}

// tested builds a commit and runs tests on it. A commit that does not build, or that
// the patches on top do not apply to, gives a run that says so.
func (b *bisection) tested(ctx context.Context, id string, tests []catalog.Test) (*results.Run, error) {
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
	step.Took, b.took = b.took, 0
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
