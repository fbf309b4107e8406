package pipeline

import (
	"regexp"
	"testing"

	"uetest/internal/paired"
	"uetest/internal/results"
	"uetest/kernel-patches"
)

// BenchmarkCoverage is what counting costs: the same tests on the kernel with the
// counters, which are read and made lines of after each, against the kernel without.
//
//	go test -run '^$' -bench Coverage -benchtime 5x ./internal/pipeline
func BenchmarkCoverage(b *testing.B) {
	cache := sharedCache(b)
	series, err := kernelpatches.Load("rfc")
	if err != nil {
		b.Fatal(err)
	}
	run := func(source string) {
		runs, err := Run(b.Context(), Config{
			Root: root(b), Cache: cache, Series: series, Kernels: []string{"rfc"}, Accel: "tcg",
			Select: regexp.MustCompile("^(cow|enable|errors|status|unreg)/.*$"), Coverage: source,
			Machine: results.Machine{CPUs: 1}, // or some tests take two, which wait for each other on a busy host
		})
		if err != nil {
			b.Fatal(err)
		}
		if code := runs[0].Exit(); code != 0 {
			b.Fatalf("exit code %d: %q", code, runs[0].Problems)
		}
	}
	run(CoverageCounters) // makes what is missing
	run("")
	var times paired.Times
	for b.Loop() {
		times.Add(func() { run(CoverageCounters) }, func() { run("") })
	}
	times.Report(b, "counted", "plain")
}
