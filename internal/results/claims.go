package results

import (
	"slices"

	"uetest/selftests/catalog"
)

// Judgement is what the tests of a run say of a statement: a claim of the
// changelog, the answer to a reviewer's question.
type Judgement string

// The judgements.
const (
	Holds    Judgement = "holds"
	Fails    Judgement = "does not hold"
	NotShown Judgement = "not decided" // no test that ran tells
)

// Decision is what one run says of a statement.
type Decision struct {
	Judgement
	For     []Test         // tests that bear it out
	Against []Test         // tests that contradict it
	Open    []Test         // tests that ran and could not tell
	NotRun  []catalog.Test // tests that the run left out
}

// DecideClaim says whether claim n holds on the kernel of the run. A test that
// shows a known fault contradicts the claim that the fault breaks and no other:
// what the changelog announces is no breach of it.
func DecideClaim(n int, run *Run) Decision {
	return decide(run, func(t catalog.Test) bool { return slices.Contains(t.Claims, n) }, func(t Test) bool {
		f, ok := catalog.FaultByID(t.Fault)
		return !ok || f.Claim == n
	})
}

// DecideAnswer says whether the answer to a question stands, which is made
// from what the catalogue knows: a known fault bears it out.
func DecideAnswer(id string, run *Run) Decision {
	return decide(run, func(t catalog.Test) bool { return slices.Contains(t.Questions, id) }, func(Test) bool { return false })
}

// decide sorts the tests that belong to a statement. breaks tells whether the
// known fault that a test showed contradicts it.
func decide(run *Run, belongs func(catalog.Test) bool, breaks func(Test) bool) Decision {
	var d Decision
	for _, entry := range catalog.AllFor(run.Kernel.Arch) {
		if _, applies := entry.On(catalog.Generation(run.Generation)); !applies || !belongs(entry) {
			continue
		}
		i := slices.IndexFunc(run.Tests, func(t Test) bool { return t.ID == entry.ID })
		if i < 0 {
			d.NotRun = append(d.NotRun, entry)
			continue
		}
		switch t := run.Tests[i]; {
		case t.Verdict == AsExpected, t.Verdict == Fixed, t.Verdict == KnownFault && !breaks(t):
			d.For = append(d.For, t)
		case t.Verdict == KnownFault, t.Verdict == Regressed, t.Verdict == UnknownFault:
			d.Against = append(d.Against, t)
		default:
			d.Open = append(d.Open, t)
		}
	}
	switch {
	case len(d.Against) > 0:
		d.Judgement = Fails
	case len(d.For) > 0 && len(d.Open) == 0:
		d.Judgement = Holds
	default:
		d.Judgement = NotShown
	}
	return d
}
