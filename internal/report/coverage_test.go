package report

import (
	"bytes"
	"strings"
	"testing"

	"uetest/internal/coverage"
	"uetest/internal/results"
	"uetest/internal/runs"
)

// covered is a run of a patch of which one line was executed, one was not for a
// reason, and one was not.
func covered() *results.Run {
	c := &coverage.Report{
		Schema: coverage.Schema, Source: coverage.Counters, Kernels: []string{"rfc"},
		Unread: []string{"faults/panics: its counters can't be read"}, Stale: []string{"unreached.json: entry 2: gone"},
		Files: []coverage.File{
			{Path: "include/a.h", Hunks: []coverage.Hunk{{Lines: []coverage.Line{{Op: "+", Text: "int f(void);", Number: 3}}}}},
			{Path: "kernel/a.c", Hunks: []coverage.Hunk{{Section: "int f(void)", Lines: []coverage.Line{
				{Op: " ", Text: "{", Number: 11},
				{Op: "-", Text: "\treturn 0;"},
				{Op: "+", Text: "\tif (bad())\x1b[31m", Number: 12},
				{Op: "+", Text: "\t\treturn -EINVAL;", Number: 13},
				{Op: "+", Text: "\treturn odd();", Number: 14},
			}}}},
		},
	}
	at := func(line int) coverage.Place { return coverage.Place{File: "kernel/a.c", Line: line} }
	c.HasCode(map[coverage.Place]bool{at(12): true, at(13): true, at(14): true})
	c.Executed(coverage.Boot, nil)
	c.Executed("bits/each", map[coverage.Place]bool{at(12): true})
	c.Executed("fork/private", nil)
	c.Explain([]coverage.Reason{{File: "kernel/a.c", Text: "return -EINVAL;", Why: "nothing is bad"}})
	r := sample()
	r.Coverage = c
	return r
}

func TestCoverageForPeople(t *testing.T) {
	for _, verbose := range []bool{false, true} {
		var b bytes.Buffer
		if err := Coverage(&b, []*results.Run{sample(), covered()}, Options{Verbose: verbose}); err != nil {
			t.Fatal(err)
		}
		name := "coverage.txt"
		if verbose {
			name = "coverage-verbose.txt"
		}
		golden(t, name, b.Bytes())
		if strings.Contains(b.String(), "\x1b") {
			t.Error("an escape sequence of the source reaches the terminal")
		}
	}
}

func TestCoverageOfRunsWithoutAny(t *testing.T) {
	var b bytes.Buffer
	if err := Coverage(&b, []*results.Run{sample()}, Options{}); err != nil || b.Len() > 0 {
		t.Errorf("%v, %q", err, b.String())
	}
	if err := LCOV(&b, &runs.Record{Runs: []*results.Run{sample()}}, Options{}); err != nil || !strings.HasPrefix(b.String(), "# no coverage") || strings.Count(b.String(), "\n") != 1 {
		t.Errorf("lcov: %v, %q; want a comment", err, b.String())
	}
}

// The passes of --count are of one kernel: what any of them executed counts, once.
func TestCoverageOfSeveralPassesIsOneTable(t *testing.T) {
	first, second := covered(), covered()
	first.Pass, second.Pass = 1, 2
	second.Coverage.Executed("enable/late", map[coverage.Place]bool{{File: "kernel/a.c", Line: 14}: true})
	rec := &runs.Record{Runs: []*results.Run{first, second}}
	var text, page bytes.Buffer
	if err := AllText(&text, rec, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := HTML(&page, rec, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Coverage of the patch  rfc, 3 tests, by counters\n", "\n2 of 3 added lines executed, 1 named with a reason, 0 unexplained"} {
		if strings.Count(text.String(), want) != 1 {
			t.Errorf("want %q once in\n%s", want, text.String())
		}
	}
	if want := "2 of 3 added lines with code executed"; strings.Count(page.String(), "Line by line") != 1 || !strings.Contains(page.String(), want) {
		t.Errorf("the page does not have it once: %q", want)
	}
}

func TestLCOVHasASectionATest(t *testing.T) {
	var b bytes.Buffer
	if err := LCOV(&b, &runs.Record{Runs: []*results.Run{covered()}}, Options{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "coverage.info", b.Bytes())
}
