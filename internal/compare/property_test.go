package compare

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"uetest/internal/results"
)

// drawn draws two kernels with some tests, each of which ends in any way in any
// run.
func drawn(t *rapid.T, mostRuns int) (a, b Side) {
	letter := rapid.SampledFrom([]string{"K", "K", "K", "K", "J", "F", "G", "R", "Q", "U", "E", "S", "M", "X", " "})
	of := func(name, generation string) Side {
		n := rapid.IntRange(1, mostRuns).Draw(t, name+" runs")
		tests := []string{"z/same=" + strings.Repeat("K", n)}
		for _, id := range []string{"a/1", "a/2", "b/3"} {
			steady := letter.Draw(t, name+" "+id)
			shown := strings.Repeat(steady, n)
			if rapid.Bool().Draw(t, "flaky") {
				shown = ""
				for range n {
					shown += letter.Draw(t, "run")
				}
			}
			tests = append(tests, id+"="+shown)
		}
		return side(name, generation, tests...)
	}
	return of("base", "g0"), of("rfc", "g1")
}

func compared(t *rapid.T, a, b Side) *Comparison {
	c, err := Of(a, b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func classOf(c *Comparison, id string) *Test {
	i := slices.IndexFunc(c.Tests, func(t Test) bool { return t.ID == id })
	if i < 0 {
		return &Test{Class: "no such test"}
	}
	return &c.Tests[i]
}

// What is worse one way is better the other, and the rest is the same both ways.
func TestTheOtherWayRoundIsTheOpposite(t *testing.T) {
	opposite := map[Class][]Class{
		Regressed: {Fixed, Broken}, Fixed: {Regressed, Broken}, Broken: {Fixed, Broken, Regressed},
		Unsure: {Unsure}, Promised: {Promised}, Flaky: {Flaky}, OnlyOne: {OnlyOne}, Same: {Same},
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawn(t, 20)
		there, back := compared(t, a, b), compared(t, b, a)
		if there.Family != back.Family || len(there.Tests) != len(back.Tests) {
			t.Errorf("%d tests, %d in the family; back %d and %d", len(there.Tests), there.Family, len(back.Tests), back.Family)
		}
		for i := range there.Tests {
			x, y := &there.Tests[i], classOf(back, there.Tests[i].ID)
			if !slices.Contains(opposite[x.Class], y.Class) {
				t.Errorf("%s: %q there, %q back", x.ID, x.Class, y.Class)
			}
			if (x.Counts == nil) != (y.Counts == nil) || x.Counts != nil && x.Counts.Measure == y.Counts.Measure && (x.Counts.P != y.Counts.P || x.Counts.A != y.Counts.B) || x.Need != y.Need {
				t.Errorf("%s: %+v, %d there, %+v, %d back", x.ID, x.Counts, x.Need, y.Counts, y.Need)
			}
		}
	})
}

// Three runs of each are too few for anything but what the catalogue expects: no
// test is called worse or better for what it did in them.
func TestFewRunsCallNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawn(t, 3)
		for _, test := range compared(t, a, b).Tests {
			expected := test.A.settled && test.B.settled
			if (test.Class == Regressed || test.Class == Fixed || test.Class == Broken) && !expected {
				t.Errorf("%s is %q after %d and %d results", test.ID, test.Class, test.A.Of(), test.B.Of())
			}
			if test.Class == Regressed {
				t.Errorf("%s regressed after %d and %d results", test.ID, test.A.Of(), test.B.Of())
			}
		}
	})
}

// Every result is in one place of its side's tally, every test has a class, and
// only what is called by counts has them called.
func TestNothingIsLostOrCalledWithoutAReason(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawn(t, 20)
		c := compared(t, a, b)
		for _, test := range c.Tests {
			for i, s := range []Side{a, b} {
				tally := []Tally{test.A, test.B}[i]
				shown, ran := 0, 0
				for _, o := range tally.Shown {
					shown += o.Times
				}
				for _, run := range s.Runs {
					for _, r := range run.Tests {
						if r.ID == test.ID {
							ran++
						}
					}
				}
				if all := tally.Of() + tally.Skipped + tally.Missing; test.ID != results.WholeID && (all != ran || shown != ran) {
					t.Errorf("%s: %d results counted, %d shown, of %d", test.ID, all, shown, ran)
				}
			}
			if !slices.Contains(Classes, test.Class) {
				t.Errorf("%s has the class %q", test.ID, test.Class)
			}
			if n := test.Counts; n != nil && (n.Called != (n.Adjusted <= Alpha) || n.Adjusted < n.P || n.Called == (test.Class == Unsure || test.Class == Flaky)) {
				t.Errorf("%s is %q: %+v", test.ID, test.Class, n)
			}
			if test.Need > 0 && test.Need <= min(test.A.Of(), test.B.Of()) {
				t.Errorf("%s: %d runs would tell, and %d and %d do not", test.ID, test.Need, test.A.Of(), test.B.Of())
			}
		}
	})
}
