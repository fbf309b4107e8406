package bootimage

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// words are what the files of testdata hold: some text with long and short
// repetitions, and some without any. They were packed with the programs that
// pack kernels, in the way they do: xz --check=crc32 --x86 --lzma2=,dict=1MiB, lzop
// -9, bzip2 -9.
func words() []byte {
	var b bytes.Buffer
	b.WriteString(strings.Repeat("user_events ", 3000))
	x := uint32(1)
	for range 3000 {
		x = x*1664525 + 1013904223 // Numerical Recipes, "An Even Quicker Generator"
		b.WriteByte(byte(x >> 24))
		if x&0xf000 == 0 {
			b.WriteString("\xe8\x00\x01\x00\x00call")
		}
	}
	b.WriteString(strings.Repeat("ab", 40000))
	b.WriteString(strings.Repeat("\x00", 70000))
	for i := range 600 {
		b.WriteString(b.String()[i*37 : i*37+i%19+3])
	}
	return b.Bytes()
}

func TestPackersOfKernels(t *testing.T) {
	if name := os.Getenv("UETEST_WORDS"); name != "" { // to make testdata with
		if err := os.WriteFile(name, words(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []packing{xzed, lzoed, bzip2ed} {
		data, err := os.ReadFile("testdata/words." + map[packing]string{xzed: "xz", lzoed: "lzo", bzip2ed: "bz2"}[p])
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := packingOf(data); !ok || got != p {
			t.Errorf("%s is taken for %s", p, got)
		}
		out, err := unpack(p, data)
		if err != nil || !bytes.Equal(out, words()) {
			t.Errorf("%s unpacks to %d bytes, want %d: %v", p, len(out), len(words()), err)
		}
		for _, n := range []int{len(data) / 2, len(data) - 9, 20} {
			if out, err := unpack(p, data[:n]); err == nil {
				t.Errorf("%s, of which %d bytes are left, unpacks to %d bytes", p, n, len(out))
			}
		}
	}
}

// What is broken never makes more than it says, and never a panic.
func TestBrokenLzoIsAnError(t *testing.T) {
	data, err := os.ReadFile("testdata/words.lzo")
	if err != nil {
		t.Fatal(err)
	}
	whole, wrong, tried := words(), 0, 0
	for i := 60; i < len(data); i += 29 {
		tried++
		broken := bytes.Clone(data)
		broken[i] ^= 0x55
		if out, err := unlzop(broken); err != nil || !bytes.Equal(out, whole) {
			wrong++
		}
	}
	if wrong < tried/2 {
		t.Errorf("only %d of %d broken files show", wrong, tried)
	}
}
