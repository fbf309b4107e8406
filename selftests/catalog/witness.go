package catalog

import (
	"slices"
	"strings"
	"time"
)

// A Witness is a function of upstream's own selftests for user_events
// (tools/testing/selftests/user_events), and what it has in common with the
// tests of this catalogue. The programs come from the source of the kernel that
// they run on, so a generation has functions that another has not.
type Witness struct {
	Generation Generation // of the kernels that have the function
	Program    string     // "abi_test"
	Function   string     // as it names itself: "user.enablement"
	Tests      []string   // ids of the tests that assert the same
	// NotOK says why the function says not ok of such a kernel, which is as it
	// should be nevertheless. Empty: it says ok.
	NotOK string
	// Race says what the function does not wait for, so that it may say ok and
	// not ok of one kernel. Its own tests have to wait.
	Race string
}

// Expected is what the function says of a kernel as it should be.
func (w Witness) Expected() string {
	if w.NotOK != "" {
		return WitnessNotOK
	}
	return WitnessOK
}

// What is heard of a function.
const (
	WitnessOK    = "ok"
	WitnessNotOK = "not-ok"
)

// WitnessFolder is where the guest has upstream's programs.
const WitnessFolder = "/witness"

// witnessTimeout is for a program under hardware acceleration. Functions sleep
// for tenths of a second where they wait for something, and end by an alarm
// after 30 seconds where they fail in their teardown (6.1,
// tools/testing/selftests/kselftest_harness.h, TEST_TIMEOUT_DEFAULT).
const witnessTimeout = 75 * time.Second

// Witnesses returns the functions that kernels of generation g come with, in
// the order in which the programs run them.
func Witnesses(g Generation) []Witness {
	return slices.DeleteFunc(slices.Clone(witnesses), func(w Witness) bool { return w.Generation != g })
}

// WitnessPrograms returns a test for each program that kernels of generation g
// come with. It is run by selftests/witness and none of All.
func WitnessPrograms(g Generation) []Test {
	var tests []Test
	for _, w := range Witnesses(g) {
		id := w.ID()
		saw := w.Function + "=" + w.Expected()
		i := slices.IndexFunc(tests, func(t Test) bool { return t.ID == id })
		if i >= 0 {
			tests[i].Expect[g] = Expect{Saw: tests[i].Expect[g].Saw + " " + saw}
			continue
		}
		tests = append(tests, Test{
			ID: id, Purpose: "upstream's " + w.Program, Timeout: witnessTimeout,
			Expect: map[Generation]Expect{g: {Saw: saw}},
		})
	}
	return tests
}

// ID is the id of the test that runs the function's program.
func (w Witness) ID() string {
	return "witness/" + strings.TrimSuffix(w.Program, "_test")
}

// WitnessedTests returns the tests that assert what a function of upstream's
// asserts on generation g.
func WitnessedTests(g Generation) []Test {
	named := map[string]bool{}
	for _, w := range Witnesses(g) {
		for _, id := range w.Tests {
			named[id] = true
		}
	}
	return slices.DeleteFunc(All(), func(t Test) bool { return !named[t.ID] })
}
