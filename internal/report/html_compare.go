package report

import (
	"fmt"
	"strings"

	"uetest/internal/compare"
	"uetest/internal/results"
)

// comparison is what differs from one kernel to another.
type comparison struct {
	A, B    string
	Classes []comparedClass
	Splats  []comparedSplat
	Same    int
	Notes   []string
	How     string // what is called a difference
	Need    int    // runs of each kernel that would tell what can't be told
	Error   string // why they can't be compared
}

// comparedClass are the tests of one class.
type comparedClass struct {
	mark
	Open  bool
	Tests []comparedTest
}

type comparedTest struct {
	testLink
	Why    string
	Counts string // 20/20 → 13/20
	P      string
	A, B   []token // what was seen, where that tells more
}

type comparedSplat struct {
	mark
	Title string
	Rate  string
	In    []testLink
	Note  string
}

// classMarks are how the classes look; what is not listed is told by its count.
var classMarks = map[compare.Class]mark{
	compare.Regressed: markBad, compare.Unsure: markWarn, compare.Flaky: markWarn, compare.Broken: markWarn,
	compare.Fixed: markGood, compare.Promised: markGood, compare.OnlyOne: markNone, compare.Same: markNone,
}

// compared are the comparisons of the record's kernels, each with the first of its
// architecture.
func (b *builder) compared() []comparison {
	if len(b.sides) < 2 {
		return nil
	}
	list, err := compare.Within(b.rec)
	if err != nil {
		return []comparison{{Error: err.Error()}}
	}
	var all []comparison
	for _, c := range list {
		all = append(all, b.comparison(c))
	}
	return all
}

func (b *builder) comparison(c *compare.Comparison) comparison {
	pc := comparison{A: c.A.Name, B: c.B.Name, Notes: c.Notes, How: Threshold(c), Need: c.Need()}
	for _, class := range compare.Classes {
		tests := c.By(class)
		if class == compare.Same {
			for _, t := range tests {
				if t.ID != results.WholeID { // which is no test
					pc.Same++
				}
			}
			continue
		}
		if len(tests) == 0 {
			continue
		}
		cc := comparedClass{mark: classMarks[class].say(string(class)), Open: class == compare.Regressed || class == compare.Unsure}
		for _, t := range tests {
			cc.Tests = append(cc.Tests, b.comparedTest(t, class))
		}
		pc.Classes = append(pc.Classes, cc)
	}
	for i := range c.Splats {
		pc.Splats = append(pc.Splats, b.comparedSplat(&c.Splats[i]))
	}
	return pc
}

func (b *builder) comparedTest(t *compare.Test, class compare.Class) comparedTest {
	ct := comparedTest{testLink: testLink{t.ID, b.testRef(t.ID), t.Purpose}, Why: t.Why}
	if t.ID == results.WholeID {
		ct.Purpose = "outside of every test"
	}
	if t.Counts != nil {
		ct.Counts, ct.P = t.Counts.String(), significance(t.Counts)
	}
	if class != compare.OnlyOne && class != compare.Promised && len(t.A.Shown) > 0 && len(t.B.Shown) > 0 {
		ct.A, ct.B = beside(t.A.Shown[0].Saw, t.B.Shown[0].Saw)
	}
	return ct
}

func (b *builder) comparedSplat(s *compare.Splat) comparedSplat {
	cs := comparedSplat{mark: markNone.say(string(s.Where)), Title: s.Title, Rate: fmt.Sprintf("%d/%d → %d/%d", s.A, s.AOf, s.B, s.BOf)}
	if s.Where == compare.New {
		cs.mark = markBad.say(string(s.Where))
		if s.Fault != "" || s.Allowed != "" {
			cs.mark = markWarn.say(string(s.Where))
		}
	}
	var notes []string
	if s.Fault != "" {
		notes = append(notes, "known as "+s.Fault)
	}
	if s.Allowed != "" {
		notes = append(notes, "let pass: "+s.Allowed)
	}
	if s.Alone {
		notes = append(notes, "its tests ran on one side alone")
	}
	cs.Note = strings.Join(notes, "; ")
	for _, id := range s.In {
		cs.In = append(cs.In, testLink{ID: id, Ref: b.testRef(id)})
	}
	return cs
}
