package compare

import (
	"fmt"
	"slices"

	"uetest/internal/blame"
	"uetest/internal/results"
)

// Tally is what a test showed on one side.
type Tally struct {
	Kept    int       `json:"kept"`              // results that show what the ABI promises
	Known   int       `json:"known,omitempty"`   // that show a fault that the catalogue names
	Bad     int       `json:"bad,omitempty"`     // that are neither
	Skipped int       `json:"skipped,omitempty"` // the kernel lacks what the test needs
	Missing int       `json:"missing,omitempty"` // it was to run and never reported
	Shown   []Outcome `json:"shown"`             // what it showed, in the order in which it first did

	settled bool // each result is what the catalogue expects of the kernel
}

// Outcome is a way that a test ended, with how often.
type Outcome struct {
	Verdict results.Verdict `json:"verdict"`
	Fault   string          `json:"fault,omitempty"`
	Saw     string          `json:"saw,omitempty"`
	Detail  string          `json:"detail,omitempty"`
	Times   int             `json:"times"`
	Repeat  int             `json:"repeat"` // the run of the side that it first came in, from 1

	Test *results.Test `json:"-"` // the first of them
	Run  *results.Run  `json:"-"` // and where it was
}

// Of is how many results there are that say something.
func (t *Tally) Of() int { return t.Kept + t.Known + t.Bad }

// varies reports whether it was not each time as near to the promise.
func (t *Tally) varies() bool {
	n := t.Of()
	return t.Kept != n && t.Known != n && t.Bad != n
}

// add counts a result.
func (t *Tally) add(r *results.Test, run *results.Run, repeat int) {
	switch r.Verdict {
	case results.AsExpected:
		t.Kept++
	case results.Fixed:
		t.Kept++
		t.settled = false
	case results.KnownFault:
		t.Known++
	case results.Skipped:
		t.Skipped++
	case results.Missing:
		t.Missing++
	default:
		t.Bad++
		t.settled = false
	}
	i := slices.IndexFunc(t.Shown, func(o Outcome) bool { return alike(o.Test, r) && o.Fault == faultOf(r) })
	if i < 0 {
		i = len(t.Shown)
		t.Shown = append(t.Shown, Outcome{Verdict: r.Verdict, Fault: faultOf(r), Saw: r.Saw, Detail: r.Detail, Repeat: repeat, Test: r, Run: run})
	}
	t.Shown[i].Times++
}

// faultOf is the fault that a result shows, or shows no longer.
func faultOf(r *results.Test) string {
	if r.Verdict == results.KnownFault || r.Verdict == results.Fixed {
		return r.Fault
	}
	return ""
}

// ended is the first outcome of a verdict; nil if there is none.
func (t *Tally) ended(v results.Verdict) *Outcome {
	for i := range t.Shown {
		if t.Shown[i].Verdict == v {
			return &t.Shown[i]
		}
	}
	return nil
}

// first is the first outcome that says something.
func (t *Tally) first() *Outcome {
	for i := range t.Shown {
		if v := t.Shown[i].Verdict; v != results.Skipped && v != results.Missing {
			return &t.Shown[i]
		}
	}
	return nil
}

// faults are the known faults that were shown.
func (t *Tally) faults() []string {
	var ids []string
	for _, o := range t.Shown {
		if o.Verdict == results.KnownFault && !slices.Contains(ids, o.Fault) {
			ids = append(ids, o.Fault)
		}
	}
	slices.Sort(ids)
	return ids
}

// pair is a test with its results on both sides.
type pair struct {
	id, purpose string
	names       [2]string
	generations [2]string
	came        [2]bool // they booted
	tallies     [2]Tally
}

// pairs are the tests of both sides, in the order of the catalogue as far as the
// runs have it, what belongs to no test first.
func pairs(a, b Side) []*pair {
	at := map[string]*pair{}
	var all []*pair
	head := pair{names: [2]string{a.Name, b.Name}, generations: [2]string{a.kernel().Generation, b.kernel().Generation}, came: [2]bool{a.came(), b.came()}}
	for i, s := range []Side{a, b} {
		place := 0 // behind which a test goes that is on this side alone
		for n, run := range s.Runs {
			whole := run.Whole()
			if run.Fatal != 0 && run.Fatal != blame.Kernel { // interrupted, a full disk: it says nothing of the kernel
				whole.Verdict = results.Missing
			}
			for k := -1; k < len(run.Tests); k++ {
				t := &whole
				if k >= 0 {
					t = &run.Tests[k]
				}
				p := at[t.ID]
				if p == nil {
					p = new(pair)
					*p = head
					p.id, p.purpose = t.ID, t.Purpose
					p.tallies = [2]Tally{{settled: true, Shown: []Outcome{}}, {settled: true, Shown: []Outcome{}}}
					at[t.ID] = p
					all = slices.Insert(all, place, p)
				}
				if place < len(all) && all[place] == p {
					place++
				} else {
					place = 1 + slices.Index(all, p)
				}
				p.tallies[i].add(t, run, n+1)
			}
		}
	}
	return all
}

// only says why a test has a result on one side alone.
func (p *pair) only(has, lacks int) string {
	t := &p.tallies[lacks]
	on := p.names[has]
	switch {
	case t.Missing > 0:
		return fmt.Sprintf("%s alone: on %s it never reported%s", on, p.names[lacks], because(t.ended(results.Missing)))
	case t.Skipped > 0:
		return fmt.Sprintf("%s alone: skipped on %s%s", on, p.names[lacks], because(t.ended(results.Skipped)))
	case !p.came[lacks]:
		return fmt.Sprintf("%s alone: %s did not come up", on, p.names[lacks])
	case p.generations[0] != p.generations[1]:
		return fmt.Sprintf("%s alone: it does not apply to generation %s", on, p.generations[lacks])
	}
	return fmt.Sprintf("%s alone: it was not among the tests of %s", on, p.names[lacks])
}

func because(o *Outcome) string {
	if o == nil || o.Detail == "" {
		return ""
	}
	return ": " + o.Detail
}

// Counted is a test with what it showed in all runs of one side.
type Counted struct {
	ID string
	Tally
}

// Tests are the tests of a side, in the order of the catalogue as far as the runs
// have it.
func (s Side) Tests() []Counted {
	var all []Counted
	for _, p := range pairs(s, Side{}) {
		if p.id != results.WholeID {
			all = append(all, Counted{p.id, p.tallies[0]})
		}
	}
	return all
}
