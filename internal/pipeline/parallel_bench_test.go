package pipeline

import (
	"regexp"
	"runtime"
	"slices"
	"testing"

	"uetest/kernel-patches"
)

// BenchmarkParallel is the throughput of as many guests at a time as there are
// CPUs, against one at a time: the same tests, each in a guest of its own, in
// turn. A ratio of the number of CPUs would be perfect.
//
//	go test -run '^$' -bench Parallel -benchtime 5x ./internal/pipeline
func BenchmarkParallel(b *testing.B) {
	cache := sharedCache(b)
	series, err := kernelpatches.Load("rfc")
	if err != nil {
		b.Fatal(err)
	}
	run := func(jobs int) float64 {
		tests := 0
		took := seconds(func() {
			runs, err := Run(b.Context(), Config{
				Root: root(b), Cache: cache, Series: series, Kernels: []string{"rfc"}, Accel: "tcg",
				Select: regexp.MustCompile("^(align|enable|write)/.*$"), Isolation: IsolateTest, Jobs: jobs,
			})
			if err != nil {
				b.Fatal(err)
			}
			if code := runs[0].Exit(); code != 0 {
				b.Fatalf("exit code %d: %q", code, runs[0].Problems)
			}
			tests = len(runs[0].Tests)
		})
		return float64(tests) / took
	}
	cpus := runtime.NumCPU()
	run(cpus) // builds what is missing
	var ones, alls, ratios []float64
	for b.Loop() {
		one, all := run(1), run(cpus)
		ones, alls, ratios = append(ones, one), append(alls, all), append(ratios, all/one)
	}
	for _, l := range [][]float64{ones, alls, ratios} {
		slices.Sort(l)
	}
	mid := len(ones) / 2
	b.ReportMetric(ones[mid], "tests/s/one")
	b.ReportMetric(alls[mid], "tests/s/all")
	b.ReportMetric(ratios[mid], "ratio")
	b.ReportMetric(ratios[0], "ratio-min")
	b.ReportMetric(ratios[len(ratios)-1], "ratio-max")
}
