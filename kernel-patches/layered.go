package kernelpatches

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// layered is the folder of one's own series. Its config folder has the files of
// the basis as well: they come first, for the later of two fragments wins.
type layered struct {
	own, basis fs.FS
}

// fromBasis marks the fragments of the basis: their names sort before others.
const fromBasis = "0-basis-"

// Open implements fs.FS.
func (l layered) Open(name string) (fs.File, error) {
	dir, file := path.Split(name)
	if rest, ok := strings.CutPrefix(file, fromBasis); ok && strings.HasPrefix(name, "config/") {
		return l.basis.Open(dir + rest)
	}
	if strings.HasPrefix(name, "config/variant/") {
		if f, err := l.own.Open(name); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return f, err
		}
		return l.basis.Open(name)
	}
	return l.own.Open(name)
}

// Glob implements fs.GlobFS, which is how fragments are found.
func (l layered) Glob(pattern string) ([]string, error) {
	own, err := fs.Glob(l.own, pattern)
	if err != nil || !strings.HasPrefix(pattern, "config/") {
		return own, err
	}
	basis, err := fs.Glob(l.basis, pattern)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(pattern, "config/variant/") {
		for _, name := range basis {
			if _, err := fs.Stat(l.own, name); errors.Is(err, fs.ErrNotExist) {
				own = append(own, name)
			}
		}
		return own, nil
	}
	var all []string
	for _, name := range basis {
		dir, file := path.Split(name)
		all = append(all, dir+fromBasis+file)
	}
	return append(all, own...), nil
}

// basisFirst puts the fragments of the basis before those of one's own.
func basisFirst(names []string) []string {
	slices.SortStableFunc(names, func(a, b string) int {
		ab, bb := strings.HasPrefix(path.Base(a), fromBasis), strings.HasPrefix(path.Base(b), fromBasis)
		switch {
		case ab == bb:
			return 0
		case ab:
			return -1
		}
		return 1
	})
	return names
}
