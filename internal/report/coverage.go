package report

import (
	"fmt"
	"io"
	"strings"

	"uetest/internal/coverage"
	"uetest/internal/results"
)

// Coverage writes which lines of the patch under test were executed, over all of
// the runs that are of one patch: a line a hunk, the lines that were not, and a
// line of counts. Verbose adds the whole diff with the number of tests that
// executed each line, and how much each test did.
func Coverage(w io.Writer, runs []*results.Run, o Options) error {
	p := &printer{w: w, color: o.Color}
	for _, r := range coverageOf(runs) {
		p.coverage(r, o.Verbose)
	}
	return p.err
}

// coverageOf returns the reports of the runs, one a patch.
func coverageOf(runs []*results.Run) []*coverage.Report {
	var groups [][]*coverage.Report
next:
	for _, run := range runs {
		if run.Coverage == nil {
			continue
		}
		for i := range groups {
			if groups[i][0].SamePatch(run.Coverage) {
				groups[i] = append(groups[i], run.Coverage)
				continue next
			}
		}
		groups = append(groups, []*coverage.Report{run.Coverage})
	}
	var all []*coverage.Report
	for _, g := range groups {
		all = append(all, coverage.Merge(g))
	}
	return all
}

func (p *printer) coverage(r *coverage.Report, verbose bool) {
	p.f("\n%s  %s, %s, by %s\n", p.paint(bold, "Coverage of the patch"), strings.Join(r.Kernels, ", "), numbered(len(r.Ran()), "test"), r.Source)
	for i := range r.Files {
		f := &r.Files[i]
		p.f("  %s  %s\n", p.paint(bold, f.Path), p.share(f.Tally()))
		for k := range f.Hunks {
			h := &f.Hunks[k]
			if t := h.Tally(); t.Code > 0 || verbose {
				p.f("    %s  @@ %d %s\n", p.share(t), h.First(), h.Section)
			}
			if verbose {
				p.marked(h)
			} else {
				p.unexecuted(h)
			}
		}
	}
	if verbose {
		p.perTest(r)
	}
	for _, u := range r.Unread {
		p.f("  %s %s\n", p.paint(yellow, "nothing is known of"), u)
	}
	for _, s := range r.Stale {
		p.f("  %s %s\n", p.paint(red, "stale reason"), s)
	}
	t := r.Tally()
	unexplained := fmt.Sprintf("%d unexplained", t.Unexplained())
	if t.Unexplained() > 0 {
		unexplained = p.paint(red, unexplained)
	}
	p.f("%d of %d added lines executed, %d named with a reason, %s", t.Executed, t.Code, t.Named, unexplained)
	p.f(" (%d more have no code: comments, declarations, braces)\n", t.Added-t.Code)
}

// share says how much of the lines that have code was executed.
func (p *printer) share(t coverage.Tally) string {
	if t.Code == 0 {
		return p.paint(dim, "   no code")
	}
	s := fmt.Sprintf("%3d/%-3d %3d%%", t.Executed, t.Code, 100*t.Executed/t.Code)
	switch {
	case t.Unexplained() > 0:
		return p.paint(red, s)
	case t.Named > 0:
		return p.paint(yellow, s)
	}
	return p.paint(green, s)
}

// unexecuted writes the added lines of a hunk that were not executed.
func (p *printer) unexecuted(h *coverage.Hunk) {
	for i := range h.Lines {
		l := &h.Lines[i]
		if !l.Added() || !l.Code || len(l.Tests) > 0 {
			continue
		}
		color := red
		if l.Reason != "" {
			color = yellow
		}
		p.f("      %s\n", p.paint(color, fmt.Sprintf("%5d  + %s", l.Number, expand(l.Text))))
		if l.Reason != "" {
			p.f("               %s\n", l.Reason)
		}
	}
}

// marked writes all of a hunk: the number of tests that executed a line, or a dash
// for one that has code and was not, then the diff.
func (p *printer) marked(h *coverage.Hunk) {
	for i := range h.Lines {
		l := &h.Lines[i]
		count, color := "", ""
		switch {
		case len(l.Tests) > 0:
			count = fmt.Sprint(len(l.Tests))
			if l.Added() {
				color = green
			}
		case l.Code:
			count = "-"
			if l.Added() {
				color = red
				if l.Reason != "" {
					color = yellow
				}
			}
		case !l.Added():
			color = dim
		}
		number := ""
		if l.Number > 0 {
			number = fmt.Sprint(l.Number)
		}
		text := fmt.Sprintf("%5s %5s  %s %s", count, number, l.Op, expand(l.Text))
		if color != "" {
			text = p.paint(color, text)
		}
		p.f("%s\n", strings.TrimRight(text, " "))
		if l.Reason != "" {
			p.f("               %s\n", l.Reason)
		}
	}
}

// perTest says of each test how many added lines it executed, and how many of
// those nobody else did.
func (p *printer) perTest(r *coverage.Report) {
	p.f("  added lines that each test executes, and those that no other does\n")
	total, alone := r.PerTest()
	for i, id := range r.Tests {
		p.f("    %3d %3d  %s\n", total[i], alone[i], id)
	}
}

// expand puts blanks in the place of tabs, as a terminal does behind the gutter,
// and takes away what a terminal would obey.
func expand(s string) string {
	var b strings.Builder
	n := 0
	for _, c := range s {
		switch {
		case c == '\t':
			for ok := true; ok; ok = n%8 != 0 {
				b.WriteByte(' ')
				n++
			}
			continue
		case c < ' ' || c == 0x7f:
			c = '?'
		}
		b.WriteRune(c)
		n++
	}
	return b.String()
}
