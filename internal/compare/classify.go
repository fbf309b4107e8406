package compare

import (
	"fmt"
	"slices"
	"strings"

	"uetest/internal/results"
)

// test says of a pair what can be said without counting. What is left to counts
// has no class yet.
func (p *pair) test() Test {
	a, b := &p.tallies[0], &p.tallies[1]
	t := Test{ID: p.id, Purpose: p.purpose, A: *a, B: *b}
	switch {
	case p.id == results.WholeID && p.came[0] && !p.came[1]:
		t.Class, t.Why = Regressed, "it does not boot" // which the pipeline tries more than once
	case a.Of() == 0 && b.Of() == 0 && a.Missing+b.Missing == 0:
		t.Class = Same
	case a.Of() == 0 && b.Of() == 0:
		t.Class, t.Why = Unsure, "it has no result on either"
	case b.Of() == 0:
		t.Class, t.Why = OnlyOne, p.only(0, 1)
	case a.Of() == 0:
		t.Class, t.Why = OnlyOne, p.only(1, 0)
	default:
		t.Class, t.Why = settled(a, b)
	}
	return t
}

// settled is the class of two sides of which each does what the catalogue
// expects, and the same each time; and of two that do the same. It is empty if
// neither is so.
func settled(a, b *Tally) (Class, string) {
	if a.varies() || b.varies() {
		return "", ""
	}
	before, now := a.first(), b.first()
	switch {
	case a.Kept > 0 && b.Kept > 0 && before.Saw == now.Saw:
		return Same, ""
	case a.Kept > 0 && b.Kept > 0:
		return Promised, results.Difference(before.Saw, now.Saw)
	case a.Bad > 0 && b.Bad > 0 && before.Verdict == now.Verdict && before.Saw == now.Saw:
		return Same, "not as expected on either"
	case a.Bad > 0 && b.Bad > 0:
		return Unsure, "not as expected on either, in different ways"
	case !a.settled || !b.settled:
		return "", ""
	case a.Known > 0 && b.Kept > 0:
		return Fixed, strings.Join(a.faults(), ", ")
	case b.Known > 0 && slices.Equal(a.faults(), b.faults()):
		return Same, ""
	}
	why := strings.Join(b.faults(), ", ")
	if a.Known > 0 {
		why += ", in place of " + strings.Join(a.faults(), ", ")
	}
	return Broken, why
}

// call gives a class to what is left to counts. All of these are held against one
// threshold.
func (c *Comparison) call() {
	var open []*Test
	counts := map[*Test][]*Counts{}
	var family []*Counts
	for i := range c.Tests {
		t := &c.Tests[i]
		if t.Class != "" {
			continue
		}
		open = append(open, t)
		counts[t] = measured(&t.A, &t.B)
		for _, n := range counts[t] {
			if n.family {
				family = append(family, n)
			}
		}
	}
	ps := make([]float64, len(family))
	for i, n := range family {
		ps[i] = n.P
	}
	for i, p := range Holm(ps) {
		family[i].Adjusted, family[i].Called = p, p <= Alpha
	}
	c.Family = len(family)
	for _, t := range open {
		t.decide(counts[t], c.A.Name)
	}
	for _, t := range open {
		if t.Class == Unsure {
			t.Need = need(t.Counts, len(open))
		}
	}
}

// measured counts what may tell the sides apart. A difference that chance could
// not have put below Alpha, however the results had fallen, is not in the family:
// whether it is depends on how many results of each kind there are on both sides
// together, and not on how they fell, so it can't be called by mistake either
// (Tarone, 1990, A modified Bonferroni method for discrete data).
func measured(a, b *Tally) []*Counts {
	n, m := a.Of(), b.Of()
	var list []*Counts
	add := func(what Measure, x, y int) {
		c := &Counts{Measure: what, A: x, AOf: n, B: y, BOf: m, P: Fisher(x, n, y, m), Adjusted: 1}
		c.family = least(x+y, n, m) <= Alpha
		list = append(list, c)
	}
	if a.Known+b.Known > 0 && a.Bad+b.Bad > 0 {
		add(Expected, a.Kept+a.Known, b.Kept+b.Known)
	}
	if a.Kept+b.Kept > 0 {
		add(Kept, a.Kept, b.Kept)
	}
	return list
}

// decide gives the class that counts tell, what is worse before what is better, and
// the stricter measure first: what is not as expected is worse than a known fault.
// before is what the first kernel is called.
func (t *Test) decide(counts []*Counts, before string) {
	called := slices.DeleteFunc(slices.Clone(counts), func(c *Counts) bool { return !c.Called })
	if len(called) > 0 {
		t.Counts = called[max(0, slices.IndexFunc(called, (*Counts).Worse))]
		switch {
		case t.Counts.Better():
			t.Class, t.Why = Fixed, "on "+before+": "+t.A.most()
		case t.Counts.Measure == Kept && t.B.Known > t.B.Bad:
			t.Class, t.Why = Broken, strings.Join(t.B.faults(), ", ")
		default:
			t.Class, t.Why = Regressed, t.B.most()
		}
		return
	}
	t.Counts = counts[0]
	for _, c := range counts[1:] {
		if c.P < t.Counts.P {
			t.Counts = c
		}
	}
	if t.A.varies() && t.B.varies() {
		t.Class, t.Why = Flaky, t.B.most()
		return
	}
	if t.Class, t.Why = Unsure, t.B.most(); t.Counts.Better() {
		t.Why = "on " + before + ": " + t.A.most()
	}
}

// most says what is wrong, of the results that are not as expected, or else of
// those that show a known fault.
func (t *Tally) most() string {
	for _, v := range []results.Verdict{results.UnknownFault, results.Regressed, results.Errored, results.KnownFault} {
		for i := range t.Shown {
			if o := &t.Shown[i]; o.Verdict == v {
				return string(v) + because(o)
			}
		}
	}
	return ""
}

// mostRuns is where the search for a number of runs ends.
const mostRuns = 2000

// need is how many runs of each side would have a difference called that is one
// of a family, if it goes on at these rates; 0 if there is none.
func need(c *Counts, family int) int {
	tells := func(n int) bool {
		a, b := (2*c.A*n+c.AOf)/(2*c.AOf), (2*c.B*n+c.BOf)/(2*c.BOf) // rounded
		return Fisher(a, n, b, n)*float64(family) <= Alpha
	}
	no, yes := min(c.AOf, c.BOf), 2
	for yes <= no || !tells(yes) {
		if yes *= 2; yes > mostRuns {
			return 0
		}
	}
	for no = max(no, yes/2); no+1 < yes; {
		if mid := (no + yes) / 2; tells(mid) {
			yes = mid
		} else {
			no = mid
		}
	}
	return yes
}

// Pvalue is a p-value as people read it.
func Pvalue(p float64) string {
	switch {
	case p >= 0.1:
		return fmt.Sprintf("p=%.2f", p)
	case p >= 0.001:
		return fmt.Sprintf("p=%.1g", p)
	case p < 1e-99:
		return "p<1e-99"
	}
	return fmt.Sprintf("p=%.0e", p)
}
