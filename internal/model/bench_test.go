package model

import "testing"

func BenchmarkGenerate(b *testing.B) {
	for i := range b.N {
		Generate(G1, 1, uint64(i), 30)
	}
}

func BenchmarkPredict(b *testing.B) {
	p := Generate(G1, 1, 7, 30)
	b.Log(len(p))
	for range b.N {
		if _, err := Predict(G1, p); err != nil {
			b.Fatal(err)
		}
	}
}
