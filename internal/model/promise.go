package model

import (
	"fmt"
	"slices"
	"strings"
)

// Promise is the id of a known deviation, as selftests/catalog names it. A
// model that is given it predicts what the changelog promises instead.
type Promise string

// The deviations that operations can reach.
const (
	ParentMissed     Promise = "map-private-parent-missed"
	ChildMissed      Promise = "map-private-child-missed"
	StaleAfterFork   Promise = "stale-bit-after-fork"
	StaleAfterClose  Promise = "stale-bit-after-close"
	NotFaultedIn     Promise = "page-not-faulted-in"
	SharedBitCleared Promise = "shared-bit-cleared"
	Unwritable       Promise = "unwritable-address-accepted"
	ReservedIgnored  Promise = "reserved-bits-ignored"
	ResultNotStored  Promise = "result-not-stored"
	EmptyRefused     Promise = "empty-payload-refused"
	ReusedMemory     Promise = "write-into-reused-memory"
	WithoutEnd       Promise = "unbounded-enablers"
	BadPlacesCost    Promise = "bad-places-delay"
	ChildrenKept     Promise = "exited-children-kept"
	ErrorHidden      Promise = "write-error-hidden"
)

// promises says which generations deviate from what.
var promises = []struct {
	Promise
	on []Generation
}{
	{ParentMissed, []Generation{G1}},
	{ChildMissed, []Generation{G1}},
	{StaleAfterFork, []Generation{G1}},
	{StaleAfterClose, []Generation{G1}},
	{NotFaultedIn, []Generation{G1}},
	{SharedBitCleared, []Generation{G1, G3}},
	{Unwritable, []Generation{G1}},
	{ReservedIgnored, []Generation{G1}},
	{ResultNotStored, []Generation{G0, G0Stable, G1, G3}},
	{EmptyRefused, []Generation{G0, G0Stable, G1}},
	{ReusedMemory, []Generation{G1}}, // on g3 the program can unregister first
	{WithoutEnd, []Generation{G1}},
	{BadPlacesCost, []Generation{G1}},
	{ChildrenKept, []Generation{G1}},
	{ErrorHidden, []Generation{G3}},
}

// Promises returns the deviations of a generation that a program can show.
func Promises(g Generation) []Promise {
	var ps []Promise
	for _, p := range promises {
		if slices.Contains(p.on, g) {
			ps = append(ps, p.Promise)
		}
	}
	return ps
}

// AllPromises are those of any generation, sorted.
func AllPromises() []Promise {
	var all []Promise
	for _, p := range promises {
		all = append(all, p.Promise)
	}
	slices.Sort(all)
	return all
}

// CheckPromises returns an error if a name is none that any generation knows.
func CheckPromises(names []string) error {
	all := AllPromises()
	for _, name := range names {
		if name != "all" && !slices.Contains(all, Promise(name)) {
			return fmt.Errorf("%q is no deviation that the model can be told away; there are all, %s", name, strings.Join(texts(all), ", "))
		}
	}
	return nil
}

// ParsePromises takes ids, or "all" for all that the generation has.
func ParsePromises(g Generation, names []string) ([]Promise, error) {
	all := Promises(g)
	var ps []Promise
	for _, name := range names {
		switch {
		case name == "all":
			ps = append(ps, all...)
		case slices.Contains(all, Promise(name)):
			ps = append(ps, Promise(name))
		default:
			return nil, fmt.Errorf("%q is no deviation of generation %s that the model can be told away; there are all, %s", name, g, strings.Join(texts(all), ", "))
		}
	}
	slices.Sort(ps)
	return slices.Compact(ps), nil
}

func texts(ps []Promise) []string {
	var s []string
	for _, p := range ps {
		s = append(s, string(p))
	}
	return s
}
