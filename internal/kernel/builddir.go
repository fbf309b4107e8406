package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/proc"
)

// buildDir is one build directory of the cache, locked by its user:
//
//	src         the source with the overlay, hard links to the pristine tree
//	            but for the files that were ever changed
//	obj         make's O=
//	index       of the mirror when src was last synced, for a directory source
//	state.json  what src and obj hold
//	build.log   what make printed last
type buildDir struct {
	dir     string
	discard func() error // removes it
	state   state
	fresh   bool // made by this run: obj is empty
}

// state is what a build directory holds. It is written before a change for
// what may be half done if the run is killed, and after it for what is.
type state struct {
	Version int               `json:"version"`
	Tree    string            `json:"tree"`    // Tree.ID that src was synced to
	Overlay map[string]string `json:"overlay"` // digest of each file that src has different from the tree
	Dirty   []string          `json:"dirty"`   // paths that were being written
	Making  time.Time         `json:"making"`  // when the make was started that has not ended; zero if none
	Group   int               `json:"group"`   // its process group
	Config  string            `json:"config"`  // digest of the settings that obj/.config was made of
	Steps   int               `json:"steps"`   // lines that make printed for a build from nothing
	Last    int               `json:"last"`    // lines that make printed for the last build after it
}

const stateVersion = 1

func (d *buildDir) src() string { return filepath.Join(d.dir, "src") }
func (d *buildDir) obj() string { return filepath.Join(d.dir, "obj") }
func (d *buildDir) log() string { return filepath.Join(d.dir, "build.log") }

func (d *buildDir) load() bool {
	data, err := os.ReadFile(filepath.Join(d.dir, "state.json"))
	if err != nil {
		return false
	}
	d.state = state{}
	return json.Unmarshal(data, &d.state) == nil && d.state.Version == stateVersion && exists(d.src()) && exists(d.obj())
}

func (d *buildDir) save() error {
	data, err := json.MarshalIndent(d.state, "", "\t")
	if err != nil {
		return err
	}
	return cache.WriteFile(filepath.Join(d.dir, "state.json"), data)
}

// sync makes src what t is under the overlay, which was trimmed to it, and
// returns the paths it wrote.
// Only files that differ are written, and each gets a new time of
// modification, also one that goes back to what it was: make has compiled the
// other in between.
func (d *buildDir) sync(t *Tree, overlay Overlay) ([]string, error) {
	if !d.load() {
		if err := d.create(t); err != nil {
			return nil, err
		}
	}
	if err := d.recover(); err != nil {
		return nil, err
	}
	pristine, err := os.OpenRoot(t.Dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = pristine.Close() }()
	src, err := os.OpenRoot(d.src())
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }()

	want := map[string]string{}
	for p, f := range overlay {
		want[p] = f.digest()
	}
	todo := slices.Clone(d.state.Dirty)
	for p, have := range d.state.Overlay {
		if want[p] != have {
			todo = append(todo, p)
		}
	}
	for p := range want {
		if _, have := d.state.Overlay[p]; !have {
			todo = append(todo, p)
		}
	}
	if d.state.Tree != t.ID {
		moved, err := d.moved(t)
		if err != nil {
			return nil, err
		}
		todo = append(todo, moved...)
	}
	slices.Sort(todo)
	todo = slices.Compact(todo)
	if len(todo) == 0 {
		return nil, nil
	}
	d.state.Dirty = todo
	if err := d.save(); err != nil {
		return nil, err
	}
	for _, p := range todo {
		if _, patched := want[p]; patched {
			err = overlay[p].put(src, p)
		} else {
			err = restore(pristine, src, p)
		}
		if err != nil {
			return nil, err
		}
	}
	if t.index != nil {
		if err := cache.WriteFile(filepath.Join(d.dir, "index"), t.index.encode()); err != nil {
			return nil, err
		}
	}
	d.state.Tree, d.state.Overlay, d.state.Dirty = t.ID, want, nil
	return todo, d.save()
}

// moved returns the paths at which the tree differs from the one that src was
// synced to.
func (d *buildDir) moved(t *Tree) ([]string, error) {
	before := readIndex(filepath.Join(d.dir, "index"))
	if t.index == nil || before == nil {
		return nil, fmt.Errorf("%s: what it was built from is not known; remove it", d.dir)
	}
	return t.index.changed(before), nil
}

// create makes the directory anew, with src as t is.
func (d *buildDir) create(t *Tree) error {
	if err := d.discard(); err != nil {
		return err
	}
	if err := os.MkdirAll(d.obj(), 0o777); err != nil {
		return err
	}
	if err := linkTree(t.Dir, d.src()); err != nil {
		return err
	}
	if t.index != nil {
		if err := cache.WriteFile(filepath.Join(d.dir, "index"), t.index.encode()); err != nil {
			return err
		}
	}
	d.state = state{Version: stateVersion, Tree: t.ID, Overlay: map[string]string{}}
	d.fresh = true
	return d.save()
}

// halfWritten is how long before the last sign of life of a killed make a file
// may have been written to and still be incomplete.
const halfWritten = time.Minute

// recover removes from obj what a make that was killed may have left half
// written: what is younger than its start, of the last minute in which it
// wrote anything. make does so itself for the targets it was at, but not if it
// was killed with SIGKILL.
func (d *buildDir) recover() error {
	if d.state.Making.IsZero() {
		return nil
	}
	// The guard of the killed run ends its make, but not before now.
	for end := time.Now().Add(grace + 5*time.Second); d.state.Group > 0 && len(proc.Members(d.state.Group)) > 0 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	written := map[string]time.Time{}
	var last time.Time
	err := filepath.WalkDir(d.obj(), func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		written[name] = info.ModTime()
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
		return nil
	})
	if err != nil {
		return err
	}
	since := d.state.Making.Add(-time.Second) // the file system's clock is coarser
	if t := last.Add(-halfWritten); t.After(since) {
		since = t
	}
	for name, t := range written {
		if t.After(since) {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	d.state.Making, d.state.Group, d.state.Config = time.Time{}, 0, ""
	return d.save()
}

// linkTree makes a copy of a tree of hard links. A file system that cannot, or
// no more of one file, gets copies that keep the time of modification.
func linkTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(name, from))
		if e.IsDir() {
			return os.MkdirAll(target, 0o777)
		}
		err = os.Link(name, target)
		if errors.Is(err, syscall.EXDEV) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK) || errors.Is(err, syscall.EOPNOTSUPP) {
			return copyFile(name, target)
		}
		return err
	})
}

func copyFile(from, to string) error {
	info, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, data, info.Mode().Perm()); err != nil {
		return err
	}
	return os.Chtimes(to, info.ModTime(), info.ModTime())
}

// restore puts a file of the pristine tree back.
func restore(pristine, src *os.Root, p string) error {
	info, err := pristine.Lstat(p)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || err == nil && info.IsDir():
		return removePath(src, p)
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := pristine.Readlink(p)
		if err != nil {
			return err
		}
		return putLink(src, p, target)
	}
	data, err := pristine.ReadFile(p)
	if err != nil {
		return err
	}
	return putFile(src, p, data, info.Mode())
}

// put writes f into a tree.
func (f File) put(src *os.Root, p string) error {
	switch {
	case f.Deleted:
		return removePath(src, p)
	case f.Mode&fs.ModeSymlink != 0:
		return putLink(src, p, string(f.Data))
	}
	return putFile(src, p, f.Data, f.Mode)
}

// kind is what of f's mode matters to a build.
func (f File) kind() string {
	if f.Deleted {
		return "deleted"
	}
	return entry{mode: f.Mode}.kind()
}

func (f File) digest() string { return f.kind() + " " + digest(f.Data) }

// trimmed returns the overlay without the files that t has as they are. It
// refuses a path that leads out of the tree, or through a link.
func (o Overlay) trimmed(t *Tree) (Overlay, error) {
	pristine, err := os.OpenRoot(t.Dir)
	if err != nil {
		return nil, hostError(err)
	}
	defer func() { _ = pristine.Close() }()
	trimmed := Overlay{}
	for _, p := range o.paths() {
		if err := checkOverlayPath(pristine, p, o[p]); err != nil {
			return nil, err
		}
		if !o[p].equals(pristine, p) {
			trimmed[p] = o[p]
		}
	}
	return trimmed, nil
}

// equals tells whether the pristine tree has f at p already.
func (f File) equals(pristine *os.Root, p string) bool {
	info, err := pristine.Lstat(p)
	if err != nil || info.IsDir() {
		return f.Deleted && errors.Is(err, fs.ErrNotExist)
	}
	if f.kind() != (entry{mode: info.Mode()}).kind() || f.kind() == "link" || info.Size() != int64(len(f.Data)) {
		return false
	}
	data, err := pristine.ReadFile(p)
	return err == nil && string(data) == string(f.Data)
}

// checkOverlayPath refuses what leads out of the tree, or through a link. The
// patch stage refuses it too; this is the place where it is written.
func checkOverlayPath(pristine *os.Root, p string, f File) error {
	if !fs.ValidPath(p) || p == "." {
		return blame.On(blame.Patch, fmt.Errorf("%q is not a path inside the kernel tree", p))
	}
	for dir := path.Dir(p); dir != "."; dir = path.Dir(dir) {
		if info, err := pristine.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return blame.On(blame.Patch, fmt.Errorf("%s leads through the symbolic link %s", p, dir))
		}
	}
	if f.Mode&fs.ModeSymlink != 0 && !f.Deleted {
		if target := string(f.Data); path.IsAbs(target) || !fs.ValidPath(path.Join(path.Dir(p), target)) {
			return blame.On(blame.Patch, fmt.Errorf("%s is a symbolic link that leads out of the tree: %s", p, target))
		}
	}
	return nil
}
