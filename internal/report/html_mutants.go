package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"uetest/internal/results"
	"uetest/internal/runs"
)

// lineMutant is what became of the broken versions of a line.
type lineMutant struct {
	mark
	Ref string // of the first of them
}

// mutantTable says what became of the broken versions of the patch.
type mutantTable struct {
	On, Select string
	First      bool
	Caught     int // by a test
	Explained  int // no test can notice, and it is said why
	Left       int // that somebody has to look at
	Untried    int // that the pass did not get to
	All        []pageMutant
}

type pageMutant struct {
	mark
	Ref    string
	Name   string
	Breaks string
	Where  string
	By     testLink
	Others int
	On     string
	Why    string
	file   string
	line   int
}

// mutants are the tables of the record that are about a kernel of the page.
func (b *builder) mutants() []mutantTable {
	var all []mutantTable
	for _, m := range b.rec.Mutants {
		t := mutantTable{On: m.On, Select: runs.Pattern(m.Select), First: m.First, Untried: max(0, m.Of-len(m.List))}
		for i := range m.List {
			one := b.mutant(&m.List[i])
			switch one.Class {
			case markGood.Class:
				t.Caught++
			case markNone.Class:
				t.Explained++
			default:
				t.Left++
			}
			t.All = append(t.All, one)
		}
		// Those of a line stand together, those to be looked at first.
		slices.SortStableFunc(t.All, func(x, y pageMutant) int {
			return cmp.Or(cmp.Compare(mutantRank(x.mark), mutantRank(y.mark)), cmp.Compare(x.file, y.file), cmp.Compare(x.line, y.line), cmp.Compare(x.Name, y.Name))
		})
		all = append(all, t)
	}
	return all
}

func mutantRank(m mark) int {
	if m.Class == markBad.Class {
		return 0
	}
	return 1
}

func (b *builder) mutant(m *results.Mutant) pageMutant {
	p := pageMutant{
		mark: markOfMutant(m), Ref: b.ref("mutant", m.Name), Name: m.Name, Breaks: m.Breaks,
		Others: m.Others, On: m.On, Why: m.Why,
	}
	if m.By != "" {
		p.By = testLink{ID: m.By, Ref: b.testRef(m.By)}
	}
	if len(m.Lines) > 0 {
		p.file, p.line = m.Lines[0].File, m.Lines[0].Line
		p.Where = fmt.Sprintf("%s:%d", p.file, p.line)
	}
	return p
}

func markOfMutant(m *results.Mutant) mark {
	switch {
	case !m.Good:
		return markBad.say(m.Class)
	case m.Why != "" && m.By == "":
		return markNone.say(m.Class)
	}
	return markGood.say(m.Class)
}

// broken marks the lines of a diff that mutants were made of. A line counts by its
// number and its text: a patch that stands elsewhere than the mutants were made for
// has no marks.
func (b *builder) broken(d *pageDiff) {
	type place struct {
		file, number, text string
	}
	at, wide := map[place][]*results.Mutant{}, map[place][]*results.Mutant{}
	for _, m := range b.rec.Mutants {
		for i := range m.List {
			into := at
			if len(m.List[i].Lines) > wideMutant {
				into = wide
			}
			seen := map[place]bool{}
			for _, l := range m.List[i].Lines {
				p := place{l.File, strconv.Itoa(l.Line), l.Text}
				if !seen[p] {
					into[p] = append(into[p], &m.List[i])
				}
				seen[p] = true
			}
		}
	}
	for i := range d.Files {
		for k := range d.Files[i].Hunks {
			hunk := &d.Files[i].Hunks[k]
			var whole []*results.Mutant
			for n := range hunk.Lines {
				l := &hunk.Lines[n]
				p := place{d.Files[i].Path, l.Number, l.Text}
				if list := at[p]; len(list) > 0 {
					l.Mutants = []lineMutant{b.lineMutant(list)}
					d.Mutants = true
				}
				for _, m := range wide[p] {
					if !slices.Contains(whole, m) {
						whole = append(whole, m)
					}
				}
			}
			if len(whole) > 0 {
				hunk.Mutants = []lineMutant{b.lineMutant(whole)}
				d.Mutants = true
			}
		}
	}
}

// wideMutant is how many lines a mutant changes that is marked at each of them: who
// puts a hunk back breaks no line of it by itself, and is marked above it.
const wideMutant = 4

// lineMutant is the mark of a line: how many broken versions there are of it and,
// if some were not noticed, how many of them.
func (b *builder) lineMutant(list []*results.Mutant) lineMutant {
	first, bad, good := list[0], 0, 0
	for _, m := range list {
		switch markOfMutant(m).Class {
		case markBad.Class:
			if bad == 0 {
				first = m
			}
			bad++
		case markGood.Class:
			good++
		}
	}
	lm := lineMutant{mark: markGood.say(strconv.Itoa(len(list))), Ref: b.ref("mutant", first.Name)}
	switch {
	case bad > 0:
		lm.mark = markBad.say(fmt.Sprintf("%d of %d", bad, len(list)))
	case good == 0:
		lm.mark = markNone.say(strconv.Itoa(len(list)))
	}
	return lm
}
