package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkSnapshot is what an entry with the memory of a guest costs: 512 MB, 90
// MB of which are there. "warm" is each use after the first in a boot, "read" the
// first, and "whole" is what read would cost if holes were hashed.
func BenchmarkSnapshot(b *testing.B) {
	c, err := Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	n := c.Namespace(Snapshots)
	e, err := n.Get(b.Context(), key, func(_ context.Context, dir string) error {
		f, err := os.Create(filepath.Join(dir, "ram"))
		if err != nil {
			return err
		}
		block := make([]byte, 1<<20)
		for i := range block {
			block[i] = byte(i)
		}
		for i := range int64(90) {
			if _, err := f.WriteAt(block, i*5<<20); err != nil {
				return err
			}
		}
		return errors.Join(f.Truncate(512<<20), f.Close(), os.WriteFile(filepath.Join(dir, "state"), block, 0o666))
	})
	if err != nil {
		b.Fatal(err)
	}
	defer e.Release()
	get := func(b *testing.B) {
		b.Helper()
		e, ok := n.Lookup(key)
		if !ok {
			b.Fatal("the entry is not there")
		}
		e.Release()
	}
	b.Run("warm", func(b *testing.B) {
		get(b)
		for b.Loop() {
			get(b)
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			for name := range e.Files {
				c.forget(blocksQuestion, e.Path(name))
				c.forget(wholeQuestion, e.Path(name))
			}
			get(b)
		}
	})
	b.Run("whole", func(b *testing.B) {
		for b.Loop() {
			if _, err := hashWhole(e.Path("ram")); err != nil {
				b.Fatal(err)
			}
		}
	})
}
