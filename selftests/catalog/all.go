package catalog

import (
	"cmp"
	"slices"
)

// areas is the catalogue, an area a file.
var areas = [][]Test{
	alignTests,
	bitsTests,
	buildTests,
	compatTests,
	cowTests,
	debugTests,
	enableTests,
	errorsTests,
	faultsTests,
	forkTests,
	leaksTests,
	lifetimeTests,
	modelTests,
	pagesTests,
	rightsTests,
	sourcesTests,
	statusTests,
	stressTests,
	unregTests,
	writeTests,
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

// same expects one observation on g0 and on g1: the RFC changes nothing.
func same(saw string) map[Generation]Expect {
	return map[Generation]Expect{G0: {Saw: saw}, G1: {Saw: saw}}
}

// everywhere expects one observation on every generation.
func everywhere(saw string) map[Generation]Expect {
	return map[Generation]Expect{G0: {Saw: saw}, G1: {Saw: saw}, G3: {Saw: saw}}
}

// remote expects one observation where the kernel writes a word of the
// program's own, on g1 and on g3.
func remote(saw string) map[Generation]Expect {
	return map[Generation]Expect{G1: {Saw: saw}, G3: {Saw: saw}}
}

// since expects one observation before g3 and another from g3 on.
func since(before, g3 string) map[Generation]Expect {
	return map[Generation]Expect{G0: {Saw: before}, G1: {Saw: before}, G3: {Saw: g3}}
}

// only expects an observation on one generation; the test does not apply to
// the others.
func only(g Generation, saw string) map[Generation]Expect {
	return map[Generation]Expect{g: {Saw: saw}}
}

// onPlaces expects one observation wherever a place is registered to be told,
// on g1 and on g3.
func onPlaces(saw string) map[Generation]Expect {
	return map[Generation]Expect{G1: {Saw: saw}, G3: {Saw: saw}}
}
