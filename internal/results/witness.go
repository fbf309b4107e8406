package results

import (
	"fmt"
	"slices"
	"strings"

	"uetest/selftests/catalog"
)

// Testimony is what a function of upstream's selftests said of a kernel, beside
// what the tests that assert the same saw on it.
type Testimony struct {
	catalog.Witness
	Heard   string // ok, not-ok, skipped; empty if nothing was heard of it
	Unknown bool   // to the catalogue
	Tests   []Test // those of the catalogue that ran
}

// Disagreement says in what the two differ, in one line; empty if they agree:
// the function says what it should, and each test saw what the kernel promises.
// A function that races with the kernel may say either.
func (t Testimony) Disagreement() string {
	var parts []string
	switch {
	case t.Unknown:
		parts = append(parts, "the catalogue knows nothing of this function of upstream's")
	case t.Heard == "":
		parts = append(parts, "upstream's function has no result")
	case t.Heard == t.Expected():
	case t.Race != "" && t.Heard == catalog.WitnessNotOK:
	default:
		parts = append(parts, fmt.Sprintf("upstream's function says %s, want %s", t.Heard, t.Expected()))
	}
	for _, test := range t.Tests {
		if test.Verdict != AsExpected {
			parts = append(parts, fmt.Sprintf("%s is %s: %s", test.ID, test.Verdict, test.Detail))
		}
	}
	if len(t.Tests) != len(t.Witness.Tests) {
		parts = append(parts, fmt.Sprintf("%d of the %d tests ran", len(t.Tests), len(t.Witness.Tests)))
	}
	return strings.Join(parts, "; ")
}

// Testify compares what a run of pipeline.Witness heard with what it saw. What
// was heard of a function that the catalogue does not know is a Testimony too:
// one that disagrees.
func Testify(run *Run) []Testimony {
	heard := map[string][]string{} // by the program's id: "function=said"
	byID := map[string]Test{}
	for _, t := range run.Tests {
		byID[t.ID] = t
		if strings.HasPrefix(t.ID, "witness/") {
			heard[t.ID] = strings.Fields(t.Saw)
		}
	}
	var all []Testimony
	for _, w := range catalog.Witnesses(catalog.Generation(run.Generation)) {
		t := Testimony{Witness: w}
		id := w.ID()
		if i := slices.IndexFunc(heard[id], func(s string) bool { return strings.HasPrefix(s, w.Function+"=") }); i >= 0 {
			t.Heard = strings.TrimPrefix(heard[id][i], w.Function+"=")
			heard[id] = slices.Delete(heard[id], i, i+1)
		}
		for _, test := range w.Tests {
			if seen, ok := byID[test]; ok {
				t.Tests = append(t.Tests, seen)
			}
		}
		all = append(all, t)
	}
	for _, test := range run.Tests {
		for _, s := range heard[test.ID] {
			function, said, _ := strings.Cut(s, "=")
			all = append(all, Testimony{
				Witness: catalog.Witness{Program: strings.TrimPrefix(test.ID, "witness/") + "_test", Function: function},
				Heard:   said, Unknown: true,
			})
		}
	}
	return all
}
