package mutation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/patch"
	"uetest/internal/pipeline"
	"uetest/internal/results"
	"uetest/internal/runs"
)

// SavedName is the file of a saved pass that holds its table.
const SavedName = "mutants.json"

// Home is the directory of a cache that has the saved passes.
func Home(cacheDir string) string { return filepath.Join(cacheDir, cache.Mutants) }

// Saved is the folder of the cache in which a pass is kept while it goes on.
type Saved struct{ Dir string }

// Create makes the folder of a pass over mutants of a kernel.
func Create(cacheDir, on string) (*Saved, error) {
	c, err := cache.Open(cacheDir)
	if err != nil {
		return nil, err
	}
	dir, err := c.Namespace(cache.Mutants).Add(time.Now().UTC().Format("20060102-150405.000-") + runs.FolderName(on) + "-")
	return &Saved{dir}, err
}

// Write replaces the table that is kept.
func (s *Saved) Write(t *Table) error {
	return Replace(filepath.Join(s.Dir, SavedName), t.WriteJSON)
}

// Close ends the pass. A folder in which nothing is goes.
func (s *Saved) Close() {
	cache.Release(s.Dir)
	_ = os.Remove(s.Dir) // fails if it holds anything
}

// Replace writes a file as a whole: an interruption leaves what was there before.
func Replace(file string, write func(io.Writer) error) error {
	w, err := os.CreateTemp(filepath.Dir(file), ".table-*")
	if err != nil {
		return cache.Fault(err)
	}
	err = errors.Join(write(w), w.Chmod(0o644), w.Close())
	if err == nil {
		err = os.Rename(w.Name(), file)
	}
	if err != nil {
		_ = os.Remove(w.Name())
	}
	return cache.Fault(err)
}

// Open reads the table of a saved pass, by its folder or by a file.
func Open(path string) (*Table, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, SavedName)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, blame.On(blame.Usage, err)
	}
	defer func() { _ = file.Close() }()
	t, err := ReadJSON(file)
	if err != nil {
		return nil, blame.On(blame.Usage, fmt.Errorf("%s: %w", path, err))
	}
	return t, nil
}

// Listed is a saved pass in a list: its table, or why that can't be read.
type Listed struct {
	ID    string
	Table *Table
	Err   error
}

// IDs are those of the saved passes of a cache, the newest first. A folder without a
// table is none: one that begins, or that is being removed.
func IDs(cacheDir string) ([]string, error) {
	dirs, err := os.ReadDir(Home(cacheDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, blame.On(blame.Host, err)
	}
	var ids []string
	for _, d := range slices.Backward(dirs) { // names sort by time
		if _, err := os.Stat(filepath.Join(Home(cacheDir), d.Name(), SavedName)); err == nil {
			ids = append(ids, d.Name())
		}
	}
	return ids, nil
}

// List reads the saved passes of a cache, the newest first.
func List(cacheDir string) ([]Listed, error) {
	ids, err := IDs(cacheDir)
	if err != nil {
		return nil, err
	}
	var all []Listed
	for _, id := range ids {
		t, err := Open(filepath.Join(Home(cacheDir), id))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		all = append(all, Listed{id, t, err})
	}
	return all, nil
}

// Known is what those of the saved passes showed together that fit: of each mutant
// the newest outcome that there is. It is nil if there is none. With a suite, that a
// mutant survived another one is left out. more are tables that are older than all.
func Known(cacheDir, suite string, fits func(*Table) bool, more ...*Table) (*Table, error) {
	all, err := List(cacheDir)
	if err != nil {
		return nil, err
	}
	for _, t := range more {
		all = append(all, Listed{Table: t})
	}
	var known *Table
	have := map[string]bool{}
	for _, l := range all {
		t := l.Table
		if l.Err != nil || !fits(t) {
			continue // of another form, for one: it is as good as none
		}
		if known == nil {
			known = &Table{Schema: Schema, Start: t.Start, On: t.On, Files: t.Files, Suite: suite, Select: t.Select, First: t.First}
		}
		known.join(t, have)
	}
	if known == nil || len(known.Outcomes) == 0 {
		return nil, nil
	}
	known.Of = max(known.Of, len(known.Outcomes))
	return known, nil
}

// join adds the outcomes of an older pass that there are none of yet.
func (t *Table) join(older *Table, have map[string]bool) {
	took := time.Duration(0)
	for i := range older.Outcomes {
		out := older.Outcomes[i]
		if have[out.Digest] || out.Class == Untried || out.Class == Survived && t.Suite != "" && older.Suite != t.Suite {
			continue
		}
		have[out.Digest] = true
		out.Runs = nil // they are the other pass's
		t.Outcomes = append(t.Outcomes, out)
		took = older.Took
	}
	t.Of, t.Took = max(t.Of, older.Of), t.Took+took
}

// FilesOf are the files that the patches under test of the kernel that cfg names
// change, as they leave them; none if no patch is about it.
func FilesOf(ctx context.Context, cfg pipeline.Config) ([]File, error) {
	changed, err := pipeline.UnderTest(ctx, cfg)
	return files(changed), err
}

func files(changed []pipeline.Changed) []File {
	var all []File
	for _, f := range changed {
		all = append(all, File{f.Path, patch.BlobID(f.Text)})
	}
	slices.SortFunc(all, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return all
}

// Key is what tells the patches that mutants were made of from others.
func (t *Table) Key() string { return fmt.Sprint(t.Files) }

// About reports whether the mutants are of the patches that a kernel was tested with:
// whether it has each of the files as they leave it.
func (t *Table) About(k *results.Kernel) bool {
	has := map[string]string{}
	for _, b := range k.Blobs {
		has[b.Path] = b.Got
	}
	for _, p := range k.Top {
		for _, f := range p.Files {
			has[f.Path] = f.After
		}
	}
	return len(t.Files) > 0 && !slices.ContainsFunc(t.Files, func(f File) bool { return has[f.Path] != f.Blob })
}
