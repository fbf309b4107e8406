// Package coverage says which lines of a patch were executed, and by which
// tests.
//
// It knows neither how the lines were found nor how it is shown: a Report is
// made of the lines that a patch changed, told which of them have code and which
// a test executed, and can then be counted, merged with others and written. The
// readers of what the emulator and the kernel's own counters leave are here too,
// for they know the form of that and nothing else. docs/coverage.md has what was
// found when the two were held against each other.
package coverage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Schema is the version of the JSON form of Report.
const Schema = 1

// The ways to find out what was executed.
const (
	Counters = "counters" // those that the compiler put into the files that the patch changes
	Trace    = "trace"    // QEMU's, of the code that it translated, through the kernel's line table
)

// Boot is what a Report calls what the kernel executes before any test.
const Boot = "boot"

// Report is what became of the lines of a patch.
type Report struct {
	Schema  int      `json:"schema"`
	Source  string   `json:"source"`           // Counters or Trace; both if Reports were merged: "counters, trace"
	Kernels []string `json:"kernels"`          // on which
	Tests   []string `json:"tests"`            // that left something to be read, Boot among them; Line.Tests are places in it
	Unread  []string `json:"unread,omitempty"` // tests of which nothing could be read, and why
	Files   []File   `json:"files"`
	Stale   []string `json:"stale,omitempty"` // reasons for lines that were executed or are not there
}

// File is a file as the patch leaves it.
type File struct {
	Path  string `json:"path"`
	Hunks []Hunk `json:"hunks"`
}

// Hunk is a stretch of a file with a change in it.
type Hunk struct {
	Section string `json:"section,omitempty"` // what a diff shows behind the second @@
	Lines   []Line `json:"lines"`
}

// Line is a line of a hunk.
type Line struct {
	Op     string `json:"op"` // " ", "+" or "-", as in a diff
	Text   string `json:"text"`
	Number int    `json:"number,omitempty"` // in the patched file; none for a removed line
	Code   bool   `json:"code,omitempty"`   // something was compiled from it
	Tests  []int  `json:"tests,omitempty"`  // which executed it, by their place in Report.Tests
	Reason string `json:"reason,omitempty"` // why no test executes it
}

// Added reports whether the patch added the line.
func (l *Line) Added() bool { return l.Op == "+" }

// Place is a line of a file.
type Place struct {
	File string
	Line int
}

// all calls f with each line that is in the patched files.
func (r *Report) all(f func(at Place, l *Line)) {
	for i := range r.Files {
		for k := range r.Files[i].Hunks {
			lines := r.Files[i].Hunks[k].Lines
			for n := range lines {
				if lines[n].Number > 0 {
					f(Place{r.Files[i].Path, lines[n].Number}, &lines[n])
				}
			}
		}
	}
}

// HasCode says that something was compiled from lines.
func (r *Report) HasCode(lines map[Place]bool) {
	r.all(func(at Place, l *Line) { l.Code = l.Code || lines[at] })
}

// Executed says that a test executed lines. A test may be told several times: a
// run that was tried again, a guest that ran it and one that was lost.
func (r *Report) Executed(test string, lines map[Place]bool) {
	n := r.test(test)
	r.all(func(at Place, l *Line) {
		if lines[at] {
			l.Code = true
			if i, there := slices.BinarySearch(l.Tests, n); !there {
				l.Tests = slices.Insert(l.Tests, i, n)
			}
		}
	})
}

// test returns the place of a test in Tests.
func (r *Report) test(id string) int {
	if i := slices.Index(r.Tests, id); i >= 0 {
		return i
	}
	r.Tests = append(r.Tests, id)
	return len(r.Tests) - 1
}

// Tally counts added lines.
type Tally struct {
	Added    int `json:"added"`    // all of them
	Code     int `json:"code"`     // that have code: the others are comments, declarations, braces, macros
	Executed int `json:"executed"` // of those
	Named    int `json:"named"`    // not executed, with a reason
}

// Unexplained is how many lines were not executed and nobody said why.
func (t Tally) Unexplained() int { return t.Code - t.Executed - t.Named }

func (t *Tally) count(l *Line) {
	if !l.Added() {
		return
	}
	t.Added++
	switch {
	case !l.Code:
	case len(l.Tests) > 0:
		t.Code++
		t.Executed++
	default:
		t.Code++
		if l.Reason != "" {
			t.Named++
		}
	}
}

// Tally counts the lines of a hunk.
func (h *Hunk) Tally() (t Tally) {
	for i := range h.Lines {
		t.count(&h.Lines[i])
	}
	return t
}

// Tally counts the lines of a file.
func (f *File) Tally() (t Tally) {
	for i := range f.Hunks {
		t.add(f.Hunks[i].Tally())
	}
	return t
}

// Tally counts all lines.
func (r *Report) Tally() (t Tally) {
	for i := range r.Files {
		t.add(r.Files[i].Tally())
	}
	return t
}

func (t *Tally) add(o Tally) {
	t.Added += o.Added
	t.Code += o.Code
	t.Executed += o.Executed
	t.Named += o.Named
}

// Lines returns the added lines that a test executed, in the order of the
// files: what a change of them may be noticed by.
func (r *Report) Lines(test string) []Place {
	n := slices.Index(r.Tests, test)
	var places []Place
	r.all(func(at Place, l *Line) {
		if l.Added() && n >= 0 && slices.Contains(l.Tests, n) {
			places = append(places, at)
		}
	})
	return places
}

// TestsOf returns the tests that executed a line, in the order in which they
// ran; none for a line that the patch has nothing to do with.
func (r *Report) TestsOf(at Place) []string {
	var ids []string
	r.all(func(p Place, l *Line) {
		if p == at {
			for _, n := range l.Tests {
				ids = append(ids, r.Tests[n])
			}
		}
	})
	return ids
}

// Check says what is wrong with a Report that was read.
func (r *Report) Check() error {
	if r.Schema != Schema {
		return fmt.Errorf("coverage has schema %d, this uetest reads schema %d", r.Schema, Schema)
	}
	var err error
	r.all(func(at Place, l *Line) {
		for _, n := range l.Tests {
			if n < 0 || n >= len(r.Tests) {
				err = fmt.Errorf("coverage: %s:%d names test %d of %d", at.File, at.Line, n, len(r.Tests))
			}
		}
	})
	return err
}

// Merge returns what several kernels, or several runs of one, executed of one patch. Reports of another
// patch than the first one's are left out.
func Merge(reports []*Report) *Report {
	if len(reports) == 0 {
		return nil
	}
	m := &Report{Schema: Schema, Files: cloneBare(reports[0].Files)}
	var sources []string
	for _, r := range reports {
		if !r.SamePatch(reports[0]) {
			continue
		}
		if !slices.Contains(sources, r.Source) {
			sources = append(sources, r.Source)
		}
		for _, k := range r.Kernels {
			if !slices.Contains(m.Kernels, k) { // it was tested again
				m.Kernels = append(m.Kernels, k)
			}
		}
		for _, u := range r.Unread {
			if !slices.Contains(m.Unread, u) {
				m.Unread = append(m.Unread, u)
			}
		}
		m.Stale = append(m.Stale, r.Stale...)
		places := make([]int, len(r.Tests))
		for i, id := range r.Tests {
			places[i] = m.test(id)
		}
		for i := range r.Files {
			for k := range r.Files[i].Hunks {
				for n := range r.Files[i].Hunks[k].Lines {
					l, into := &r.Files[i].Hunks[k].Lines[n], &m.Files[i].Hunks[k].Lines[n]
					into.Code = into.Code || l.Code
					into.Reason = cmp.Or(into.Reason, l.Reason)
					for _, test := range l.Tests {
						into.Tests = append(into.Tests, places[test])
					}
				}
			}
		}
	}
	m.Source = strings.Join(sources, ", ")
	slices.Sort(m.Stale)
	m.Stale = slices.Compact(m.Stale)
	m.all(func(_ Place, l *Line) {
		slices.Sort(l.Tests)
		l.Tests = slices.Compact(l.Tests)
		if len(l.Tests) > 0 {
			l.Reason = "" // it was about another kernel
		}
	})
	return m
}

// SamePatch reports whether r and o are about the same lines.
func (r *Report) SamePatch(o *Report) bool {
	sameLine := func(a, b Line) bool { return a.Op == b.Op && a.Text == b.Text && a.Number == b.Number }
	sameHunk := func(a, b Hunk) bool { return slices.EqualFunc(a.Lines, b.Lines, sameLine) }
	return slices.EqualFunc(r.Files, o.Files, func(a, b File) bool {
		return a.Path == b.Path && slices.EqualFunc(a.Hunks, b.Hunks, sameHunk)
	})
}

// cloneBare copies files without what became of their lines.
func cloneBare(files []File) []File {
	all := slices.Clone(files)
	for i := range all {
		all[i].Hunks = slices.Clone(all[i].Hunks)
		for k := range all[i].Hunks {
			lines := slices.Clone(all[i].Hunks[k].Lines)
			for n := range lines {
				lines[n] = Line{Op: lines[n].Op, Text: lines[n].Text, Number: lines[n].Number}
			}
			all[i].Hunks[k].Lines = lines
		}
	}
	return all
}

// Sort brings Tests into an order that does not depend on which guest was faster:
// Boot, then those of order, then what else there is.
func (r *Report) Sort(order []string) {
	rank := map[string]int{}
	for i, id := range order {
		rank[id] = i + 1
	}
	rank[Boot] = -1
	old := slices.Clone(r.Tests)
	slices.SortStableFunc(r.Tests, func(a, b string) int {
		at := func(id string) int {
			if n, ok := rank[id]; ok {
				return n
			}
			return len(order) + 1
		}
		return cmp.Or(cmp.Compare(at(a), at(b)), cmp.Compare(a, b))
	})
	moved := make([]int, len(old))
	for i, id := range old {
		moved[i] = slices.Index(r.Tests, id)
	}
	r.all(func(_ Place, l *Line) {
		for i, n := range l.Tests {
			l.Tests[i] = moved[n]
		}
		slices.Sort(l.Tests)
	})
}

// Ran returns the tests, without what the kernel does of its own.
func (r *Report) Ran() []string {
	return slices.DeleteFunc(slices.Clone(r.Tests), func(id string) bool { return id == Boot })
}

// First returns the number of the hunk's first line in the patched file.
func (h *Hunk) First() int {
	for i := range h.Lines {
		if h.Lines[i].Number > 0 {
			return h.Lines[i].Number
		}
	}
	return 0
}

// PerTest returns, by the places in Tests, how many added lines each executed, and
// how many of those no other did.
func (r *Report) PerTest() (total, alone []int) {
	total, alone = make([]int, len(r.Tests)), make([]int, len(r.Tests))
	r.all(func(_ Place, l *Line) {
		if !l.Added() {
			return
		}
		for _, n := range l.Tests {
			total[n]++
			if len(l.Tests) == 1 {
				alone[n]++
			}
		}
	})
	return total, alone
}
