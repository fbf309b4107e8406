package compare

import (
	"cmp"
	"slices"

	"uetest/internal/console"
	"uetest/internal/results"
)

// Splat is a report of the kernel, by its title, on both sides.
type Splat struct {
	Title   string   `json:"title"`
	Where   Where    `json:"where"`
	A       int      `json:"a"` // runs in which it came
	AOf     int      `json:"a_of"`
	B       int      `json:"b"`
	BOf     int      `json:"b_of"`
	P       float64  `json:"p"`               // Fisher's exact test, two-sided
	In      []string `json:"in"`              // ids of the tests; WholeID for outside of every test
	Fault   string   `json:"fault,omitempty"` // the known fault that a test shows by it
	Allowed string   `json:"allowed,omitempty"`
	// Alone: no test that it came in has a result on the other side, which may
	// make it too.
	Alone bool `json:"alone,omitempty"`

	First *console.Splat `json:"-"` // the first on the later side, or else on the earlier
	Test  *results.Test  `json:"-"` // it came in; nil outside of every test
}

// Where is on which sides a report came.
type Where string

// The places.
const (
	New  Where = "new"     // on B alone
	Gone Where = "gone"    // on A alone
	Both Where = "on both" // B has not brought it
)

// splats are the reports of both sides, new ones first.
func splats(a, b Side, tests []Test) []Splat {
	class := map[string]Class{}
	for i := range tests {
		class[tests[i].ID] = tests[i].Class
	}
	at := map[string]*Splat{}
	var all []*Splat
	for i, side := range []Side{a, b} {
		for _, run := range side.Runs {
			in := map[string]bool{} // titles of this run
			add := func(s *console.Splat, t *results.Test) {
				e := at[s.Title]
				if e == nil {
					e = &Splat{Title: s.Title, Alone: true}
					at[s.Title] = e
					all = append(all, e)
				}
				e.note(s, t, i == 1 && e.B == 0)
				if in[s.Title] {
					return
				}
				in[s.Title] = true
				if i == 0 {
					e.A++
				} else {
					e.B++
				}
			}
			for k := range run.Splats {
				add(&run.Splats[k], nil)
			}
			for k := range run.Tests {
				for l := range run.Tests[k].Splats {
					add(&run.Tests[k].Splats[l], &run.Tests[k])
				}
			}
		}
	}
	var list []Splat
	for _, e := range all {
		e.AOf, e.BOf = len(a.Runs), len(b.Runs)
		e.P = Fisher(e.A, e.AOf, e.B, e.BOf)
		switch {
		case e.A == 0:
			e.Where = New
		case e.B == 0:
			e.Where = Gone
		default:
			e.Where = Both
		}
		e.Alone = e.Where != Both && !slices.ContainsFunc(e.In, func(id string) bool { return class[id] != OnlyOne })
		list = append(list, *e)
	}
	order := []Where{New, Gone, Both}
	slices.SortStableFunc(list, func(x, y Splat) int {
		return cmp.Compare(slices.Index(order, x.Where), slices.Index(order, y.Where))
	})
	return list
}

// note keeps what is known of a report that came in a test. newer tells that it
// is the first of side B.
func (e *Splat) note(s *console.Splat, t *results.Test, newer bool) {
	if e.First == nil || newer {
		e.First, e.Test = s, t
		e.Allowed = s.Allowed
	}
	id := results.WholeID
	if t != nil {
		id = t.ID
		if t.Verdict == results.KnownFault {
			e.Fault = t.Fault
		}
	}
	if !slices.Contains(e.In, id) {
		e.In = append(e.In, id)
	}
}
