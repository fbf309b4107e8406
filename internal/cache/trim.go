package cache

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"uetest/internal/blame"
)

// grown is whether this process has put anything into a cache.
var grown atomic.Bool

// Grown tells whether this process has put anything into a cache, so that the
// limit should be looked at.
func Grown() bool { return grown.Load() }

// keepRuns is how many saved runs stay, and saved passes of mutants.
const keepRuns = 50

// Add makes a folder of a namespace that is no cache of anything but a record,
// with a name that begins with prefix and sorts by time, and holds it. Of the
// others the newest stay, and what is in use.
func (n *Namespace) Add(prefix string) (dir string, err error) {
	if n.class != log {
		panic("cache: " + n.name + " has keys")
	}
	if err := n.prepare(); err != nil {
		return "", err
	}
	n.keepNewest(keepRuns)
	if dir, err = os.MkdirTemp(n.c.path(n.name), prefix); err != nil {
		return "", Fault(err)
	}
	if _, err := hold(dir); err != nil {
		return "", Fault(err)
	}
	return dir, nil
}

// keepNewest removes all but the newest folders. What cannot be removed is tried
// again the next time.
func (n *Namespace) keepNewest(keep int) {
	names, err := os.ReadDir(n.c.path(n.name)) // sorted
	if err != nil || !n.c.tagged() {
		return
	}
	names = slices.DeleteFunc(names, func(e fs.DirEntry) bool { return !e.IsDir() || n.kept(e.Name()) })
	for _, e := range names[:max(0, len(names)-keep)] {
		if n.isEntry(e.Name()) {
			_, _ = n.c.Remove(Item{Kind: n.name, Name: e.Name(), State: Free})
		}
	}
}

// keepFile in a folder that Add has made keeps it from being removed.
const keepFile = "keep"

// Keep has a folder that Add has made stay until somebody removes it, or the
// file in it that says so.
func Keep(dir string) error {
	text := "This directory stays while this file is here: uetest was asked to keep it.\n"
	return Fault(os.WriteFile(filepath.Join(dir, keepFile), []byte(text), 0o644))
}

// kept tells whether Keep was asked to keep an entry.
func (n *Namespace) kept(name string) bool {
	if n.class != log {
		return false
	}
	_, err := os.Lstat(n.Path(name, keepFile))
	return err == nil
}

// Check says why nothing may be removed from a directory, or nil.
func (c *Cache) Check() error {
	if _, err := os.Stat(c.dir); errors.Is(err, fs.ErrNotExist) || c.tagged() || c.ours() {
		return nil
	}
	return blame.On(blame.Usage, fmt.Errorf("%s is not a cache of uetest, nothing in it is removed: expected a file %s that says so. If it is one, make the file with this content:\n%s",
		c.dir, tagFile, tag))
}

// Remove removes an entry or a leftover, if nobody makes, changes or uses it,
// and tells whether it is gone. It removes nothing outside of the cache.
func (c *Cache) Remove(item Item) (gone bool, err error) {
	if err := c.Check(); err != nil {
		return false, err
	}
	n := c.Namespace(item.Kind)
	root, err := os.OpenRoot(c.dir)
	if err != nil {
		return false, Fault(err)
	}
	defer func() { _ = root.Close() }()
	name := filepath.Join(item.Kind, item.Name)
	switch {
	case isLeftover(item.Name):
		if n.class != log {
			lock, err := tryLock(n.Path(maker(item.Name)) + lockSuffix)
			if err != nil {
				return false, ignoreUse(err)
			}
			defer n.unlock(lock)
		}
		return true, Fault(root.RemoveAll(name))
	case !n.isEntry(item.Name) || item.Name != filepath.Base(item.Name):
		return false, Fault(fmt.Errorf("cache: %q is not the name of an entry of %s", item.Name, item.Kind))
	}
	if n.kept(item.Name) {
		return false, nil
	}
	done, err := n.claim(item.Name)
	if err != nil {
		return false, ignoreUse(err)
	}
	defer done()
	old := filepath.Join(item.Kind, filepath.Base(aside(n.Path(item.Name), oldSuffix)))
	if err := root.Rename(name, old); err != nil {
		return false, Fault(err)
	}
	return true, Fault(root.RemoveAll(old))
}

// ignoreUse is no error for what is in use and for what is gone already.
func ignoreUse(err error) error {
	if errors.Is(inUse(err), errInUse) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return Fault(err)
}

// Removal is what was removed, or would be.
type Removal struct {
	Items []Item
	Kept  []Item // that were to be removed and are in use
	Size  int64  // of the removed ones together
}

// Clean removes the leftovers, the entries that want wants, and then of the
// others the damaged and the least recently used until the rest fits into limit
// bytes; 0 is no limit. What is in use stays. If dry, it only says.
func (c *Cache) Clean(want func(Item) bool, limit int64, dry bool) (Removal, error) {
	var done Removal
	if err := c.Check(); err != nil {
		return done, err
	}
	items, err := c.List()
	if err != nil {
		return done, err
	}
	var total int64
	for _, item := range items {
		total += item.Size
	}
	remove := func(item Item) error {
		gone := item.State != InUse
		if gone && !dry {
			var err error
			if gone, err = c.Remove(item); err != nil {
				return err
			}
		}
		if !gone {
			done.Kept = append(done.Kept, item)
			return nil
		}
		done.Items = append(done.Items, item)
		done.Size += item.Size
		total -= item.Size
		return nil
	}
	var rest []Item
	for _, item := range items {
		if item.State != Leftover && !want(item) {
			rest = append(rest, item)
			continue
		}
		if err := remove(item); err != nil {
			return done, err
		}
	}
	slices.SortStableFunc(rest, func(a, b Item) int {
		return cmp.Or(cmp.Compare(b.State, a.State), a.worth().Compare(b.worth()))
	})
	for _, item := range rest {
		if limit <= 0 || total <= limit {
			break
		}
		if err := remove(item); err != nil {
			return done, err
		}
	}
	if !dry {
		c.forgetGone()
	}
	return done, nil
}

// cheaper is by how much earlier an entry goes than one that takes minutes of
// compiling to make: a guest is booted and saved in two seconds, and there is
// another one for each state of the guest programs, so that they would push out
// the build directories of a day's work.
var cheaper = map[string]time.Duration{Snapshots: 24 * time.Hour, Initramfs: 12 * time.Hour}

// worth is what the least of goes first.
func (i Item) worth() time.Time { return i.Used.Add(-cheaper[i.Kind]) }

// Trim applies the limit: of the entries that nobody uses, the least recently
// used go first, and before them those that are soon made again.
func (c *Cache) Trim(limit int64) (Removal, error) {
	return c.Clean(func(Item) bool { return false }, limit, false)
}
