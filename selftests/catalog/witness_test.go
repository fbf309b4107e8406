package catalog

import (
	"slices"
	"strings"
	"testing"
)

// witnessArea is the program that runs upstream's.
const witnessArea = "witness"

func TestEachOfUpstreamsProgramsIsRun(t *testing.T) {
	can := programs(t)[witnessArea]
	wanted := map[string]bool{}
	for _, g := range []Generation{G3, G0Stable} {
		all := WitnessPrograms(g)
		if len(all) == 0 {
			t.Errorf("no programs on %s", g)
		}
		for _, test := range all {
			wanted[test.ID] = true
			e, ok := test.On(g)
			if !slices.Contains(can, test.ID) || !ok || !sawForm.MatchString(e.Saw) || !idForm.MatchString(test.ID) {
				t.Errorf("%s on %s, which sees %q: selftests/%s has %q", test.ID, g, e.Saw, witnessArea, can)
			}
			if _, ok := ByID(test.ID); ok {
				t.Errorf("%s is in the catalogue: every run would want upstream's programs", test.ID)
			}
		}
	}
	for _, id := range can {
		if !wanted[id] {
			t.Errorf("selftests/%s has %s, which no kernel comes with", witnessArea, id)
		}
	}
}

func TestWitnessesAreHeldAgainstTestsOfTheirKernel(t *testing.T) {
	seen := map[string]bool{}
	for _, w := range witnesses {
		at := string(w.Generation) + " " + w.Program + " " + w.Function
		if seen[at] {
			t.Errorf("%s twice", at)
		}
		seen[at] = true
		if !strings.HasSuffix(w.Program, "_test") || !strings.Contains(w.Function, ".") {
			t.Errorf("%s: no name of a function", at)
		}
		if w.NotOK != "" && w.Race != "" {
			t.Errorf("%s: it says not ok, or either", at)
		}
		for i, id := range w.Tests {
			test, ok := ByID(id)
			if !ok || slices.Contains(w.Tests[:i], id) {
				t.Errorf("%s: no test %s, or twice", at, id)
				continue
			}
			// A known fault agrees with nobody.
			if e, ok := test.On(w.Generation); !ok || e.Fault != "" {
				t.Errorf("%s: %s shows nothing on %s, or a fault", at, id, w.Generation)
			}
		}
	}
	for _, g := range []Generation{G3, G0Stable} {
		named := map[string]bool{}
		for _, w := range Witnesses(g) {
			for _, id := range w.Tests {
				named[id] = true
			}
		}
		if got := WitnessedTests(g); len(got) != len(named) {
			t.Errorf("%s: %d tests to run, %d are named", g, len(got), len(named))
		}
	}
}
