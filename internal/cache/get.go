package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Entry is a sealed entry. Its files are for reading. It stays where it is
// until Release or the end of the process.
type Entry struct {
	Key    string
	Dir    string            // absolute
	Labels map[string]string // as WriteLabels got them
	Files  map[string]File   // by slash path
	Cached bool              // it was there already

	h *holding
}

// Path is the path of a file of the entry.
func (e Entry) Path(name string) string { return filepath.Join(e.Dir, filepath.FromSlash(name)) }

// Release says that the entry is not used any more; it may be removed then.
func (e Entry) Release() { e.h.release() }

// DamageError says how an entry is not what was made.
type DamageError struct {
	Path  string // of the file
	Found string // what was found, and what was expected
}

func (e *DamageError) Error() string { return e.Path + ": " + e.Found }

// A Maker makes an entry in an empty folder.
type Maker func(ctx context.Context, dir string) error

// Get returns the entry of a key, which is made if the cache does not have it:
// what maker leaves in the folder is the entry. One process makes it while
// others wait, each until its ctx ends. An entry that is not what was made is
// made again.
//
// An error of maker is returned as it is. It leaves nothing behind.
func (n *Namespace) Get(ctx context.Context, key string, maker Maker) (Entry, error) {
	if n.class != sealed {
		panic("cache: " + n.name + " has no sealed entries")
	}
	if e, err := n.find(key); err == nil {
		return e, nil
	}
	unlock, err := n.Lock(ctx, key)
	if err != nil {
		return Entry{}, err
	}
	defer unlock()
	e, err := n.find(key)
	if err == nil {
		return e, nil // another process has made it
	}
	if !errors.Is(err, fs.ErrNotExist) && n.Damaged != nil {
		n.Damaged(err.Error() + "; it is made again")
	}
	return n.create(ctx, key, maker)
}

// Lookup returns the entry of a key if the cache has it as it was made.
func (n *Namespace) Lookup(key string) (Entry, bool) {
	e, err := n.find(key)
	return e, err == nil
}

// find returns the entry of a key, held. The error wraps fs.ErrNotExist if there
// is none, and is a *DamageError if it is not what was made.
func (n *Namespace) find(key string) (Entry, error) {
	if !validKey(key) {
		return Entry{}, fs.ErrNotExist
	}
	dir := n.Path(key)
	h, err := hold(dir)
	if err != nil {
		return Entry{}, err
	}
	m, err := n.verify(key)
	if err != nil {
		h.release()
		return Entry{}, err
	}
	n.touch(key)
	return Entry{Key: key, Dir: dir, Labels: m.Labels, Files: m.Files, Cached: true, h: h}, nil
}

// verify compares an entry with its manifest.
func (n *Namespace) verify(key string) (manifest, error) {
	m, err := n.measure(key)
	if err != nil {
		return m, err
	}
	for name, want := range m.Files {
		if err := n.c.compare(n.Path(key, filepath.FromSlash(name)), want); err != nil {
			return m, err
		}
	}
	return m, nil
}

// measure compares the sizes of an entry's files with its manifest.
func (n *Namespace) measure(key string) (manifest, error) {
	file := n.Path(key, manifestFile)
	data, err := os.ReadFile(file)
	if err != nil {
		return manifest{}, &DamageError{file, cause(err)}
	}
	m, err := parseManifest(data)
	if err != nil {
		return manifest{}, &DamageError{file, err.Error()}
	}
	if m.Key != key {
		return manifest{}, &DamageError{file, fmt.Sprintf("it is of the entry %q", m.Key)}
	}
	for name, want := range m.Files {
		path := n.Path(key, filepath.FromSlash(name))
		info, err := os.Lstat(path)
		switch {
		case err != nil:
			return m, &DamageError{path, cause(err)}
		case !info.Mode().IsRegular():
			return m, &DamageError{path, fmt.Sprintf("it is no file but %s", info.Mode())}
		case info.Size() != want.Size:
			return m, &DamageError{path, fmt.Sprintf("it has %d bytes and had %d when it was made", info.Size(), want.Size)}
		}
	}
	return m, nil
}

// cause is the error without the path that DamageError has.
func cause(err error) string {
	if e := (*fs.PathError)(nil); errors.As(err, &e) {
		return e.Err.Error()
	}
	return err.Error()
}

// compare compares a file's hash with the one it was made with. A note that says
// otherwise may be damaged itself, so then the file is read.
func (c *Cache) compare(path string, want File) error {
	what, hash, expected := wholeQuestion, hashWhole, want.SHA256
	if want.Blocks != "" {
		what, hash, expected = blocksQuestion, hashBlocks, want.Blocks
	}
	got, err := c.hashed(what, path, path, hash)
	if err == nil && got != expected {
		c.forget(what, path)
		got, err = c.hashed(what, path, path, hash)
	}
	if err != nil {
		return &DamageError{path, cause(err)}
	}
	if got != expected {
		return &DamageError{path, fmt.Sprintf("its SHA-256 is %s and was %s when it was made", got, expected)}
	}
	return nil
}

// create makes the entry. The lock is held.
func (n *Namespace) create(ctx context.Context, key string, maker Maker) (e Entry, err error) {
	dir, tmp := n.Path(key), n.Temp(key)
	if err := os.Mkdir(tmp, 0o777); err != nil {
		return Entry{}, Fault(err)
	}
	defer func() { _ = os.RemoveAll(tmp) }() // also if maker panics
	if err := maker(ctx, tmp); err != nil {
		return Entry{}, err
	}
	if err := n.seal(key, tmp); err != nil {
		return Entry{}, Fault(err)
	}
	if err := removeDir(dir); err != nil { // a damaged one
		return Entry{}, Fault(err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return Entry{}, Fault(err)
	}
	h, err := hold(dir)
	if err != nil {
		return Entry{}, Fault(err)
	}
	m, err := n.measure(key)
	if err != nil {
		h.release()
		return Entry{}, Fault(fmt.Errorf("just written, and not as it was written: %w", err))
	}
	grown.Store(true)
	return Entry{Key: key, Dir: dir, Labels: m.Labels, Files: m.Files, h: h}, nil
}

// seal writes the manifest of what is in tmp.
func (n *Namespace) seal(key, tmp string) error {
	labels, err := readLabels(tmp)
	if err != nil {
		return err
	}
	m := manifest{Key: key, Built: time.Now().UTC(), Labels: labels, Files: map[string]File{}}
	err = filepath.WalkDir(tmp, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(tmp, path)
		if err != nil || rel == manifestFile {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s: expected a file in an entry, found %s", path, d.Type())
		}
		m.Files[filepath.ToSlash(rel)], err = n.c.describe(path, n.Path(key, rel))
		return err
	})
	if err != nil {
		return err
	}
	data, err := m.encode()
	if err != nil {
		return err
	}
	if _, err := parseManifest(data); err != nil {
		return fmt.Errorf("entry %s of %s: %w", key, n.name, err)
	}
	return os.WriteFile(filepath.Join(tmp, manifestFile), data, 0o666)
}

// sweep removes what killed makers of an entry left. The lock is held.
func (n *Namespace) sweep(key string) {
	dir := n.Path(key)
	for _, pattern := range []string{dir + tmpSuffix, dir + ".????????" + tmpSuffix, dir + oldSuffix, dir + ".????????" + oldSuffix} {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			_ = os.RemoveAll(name) // what stays is tried again
		}
	}
}

// removeDir removes a directory under another name, so that who is killed
// meanwhile leaves no half of it under its own.
func removeDir(dir string) error {
	old := aside(dir, oldSuffix)
	if err := os.Rename(dir, old); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	return os.RemoveAll(old)
}

// Replace puts the folder tmp in the place of an entry of which the caller has
// the lock. A reader sees the one, the other, or for a moment none.
func (n *Namespace) Replace(key, tmp string) error {
	if err := removeDir(n.Path(key)); err != nil {
		return err
	}
	if err := os.Rename(tmp, n.Path(key)); err != nil {
		return err
	}
	n.Changed(key)
	return nil
}

// Changed notes that an entry, which is not sealed, was changed now.
func (n *Namespace) Changed(key string) {
	grown.Store(true)
	n.touch(key)
}

// Discard removes an entry of which the caller has the lock.
func (n *Namespace) Discard(key string) error {
	n.sweep(key)
	return removeDir(n.Path(key))
}

// Temp is a name for what will replace an entry of which the caller has the
// lock: a leftover if the process is killed. Those of others are removed.
func (n *Namespace) Temp(key string) string {
	n.sweep(key)
	return aside(n.Path(key), tmpSuffix)
}

// Drop removes an entry that this process does not need any more, unless
// another one uses it. That there is none is no error.
func (n *Namespace) Drop(ctx context.Context, key string) error {
	unlock, err := n.Lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	Release(n.Path(key))
	done, err := claimDir(n.Path(key))
	if err != nil { // there is none, or it is in use
		return nil
	}
	defer done()
	return Fault(n.Discard(key))
}
