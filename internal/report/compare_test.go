package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"uetest/internal/compare"
	"uetest/internal/console"
	"uetest/internal/results"
	"uetest/internal/runs"
	"uetest/internal/wire"
)

// inTurns is a record of two kernels that were tested 20 times each, in turns, in
// shuffled order: with a test of each class.
func inTurns() *runs.Record {
	page := console.Splat{Title: "page fault in gup_write", Lines: []string{"BUG: unable to handle page fault"}}
	old := console.Splat{Title: "WARNING: mm/old.c", Lines: []string{"WARNING: CPU: 0"}, Allowed: "as old as the file"}
	kept := results.Test{Verdict: results.AsExpected, Saw: "set=1", Expected: "set=1"}
	other := results.Test{Verdict: results.AsExpected, Saw: "set=2 lines=0", Expected: "set=2 lines=0"}
	known := results.Test{Verdict: results.KnownFault, Saw: "set=0", Expected: "set=0", Promise: "set=1", Fault: "missed", Detail: "missed"}
	bad := results.Test{Verdict: results.Regressed, Saw: "set=3", Expected: "set=1", Detail: "set=3, not 1", Log: []string{"a log"}}
	oops := results.Test{Verdict: results.UnknownFault, Saw: "set=1", Expected: "set=1", Detail: page.Title, Splats: []console.Splat{page}}
	warned := kept
	warned.Splats = []console.Splat{old}
	after := func(n int, first, then results.Test) func(int) results.Test {
		return func(pass int) results.Test {
			if pass > n {
				return then
			}
			return first
		}
	}
	always := func(t results.Test) func(int) results.Test { return after(0, t, t) }
	type shows struct {
		id        string
		base, rfc func(pass int) results.Test
	}
	tests := []shows{
		{"bits/same", always(kept), always(kept)},
		{"bits/warned", always(warned), always(warned)},
		{"bits/promised", always(kept), always(other)},
		{"cow/broken", always(kept), always(known)},
		{"cow/fixed", always(known), always(kept)},
		{"fork/regressed", always(kept), after(13, kept, bad)},
		{"fork/flaky", after(3, bad, kept), after(4, bad, kept)},
		{"pages/once", always(kept), after(19, kept, oops)},
		{"pages/alone", nil, always(kept)},
	}
	var list []*results.Run
	for pass := 1; pass <= 20; pass++ {
		for _, name := range []string{"base", "rfc"} {
			run := &results.Run{
				Schema: results.Schema, Kernel: results.Kernel{Name: name, Arch: "x86_64", Proven: true}, Generation: "g0", Accel: "tcg", Pass: pass, Shuffle: uint64(6 + pass),
				Guest: wire.Guest{Release: "6.1.192-" + name, Machine: "x86_64"}, Boots: 1, Repeat: "--on " + name, Dir: fmt.Sprintf("/cache/runs/1/%s-%d", name, pass),
				Stages: []results.Stage{{Name: "kernel", Took: time.Millisecond}, {Name: "boot", Took: time.Second}, {Name: "tests", Took: time.Second}},
				Start:  time.Date(2026, 11, 23, 1, 3, pass, 0, time.UTC), Faults: []results.FaultNote{{ID: "missed", Title: "a private mapping misses the update", Claim: 6}},
			}
			if name == "rfc" {
				run.Generation, run.Kernel.Mails = "g1", []results.Mail{posted}
			}
			for _, t := range tests {
				of := t.base
				if name == "rfc" {
					of = t.rfc
				}
				if of != nil {
					r := of(pass)
					r.ID, r.Purpose = t.id, "a test of "+t.id
					run.Tests = append(run.Tests, r)
				}
			}
			list = append(list, run)
		}
	}
	return recordOf(list...)
}

func comparisonOf(t *testing.T, rec *runs.Record) *compare.Comparison {
	t.Helper()
	all, err := compare.Within(rec)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d comparisons, %v", len(all), err)
	}
	return all[0]
}

func TestComparisonOfKernelsInTurns(t *testing.T) {
	rec := inTurns()
	c := comparisonOf(t, rec)
	var text, brief, object bytes.Buffer
	if err := Comparison(&text, c, Options{Verbose: true}); err != nil {
		t.Fatal(err)
	}
	if err := Comparison(&brief, c, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := ComparisonJSON(&object, c); err != nil {
		t.Fatal(err)
	}
	golden(t, "turns.compare", text.Bytes())
	golden(t, "turns-brief.compare", brief.Bytes())
	golden(t, "turns.compare-json", object.Bytes())
	for _, name := range []string{"text", "mail", "github-summary", "github"} {
		f, _ := FormatByName(name)
		golden(t, "turns."+name, []byte(render(t, f, rec)))
	}
}

func TestComparisonOfTheSameIsALine(t *testing.T) {
	rec := inTurns()
	var same []*results.Run
	for _, run := range rec.Runs[:4] {
		run.Tests = run.Tests[:1]
		same = append(same, run)
	}
	var b bytes.Buffer
	if err := Comparison(&b, comparisonOf(t, recordOf(same...)), Options{}); err != nil {
		t.Fatal(err)
	}
	if want := "\nbase → rfc, 2 runs of each: 1 same\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

// A program that reads results keeps one of each name.
func TestNamesOfRepeatsAreNotEqual(t *testing.T) {
	rec := inTurns()
	const results = 20 * (8 + 9 + 2)
	names := map[string]int{}
	var suites struct {
		Cases []struct {
			Name string `xml:"name,attr"`
		} `xml:"testsuite>testcase"`
	}
	junit, _ := FormatByName("junit")
	if err := xml.Unmarshal([]byte(render(t, junit, rec)), &suites); err != nil {
		t.Fatal(err)
	}
	for _, c := range suites.Cases {
		names[c.Name]++ // GitLab may leave the class name out
	}
	if len(names) != results || names["fork/flaky [rfc x86_64]"] != 1 || names["fork/flaky [rfc x86_64 repeat 20]"] != 1 {
		t.Errorf("junit: %d names of %d results", len(names), len(suites.Cases))
	}
	ktap, _ := FormatByName("ktap")
	suite, names := "", map[string]int{}
	for l := range strings.Lines(render(t, ktap, rec)) {
		l = strings.TrimSpace(l)
		if name, ok := strings.CutPrefix(l, "# Subtest: "); ok {
			suite = name
		}
		if f := strings.Fields(strings.TrimPrefix(l, "not ")); len(f) > 2 && f[0] == "ok" && !strings.HasPrefix(f[2], "base") && !strings.HasPrefix(f[2], "rfc") {
			names[suite+"/"+f[2]]++
		}
	}
	if len(names) != results || names["rfc-20.fork/flaky"] != 1 {
		t.Errorf("ktap: %d names of %d results", len(names), results)
	}
	format, _ := FormatByName("kcidb")
	var doc struct {
		Builds []struct{ ID string }
		Tests  []struct{ ID, Path string }
	}
	if err := json.Unmarshal([]byte(render(t, format, rec)), &doc); err != nil {
		t.Fatal(err)
	}
	ids, paths := map[string]bool{}, map[string]bool{}
	for _, test := range doc.Tests {
		ids[test.ID], paths[test.Path] = true, true
	}
	if len(ids) != results || len(paths) != 10 {
		t.Errorf("kcidb: %d ids, %d paths of %d results", len(ids), len(paths), results)
	}
}

// What both kernels print must do nothing to who reads the comparison.
func TestHostileTextSurvivesAComparison(t *testing.T) {
	rec := hostile()
	base, rfc := *rec.Runs[0], *rec.Runs[0]
	base.Kernel.Name = "base"
	base.Tests, rfc.Tests = nil, nil
	for i, test := range rec.Runs[0].Tests {
		test.ID = fmt.Sprintf("a/%d %s", i, test.ID)
		base.Tests = append(base.Tests, test)
		test.Verdict, test.Saw = results.Regressed, test.Saw+" x"
		rfc.Tests = append(rfc.Tests, test)
	}
	base.Select, base.Splats = "x", rfc.Tests[0].Splats
	both := recordOf(&base, &rfc)
	both.Runs[0].Kernel.Arch, both.Runs[1].Kernel.Arch = "x", "x"
	both.Runs[0].Guest.Machine, both.Runs[1].Guest.Machine = "x", "x"
	c := comparisonOf(t, both)
	if len(c.By(compare.Unsure)) == 0 || len(c.Splats) == 0 {
		t.Fatalf("nothing hostile is in it: %+v", c)
	}
	var b bytes.Buffer
	if err := Comparison(&b, c, Options{Verbose: true}); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{"compare": b.String()}
	for _, name := range []string{"text", "mail", "github-summary"} {
		f, _ := FormatByName(name)
		texts[name] = render(t, f, both)
	}
	for name, text := range texts {
		if !utf8.ValidString(text) {
			t.Errorf("%s: not valid UTF-8", name)
		}
		for l := range strings.Lines(text) {
			l = strings.TrimSuffix(l, "\n")
			for _, r := range l {
				if r != '\t' && !shows(r) {
					t.Errorf("%s: %U in %q", name, r, l)
				}
			}
			command := strings.HasPrefix(strings.TrimSpace(l), "::") && (name == "compare" || name == "text")
			if command || name == "mail" && strings.HasPrefix(l, "From ") {
				t.Errorf("%s: a line that means something: %q", name, l)
			}
		}
	}
}

func TestKernelsThatCanNotBeComparedSaySo(t *testing.T) {
	rec := inTurns()
	base, rfc := rec.Runs[0], rec.Runs[1]
	base.Tests, rfc.Tests = base.Tests[:1], rfc.Tests[1:2]
	text, _ := FormatByName("text")
	if got := render(t, text, recordOf(base, rfc)); !strings.Contains(got, "NOT COMPARED base and rfc have no test in common") {
		t.Errorf("got %s", got)
	}
}

// Who has to read a list of 116 tests that are not on the other kernel learns
// nothing; who has to find what regressed needs each.
func TestTestsThatDifferInOneWayHaveOneLine(t *testing.T) {
	kept := results.Test{Verdict: results.AsExpected, Saw: "set=1", Expected: "set=1"}
	known := results.Test{Verdict: results.KnownFault, Saw: "set=0", Expected: "set=0", Promise: "set=1", Fault: "missed"}
	bad := results.Test{Verdict: results.Errored, Expected: "set=1", Detail: "crashed"}
	var list []*results.Run
	for range 6 {
		base := &results.Run{Schema: results.Schema, Kernel: results.Kernel{Name: "base", Arch: "x86_64"}, Generation: "g0", Guest: wire.Guest{Release: "6.1"}}
		rfc := &results.Run{Schema: results.Schema, Kernel: results.Kernel{Name: "rfc", Arch: "x86_64"}, Generation: "g1", Guest: wire.Guest{Release: "6.1"}}
		add := func(run *results.Run, r results.Test, ids ...string) {
			for _, id := range ids {
				r.ID = id
				run.Tests = append(run.Tests, r)
			}
		}
		gone, worse, fixed := []string{"a/gone", "b/gone", "b/went"}, []string{"c/one", "c/two", "c/three", "c/four"}, []string{"d/1", "d/2", "e/1", "e/2"}
		add(base, kept, "a/same")
		add(rfc, kept, "a/same")
		add(base, kept, gone...)
		add(base, kept, worse...)
		add(rfc, bad, worse...)
		add(base, known, fixed...)
		add(rfc, kept, fixed...)
		list = append(list, base, rfc)
	}
	rec := recordOf(list...)
	text, _ := FormatByName("text")
	got := render(t, text, rec)
	for _, want := range []string{
		"\n  3 tests  base alone: it does not apply to generation g1; a 1, b 2\n",
		"\n  4 tests  missed; d 2, e 2\n",
		"\n-v names each test\n",
		"\n  c/four   6/6 → 0/6",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	var all bytes.Buffer
	if err := Comparison(&all, comparisonOf(t, rec), Options{Verbose: true}); err != nil {
		t.Fatal(err)
	}
	if got := all.String(); !strings.Contains(got, "\n  b/went  base alone: it does not apply to generation g1\n") || strings.Contains(got, "-v") {
		t.Errorf("verbose:\n%s", got)
	}
}

func TestWhyNoGuestHasTwoCPUsIsTold(t *testing.T) {
	rec := inTurns()
	for _, run := range rec.Runs {
		run.OneCPU = "two make it fault"
	}
	for name, want := range map[string]string{"text": "\n  no guest has two CPUs: two make it fault\n", "html": "; none had two CPUs: two make it fault"} {
		f, _ := FormatByName(name)
		if got := strings.Count(render(t, f, rec), want); got != 2 { // once for each kernel
			t.Errorf("%s: %d times %q, want 2", name, got, want)
		}
	}
}
