package pipeline

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"uetest/internal/blame"
	"uetest/internal/git"
	"uetest/internal/git/gittest"
	"uetest/internal/results"
	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

// What a commit may turn out to be.
func boots(verdicts ...results.Verdict) *results.Run {
	run := &results.Run{Guest: wire.Guest{Release: "6.1"}}
	for i, v := range verdicts {
		run.Tests = append(run.Tests, results.Test{ID: []string{"area/one", "area/two"}[i], Verdict: v, Detail: "seen"})
	}
	return run
}

func silent() *results.Run {
	return &results.Run{Fatal: blame.Kernel, Problems: []string{"it said nothing"}}
}

func unbuilt() *results.Run {
	return &results.Run{Fatal: blame.Patch, Problems: []string{"make vmlinux failed\nkernel/x.c:1:2: error: 'nothing' undeclared"}}
}

const (
	good  = results.AsExpected
	wrong = results.Regressed
)

// Six commits, 0 is GOOD and 5 BAD; is says what the nth test of a commit gives.
func TestBisectionOfWhatCommitsMayTurnOutToBe(t *testing.T) {
	dir, ids := gittest.Row(t, 6)
	for _, tt := range []struct {
		name  string
		whole bool // --run matches boot/kernel
		count int
		is    func(i, nth int) *results.Run
		first int // -1: none
		why   string
		err   string
		party blame.Party
		tried string // how often each commit was tested, but for those that git left out
		noise string
	}{
		{name: "a test changes", is: func(i, _ int) *results.Run {
			if i >= 3 {
				return boots(wrong, good)
			}
			return boots(good, good)
		}, first: 3, why: "area/one is regressed: seen"},
		{name: "the build breaks, and tests are asked for", is: func(i, _ int) *results.Run {
			if i >= 3 {
				return unbuilt()
			}
			return boots(good, good)
		}, first: -1, err: "does not build, so nothing can be said of it:\nmake vmlinux failed\nkernel/x.c:1:2: error: 'nothing' undeclared\nto look for the commit since which it is so say --run boot/kernel", party: blame.Patch},
		{name: "the build breaks", whole: true, count: 2, is: func(i, _ int) *results.Run {
			switch {
			case i >= 3:
				return unbuilt()
			case i == 2: // builds all the same
				return silent()
			}
			return boots()
		}, first: 3, why: "does not build: kernel/x.c:1:2: error: 'nothing' undeclared", tried: "0:2 2:1 3:1 5:1"},
		{name: "the boot breaks", whole: true, is: func(i, _ int) *results.Run {
			switch {
			case i >= 4:
				return silent()
			case i == 2:
				return unbuilt()
			}
			return boots()
		}, first: 4, why: "does not boot"},
		{name: "the boot breaks, and tests are asked for", is: func(i, _ int) *results.Run {
			if i >= 4 {
				return silent()
			}
			return boots(good)
		}, first: -1, err: "does not boot, and no test tells anything; to look for the commit since which it is so say --run boot/kernel", party: blame.Kernel},
		{name: "nothing breaks", whole: true, is: func(int, int) *results.Run { return boots() }, first: -1, err: "is not bad: it boots", party: blame.Test},
		{name: "no test changes", count: 3, is: func(int, int) *results.Run { return boots(good, good) }, first: -1, err: "is not bad: each of the 2 tests that are good at GOOD has the same verdict there, 3 times", party: blame.Test, tried: "0:3 5:3"},
		{name: "GOOD does not build", is: func(int, int) *results.Run { return unbuilt() }, first: -1, err: "GOOD, ", party: blame.Patch},
		{name: "GOOD does not boot", whole: true, is: func(int, int) *results.Run { return silent() }, first: -1, err: "is not good: it does not boot", party: blame.Kernel},
		{name: "GOOD is bad", is: func(int, int) *results.Run { return boots(wrong) }, first: -1, err: "is not good, for no test is as expected there:\n  area/one is regressed: seen", party: blame.Test},
		{name: "a test that fails every third time since 2", count: 3, is: func(i, nth int) *results.Run {
			if i >= 2 && nth == 2 {
				return boots(wrong, good)
			}
			return boots(good, good)
		}, first: 2, why: "area/one is regressed: seen", tried: "0:3 1:3 2:3 5:3"},
		{name: "another test that never was steady", count: 2, is: func(i, nth int) *results.Run {
			run := boots(good, good)
			if nth == 1 {
				run.Tests[1].Verdict = wrong
			}
			if i >= 4 {
				run.Tests[0].Verdict = wrong
			}
			return run
		}, first: 4, why: "area/one is regressed: seen", noise: "area/two is as expected once and regressed the next time: seen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree, err := git.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			b := &bisection{count: max(1, tt.count), whole: tt.whole, runs: map[string]*results.Run{}, out: &results.Bisection{}}
			b.out.Good, b.out.Bad = results.Commit{ID: ids[0]}, results.Commit{ID: ids[5]}
			if b.commits.repo, err = tree.Borrow(t.Context()); err != nil {
				t.Fatal(err)
			}
			defer b.commits.repo.Close()
			tried := map[int]int{}
			b.test = func(_ context.Context, id string, _ []catalog.Test) (*results.Run, error) {
				i := slices.Index(ids, id)
				run := tt.is(i, tried[i])
				tried[i]++
				run.Stages = []results.Stage{{Took: time.Second}}
				b.runs[id] = run
				return run, nil
			}
			var tests []catalog.Test
			if !tt.whole {
				tests = []catalog.Test{{ID: "area/one"}, {ID: "area/two"}}
			}
			err = b.ends(t.Context(), tests)
			if err == nil {
				err = b.search(t.Context())
			}
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || blame.Of(err) != tt.party {
					t.Errorf("%v (%v)\nwant %s (%v)", err, blame.Of(err), tt.err, tt.party)
				}
			} else if err != nil || b.out.First == nil || b.out.First.ID != ids[tt.first] {
				t.Errorf("found %+v, %v; want commit %d, %.12s", b.out.First, err, tt.first, ids[tt.first])
			} else if i := slices.IndexFunc(b.out.Steps, func(s results.BisectStep) bool { return s.Commit.ID == ids[tt.first] }); i < 0 || b.out.Steps[i].Why != tt.why {
				t.Errorf("steps %+v; want that commit for %q", b.out.Steps, tt.why)
			}
			for _, s := range b.out.Steps { // all of its runs count
				if want := time.Duration(tried[slices.Index(ids, s.Commit.ID)]) * time.Second; s.Took != want {
					t.Errorf("commit %.12s took %v, want %v", s.Commit.ID, s.Took, want)
				}
			}
			for part := range strings.FieldsSeq(tt.tried) {
				if want := part; !slices.Contains(times(tried), want) {
					t.Errorf("tested %v; want %s", times(tried), tt.tried)
				}
			}
			if tt.noise != "" && !slices.Equal(b.out.Noise, []string{tt.noise}) {
				t.Errorf("noise %q, want %q", b.out.Noise, tt.noise)
			}
		})
	}
}

// times lists how often each commit was tested: 0:3.
func times(tried map[int]int) (list []string) {
	for i, n := range tried {
		list = append(list, string(rune('0'+i))+":"+string(rune('0'+n)))
	}
	slices.Sort(list)
	return list
}
