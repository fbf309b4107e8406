package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"uetest/internal/results"
	"uetest/internal/runs"
)

// KTAP writes runs in the Kernel Test Anything Protocol, version 1
// (Documentation/dev-tools/ktap.rst). Each area of a kernel is one subtest,
// "rfc.fork"; each test is a result in it. Names are those of the catalogue:
// they hold no numbers that change from run to run. A known fault is "ok", with
// the directive XFAIL that tools/testing/selftests/kselftest.h writes for what
// fails as expected: kunit_parser.py knows no directive but SKIP, and "not ok"
// would count as a failure there.
func KTAP(w io.Writer, rec *runs.Record, _ Options) error {
	b := bufio.NewWriter(w)
	type suite struct {
		name  string
		tests []results.Test
	}
	var suites []suite
	if why := early(rec); why != "" {
		suites = append(suites, suite{"uetest.run", []results.Test{{ID: "run/whole", Verdict: results.Errored, Detail: why}}})
	}
	for _, r := range kernels(rec) {
		kernel := ktapName(r.name)
		suites = append(suites, suite{name: kernel + ".boot", tests: []results.Test{r.Whole()}})
		at := map[string]int{}
		for _, t := range r.Tests {
			area, _, _ := strings.Cut(t.ID, "/")
			i, ok := at[area]
			if !ok {
				i = len(suites)
				at[area] = i
				suites = append(suites, suite{name: kernel + "." + ktapName(area)})
			}
			suites[i].tests = append(suites[i].tests, t)
		}
	}
	fmt.Fprintf(b, "KTAP version 1\n1..%d\n", len(suites))
	for i, s := range suites {
		fmt.Fprintf(b, "  KTAP version 1\n  # Subtest: %s\n  1..%d\n", s.name, len(s.tests))
		good, skipped := true, 0
		for n, t := range s.tests {
			ktapTest(b, n+1, &t)
			good = good && t.Verdict.Good()
			if t.Verdict == results.Skipped {
				skipped++
			}
		}
		line := fmt.Sprintf("%s %d %s", okOr(good), i+1, s.name)
		if skipped == len(s.tests) {
			line += " # SKIP all tests of this area were skipped"
		}
		fmt.Fprintln(b, line)
	}
	return b.Flush()
}

func ktapTest(b *bufio.Writer, n int, t *results.Test) {
	note := func(format string, args ...any) {
		for l := range strings.Lines(fmt.Sprintf(format, args...)) {
			fmt.Fprintf(b, "  # %s\n", printable(l))
		}
	}
	_, name, _ := strings.Cut(t.ID, "/")
	if t.Verdict != results.AsExpected {
		note("%s: %s", t.Verdict, t.Detail)
		if t.Saw != "" {
			note("saw: %s", t.Saw)
		}
		if t.Verdict == results.KnownFault || t.Verdict == results.Fixed {
			note("promised: %s", t.Promise)
		}
		if !t.Verdict.Good() {
			if t.Expected != "" {
				note("expected: %s", t.Expected)
			}
			for _, l := range t.Log {
				note("%s", l)
			}
			for _, s := range results.Charged(t.Splats) {
				for _, l := range s.Lines {
					note("%s", l)
				}
			}
		}
	}
	for _, s := range t.Splats {
		if s.Allowed != "" {
			note("allowed: %s: %s", s.Title, s.Allowed)
		}
	}
	line := fmt.Sprintf("  %s %d %s", okOr(t.Verdict.Good()), n, ktapName(name))
	if t.Verdict == results.Skipped {
		line += " # SKIP " + printable(t.Detail)
	}
	if t.Verdict == results.KnownFault {
		line += " # XFAIL " + printable(t.Detail)
	}
	fmt.Fprintln(b, line)
}

func okOr(ok bool) string {
	if ok {
		return "ok"
	}
	return "not ok"
}

// ktapName makes a description that no parser takes for a directive.
func ktapName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '#' || r == ' ' || !shows(r) {
			return '_'
		}
		return r
	}, s)
}
