package results

import (
	"slices"

	"uetest/selftests/catalog"
)

// Outcome is what a run shows of one known fault.
type Outcome string

// The outcomes.
const (
	Reproduced    Outcome = "reproduced"
	NotReproduced Outcome = "not reproduced"
	Unclear       Outcome = "unclear" // a test could not do its work, or saw something else
)

// Reproduction is a known fault on the kernel of one run.
type Reproduction struct {
	Outcome
	Has   bool   // the catalogue says that this generation has the fault
	Tests []Test // those that tell
}

// AsKnown reports whether the kernel has the fault if the catalogue says so,
// and has not if it does not.
func (r Reproduction) AsKnown() bool {
	return r.Has && r.Outcome == Reproduced || !r.Has && r.Outcome == NotReproduced
}

// Reproduce tells whether the run shows the fault.
func Reproduce(fault string, run *Run) Reproduction {
	r := Reproduction{Outcome: NotReproduced}
	shows := FaultTests(fault)
	clear := true
	for _, t := range run.Tests {
		i := slices.IndexFunc(shows, func(s catalog.Test) bool { return s.ID == t.ID })
		if i < 0 {
			continue
		}
		r.Tests = append(r.Tests, t)
		r.Has = r.Has || t.Fault == fault
		switch {
		case t.Verdict == KnownFault && t.Fault == fault:
			r.Outcome = Reproduced
		case t.Verdict == AsExpected, t.Verdict == KnownFault, t.Verdict == Fixed:
		default:
			clear = false
		}
	}
	if len(r.Tests) == 0 || !clear {
		r.Outcome = Unclear
	}
	return r
}

// FaultTests returns the tests that show a fault on some generation of some
// architecture.
func FaultTests(fault string) []catalog.Test {
	return slices.DeleteFunc(catalog.All(), func(t catalog.Test) bool { return !t.Shows(fault) })
}
