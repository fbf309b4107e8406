package patch

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Limits on what is read. The largest file of Linux 6.12 has 22 MB
// (a register header of drivers/gpu/drm/amd), the largest patches posted, a
// release candidate against the last one, about 60 MB.
const (
	MaxFile  = 64 << 20  // bytes of a source file
	MaxPatch = 128 << 20 // bytes of a patch, and of a mail once decoded
)

// Errors about paths and files of a tree. They come wrapped, with the path.
var (
	ErrPath    = errors.New("path leads out of the tree")
	ErrSymlink = errors.New("path leads through a symbolic link")
	ErrTooBig  = errors.New("too big")
	ErrNotFile = errors.New("not a regular file")
)

// A Reader reads files of a source tree by slash-separated path relative to
// its root.
//
// The mode is the permission bits that git knows: 0644 or 0755. The error for
// a missing file wraps fs.ErrNotExist; a Reader returns ErrSymlink instead if
// any existing component of the path is a symbolic link, so that a patch
// cannot create a file beyond one either.
type Reader interface {
	ReadFile(name string) (data []byte, mode fs.FileMode, err error)
}

// Dir is a Reader over a directory. Links are never followed.
type Dir struct {
	root *os.Root
}

// OpenDir opens a source tree.
func OpenDir(dir string) (*Dir, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Dir{root}, nil
}

// Close releases the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Name returns the directory's path as given to OpenDir.
func (d *Dir) Name() string { return d.root.Name() }

// ReadFile implements Reader.
func (d *Dir) ReadFile(name string) ([]byte, fs.FileMode, error) {
	if err := checkPath(name); err != nil {
		return nil, 0, err
	}
	for i := 0; i < len(name); i++ {
		if name[i] != '/' {
			continue
		}
		info, err := d.root.Lstat(name[:i])
		switch {
		case err != nil:
			return nil, 0, err
		case info.Mode()&fs.ModeSymlink != 0:
			return nil, 0, fmt.Errorf("%s: %w: %s is one", name, ErrSymlink, name[:i])
		case !info.IsDir():
			return nil, 0, fmt.Errorf("%s: %s: %w", name, name[:i], ErrNotFile)
		}
	}
	info, err := d.root.Lstat(name)
	switch {
	case err != nil:
		return nil, 0, err
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, 0, fmt.Errorf("%s: %w", name, ErrSymlink)
	case !info.Mode().IsRegular():
		return nil, 0, fmt.Errorf("%s: %w", name, ErrNotFile)
	case info.Size() > MaxFile:
		return nil, 0, fmt.Errorf("%s: %w: %d bytes, the limit is %d", name, ErrTooBig, info.Size(), MaxFile)
	}
	f, err := d.root.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err != nil {
		return nil, 0, err
	}
	if len(data) > MaxFile {
		return nil, 0, fmt.Errorf("%s: %w: the limit is %d bytes", name, ErrTooBig, MaxFile)
	}
	return data, gitMode(info.Mode()), nil
}

// gitMode reduces a file mode to what git records.
func gitMode(m fs.FileMode) fs.FileMode {
	if m&0o111 != 0 {
		return 0o755
	}
	return 0o644
}

// File is a file of a patched tree.
type File struct {
	Data    []byte
	Mode    fs.FileMode // 0644 or 0755
	Deleted bool        // the patched tree does not have the file
}

// Overlay is what a patched tree has different from its base, by slash path.
// Every path in it has been checked: relative, without "..", ".git" or a
// symbolic link of the base on the way.
type Overlay map[string]File

// On returns the patched tree: the overlay over its base.
func (o Overlay) On(base Reader) Reader { return overlaid{o, base} }

type overlaid struct {
	over Overlay
	base Reader
}

func (t overlaid) ReadFile(name string) ([]byte, fs.FileMode, error) {
	f, ok := t.over[name]
	switch {
	case !ok:
		// A directory that the overlay made a file of is none any more.
		for p := path.Dir(name); p != "."; p = path.Dir(p) {
			if f, ok := t.over[p]; ok && !f.Deleted {
				return nil, 0, fmt.Errorf("%s: %s: %w", name, p, ErrNotFile)
			}
		}
		return t.base.ReadFile(name)
	case f.Deleted:
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return f.Data, f.Mode, nil
}

// None is a Reader of an empty tree.
var None Reader = Overlay(nil).On(emptyTree{})

type emptyTree struct{}

func (emptyTree) ReadFile(name string) ([]byte, fs.FileMode, error) {
	return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// checkPath refuses a path that a patch must not name. git refuses the same
// (verify_path in its read-cache.c).
func checkPath(name string) error {
	bad := func(why string) error { return fmt.Errorf("%q: %w: %s", name, ErrPath, why) }
	if name == "" || name[0] == '/' {
		return bad("it is not relative")
	}
	if len(name) > 4095 {
		return bad("it is longer than PATH_MAX")
	}
	for _, part := range strings.Split(name, "/") {
		switch {
		case part == "" || part == "." || part == "..":
			return bad(fmt.Sprintf("component %q", part))
		case strings.EqualFold(part, ".git"):
			return bad("it is git's own")
		}
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }); i >= 0 {
		return bad("it holds a control character")
	}
	return nil
}
