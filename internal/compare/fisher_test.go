package compare

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// Values that others have published, or that R 2.6's fisher.test computes
// (scipy/stats/tests/test_stats.py, TestFisherExact.test_precise).
func TestFisherHasThePublishedValues(t *testing.T) {
	for _, tt := range []struct {
		name       string
		a, x, b, y int // came and did not, on either side
		want       float64
	}{
		{"lady tasting tea (Fisher, 1935)", 3, 1, 1, 3, 0.4857142857142857},
		{"convictions of twins (Fisher, 1962; R's fisher.test)", 2, 15, 10, 3, 0.0005367241191434358},
		{"studying (Wikipedia)", 1, 9, 11, 3, 0.002759456185220083},
		{"whales (scipy.stats.fisher_exact)", 8, 2, 1, 5, 0.03496503496503495},
		{"R", 100, 2, 1000, 5, 1.300759363430016e-001},
		{"R", 2, 7, 8, 2, 2.301413756522114e-002},
		{"R", 5, 1, 10, 10, 1.973244147157190e-001},
		{"R", 5, 15, 20, 20, 9.580440012477637e-002},
		{"R", 5, 16, 20, 25, 1.725864953812994e-001},
		{"R", 10, 5, 10, 1, 1.973244147157190e-001},
		{"R", 10, 5, 10, 0, 6.126482213438734e-002},
		{"R", 5, 0, 1, 4, 4.761904761904762e-002},
		{"R", 0, 5, 1, 4, 1},
		{"R", 5, 1, 0, 4, 4.761904761904758e-002},
		{"R", 0, 1, 3, 2, 1},
		{"one of each", 1, 0, 0, 1, 1},
		{"three of each", 3, 0, 0, 3, 0.1},
		{"four of each", 4, 0, 0, 4, 2.0 / 70},
		{"nothing on one side", 0, 0, 3, 4, 1},
		{"nothing at all", 0, 0, 0, 0, 1},
	} {
		got := Fisher(tt.a, tt.a+tt.x, tt.b, tt.b+tt.y)
		if math.Abs(got-tt.want) > 1e-9*max(tt.want, 1e-3) {
			t.Errorf("%s, %d/%d and %d/%d: %.16g, want %.16g", tt.name, tt.a, tt.a+tt.x, tt.b, tt.b+tt.y, got, tt.want)
		}
	}
}

// fourfold draws a table.
func fourfold(t *rapid.T) (a, n, b, m int) {
	n, m = rapid.IntRange(0, 60).Draw(t, "n"), rapid.IntRange(0, 60).Draw(t, "m")
	return rapid.IntRange(0, n).Draw(t, "a"), n, rapid.IntRange(0, m).Draw(t, "b"), m
}

func TestFisherDoesNotCareWhatIsCalledWhat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, n, b, m := fourfold(t)
		p := Fisher(a, n, b, m)
		if q := Fisher(b, m, a, n); p != q {
			t.Errorf("sides changed: %g and %g", p, q)
		}
		if q := Fisher(n-a, n, m-b, m); p != q {
			t.Errorf("what came and what did not changed: %g and %g", p, q)
		}
		if p <= 0 || p > 1 {
			t.Errorf("p is %g", p)
		}
		if l := least(a+b, n, m); p < l {
			t.Errorf("p is %g, and never below %g", p, l)
		}
	})
}

// All divisions of the same number together are certain, and the p-value of each
// is how likely one is whose p-value is no greater: so one in twenty of those that
// chance makes is called at 0.05, or fewer.
func TestFisherIsAsOftenBelowALevelAsTheLevelSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, n, b, m := fourfold(t)
		k := a + b
		ways, first := divisions(k, n, m)
		total := new(big.Int)
		for _, w := range ways {
			total.Add(total, w)
		}
		if all := new(big.Int).Binomial(int64(n+m), int64(k)); total.Cmp(all) != 0 {
			t.Fatalf("%d of %d: %v ways, want %v", k, n+m, total, all)
		}
		lowest := 1.0
		for x := range ways {
			p := Fisher(first+x, n, k-first-x, m)
			lowest = min(lowest, p)
			below := new(big.Int)
			for y := range ways {
				if Fisher(first+y, n, k-first-y, m) <= p {
					below.Add(below, ways[y])
				}
			}
			if got := ratio(below, total); math.Abs(got-p) > 1e-12 {
				t.Fatalf("%d of %d and %d of %d: p is %g, and as low it is in %g", first+x, n, k-first-x, m, p, got)
			}
		}
		if l := least(k, n, m); l != lowest {
			t.Errorf("%d among %d and %d: the least p is %g, want %g", k, n, m, l, lowest)
		}
	})
}

// Another way to the same: logarithms of factorials.
func TestFisherAgreesWithLogarithms(t *testing.T) {
	choose := func(n, k int) float64 {
		f := func(x int) float64 { l, _ := math.Lgamma(float64(x) + 1); return l }
		return f(n) - f(k) - f(n-k)
	}
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(1, 1000).Draw(t, "n"), rapid.IntRange(1, 1000).Draw(t, "m")
		a, b := rapid.IntRange(0, n).Draw(t, "a"), rapid.IntRange(0, m).Draw(t, "b")
		log := func(x int) float64 { return choose(n, x) + choose(m, a+b-x) - choose(n+m, a+b) }
		sum := 0.0
		for x := max(0, a+b-m); x <= min(a+b, n); x++ {
			if log(x) <= log(a)+1e-9 {
				sum += math.Exp(log(x))
			}
		}
		if p := Fisher(a, n, b, m); math.Abs(p-sum) > 1e-8*max(p, 1e-12)*1e2 {
			t.Errorf("%d/%d and %d/%d: %g, by logarithms %g", a, n, b, m, p, sum)
		}
	})
}

func TestHolmAllowsForAsManyAsThereAre(t *testing.T) {
	for _, tt := range []struct{ ps, want []float64 }{
		{nil, []float64{}},
		{[]float64{0.03}, []float64{0.03}},
		// R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")
		{[]float64{0.05, 0.01, 0.03, 0.02, 0.04}, []float64{0.09, 0.05, 0.09, 0.08, 0.09}},
		{[]float64{0.9, 0.6, 0.001}, []float64{1, 1, 0.003}},
	} {
		got := Holm(tt.ps)
		for i := range tt.want {
			if len(got) != len(tt.want) || math.Abs(got[i]-tt.want[i]) > 1e-12 {
				t.Errorf("%v: got %v, want %v", tt.ps, got, tt.want)
				break
			}
		}
	}
}
