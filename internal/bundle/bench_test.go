package bundle

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"uetest/internal/paired"
)

// BenchmarkWrite makes a bundle of two programs, which are much like a kernel and its
// symbols, against the standard library's gzip on the same files.
func BenchmarkWrite(b *testing.B) {
	exe, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	whole, m := sample(b)
	dir := b.TempDir()
	path, theirs := filepath.Join(dir, "ours.tar.gz"), filepath.Join(dir, "theirs.gz")
	var files []Source
	for _, f := range m.Files {
		from := filepath.Join(filepath.Dir(whole), "a "+f.Name)
		if f.Name == Kernel || f.Name == Symbols {
			from = exe
		}
		files = append(files, Source{f.Name, from})
	}
	size := func(path string) float64 {
		info, err := os.Stat(path)
		if err != nil {
			b.Fatal(err)
		}
		return float64(info.Size())
	}
	var times paired.Times
	for b.Loop() {
		times.Add(func() {
			if err := Write(path, m, files); err != nil {
				b.Fatal(err)
			}
		}, func() {
			out, err := os.Create(theirs)
			if err != nil {
				b.Fatal(err)
			}
			zip := gzip.NewWriter(out)
			for range 2 {
				if _, err := io.Copy(zip, open(b, exe)); err != nil {
					b.Fatal(err)
				}
			}
			if err := zip.Close(); err != nil {
				b.Fatal(err)
			}
			if err := out.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
	times.Report(b, "bundle", "gzip")
	b.ReportMetric(size(path)/size(theirs), "size")
}
