package report

import (
	"fmt"
	"io"
	"strings"

	"uetest/internal/results"
	"uetest/selftests/catalog"
)

// Witness writes for each kernel what upstream's own selftests said and what
// the tests beside them saw, and whether the two agree.
func Witness(w io.Writer, runs []*results.Run, o Options) error {
	p := &printer{w: w, color: o.Color}
	for i, run := range runs {
		if i > 0 {
			p.f("\n")
		}
		p.f("%s  %s  generation %s\n", p.paint(bold, run.Kernel.Name), run.Guest.Release, run.Generation)
		count := map[string]int{}
		testimonies := results.Testify(run)
		for _, t := range testimonies {
			differ := t.Disagreement()
			verdict := compared(t)
			count[verdict]++
			color := map[string]string{"agree": green, "DISAGREE": red}[verdict]
			if color == "" {
				color = yellow
			}
			p.f("  %-32s %-8s %s\n", t.Program+" "+strings.TrimPrefix(t.Function, "user."), orNothing(t.Heard), p.paint(color, verdict))
			for _, test := range t.Tests {
				p.f("      %-42s %s\n", test.ID, test.Verdict)
			}
			if note := t.NotOK + t.Race; note != "" && t.Heard == catalog.WitnessNotOK {
				p.f("      %s\n", note)
			}
			if differ != "" {
				p.f("      %s\n", p.paint(red, differ))
			}
		}
		p.f("%s: %s\n", run.Kernel.Name, tally(len(testimonies), count))
		for _, problem := range run.Problems {
			p.f("  %s\n", p.paint(red, problem))
		}
		for _, s := range results.Charged(run.Splats) {
			p.f("  %s\n", p.paint(red, s.Title))
		}
		p.f("saved in %s\n", run.Dir)
	}
	return p.err
}

// compared is a testimony in a word: "races" is a function that says not ok
// because it does not wait, "alone" one that no test of the catalogue is beside.
func compared(t results.Testimony) string {
	switch {
	case t.Disagreement() != "":
		return "DISAGREE"
	case t.Race != "" && t.Heard != t.Expected():
		return "races"
	case len(t.Tests) == 0:
		return "alone"
	}
	return "agree"
}

func tally(all int, count map[string]int) string {
	text := fmt.Sprintf("of %d functions of upstream's %d agree with the catalogue's tests", all, count["agree"])
	for _, more := range []struct{ verdict, text string }{
		{"races", "%d race with the kernel"},
		{"alone", "%d have no test beside them"},
		{"DISAGREE", "%d DISAGREE"},
	} {
		if n := count[more.verdict]; n > 0 {
			text += fmt.Sprintf(", "+more.text, n)
		}
	}
	return text
}
