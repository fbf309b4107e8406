package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State is whether an entry can be used, and whether it is.
type State int

// What an entry may be.
const (
	InUse    State = iota // somebody makes, changes or uses it
	Free                  // complete, and nobody uses it
	Leftover              // of a process that was killed while it made or removed an entry
	Damaged               // without a manifest that its files agree with
)

// Item is an entry as a listing shows it.
type Item struct {
	Kind  string    // its namespace
	Name  string    // its key, or that of a leftover's folder
	Size  int64     // bytes it has on the disk
	Used  time.Time // last
	State State
}

// List returns what is in the cache, by kind and then the least recently used
// first. It reads no content.
func (c *Cache) List() ([]Item, error) {
	var items []Item
	for _, k := range kinds {
		list, err := c.Namespace(k.name).list()
		if err != nil {
			return nil, Fault(fmt.Errorf("cache: %w", err))
		}
		slices.SortStableFunc(list, func(a, b Item) int { return a.Used.Compare(b.Used) })
		items = append(items, list...)
	}
	return items, nil
}

func (n *Namespace) list() ([]Item, error) {
	dir := n.c.path(n.name)
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s: expected a directory, found %s; what it leads to is not the cache's", dir, info.Mode().Type())
	}
	if err != nil {
		return nil, err
	}
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, e := range names {
		if !e.IsDir() {
			continue
		}
		item, err := n.item(e)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		if item.Name != "" {
			items = append(items, item)
		}
	}
	return items, nil
}

// item looks at a folder of the namespace. What it cannot have made has no name.
func (n *Namespace) item(e fs.DirEntry) (Item, error) {
	info, err := e.Info()
	if err != nil {
		return Item{}, err
	}
	item := Item{Kind: n.name, Name: e.Name(), Used: info.ModTime(), State: Free}
	if isLeftover(e.Name()) {
		item.State = Leftover
		if key := maker(e.Name()); n.class != log && n.locked(key) {
			item.State = InUse
		}
		item.Size, err = diskSize(n.Path(e.Name()))
		return item, err
	}
	if !n.isEntry(e.Name()) {
		return Item{}, nil
	}
	switch n.class {
	case sealed:
		item.Size, err = diskSize(n.Path(e.Name()))
		if _, bad := n.measure(e.Name()); bad != nil {
			item.State = Damaged
		}
	case open:
		// Without a lock file beside it no run has made it.
		if _, err := os.Lstat(n.Path(e.Name()) + lockSuffix); err != nil {
			return Item{}, nil
		}
		item.Size, err = n.c.openSize(n.Path(e.Name()))
	case log:
		item.Size, err = diskSize(n.Path(e.Name()))
	}
	if n.busy(e.Name()) || n.kept(e.Name()) {
		item.State = InUse
	}
	return item, err
}

// maker is the key of what was being made or removed under a name.
func maker(name string) string {
	name = strings.TrimSuffix(strings.TrimSuffix(name, tmpSuffix), oldSuffix)
	if i := len(name) - 9; i > 0 && name[i] == '.' { // see aside
		name = name[:i]
	}
	return name
}

// locked tells whether somebody holds the lock of a key.
func (n *Namespace) locked(key string) bool {
	if _, err := os.Lstat(n.Path(key) + lockSuffix); err != nil {
		return false
	}
	f, err := tryLock(n.Path(key) + lockSuffix)
	if err != nil {
		return errors.Is(inUse(err), errInUse)
	}
	_ = f.Close()
	return false
}

// diskSize is what a folder has on the disk, in bytes, without the files that
// have other names elsewhere: a build directory's sources are the pristine tree's
// files.
func diskSize(dir string) (int64, error) { return sizeOf(dir, false) }

func sizeOf(dir string, shared bool) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		var info fs.FileInfo
		if err == nil {
			info, err = d.Info()
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*unixStat); ok && (shared || d.IsDir() || st.Nlink == 1) {
			size += st.Blocks * 512 // stat(2)
		}
		return nil
	})
	return size, err
}

// openSize is the size of an entry that changes: of 80,000 files in the case of
// a source, so it is remembered for as long as nothing at its top has changed.
// Who changes such an entry writes its state there.
func (c *Cache) openSize(dir string) (int64, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	var id strings.Builder
	for _, e := range names {
		info, err := e.Info()
		if err != nil {
			return 0, err
		}
		fmt.Fprintf(&id, "%s %s\n", e.Name(), identity(info))
	}
	if text, ok := c.recall(sizeQuestion, dir, id.String()); ok {
		if size, err := strconv.ParseInt(text, 10, 64); err == nil {
			return size, nil
		}
	}
	size, err := sizeOf(dir, filepath.Base(filepath.Dir(dir)) == Sources)
	if err != nil {
		return 0, err
	}
	c.remember(sizeQuestion, dir, id.String(), strconv.FormatInt(size, 10))
	return size, nil
}
