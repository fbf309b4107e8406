package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"uetest/internal/compare"
	"uetest/internal/results"
)

// BisectOptions steer the report of a bisection.
type BisectOptions struct {
	Options
	// Bisect returns the command that looks between two commits with the tests
	// whose ids are given, or with those of this bisection if none are.
	Bisect func(good, bad string, ids []string) string
}

// BisectStep writes one line about a commit that was tested.
func BisectStep(w io.Writer, s results.BisectStep, o Options) error {
	p := &printer{w: w, color: o.Color}
	color := map[string]string{"good": green, "bad": red}[s.Verdict]
	if color == "" {
		color = yellow
	}
	left := ""
	if s.Left > 0 {
		left = fmt.Sprintf(", %d left", s.Left)
	}
	p.f("%s  %s  %s\n      %s; %s%s\n", p.paint(color, fmt.Sprintf("%-4s", s.Verdict)), s.Commit.Short(), printable(s.Commit.Subject), printable(s.Why), Seconds(s.Took), left)
	return p.err
}

// Bisection writes what a bisection found, with the evidence.
func Bisection(w io.Writer, b *results.Bisection, o BisectOptions) error {
	p := &printer{w: w, color: o.Color}
	p.f("\n")
	switch {
	case b.First != nil:
		c := b.First
		p.f("%s\n  Author:  %s\n  Date:    %s\n  Subject: %s\n", p.paint(bold, "first bad commit: "+c.ID), printable(c.Author), c.Date, printable(c.Subject))
	case len(b.Candidates) > 0:
		p.f("%s\n", p.paint(bold, fmt.Sprintf("the first bad commit is one of %d, of which all but the last could not be tested:", len(b.Candidates))))
		for _, c := range b.Candidates {
			p.f("  %s  %s\n", c.Short(), printable(c.Subject))
		}
	}
	p.bisected(b, o)
	if len(b.Noise) > 0 {
		p.f("\nnot good at GOOD already, so they did not count:\n")
		for _, n := range b.Noise {
			p.f("  %s\n", strings.ReplaceAll(n, "\n", "\n    "))
		}
	}
	if b.Log != "" {
		p.f("\n%s\n", p.paint(bold, "git bisect log, for 'git bisect replay':"))
		for l := range strings.Lines(b.Log) {
			p.f("  %s\n", printable(l))
		}
	}
	p.summary(b)
	if b.First != nil && o.Bisect != nil {
		p.f("again, this commit and the one before it:\n  %s\n", o.Bisect(b.First.ID+"^", b.First.ID, b.Watched))
	}
	return p.err
}

// bisected shows the tests that changed, before and after.
func (p *printer) bisected(b *results.Bisection, o BisectOptions) {
	if b.First == nil || b.Before == nil || b.After == nil {
		return
	}
	if !b.After.Came() {
		what := "it does not boot:"
		if !b.After.Built() {
			what = "it does not build:"
		}
		p.f("\n%s\n", p.paint(red, what))
		for _, s := range b.After.Problems {
			for l := range strings.SplitSeq(s, "\n") {
				p.f("  %s\n", printable(l))
			}
		}
		return
	}
	p.f("\n%s\n", p.paint(bold, "tests with another verdict than at GOOD:"))
	for _, c := range compare.Changes(b.Before, b.After) {
		if c.Verdict() && slices.Contains(b.Watched, c.ID) {
			p.change(&c, b.After, Options{Color: o.Color, Verbose: true})
		}
	}
	p.f("  saved in %s\n", b.After.Dir)
}

// summary says what it took.
func (p *printer) summary(b *results.Bisection) {
	n := map[string]int{}
	for _, s := range b.Steps {
		n[s.Verdict]++
	}
	skipped := ""
	if n["skip"] > 0 {
		skipped = fmt.Sprintf(", %d skipped", n["skip"])
	}
	p.f("\n%d commits tested: %d good, %d bad%s; %s, built in %s\n", len(b.Steps), n["good"], n["bad"], skipped, Seconds(b.Took), b.Source)
}

// BisectionJSON writes a bisection as one JSON object; docs/formats.md describes
// the fields.
func BisectionJSON(w io.Writer, b *results.Bisection) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(b)
}
