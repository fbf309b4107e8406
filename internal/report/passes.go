package report

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"uetest/internal/compare"
	"uetest/internal/console"
	"uetest/internal/results"
	"uetest/internal/runs"
)

// folded are the kernels of a record for people: each once, however often it was
// tested, with what is worst of each test.
func folded(rec *runs.Record) []kernel {
	var all []kernel
	for _, s := range compare.Sides(rec) {
		all = append(all, kernel{Run: fold(s), name: s.Name, repeat: 1, passes: passesOf(s.Runs)})
	}
	return all
}

// fold makes one run of all runs of a kernel. Each test has the result that says
// most of what is wrong, and how often it came.
func fold(s compare.Side) *results.Run {
	if len(s.Runs) == 1 {
		return s.Runs[0]
	}
	m := *s.Runs[0]
	m.Pass, m.Shuffle, m.Order, m.Coverage = 0, 0, nil, nil
	if all := coverageOf(s.Runs); len(all) == 1 { // what any of them executed
		m.Coverage = all[0]
	}
	m.Boots, m.Restored, m.Retries, m.Splats, m.Problems, m.Tests = 0, 0, nil, nil, nil, nil
	if m.Dir != "" {
		m.Dir = filepath.Dir(m.Dir)
	}
	m.Stages = stagesOf(s.Runs)
	for i, r := range s.Runs {
		m.Boots += r.Boots
		m.Restored += r.Restored
		m.Retries = append(m.Retries, r.Retries...)
		m.Fatal = max(m.Fatal, r.Fatal)
		for _, splat := range r.Splats {
			if !slices.ContainsFunc(m.Splats, func(o console.Splat) bool { return o.Title == splat.Title && o.Allowed == splat.Allowed }) {
				m.Splats = append(m.Splats, splat)
			}
		}
		for _, p := range r.Problems {
			m.Problems = append(m.Problems, fmt.Sprintf("pass %d: %s", i+1, p))
		}
		if n := r.Count(results.Missing); n > 0 && len(r.Problems) == 0 {
			m.Problems = append(m.Problems, fmt.Sprintf("pass %d: %s never reported", i+1, numbered(n, "test")))
		}
		for _, f := range r.Faults {
			if !slices.Contains(m.Faults, f) {
				m.Faults = append(m.Faults, f)
			}
		}
	}
	for _, c := range s.Tests() {
		m.Tests = append(m.Tests, worst(&c, s.Runs))
	}
	return &m
}

// worst is the result of a test in several runs that says most of what is wrong.
// What never reported in one of them has its problem.
func worst(c *compare.Counted, list []*results.Run) results.Test {
	shown := slices.Clone(c.Shown)
	rank := func(o compare.Outcome) int {
		if o.Verdict == results.Missing && c.Of()+c.Skipped > 0 {
			return len(results.Verdicts)
		}
		return slices.Index(results.Verdicts, o.Verdict)
	}
	slices.SortStableFunc(shown, func(a, b compare.Outcome) int { return cmp.Compare(rank(a), rank(b)) })
	o := shown[0]
	t := *o.Test
	total := 0
	for _, other := range shown {
		total += other.Times
	}
	if o.Times == len(list) || total == o.Times {
		return t
	}
	often := fmt.Sprintf("in %d of %d passes, first in pass %d", o.Times, total, o.Repeat)
	if seed := list[o.Repeat-1].Shuffle; seed != 0 {
		often += fmt.Sprintf(" (the order is that of --shuffle %d)", seed)
	}
	var others []string
	for _, other := range shown[1:] {
		others = append(others, fmt.Sprintf("%s in %d", other.Verdict, other.Times))
	}
	t.Detail = strings.TrimSuffix(often+", else "+strings.Join(others, ", ")+": "+t.Detail, ": ")
	return t
}

// stagesOf are the stages of several runs of a kernel. What each of them did is
// summed; of the others the first did the work.
func stagesOf(list []*results.Run) []results.Stage {
	var all []results.Stage
	for _, r := range list {
		for _, s := range r.Stages {
			i := slices.IndexFunc(all, func(a results.Stage) bool { return a.Name == s.Name })
			switch {
			case i < 0:
				all = append(all, s)
			case s.Name == "boot", s.Name == "tests", s.Name == "symbols":
				all[i].Took += s.Took
				all[i].Note = fmt.Sprintf("%d passes", len(list))
			}
		}
	}
	return all
}

// passesOf says how often a kernel was tested, and in which orders; empty if once
// in the usual one.
func passesOf(list []*results.Run) string {
	first, last := list[0].Shuffle, list[len(list)-1].Shuffle
	var parts []string
	if len(list) > 1 {
		parts = append(parts, fmt.Sprintf("%d passes", len(list)))
	}
	if first != 0 && first != last {
		parts = append(parts, fmt.Sprintf("the order of each its own: --shuffle %d to %d", first, last))
	} else if first != 0 {
		parts = append(parts, fmt.Sprintf("in the order of --shuffle %d", first))
	}
	return strings.Join(parts, ", ")
}
