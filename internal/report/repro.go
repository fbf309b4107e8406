package report

import (
	"fmt"
	"io"

	"uetest/internal/console"
	"uetest/internal/results"
	"uetest/selftests/catalog"
)

// Repro writes whether each run shows the fault, with the evidence: what the
// tests saw beside what the ABI promises, and what the kernel logged.
func Repro(w io.Writer, f catalog.Fault, runs []*results.Run, o Options) error {
	p := &printer{w: w, color: o.Color}
	p.f("%s: %s\n", p.paint(bold, f.ID), f.Title)
	if f.Claim != 0 {
		p.f("claim %d of the changelog: %s\n", f.Claim, catalog.Claims()[f.Claim])
	}
	for _, run := range runs {
		r := results.Reproduce(f.ID, run)
		p.f("\n%s", p.paint(bold, run.Kernel.Name))
		if run.Guest.Release != "" { // empty if nothing was booted
			p.f("  %s", run.Guest.Release)
		}
		p.f("  generation %s: ", run.Generation)
		switch {
		case r.Outcome == results.Unclear:
			p.f("%s\n", p.paint(red, "unclear"))
		case r.AsKnown() && r.Has:
			p.f("%s\n", p.paint(yellow, "reproduced"))
		case r.AsKnown():
			p.f("%s, as known\n", p.paint(green, "not reproduced"))
		default:
			p.f("%s\n", p.paint(red, string(r.Outcome)+", against what is known"))
		}
		for _, t := range r.Tests {
			p.evidence(t)
		}
	}
	return p.err
}

func (p *printer) evidence(t results.Test) {
	p.f("  %s: %s\n", t.ID, t.Purpose)
	p.f("    saw       %s\n", orNothing(t.Saw))
	switch {
	case t.Promise != "":
		p.f("    promised  %s\n", t.Promise)
	case t.Saw != t.Expected:
		p.f("    expected  %s\n", t.Expected)
	}
	if !t.Verdict.Good() {
		p.f("    %s: %s\n", t.Verdict, t.Detail)
	}
	p.lines(t.Log)
	p.splats(t.Splats, "", Options{})
	if len(t.Splats) == 0 {
		p.lines(counted(t.Kmsg))
	}
}

// counted is a log with equal lines put into one.
func counted(log []string) []string {
	var texts []string
	times := map[string]int{}
	for _, line := range log {
		text := console.Text(line)
		if times[text]++; times[text] == 1 {
			texts = append(texts, text)
		}
	}
	for i, text := range texts {
		if n := times[text]; n > 1 {
			texts[i] = fmt.Sprintf("%s  (%d times)", text, n)
		}
	}
	return texts
}
