package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"uetest/internal/results"
	"uetest/selftests/catalog"
)

// Claims writes what a run says of each claim of the changelog.
func Claims(w io.Writer, run *results.Run, o Options) error {
	p := &printer{w: w, color: o.Color}
	p.of("claims of the changelog", run)
	for n, claim := range catalog.Claims() {
		if n > 0 {
			p.statement(fmt.Sprintf("claim %d", n), claim, results.DecideClaim(n, run), o)
		}
	}
	return p.err
}

// Answers writes what a run says of each reviewer's question.
func Answers(w io.Writer, run *results.Run, o Options) error {
	p := &printer{w: w, color: o.Color}
	p.of("reviewers' questions", run)
	for _, q := range catalog.Questions() {
		p.f("\n%s\n  <%s>\n", p.paint(bold, q.Ask), q.Message)
		p.statement(q.ID, q.Answer, results.DecideAnswer(q.ID, run), o)
	}
	return p.err
}

func (p *printer) of(what string, run *results.Run) {
	p.f("The %s, as the last run on %s shows them (%s, %d tests).\n",
		what, run.Kernel.Name, run.Start.Local().Format("2006-01-02 15:04"), len(run.Tests))
}

func (p *printer) statement(name, text string, d results.Decision, o Options) {
	color := green
	switch d.Judgement {
	case results.Fails:
		color = red
	case results.NotShown:
		color = yellow
	}
	p.f("\n%s %s: %s\n", p.paint(bold, name), p.paint(color, string(d.Judgement)), text)
	if n := len(d.For); n > 0 {
		p.f("  borne out by %d: %s\n", n, testNames(d.For, o.Verbose))
	}
	for _, t := range d.Against {
		p.f("  against it: %s%s\n", t.ID, named(t.Fault))
		p.f("    saw       %s\n", orNothing(t.Saw))
		want := t.Promise
		if want == "" {
			want = t.Expected
		}
		p.f("    promised  %s\n", want)
	}
	for _, t := range d.Open {
		p.f("  could not tell: %s: %s\n", t.ID, t.Verdict)
	}
	if n := len(d.NotRun); n > 0 {
		var ids []results.Test
		for _, t := range d.NotRun {
			ids = append(ids, results.Test{ID: t.ID})
		}
		p.f("  left out of that run %d: %s\n", n, testNames(ids, o.Verbose))
	}
}

func named(fault string) string {
	if fault == "" {
		return ""
	}
	return " (" + fault + ")"
}

// testNames names tests: all of them, or how many of each area.
func testNames(tests []results.Test, all bool) string {
	var names []string
	counts := map[string]int{}
	for _, t := range tests {
		name := t.ID
		if !all && len(tests) > 3 {
			name, _, _ = strings.Cut(t.ID, "/")
		}
		if counts[name]++; counts[name] == 1 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for i, name := range names {
		if n := counts[name]; n > 1 {
			names[i] = fmt.Sprintf("%s (%d)", name, n)
		}
	}
	return strings.Join(names, ", ")
}
