package pipeline

import (
	"regexp"
	"runtime"
	"testing"

	"uetest/internal/paired"
	"uetest/internal/results"
	"uetest/kernel-patches"
)

// BenchmarkParallel is the throughput of as many guests at a time as there are
// CPUs, against one at a time: the same tests, each in a guest of its own. A
// ratio of the number of CPUs would be perfect.
//
//	go test -run '^$' -bench Parallel -benchtime 5x ./internal/pipeline
func BenchmarkParallel(b *testing.B) {
	cache := sharedCache(b)
	series, err := kernelpatches.Load("rfc")
	if err != nil {
		b.Fatal(err)
	}
	run := func(jobs int) {
		runs, err := Run(b.Context(), Config{
			Root: root(b), Cache: cache, Series: series, Kernels: []string{"rfc"}, Accel: "tcg",
			Select: regexp.MustCompile("^(align|enable|write)/.*$"), Isolation: IsolateTest, Jobs: jobs,
			Machine: results.Machine{CPUs: 1}, // as guests side by side have
		})
		if err != nil {
			b.Fatal(err)
		}
		if code := runs[0].Exit(); code != 0 {
			b.Fatalf("exit code %d: %q", code, runs[0].Problems)
		}
	}
	cpus := runtime.NumCPU()
	run(cpus) // makes what is missing
	var times paired.Times
	for b.Loop() {
		times.Add(func() { run(1) }, func() { run(cpus) })
	}
	times.Report(b, "one", "all")
}
