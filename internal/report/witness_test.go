package report

import (
	"strings"
	"testing"

	"uetest/internal/results"
	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

func TestWitnessShowsTheirsBesideOurs(t *testing.T) {
	run := &results.Run{
		Generation: string(catalog.G3), Kernel: results.Kernel{Name: "upstream"},
		Guest: wire.Guest{Release: "6.12"}, Dir: "/runs/x",
	}
	for _, test := range append(catalog.WitnessedTests(catalog.G3), catalog.WitnessPrograms(catalog.G3)...) {
		e, _ := test.On(catalog.G3)
		run.Tests = append(run.Tests, results.Test{ID: test.ID, Saw: e.Saw, Verdict: results.AsExpected})
	}
	for i := range run.Tests {
		switch r := &run.Tests[i]; r.ID {
		case "witness/dyn":
			r.Saw = strings.Replace(r.Saw, "user.basic_types=ok", "user.basic_types=not-ok", 1)
		case "write/perf-sample":
			r.Verdict, r.Detail = results.Regressed, "samples=0, not 1"
		}
	}
	var b strings.Builder
	if err := Witness(&b, []*results.Run{run}, Options{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"upstream  6.12  generation g3\n",
		"  ftrace_test print_fmt            ok       agree\n      status/format                              as expected\n",
		"  dyn_test basic_types             not-ok   races\n",
		"  perf_test perf_write             ok       DISAGREE\n",
		"      write/perf-sample is regressed: samples=0, not 1\n",
		"1 race with the kernel", "1 DISAGREE\n",
		"saved in /runs/x\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}
