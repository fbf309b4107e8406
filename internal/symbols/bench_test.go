package symbols

import (
	"math/rand/v2"
	"os/exec"
	"testing"

	"uetest/internal/paired"
)

// BenchmarkTrace is a trace of twelve frames located in an image that is opened
// for it, beside addr2line -i on the same addresses.
func BenchmarkTrace(b *testing.B) {
	file := vmlinux(b)
	tool, err := exec.LookPath("addr2line")
	if err != nil {
		b.Skip("needs binutils: ", err)
	}
	all := codeSymbols(open(b, file))
	rng := rand.New(rand.NewPCG(3, 4))
	var times paired.Times
	for b.Loop() {
		var addrs []uint64
		var frames []symbol
		for range 12 {
			s := all[rng.IntN(len(all))]
			frames = append(frames, s)
			addrs = append(addrs, s.addr+s.size/2)
		}
		args := arguments("-fie", file, addrs)

		times.Add(func() {
			m, err := Open(file)
			if err != nil {
				b.Fatal(err)
			}
			for _, s := range frames {
				m.Lookup(s.name, s.size/2, m.symtab.extent(s.addr))
			}
			if err := m.Close(); err != nil {
				b.Fatal(err)
			}
		}, func() {
			if err := exec.Command(tool, args...).Run(); err != nil {
				b.Fatal(err)
			}
		})
	}
	times.Report(b, "trace", "addr2line")
}
