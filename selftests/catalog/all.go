package catalog

import (
	"cmp"
	"slices"
)

// areas is the catalogue, an area a file.
var areas = [][]Test{
	alignTests, bitsTests, cowTests, enableTests, errorsTests, forkTests, lifetimeTests, statusTests, writeTests,
}

// All returns every test, by id.
func All() []Test {
	all := slices.Concat(areas...)
	slices.SortFunc(all, func(a, b Test) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

// ByID returns the test with the id.
func ByID(id string) (Test, bool) {
	for _, area := range areas {
		if i := slices.IndexFunc(area, func(t Test) bool { return t.ID == id }); i >= 0 {
			return area[i], true
		}
	}
	return Test{}, false
}

// The features that tests need. user_events itself is none of them: where it
// is missing there is no generation, and no test applies.
const (
	Instances Feature = "instances" // trace instances: tracefs has a folder instances
	Memfd     Feature = "memfd"     // memfd_create(2), CONFIG_MEMFD_CREATE
	Perf      Feature = "perf"      // perf_event_open(2), CONFIG_PERF_EVENTS
)

// Features returns the features that a test of the catalogue may need.
func Features() []Feature { return []Feature{Instances, Memfd, Perf} }

// same expects one observation on g0 and on g1: the RFC changes nothing.
func same(saw string) map[Generation]Expect {
	return map[Generation]Expect{G0: {Saw: saw}, G1: {Saw: saw}}
}

// only expects an observation on one generation; the test does not apply to
// the others.
func only(g Generation, saw string) map[Generation]Expect {
	return map[Generation]Expect{g: {Saw: saw}}
}
