package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"uetest/internal/compare"
	"uetest/internal/results"
)

// Prefix writes one line about a run of a series that is gone through patch by
// patch.
func Prefix(w io.Writer, run *results.Run, o Options) error {
	p := &printer{w: w, color: o.Color}
	f := run.Prefix
	subject := f.Subject
	if subject == "" {
		if subject = f.File; f.Number == 0 {
			subject = "without a patch"
		}
	}
	p.f("%*d/%d  %-14s  %s\n", len(fmt.Sprint(f.Of)), f.Number, f.Of, run.Kernel.Name, printable(subject))
	indent := strings.Repeat(" ", 2*len(fmt.Sprint(f.Of))+3)
	switch {
	case run.Kernel.Image == "":
		p.f("%s%s\n", indent, p.paint(red, "does not build"))
	case !run.Came():
		p.f("%s%s\n", indent, p.paint(red, "does not boot"))
	default:
		color := green
		if run.Exit() != 0 {
			color = red
		}
		p.f("%sgeneration %s, %s; %s\n", indent, run.Generation, p.paint(color, inVerdicts(run)), "kernel "+took(run, "kernel")+", tests "+took(run, "boot", "tests"))
	}
	return p.err
}

// inVerdicts is a run in verdicts.
func inVerdicts(r *results.Run) string {
	var list []string
	for _, v := range slices.Backward(results.Verdicts) {
		if n := r.Count(v); n > 0 {
			list = append(list, fmt.Sprintf("%d %s", n, plural(v, n)))
		}
	}
	if n := len(results.Charged(r.Splats)) + len(r.Problems); n > 0 {
		list = append(list, fmt.Sprintf("%d outside of any test", n))
	}
	if len(list) == 0 {
		return "nothing ran"
	}
	return strings.Join(list, ", ")
}

// Series writes what changes from patch to patch, each test at the first patch
// that changes it, and which kernels on the way do not build or boot.
func Series(w io.Writer, runs []*results.Run, o Options) error {
	p := &printer{w: w, color: o.Color}
	changes := compare.Changes(runs...)
	silent := 0
	var before *results.Run // the last that came up
	for _, run := range runs {
		if !run.Came() {
			silent++
			p.absent(run)
			continue
		}
		var here []compare.Change
		for _, c := range changes {
			if c.To == run {
				here = append(here, c)
			}
		}
		if before != nil {
			p.step(before, run, here, o)
		}
		if charged := results.Charged(run.Splats); len(charged) > 0 || len(run.Problems) > 0 {
			p.f("\n%s\n", p.paint(bold, at(run, run)))
			for _, s := range run.Problems {
				p.f("  %s %s\n", p.paint(red, "PROBLEM"), s)
			}
			p.splats(charged, "", o)
		}
		before = run
	}
	if len(runs) == 0 {
		return p.err
	}
	last := runs[len(runs)-1]
	verdicts, saw := map[string]bool{}, map[string]bool{}
	for i := range changes {
		if changes[i].Verdict() {
			verdicts[changes[i].ID] = true
		}
	}
	for i := range changes {
		if !verdicts[changes[i].ID] {
			saw[changes[i].ID] = true
		}
	}
	color, all := green, "each of them builds and boots"
	if silent > 0 {
		color, all = red, fmt.Sprintf("%d of them do not build or boot", silent)
	}
	p.f("\n%s\n", p.paint(color, fmt.Sprintf("%d kernels of %d patches, up to %s: %s", len(runs), last.Prefix.Of, last.Kernel.Name, all)))
	p.f("another verdict on the way: %s; the same and something else seen: %s\n", tests(len(verdicts)), tests(len(saw)))
	return p.err
}

func tests(n int) string {
	if n == 1 {
		return "1 test"
	}
	return fmt.Sprintf("%d tests", n)
}

// at names the patch that a change came with, or the patches that it is among.
func at(from, to *results.Run) string {
	f := to.Prefix
	text := fmt.Sprintf("patch %d/%d", f.Number, f.Of)
	if f.Number == 0 {
		text = "without a patch"
	}
	if from.Prefix.Number+1 < f.Number {
		text = fmt.Sprintf("patches %d to %d of %d, which can't be told apart; the last is", from.Prefix.Number+1, f.Number, f.Of)
	}
	name := f.Subject
	if name == "" {
		name = f.File
	}
	return strings.TrimRight(text+"  "+printable(name), " ")
}

// absent tells of a kernel that was not built or did not come up.
func (p *printer) absent(run *results.Run) {
	p.f("\n%s\n", p.paint(bold, at(run, run)))
	what := "does not boot"
	if run.Kernel.Image == "" {
		what = "does not build"
	}
	p.f("  %s %s\n", p.paint(red, strings.ToUpper(what)), run.Kernel.Name)
	for _, s := range run.Problems {
		for l := range strings.SplitSeq(s, "\n") {
			p.f("    %s\n", printable(l))
		}
	}
}

// step tells what one patch changes.
func (p *printer) step(before, run *results.Run, changes []compare.Change, o Options) {
	came, went := compare.Applied(before, run)
	if before.Generation == run.Generation {
		came, went = 0, 0 // a kernel that crashed on the way
	}
	if len(changes) == 0 && came+went == 0 && before.Generation == run.Generation {
		return
	}
	p.f("\n%s\n", p.paint(bold, at(before, run)))
	if before.Generation != run.Generation {
		p.f("  generation %s → %s: other promises, %d tests that did not apply before do now, %d no longer\n", before.Generation, run.Generation, came, went)
	}
	quiet := 0
	for i := range changes {
		c := &changes[i]
		if !c.Verdict() && before.Generation != run.Generation && !o.Verbose {
			quiet++ // another generation shows other things
			continue
		}
		p.change(c, run, o)
	}
	if quiet > 0 {
		p.f("  %s see something else, as promised by either generation; -v shows them\n", tests(quiet))
	}
}

// change tells what one test showed before and after.
func (p *printer) change(c *compare.Change, run *results.Run, o Options) {
	again := ""
	if c.Again {
		again = " (not for the first time)"
	}
	if c.Verdict() {
		p.f("  %s  %s → %s%s\n", c.ID, p.paint(colorOf(c.Before.Verdict), string(c.Before.Verdict)), p.paint(colorOf(c.After.Verdict), string(c.After.Verdict)), again)
	} else {
		p.f("  %s  %s before and after, but saw something else%s\n", c.ID, p.paint(colorOf(c.After.Verdict), string(c.After.Verdict)), again)
	}
	p.f("    before  %s\n    after   %s\n", orNothing(c.Before.Saw), orNothing(c.After.Saw))
	if c.After.Verdict.Good() {
		return
	}
	if c.After.Detail != "" {
		p.f("    %s\n", strings.ReplaceAll(c.After.Detail, "\n", "\n    "))
	}
	p.splats(results.Charged(c.After.Splats), c.After.Detail, o)
	if o.Reproduce != nil {
		p.f("    reproduce: %s\n", o.Reproduce(run.Kernel.Name, c.ID))
	}
}
