package patch

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// shapes returns the fixture of C shapes: the tree before, the patch, and the
// tree after it.
func shapes(t *testing.T) (before tree, text string, after tree) {
	t.Helper()
	read := func(dir string) tree {
		files, err := filepath.Glob(filepath.Join("testdata", "shapes", dir, "*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("fixture %s: %d files, %v", dir, len(files), err)
		}
		tr := tree{}
		for _, f := range files {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			tr[filepath.Base(f)] = string(data)
		}
		return tr
	}
	data, err := os.ReadFile(filepath.Join("testdata", "shapes", "shapes.patch"))
	if err != nil {
		t.Fatal(err)
	}
	return read("before"), string(data), read("after")
}

func mustRead(t *testing.T, name, text string) *Patch {
	t.Helper()
	p, err := Read(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// share counts the hunks that a restored patch has to the byte as the healthy
// one.
func share(t *testing.T, healthy, restored *Patch) (same, all int) {
	t.Helper()
	for i, c := range healthy.Changes {
		for j, f := range c.Files {
			for k, h := range f.Hunks {
				all++
				got := restored.Changes[i].Files[j].Hunks[k]
				ok := got.header() == h.header() && got.Section == h.Section && len(got.Lines) == len(h.Lines)
				for n := 0; ok && n < len(h.Lines); n++ {
					if got.Lines[n] != h.Lines[n] {
						ok = false
						t.Logf("%s, hunk %d: got %q, want %q", f.Path(), k+1, got.Lines[n].Text, h.Lines[n].Text)
					}
				}
				if ok {
					same++
				}
			}
		}
	}
	return same, all
}

func TestFixtureOfShapesIsSound(t *testing.T) {
	before, text, after := shapes(t)
	p := mustRead(t, "shapes.patch", text)
	if p.Form != Diff {
		t.Errorf("form %v, want %v", p.Form, Diff)
	}
	r := Check(before, p)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	hunks := 0
	for _, f := range r.Files {
		hunks += len(f.Hunks)
		if !f.OnBase() || !f.Proven() || !f.Exact() {
			t.Errorf("%s: on base %v, proven %v, exact %v", f.Path, f.OnBase(), f.Proven(), f.Exact())
		}
		if got := string(r.Overlay[f.Path].Data); got != after[f.Path] {
			t.Errorf("%s is not the file after the patch", f.Path)
		}
	}
	if hunks < 30 {
		t.Errorf("%d hunks, want at least 30", hunks)
	}
}

func TestDamagedShapesAreRestored(t *testing.T) {
	before, text, _ := shapes(t)
	healthy := mustRead(t, "shapes.patch", text)
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			p := mustRead(t, d.name, d.hurt(text))
			r, err := Restore(p, before, Options{StyleOnly: true, Unproven: true})
			if err != nil {
				t.Fatal(err)
			}
			same, all := share(t, healthy, mustRead(t, "restored", string(r.Text)))
			t.Logf("by style alone: %d of %d hunks to the byte (%.1f %%)", same, all, 100*float64(same)/float64(all))
			if same < d.floor {
				t.Errorf("by style alone: %d hunks of %d, want %d", same, all, d.floor)
			}
			r, err = Restore(p, before, Options{MaxTries: 30_000})
			if !d.proven {
				var u *UnprovenError
				if !errors.As(err, &u) || r.Text != nil {
					t.Errorf("got %v and %d bytes, want an UnprovenError and none", err, len(r.Text))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Text) != text {
				t.Errorf("the restored patch is not the one that was damaged")
			}
			for _, f := range r.Files {
				t.Logf("%s: proven after %d layouts", f.Path, f.Tries)
			}
		})
	}
}
