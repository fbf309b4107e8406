// Package catalog holds, as data, every selftest: its stable id, what it is
// for, the claim or defect it belongs to, what it needs, and what each
// generation of the user_events ABI is expected to show.
//
// A test says only what it saw. The catalogue says what should be seen. The
// verdict is made from the two on the host (internal/results).
package catalog

import (
	"maps"
	"time"

	"uetest/internal/feature"
	"uetest/internal/uapi"
)

// Generation names a behaviour of the user_events ABI. A kernel is asked for
// its generation at boot without side effects; a named kernel also declares
// it, and the two have to agree.
type Generation = uapi.Generation

// The generations, by the names that entries use.
const (
	G0       = uapi.G0
	G0Stable = uapi.G0Stable
	G1       = uapi.G1
	G2       = uapi.G2
	G3       = uapi.G3
)

// fallback says whose expectation stands in where a generation has none of
// its own.
var fallback = map[Generation]Generation{G0Stable: G0}

// Isolation says which tests may share a kernel.
type Isolation int

// The isolations.
const (
	Shared Isolation = iota // leaves the kernel as it found it
	Fresh                   // wants a kernel nobody used, or may hurt the next test
)

// Test is one entry of the catalogue.
type Test struct {
	ID        string         // "area/what-holds"; the area is the program's name
	Purpose   string         // one line: what holds if the test is as expected
	Claims    []int          // claims of the changelog that it helps to decide
	Questions []string       // ids of the reviewers' questions that it helps to answer
	Needs     []feature.Name // what the kernel must have; a missing one is an earned skip
	Isolation Isolation      //
	Variant   string         // the variant of the kernel that it takes, "kasan"; empty: any
	Machine   Machine        // only with Fresh: a guest unlike the usual one
	Timeout   time.Duration  // under hardware acceleration; 0 is DefaultTimeout
	Source    string         // a C program of the kernel's tree: the test is on the host, whether it compiles
	Expect    map[Generation]Expect
	Arch      map[string]Differs // where it is otherwise: "arm64", "riscv64"
	// Under is what is shown in place of Expect by a kernel in a variant, where
	// the checks of that see something else first.
	Under map[string]map[Generation]Expect
}

// Differs is what is otherwise with a test on one architecture.
type Differs struct {
	Why       string                // the reason, one line
	Isolation Isolation             // Fresh: there it may hurt the next test
	Expect    map[Generation]Expect // in place of the test's, for the generations that it names
	Absent    bool                  // the test says nothing there
}

// For returns the test as it is on an architecture, and whether it says
// anything there.
func (t Test) For(arch string) (Test, bool) {
	d, ok := t.Arch[arch]
	if !ok {
		return t, true
	}
	if d.Absent {
		return t, false
	}
	t.Isolation = max(t.Isolation, d.Isolation)
	expect := maps.Clone(t.Expect)
	maps.Copy(expect, d.Expect)
	t.Expect = expect
	return t, true
}

// Shows reports whether the test shows a fault, on some generation of some
// architecture.
func (t Test) Shows(fault string) bool {
	shows := func(expect map[Generation]Expect) bool {
		for _, e := range expect {
			if e.Fault == fault {
				return true
			}
		}
		return false
	}
	if shows(t.Expect) {
		return true
	}
	for _, d := range t.Arch {
		if shows(d.Expect) {
			return true
		}
	}
	return false
}

// AllFor returns the tests that say something on an architecture, as they are
// there.
func AllFor(arch string) []Test {
	var tests []Test
	for _, t := range All() {
		if t, ok := t.For(arch); ok {
			tests = append(tests, t)
		}
	}
	return tests
}

// In returns the test as it is on a kernel in these variants.
func (t Test) In(variants ...string) Test {
	for _, v := range variants {
		if under := t.Under[v]; under != nil {
			expect := maps.Clone(t.Expect)
			maps.Copy(expect, under)
			t.Expect = expect
		}
	}
	return t
}

// Machine is what a test asks of the guest. The zero value is the usual guest.
type Machine struct {
	Memory int      // MiB
	Append []string // parameters for the kernel, each one word
}

// Usual reports whether m is the usual guest.
func (m Machine) Usual() bool { return m.Memory == 0 && len(m.Append) == 0 }

// DefaultTimeout is a test's time limit on a fast machine. The host scales it
// for emulation.
const DefaultTimeout = 5 * time.Second

// Expect is what one generation shows.
type Expect struct {
	// Saw is the observations in the order in which the test makes them:
	// "key=value key=value". Values hold no blanks.
	Saw string
	// Splat is the title of the report, as internal/console has it, that the
	// kernel makes when the test provokes Fault. The test need not end then:
	// Saw is what it saw before. Only with Fault, and with isolation Fresh.
	Splat string
	// Fault names the known fault that Saw is an instance of, an id of
	// Faults. Empty: Saw is what the ABI promises.
	Fault string
	// Promise is what would be seen if the fault were gone. A kernel that
	// shows it is reported as fixed. Only with Fault.
	Promise string
}

// Fault is a known deviation of a generation from what it promises.
type Fault struct {
	ID    string // "map-private-parent", stable
	Title string // one line, for the summary
	Claim int    // the claim of the changelog that does not hold, or 0
	// Elsewhere says where the fault shows that no test of this catalogue can
	// go: a build of the kernel, a processor. Empty: a test shows it.
	Elsewhere string
}

// Area returns the program that runs the test: the part of the id before the
// slash.
func (t Test) Area() string {
	for i := range t.ID {
		if t.ID[i] == '/' {
			return t.ID[:i]
		}
	}
	return t.ID
}

// On returns what generation g is expected to show, and whether the test
// applies to it at all.
func (t Test) On(g Generation) (Expect, bool) {
	for g != "" {
		if e, ok := t.Expect[g]; ok {
			return e, true
		}
		g = fallback[g]
	}
	return Expect{}, false
}
