package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/results"
)

// Latest is what the newest run may be called.
const Latest = "last"

// Home is the directory of a cache that has the runs.
func Home(cacheDir string) string { return filepath.Join(cacheDir, cache.Runs) }

// Find returns where a run is: by the path of its directory or of a file, by its
// id, the beginning of one that no other has, or "last". home is where the runs
// are kept.
func Find(home, name string) (string, error) {
	ids, err := list(home)
	if err != nil {
		return "", err
	}
	if name == Latest {
		if len(ids) == 0 {
			return "", blame.On(blame.Nothing, fmt.Errorf("no run is saved in %s; make one with: uetest run", home))
		}
		return filepath.Join(home, ids[0]), nil
	}
	begin := Match(ids, name)
	if len(begin) == 1 && begin[0] == name {
		return filepath.Join(home, name), nil
	}
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	switch len(begin) {
	case 1:
		return filepath.Join(home, begin[0]), nil
	case 0:
		return "", blame.On(blame.Usage, fmt.Errorf("no run %q: expected %q, an id that 'uetest report' lists, or the path of a run; the runs are kept in %s", name, Latest, home))
	}
	return "", blame.On(blame.Usage, fmt.Errorf("%d runs begin with %q, %s and %s among them", len(begin), name, begin[0], begin[1]))
}

// Match returns the ids that a name may mean: the one that it is, else those that
// begin with it.
func Match(ids []string, name string) []string {
	if slices.Contains(ids, name) {
		return []string{name}
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return name == "" || !strings.HasPrefix(id, name)
	})
}

// list returns the ids of the runs, the newest first. A directory that holds no
// record, of a shell for one, is none.
func list(home string) ([]string, error) {
	dirs, err := os.ReadDir(home)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, blame.On(blame.Host, err)
	}
	var ids []string
	for _, d := range slices.Backward(dirs) { // names sort by time
		if d.IsDir() && isRun(filepath.Join(home, d.Name())) {
			ids = append(ids, d.Name())
		}
	}
	return ids, nil
}

// Listed is a run in a list: its record, or why it can't be read.
type Listed struct {
	ID     string
	Record *Record
	Err    error
}

// List reads the runs that are kept, the newest first, at most limit of them; 0
// is all.
func List(home string, limit int) ([]Listed, error) {
	ids, err := list(home)
	if err != nil {
		return nil, err
	}
	if limit > 0 {
		ids = ids[:min(limit, len(ids))]
	}
	var all []Listed
	for _, id := range ids {
		rec, err := Open(filepath.Join(home, id))
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		all = append(all, Listed{id, rec, err})
	}
	return all, nil
}

// isRun tells whether a directory holds a saved run.
func isRun(dir string) bool {
	for _, name := range []string{FileName, results.SavedName} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}
