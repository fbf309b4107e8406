package compare

import (
	"slices"

	"uetest/internal/results"
)

// Change is a test of which two runs, one after the other, have different
// results: another verdict, or the same and the test saw something else.
type Change struct {
	ID            string
	Before, After *results.Test
	From, To      *results.Run // whose results these are
	Again         bool         // it had changed before
}

// alike reports whether two results are the same to who compares kernels.
func alike(a, b *results.Test) bool { return a.Verdict == b.Verdict && a.Saw == b.Saw }

// Verdict reports whether the verdict changed.
func (c *Change) Verdict() bool { return c.Before.Verdict != c.After.Verdict }

// Changes returns the changes from run to run, in the order of the runs and then
// of their tests. A run in which a test has no result, as it does not apply to its
// kernel, or that was over before, or whose kernel did not boot, does not count for
// that test: its result before that is what the next is compared with.
func Changes(runs ...*results.Run) []Change {
	type seen struct {
		run     *results.Run
		test    *results.Test
		changed bool
	}
	last := map[string]seen{}
	var all []Change
	for _, run := range runs {
		for i := range run.Tests {
			t := &run.Tests[i]
			if t.Verdict == results.Missing {
				continue
			}
			before, known := last[t.ID]
			now := seen{run, t, before.changed}
			if known && !alike(before.test, t) {
				all = append(all, Change{t.ID, before.test, t, before.run, run, before.changed})
				now.changed = true
			}
			last[t.ID] = now
		}
	}
	return all
}

// Applied returns how many tests of run b run a has not, and the reverse: the
// tests that came with another generation, and those that went.
func Applied(a, b *results.Run) (came, went int) {
	has := func(r *results.Run, id string) bool {
		return slices.ContainsFunc(r.Tests, func(t results.Test) bool { return t.ID == id })
	}
	for i := range b.Tests {
		if !has(a, b.Tests[i].ID) {
			came++
		}
	}
	for i := range a.Tests {
		if !has(b, a.Tests[i].ID) {
			went++
		}
	}
	return came, went
}
