package mutation

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"uetest/internal/pipeline"
	"uetest/kernel-patches"
)

// handful are the mutants that are tried when nobody asks for all: one each of
// what is written, when, where to, what is refused and what is said.
var handful = []string{
	"alignment-unchecked",
	"never-cleared",
	"neighbour-bit",
	"not-at-registration",
	"silent-failure",
}

// quick are tests that tell the handful, and take some seconds in all.
var quick = regexp.MustCompile("^(align|bits/each|cow|enable)/?.*$")

// A kernel that breaks one promise of the patch must not pass. All of the
// mutants take the better part of an hour:
//
//	UETEST_MUTANTS=all go test -run BrokenPatch -timeout 3h ./internal/mutation
func TestBrokenPatchIsTold(t *testing.T) {
	mutants, o := read(t), options(t)
	o.First = true
	if os.Getenv("UETEST_MUTANTS") == "all" {
		o.Then, o.Keep = []string{"lockdep", "fault-injection"}, false
	} else {
		o.Config.Select = quick
		mutants = slices.DeleteFunc(mutants, func(m Mutant) bool { return !slices.Contains(handful, m.Name) })
		if len(mutants) != len(handful) {
			t.Fatalf("got %d of %v", len(mutants), handful)
		}
	}
	table, err := Run(t.Context(), o, mutants)
	if err != nil {
		t.Fatal(err)
	}
	for i := range table.Outcomes {
		if out := &table.Outcomes[i]; !out.Class.Good() {
			t.Errorf("%s %s: %+v", out.Class, out.Name, out)
		} else if out.Class == Caught {
			t.Logf("%s by %s", out.Name, out.by(true))
		}
	}
	if len(table.Outcomes) != len(mutants) {
		t.Errorf("%d mutants have %d outcomes", len(mutants), len(table.Outcomes))
	}
}

// read returns the mutants that uetest ships.
func read(t *testing.T) []Mutant {
	t.Helper()
	mutants, err := Read([]string{"testdata/mutants"})
	if err != nil {
		t.Fatal(err)
	}
	return mutants
}

// options try mutants with the user's cache, so that a test does not build the
// kernel itself again.
func options(t *testing.T) Options {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and boots kernels; not with -short")
	}
	if _, err := os.Stat("/usr/src/linux-source-6.1.tar.xz"); err != nil {
		t.Skip("needs the package linux-source-6.1: ", err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cache := os.Getenv("UETEST_CACHE")
	if cache == "" {
		if cache, err = os.UserCacheDir(); err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(cache, "uetest")
	}
	// The kernels are kept, so that a second run of the tests builds none.
	return Options{Config: pipeline.Config{Root: root, Cache: cache, Series: series(t)}, On: "rfc", Keep: true}
}

func series(t *testing.T) *kernelpatches.Series {
	t.Helper()
	s, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What no test can tell from the patch, and what does not compile, is told as
// that and not as caught. One build each, one test.
func TestWhatIsNotCaughtIsTold(t *testing.T) {
	o := options(t)
	o.Config.Select = oneTest
	const file = "--- a/kernel/trace/trace_events_user.c\n+++ b/kernel/trace/trace_events_user.c\n@@ -1,2 +1,3 @@\n // SPDX-License-Identifier: GPL-2.0-only\n+"
	comment := file + "/* Nothing. */\n /*\n"
	var mutants []Mutant
	for name, text := range map[string]string{
		"survivor":   "A comment.\n" + comment,
		"equivalent": "Subject: a comment\nEquivalent: a comment is not\n compiled\n---\n" + comment,
		"typing":     "A typing error.\n" + file + "int typo = ;\n /*\n",
		"elsewhere":  "No such line.\n" + strings.ReplaceAll(comment, " // SPDX", " // There is no such line. SPDX"),
	} {
		m, err := Parse(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		mutants = append(mutants, m)
	}
	table, err := Run(t.Context(), o, mutants)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Class{}
	for _, out := range table.Outcomes {
		got[out.Name] = out.Class
	}
	for name, want := range map[string]Class{"survivor": Survived, "equivalent": Equivalent, "typing": Unbuilt, "elsewhere": Unbuilt} {
		if got[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[name], want)
		}
	}
	if code := table.Exit(); code != 3 {
		t.Errorf("exit code %d, want 3: something was not built", code)
	}
}

// Of the mutants that are made of the series one that is caught, one that compiles to
// the same and one that does not compile are told as that. Four builds, some tests.
func TestGeneratedMutantsAreTried(t *testing.T) {
	o := options(t)
	o.Config.Kernels = []string{"rfc"}
	g, err := Generate(t.Context(), o.Config)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Class{
		"trace_events_user.c:user_reg_get:change-constant:enable_bit-31-30": Caught,
		"trace_events_user.c:user_reg_get:change-constant:enable_bit-31-32": Equivalent, // the field has five bits
		"trace_events_user.c:user_seq_show:revert-hunk":                     Stillborn,
	}
	list, err := Choose(g.Mutants, nil, func(name string) bool { return want[name] != "" }, 0, 0)
	if err != nil || len(list) != len(want) {
		t.Fatalf("%d mutants, %v", len(list), err)
	}
	o.Config.Select = regexp.MustCompile("^(enable/event-file|bits/each-sets-alone)$")
	o.First, o.Nothing = true, g.Nothing
	table, err := Run(t.Context(), o, list)
	if err != nil {
		t.Fatal(err)
	}
	for i := range table.Outcomes {
		if out := &table.Outcomes[i]; out.Class != want[out.Name] || out.Diff == "" || out.Operator == "" {
			t.Errorf("%s: got %s, want %s: %+v", out.Name, out.Class, want[out.Name], out)
		}
	}
	if caught, of := table.Score(); caught != 1 || of != 1 || table.Exit() != 0 {
		t.Errorf("%d of %d caught, exit code %d", caught, of, table.Exit())
	}
}
