package pipeline

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/kernel-patches"
	"uetest/selftests/catalog"
)

// plainName is a kernel's name without its variant and its architecture.
func plainName(k kernelpatches.Kernel) string {
	name, _, _ := strings.Cut(kernelpatches.WithoutArch(k.Name), "+")
	return name
}

// expected puts what the series expects of generation g in the place of what
// the catalogue does.
func (b *built) expected(g catalog.Generation, tests []catalog.Test) []catalog.Test {
	for i, t := range tests {
		e, ok := b.expect[t.ID]
		if !ok {
			continue
		}
		was, _ := t.On(g)
		is := catalog.Expect{Saw: e.Saw}
		if e.Fault != "" {
			is.Fault, is.Promise = e.Fault, was.Saw
			if was.Fault != "" {
				is.Promise = was.Promise
			}
		}
		tests[i].Expect = maps.Clone(t.Expect)
		tests[i].Expect[g] = is
	}
	return tests
}

// reasons are why the series expects something else of tests, by their ids.
func reasons(expect map[string]kernelpatches.Expected) map[string]string {
	if len(expect) == 0 {
		return nil
	}
	list := map[string]string{}
	for id, e := range expect {
		list[id] = e.Reason
	}
	return list
}

// CheckSeries refuses a series that speaks of generations, tests and faults
// that the catalogue does not know.
func CheckSeries(s *kernelpatches.Series) error {
	known := []catalog.Generation{catalog.G0, catalog.G0Stable, catalog.G1, catalog.G2, catalog.G3}
	tests := map[string]bool{}
	for _, t := range catalog.All() {
		tests[t.ID] = true
	}
	for _, k := range s.Kernels {
		if g := catalog.Generation(k.Generation); g != "" && !slices.Contains(known, g) {
			return blame.On(blame.Usage, fmt.Errorf("%s: kernel %s: generation %q; there are %v, and none at all: then the kernel is asked", s.Path("series.json"), k.Name, g, known))
		}
		expect := s.Expect(k.Name)
		for _, id := range slices.Sorted(maps.Keys(expect)) {
			if !tests[id] {
				return blame.On(blame.Usage, fmt.Errorf("%s: %s: no test of this id; see 'uetest list tests'", s.ExpectPath(), id))
			}
			if f := expect[id].Fault; f != "" {
				if _, ok := catalog.FaultByID(f); !ok {
					return blame.On(blame.Usage, fmt.Errorf("%s: %s: \"fault\": no fault %q; see 'uetest list faults'", s.ExpectPath(), id, f))
				}
			}
		}
	}
	return nil
}
