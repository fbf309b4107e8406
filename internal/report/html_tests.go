package report

import (
	"slices"
	"strings"

	"uetest/internal/results"
)

// pageArea are the tests of an area on all kernels.
type pageArea struct {
	Name    string
	Ref     string
	Kernels []string
	Counts  [][]verdictCount // of each kernel
	Tests   []pageTest
	N       int
	Mood    mark
}

// pageTest is a test on all kernels.
type pageTest struct {
	testLink
	On []pageResult // of each kernel; one without a word did not have it
}

// pageResult is a test on one kernel: of several runs the one that is furthest
// from what is expected.
type pageResult struct {
	mark
	verdict results.Verdict
	Runs    int // that the test has a result of
	Same    int // of those with this verdict
	Saw     []token
	Wanted  string
	Want    []token
	Detail  string
	Defect  testLink
	Again   string
	Log     []string
	More    int
	Splats  []string
	Took    string
}

func areaOf(id string) string {
	area, _, _ := strings.Cut(id, "/")
	return area
}

// areas are all tests of all kernels, the areas by name, for one kernel may have some
// that another has not.
func (b *builder) areas() []pageArea {
	var all []pageArea
	at := map[string]int{}    // of areas
	place := map[string]int{} // of tests in their areas
	for n := range b.sides {
		for _, k := range b.sides[n].runs {
			for i := range k.Tests {
				t := &k.Tests[i]
				area := areaOf(t.ID)
				a, seen := at[area]
				if !seen {
					a = len(all)
					at[area] = a
					all = append(all, pageArea{Name: area, Ref: b.ref("area", area), Kernels: b.names()})
				}
				j, seen := place[t.ID]
				if !seen {
					j = len(all[a].Tests)
					place[t.ID] = j
					all[a].Tests = append(all[a].Tests, pageTest{testLink: b.link(t), On: make([]pageResult, len(b.sides))})
				}
				all[a].Tests[j].On[n].take(b, k, t)
			}
		}
	}
	for i := range all {
		all[i].count(len(b.sides))
	}
	slices.SortStableFunc(all, func(x, y pageArea) int { return strings.Compare(x.Name, y.Name) })
	return all
}

// take adds a run's result.
func (r *pageResult) take(b *builder, k kernel, t *results.Test) {
	worse := func(a, b results.Verdict) bool {
		return slices.Index(results.Verdicts, a) < slices.Index(results.Verdicts, b)
	}
	runs, same := r.Runs, r.Same
	switch {
	case runs == 0 || worse(t.Verdict, r.verdict):
		*r = b.result(k, t)
		same = 1
	case t.Verdict == r.verdict:
		same++
	}
	r.Runs, r.Same = runs+1, same
}

// count fills in how many tests of an area came out how.
func (a *pageArea) count(kernels int) {
	a.N = len(a.Tests)
	a.Mood = markGood
	a.Counts = make([][]verdictCount, kernels)
	for n := range kernels {
		for _, v := range slices.Backward(results.Verdicts) {
			count := 0
			for j := range a.Tests {
				if r := &a.Tests[j].On[n]; r.Runs > 0 && r.verdict == v {
					count++
				}
			}
			if count == 0 {
				continue
			}
			m := markOf(v)
			a.Counts[n] = append(a.Counts[n], verdictCount{mark: m.say(plural(v, count)), N: count})
			if m.Class == markBad.Class || m.Class == markWarn.Class && a.Mood.Class == markGood.Class {
				a.Mood = m
			}
		}
	}
}

// htmlLog is how many lines of a test's log stand beside its result; what needs
// attention has more of it further up.
const htmlLog = 20

func (b *builder) result(k kernel, t *results.Test) pageResult {
	r := pageResult{mark: markOf(t.Verdict), verdict: t.Verdict, Detail: t.Detail}
	if t.Took > 0 {
		r.Took = milliseconds(t.Took)
	}
	want := t.Promise
	r.Wanted = "promised"
	if want == "" {
		want, r.Wanted = t.Expected, "expected"
	}
	r.Saw, r.Want = beside(t.Saw, want)
	if t.Saw == want {
		r.Want = nil
	}
	for _, s := range t.Splats {
		r.Splats = append(r.Splats, s.Title)
	}
	if t.Verdict == results.AsExpected {
		return r // how to repeat it stands above the table
	}
	r.Again = reproduce(k.Run, t.ID)
	r.Log, r.More = cutOff(t.Log)
	if len(r.Log) > htmlLog {
		r.More += len(r.Log) - htmlLog
		r.Log = r.Log[:htmlLog]
	}
	if t.Verdict == results.KnownFault {
		r.Detail, r.Defect = "", testLink{ID: t.Fault, Ref: b.refs["defect\x00"+t.Fault]}
	}
	return r
}
