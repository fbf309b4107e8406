package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uetest/internal/blame"
)

// put makes an entry of a size, used that long ago and by nobody.
func put(t *testing.T, n *Namespace, key string, size int, age time.Duration) {
	t.Helper()
	data := bytes.Repeat([]byte{1}, size)
	switch n.class {
	case sealed:
		e, err := n.Get(t.Context(), key, func(_ context.Context, dir string) error {
			return os.WriteFile(filepath.Join(dir, "file"), data, 0o666)
		})
		if err != nil {
			t.Fatal(err)
		}
		e.Release()
	case open:
		unlock, err := n.Lock(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		tmp := n.Temp(key)
		err = errors.Join(os.Mkdir(tmp, 0o777), os.WriteFile(filepath.Join(tmp, "file"), data, 0o666), n.Replace(key, tmp))
		if err != nil {
			t.Fatal(err)
		}
	}
	setUsed(t, n, key, age)
}

func setUsed(t *testing.T, n *Namespace, key string, age time.Duration) {
	t.Helper()
	when := time.Now().Add(-age)
	if err := os.Chtimes(n.Path(key), when, when); err != nil {
		t.Fatal(err)
	}
}

// names are the entries that a cache has.
func names(t *testing.T, c *Cache) []string {
	t.Helper()
	items, err := c.List()
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, item := range items {
		list = append(list, item.Kind+"/"+item.Name)
	}
	slices.Sort(list)
	return list
}

func TestLeastRecentlyUsedGoesFirstAndWhatIsUsedStays(t *testing.T) {
	n, _ := images(t, t.TempDir())
	c := n.c
	const size = 1 << 20
	put(t, n, "oldest-used", size, 9*time.Hour)
	put(t, c.Namespace(Builds), "old-locked", size, 8*time.Hour)
	put(t, c.Namespace(Sources), "old-held", size, 7*time.Hour)
	put(t, c.Namespace(Builds), "old", size, 6*time.Hour)
	put(t, n, "middle", size, 5*time.Hour)
	put(t, n, "young", size, time.Hour)
	// A day counts for as much as the minutes that it takes to build a kernel.
	put(t, c.Namespace(Snapshots), "cheap", size, 0)
	put(t, c.Namespace(Snapshots), "cheap-and-old", size, time.Hour)

	used, ok := n.Lookup("oldest-used")
	if !ok {
		t.Fatal("not there")
	}
	setUsed(t, n, "oldest-used", 9*time.Hour)
	unlock, err := c.Namespace(Builds).Lock(t.Context(), "old-locked")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Namespace(Sources).Hold("old-held"); err != nil {
		t.Fatal(err)
	}
	setUsed(t, c.Namespace(Sources), "old-held", 7*time.Hour)

	removed := func(limit int64) []string {
		t.Helper()
		done, err := c.Trim(limit)
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, item := range done.Items {
			list = append(list, item.Name)
		}
		return list
	}
	if got := removed(9 * size); got != nil {
		t.Errorf("within the limit %v were removed", got)
	}
	if got := removed(6*size + size/2); !slices.Equal(got, []string{"cheap-and-old", "cheap"}) {
		t.Errorf("removed %v, want what is soon made again", got)
	}
	if got := removed(5*size + size/2); !slices.Equal(got, []string{"old"}) {
		t.Errorf("removed %v, want the oldest that nobody uses", got)
	}
	if got := removed(1); !slices.Equal(got, []string{"middle", "young"}) {
		t.Errorf("removed %v, want the rest that nobody uses", got)
	}
	used.Release()
	unlock()
	Release(c.Namespace(Sources).Path("old-held"))
	if got := removed(1); !slices.Equal(got, []string{"oldest-used", "old-locked", "old-held"}) {
		t.Errorf("removed %v, want what was in use", got)
	}
	if got := removed(0); got != nil {
		t.Errorf("without a limit %v were removed", got)
	}
	// No lock is left without its entry.
	if left, _ := filepath.Glob(filepath.Join(c.Dir(), "*", "*")); slices.ContainsFunc(left, func(s string) bool { return filepath.Base(filepath.Dir(s)) != memoFolder }) {
		t.Errorf("left %v", left)
	}
}

func TestUseIsNoted(t *testing.T) {
	n, _ := images(t, t.TempDir())
	put(t, n, key, 10, time.Hour)
	get := func() time.Time {
		t.Helper()
		items, err := n.c.List()
		if err != nil || len(items) != 1 {
			t.Fatalf("%+v, %v", items, err)
		}
		return items[0].Used
	}
	if age := time.Since(get()); age < time.Hour {
		t.Errorf("used %v ago, want an hour", age)
	}
	e, _ := n.Lookup(key)
	e.Release()
	if age := time.Since(get()); age > time.Minute {
		t.Errorf("used %v ago, want now", age)
	}
}

// Whoever holds an entry twice, holds it until both have let go.
func TestEntryIsHeldUntilTheLastUserLetsGo(t *testing.T) {
	n, _ := images(t, t.TempDir())
	put(t, n, key, 10, time.Hour)
	a, _ := n.Lookup(key)
	b, _ := n.Lookup(key)
	for i, e := range []Entry{a, b} {
		if gone, err := n.c.Remove(Item{Kind: Images, Name: key}); gone || err != nil {
			t.Errorf("after %d releases it is removed: %v, %v", i, gone, err)
		}
		e.Release()
	}
	if gone, err := n.c.Remove(Item{Kind: Images, Name: key}); !gone || err != nil {
		t.Errorf("it is not removed: %v, %v", gone, err)
	}
}

func TestDropSparesWhatAnotherUses(t *testing.T) {
	n, _ := images(t, t.TempDir())
	put(t, n, key, 10, time.Hour)
	other, err := openDir(n.Path(key)) // as another process has it
	if err != nil {
		t.Fatal(err)
	}
	if err := flock(other, 1 /* LOCK_SH */); err != nil {
		t.Fatal(err)
	}
	if _, ok := n.Lookup(key); !ok {
		t.Fatal("not there")
	}
	if err := n.Drop(t.Context(), key); err != nil || len(names(t, n.c)) != 1 {
		t.Errorf("Drop = %v, left %v; want it to stay", err, names(t, n.c))
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	if err := n.Drop(t.Context(), key); err != nil || len(names(t, n.c)) != 0 {
		t.Errorf("Drop = %v, left %v; want it gone", err, names(t, n.c))
	}
	if err := n.Drop(t.Context(), key); err != nil {
		t.Errorf("Drop of nothing = %v", err)
	}
}

func TestLeftoversAreRemovedUnlessTheirMakerLives(t *testing.T) {
	n, _ := images(t, t.TempDir())
	put(t, n, key, 10, time.Hour)
	for _, name := range []string{key + ".ABCDEFGH.tmp", key + ".ABCDEFGH.old", "gone.ABCDEFGH.tmp", "first.tmp", "alive.ABCDEFGH.tmp"} {
		if err := os.MkdirAll(filepath.Join(n.Path(name), "half"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := n.Lock(t.Context(), "alive")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	done, err := n.c.Trim(0)
	if err != nil || len(done.Items) != 4 {
		t.Errorf("removed %+v, %v", done.Items, err)
	}
	want := []string{"images/" + key, "images/alive.ABCDEFGH.tmp"}
	if got := names(t, n.c); !slices.Equal(got, want) {
		t.Errorf("left %v, want %v", got, want)
	}
}

// Nothing that is not the cache's is removed, however it is named.
func TestNothingOutsideOfTheCacheIsRemoved(t *testing.T) {
	home := t.TempDir()
	for _, dir := range []string{"src/project", "build/x", "images/holidays", "notes"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Open(home)
	if err != nil {
		t.Fatal(err)
	}
	everything := func(Item) bool { return true }
	if _, err := c.Clean(everything, 1, false); err == nil || blame.Of(err) != blame.Usage || !strings.Contains(err.Error(), tagFile) {
		t.Errorf("Clean of what is no cache = %v", err)
	}
	put(t, c.Namespace(Images), key, 10, 0) // it is used as one all the same
	if _, err := c.Clean(everything, 1, false); err == nil {
		t.Error("it has become a cache by being used")
	}

	// Told that it is a cache, clean still knows what it has made.
	if err := os.WriteFile(filepath.Join(home, tagFile), []byte(tag), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Clean(everything, 1, false); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"src/project", "build/x", "notes"} {
		if _, err := os.Stat(filepath.Join(home, dir)); err != nil {
			t.Errorf("%s was removed", dir)
		}
	}

	outside := filepath.Join(t.TempDir(), "precious")
	if err := os.MkdirAll(filepath.Join(outside, key), 0o777); err != nil {
		t.Fatal(err)
	}
	put(t, c.Namespace(Images), "real", 10, 0)
	if err := errors.Join(os.Symlink(filepath.Join(outside, key), c.Namespace(Images).Path("link")), os.Symlink(outside, c.path(Snapshots))); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Clean(everything, 1, false); err == nil || !strings.Contains(err.Error(), Snapshots) {
		t.Errorf("Clean of a namespace that leads elsewhere = %v", err)
	}
	if gone, err := c.Remove(Item{Kind: Snapshots, Name: key}); gone || err == nil {
		t.Errorf("Remove through a link = %v, %v", gone, err)
	}
	if err := os.Remove(c.path(Snapshots)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Clean(everything, 1, false); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"..", ".", "", "../src/project", "../../x", key + "/.."} {
		if gone, err := c.Remove(Item{Kind: Images, Name: name}); gone || err == nil {
			t.Errorf("Remove(%q) = %v, %v", name, gone, err)
		}
	}
	if _, err := os.Stat(filepath.Join(outside, key)); err != nil {
		t.Error("what a link leads to was removed")
	}
}

func TestRecordsAreTheNewestAndThoseInUse(t *testing.T) {
	n, _ := images(t, t.TempDir())
	runs := n.c.Namespace(Runs)
	var dirs []string
	for i := range keepRuns + 5 {
		dir, err := runs.Add(fmt.Sprintf("20261122-%06d-a kernel-", i))
		if err != nil {
			t.Fatal(err)
		}
		dirs = append(dirs, dir)
		if i != 0 { // the first goes on
			Release(dir)
		}
	}
	left, err := os.ReadDir(filepath.Dir(dirs[0]))
	if err != nil || len(left) != keepRuns+2 { // and the one that came last
		t.Errorf("%d records, %v; want %d", len(left), err, keepRuns+2)
	}
	for i, dir := range dirs {
		_, err := os.Stat(dir)
		if want := i == 0 || i > 3; (err == nil) != want {
			t.Errorf("record %d is there: %v, want %v", i, err == nil, want)
		}
	}
	Release(dirs[0])
}

func TestKeptRecordStays(t *testing.T) {
	n, _ := images(t, t.TempDir())
	runs := n.c.Namespace(Runs)
	add := func(i int) string {
		t.Helper()
		dir, err := runs.Add(fmt.Sprintf("20261122-%06d-a kernel-", i))
		if err != nil {
			t.Fatal(err)
		}
		Release(dir)
		return dir
	}
	plain, kept := add(0), add(1)
	if err := Keep(kept); err != nil {
		t.Fatal(err)
	}
	for i := range keepRuns + 5 {
		add(2 + i)
	}
	if _, err := os.Stat(plain); err == nil {
		t.Error("the oldest record is there")
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("later records: %v", err)
	}
	if _, err := n.c.Clean(func(Item) bool { return true }, 0, false); err != nil {
		t.Fatal(err)
	}
	if _, err := n.c.Trim(1); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(filepath.Dir(kept))
	if err != nil || len(left) != 1 || filepath.Join(filepath.Dir(kept), left[0].Name()) != kept {
		t.Errorf("left is %v, %v; want the kept one", left, err)
	}
	// Whoever removes the file has had enough.
	if err := os.Remove(filepath.Join(kept, keepFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := n.c.Clean(func(Item) bool { return true }, 0, false); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); err == nil {
		t.Error("it is kept without the file")
	}
}

func TestSizeIsThatOnTheDiskAndSharedFilesCountOnce(t *testing.T) {
	n, _ := images(t, t.TempDir())
	c := n.c
	put(t, c.Namespace(Sources), "linux", 8<<20, 0)
	put(t, c.Namespace(Builds), "build", 1<<20, 0)
	if err := os.Link(c.Namespace(Sources).Path("linux", "file"), c.Namespace(Builds).Path("build", "shared")); err != nil {
		t.Fatal(err)
	}
	e, err := c.Namespace(Snapshots).Get(t.Context(), key, fill) // a file of 2 MB, 64 KB of it there
	if err != nil {
		t.Fatal(err)
	}
	defer e.Release()
	want := map[string]int64{Sources: 8 << 20, Builds: 1 << 20, Snapshots: 160 << 10}
	for range 2 { // the second time from the notes
		items, err := c.List()
		if err != nil || len(items) != 3 {
			t.Fatalf("%+v, %v", items, err)
		}
		for _, item := range items {
			if w := want[item.Kind]; item.Size < w || item.Size > w+64<<10 {
				t.Errorf("%s has %d bytes, want %d and a little for folders", item.Kind, item.Size, w)
			}
		}
	}
	// A change shows.
	put(t, c.Namespace(Builds), "build", 3<<20, 0)
	items, err := c.List()
	if err != nil || items[1].Size < 3<<20 {
		t.Errorf("%+v, %v; want the new size of the build", items, err)
	}
}
