// Package paired compares two ways to the same end in a benchmark. They take
// turns, so that a machine that is busy, or whose speed drifts, is so for both:
// the ratio is what counts.
package paired

import (
	"slices"
	"testing"
	"time"
)

// Times are measurements that were taken in turns, in seconds.
type Times struct{ a, b []float64 }

// Add measures a and b, each first every other time.
func (t *Times) Add(a, b func()) {
	if len(t.a)%2 == 0 {
		t.a = append(t.a, seconds(a))
		t.b = append(t.b, seconds(b))
		return
	}
	t.b = append(t.b, seconds(b))
	t.a = append(t.a, seconds(a))
}

func seconds(f func()) float64 {
	begin := time.Now()
	f()
	return time.Since(begin).Seconds()
}

// Report gives the median of both, of which nameA and nameB are the names, and
// of the pairs' ratios, a to b, the median and both extremes.
func (t *Times) Report(b *testing.B, nameA, nameB string) {
	ratios := make([]float64, len(t.a))
	for i := range t.a {
		ratios[i] = t.a[i] / t.b[i]
	}
	median := func(list []float64) float64 {
		slices.Sort(list)
		return list[len(list)/2]
	}
	b.ReportMetric(median(t.a), "s/"+nameA)
	b.ReportMetric(median(t.b), "s/"+nameB)
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(ratios[0], "ratio-min")
	b.ReportMetric(ratios[len(ratios)-1], "ratio-max")
	b.ReportMetric(0, "ns/op") // a round of both
}
