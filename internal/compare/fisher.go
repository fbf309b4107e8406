package compare

import (
	"cmp"
	"math/big"
	"slices"
)

// Fisher is the p-value of Fisher's exact test, two-sided: how likely it is that
// what came a times of n and b times of m falls so unevenly, or more so, if it is
// as likely on either side. The number of times that it came in all is taken as
// given; more uneven is every division of it that is not likelier than the one
// seen, as R's fisher.test has it. It is 1 if one side has nothing.
//
// All is done in integers, so divisions that are equally likely are told to be.
func Fisher(a, n, b, m int) float64 {
	ways, at := divisions(a+b, n, m)
	seen := ways[a-at]
	sum, total := new(big.Int), new(big.Int)
	for _, w := range ways {
		total.Add(total, w)
		if w.Cmp(seen) <= 0 {
			sum.Add(sum, w)
		}
	}
	return ratio(sum, total)
}

// least is the smallest p-value that Fisher can have for k among n and m.
func least(k, n, m int) float64 {
	ways, _ := divisions(k, n, m)
	smallest := slices.MinFunc(ways, (*big.Int).Cmp)
	sum, total := new(big.Int), new(big.Int)
	for _, w := range ways {
		total.Add(total, w)
		if w.Cmp(smallest) == 0 {
			sum.Add(sum, w)
		}
	}
	return ratio(sum, total)
}

// divisions returns in how many ways k of n+m can be such that first, first+1 and
// so on of them are among the n.
func divisions(k, n, m int) (ways []*big.Int, first int) {
	first = max(0, k-m)
	last := min(k, n)
	w := new(big.Int).Binomial(int64(n), int64(first))
	w.Mul(w, new(big.Int).Binomial(int64(m), int64(k-first)))
	for x := first; x <= last; x++ {
		ways = append(ways, new(big.Int).Set(w))
		// From C(n,x)·C(m,k-x) to the next: this division leaves nothing over.
		w.Mul(w, big.NewInt(int64(n-x)*int64(k-x)))
		w.Quo(w, big.NewInt(int64(x+1)*int64(m-k+x+1)))
	}
	return ways, first
}

func ratio(a, b *big.Int) float64 {
	f, _ := new(big.Rat).SetFrac(a, b).Float64()
	return f
}

// Holm adjusts p-values for there being several: each is then what may be held
// against the chance that any of them is called by mistake (Holm, 1979, A simple
// sequentially rejective multiple test procedure). The order is kept.
func Holm(ps []float64) []float64 {
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(ps[i], ps[j]) })
	adjusted := make([]float64, len(ps))
	highest := 0.0
	for rank, i := range order {
		highest = max(highest, min(1, float64(len(ps)-rank)*ps[i]))
		adjusted[i] = highest
	}
	return adjusted
}
