package mutation

import (
	"strings"

	"uetest/internal/patch"
	"uetest/internal/results"
)

// lines are the places that a mutant changes, in the kernel without it; none if the
// text can't be read.
func lines(text []byte) []results.MutantLine {
	p, err := patch.Read("mutant", text)
	if err != nil {
		return nil
	}
	var all []results.MutantLine
	for i := range p.Changes {
		for k := range p.Changes[i].Files {
			f := &p.Changes[i].Files[k]
			for h := range f.Hunks {
				all = append(all, linesOf(f.Old, &f.Hunks[h])...)
			}
		}
	}
	return all
}

// linesOf are the removed lines of a hunk, and of a stretch that only adds lines
// the last before it that is not empty.
func linesOf(file string, h *patch.Hunk) []results.MutantLine {
	var all []results.MutantLine
	at := func(number int, text string) {
		all = append(all, results.MutantLine{File: file, Line: number, Text: strings.TrimRight(text, "\r\n")})
	}
	number, removed := h.OldStart, false
	before, place := "", 0
	for i, l := range h.Lines {
		switch l.Op {
		case patch.Removed:
			at(number, l.Text)
			removed = true
			number++
		case patch.Added:
			first := i == 0 || h.Lines[i-1].Op == patch.Context
			takes := i+1 < len(h.Lines) && changes(h.Lines[i:])
			if first && !removed && !takes && place > 0 {
				at(place, before)
			}
		default:
			if strings.TrimSpace(l.Text) != "" {
				before, place = l.Text, number
			}
			removed = false
			number++
		}
	}
	return all
}

// changes tells whether a stretch of changed lines takes any away.
func changes(list []patch.Line) bool {
	for _, l := range list {
		switch l.Op {
		case patch.Removed:
			return true
		case patch.Context:
			return false
		}
	}
	return false
}

// Results are the outcomes as a report of a run shows them.
func (t *Table) Results() *results.Mutants {
	m := &results.Mutants{On: t.On, Select: t.Select, First: t.First, List: []results.Mutant{}}
	if t.Left() > 0 {
		m.Of = t.Of
	}
	for i := range t.Outcomes {
		out := &t.Outcomes[i]
		one := results.Mutant{Name: out.Name, Breaks: out.Breaks, Class: string(out.Class), Good: out.Class.Good(), Why: out.Equivalent, On: out.On, Lines: out.Lines}
		if out.Error != "" {
			one.Why = out.short()
		}
		switch {
		case len(out.By) > 0:
			one.By, one.Others = out.By[0].ID, len(out.By)-1
		case len(out.Outside) > 0:
			one.By = results.WholeID
			one.Why, _, _ = strings.Cut(out.Outside[0], "\n")
		}
		m.List = append(m.List, one)
	}
	return m
}
