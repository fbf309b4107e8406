package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// errKilled ends a maker where a kill would have: what it left stays, as it does
// when a process dies, and the lock is free.
var errKilled = errors.New("killed")

// killed does what a maker does that is killed with half an entry written.
func killed(n *Namespace, key string, full bool) error {
	unlock, err := n.Lock(context.Background(), key)
	if err != nil {
		return err
	}
	defer unlock()
	tmp := n.Temp(key)
	if err := os.Mkdir(tmp, 0o777); err != nil {
		return err
	}
	if full { // killed before the rename
		return errors.Join(fill(context.Background(), tmp), n.seal(key, tmp))
	}
	return os.WriteFile(filepath.Join(tmp, "vmlinux"), []byte("half"), 0o666)
}

// Whatever happens to a cache in between, a Get returns what was made.
func TestGetNeverReturnsADamagedEntry(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			t.Fatal(err)
		}
		c, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		n := c.Namespace(Images)
		keys := rapid.SampledFrom([]string{"a", "b", "b.c"})
		var inUse []Entry
		settled := 0
		defer func() {
			for _, e := range inUse {
				e.Release()
			}
		}()
		t.Repeat(map[string]func(*rapid.T){
			"get": func(t *rapid.T) {
				e, err := n.Get(context.Background(), keys.Draw(t, "key"), fill)
				if err != nil {
					t.Fatal(err)
				}
				inUse = append(inUse, e)
				if err := intact(e); err != nil {
					t.Fatal(err)
				}
			},
			"lookup": func(t *rapid.T) {
				e, ok := n.Lookup(keys.Draw(t, "key"))
				if !ok {
					return
				}
				inUse = append(inUse, e)
				if err := intact(e); err != nil {
					t.Fatal(err)
				}
			},
			"release": func(t *rapid.T) {
				if len(inUse) == 0 {
					t.Skip("nothing is in use")
				}
				i := rapid.IntRange(0, len(inUse)-1).Draw(t, "which")
				inUse[i].Release()
				inUse = slices.Delete(inUse, i, i+1)
			},
			"settle": func(t *rapid.T) { // hashes are remembered after that
				if settled++; settled > 2 {
					t.Skip("often enough")
				}
				time.Sleep(fineClock + time.Millisecond)
			},
			"fail": func(t *rapid.T) {
				_, err := n.Get(context.Background(), keys.Draw(t, "key"), func(_ context.Context, dir string) error {
					return errors.Join(os.WriteFile(filepath.Join(dir, "vmlinux"), nil, 0o666), errKilled)
				})
				if err != nil && !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
			},
			"kill": func(t *rapid.T) {
				if err := killed(n, keys.Draw(t, "key"), rapid.Bool().Draw(t, "full")); err != nil {
					t.Fatal(err)
				}
			},
			"corrupt": func(t *rapid.T) { corrupt(t, n.Path(keys.Draw(t, "key"))) },
			"prune": func(t *rapid.T) {
				// An entry may have been damaged and made again since.
				before := slices.DeleteFunc(slices.Clone(inUse), func(e Entry) bool { return !isAt(e.h.f, e.Dir) })
				limit := rapid.SampledFrom([]int64{0, 1, 200 << 10, 500 << 10}).Draw(t, "limit")
				if _, err := c.Trim(limit); err != nil {
					t.Fatal(err)
				}
				for _, e := range before {
					if !isAt(e.h.f, e.Dir) {
						t.Fatalf("%s is in use and was removed", e.Dir)
					}
				}
				left, err := filepath.Glob(filepath.Join(dir, Images, "*"+tmpSuffix))
				if err != nil || left != nil {
					t.Fatalf("left %v, %v", left, err)
				}
			},
		})
	})
}

// corrupt damages a file of an entry in some way, if there is one.
func corrupt(t *rapid.T, dir string) {
	files := []string{"vmlinux", "sub/note", "ram", manifestFile}
	file := filepath.Join(dir, rapid.SampledFrom(files).Draw(t, "file"))
	info, err := os.Lstat(file)
	if err != nil || info.Size() == 0 {
		return
	}
	at := rapid.Int64Range(0, info.Size()-1).Draw(t, "at")
	switch rapid.SampledFrom([]string{"flip", "cut", "remove", "empty", "swap", "all"}).Draw(t, "how") {
	case "flip":
		err = flip(file, at)
	case "cut":
		err = os.Truncate(file, at)
	case "remove":
		err = os.Remove(file)
	case "empty":
		err = os.Truncate(file, 0)
	case "swap": // the file of another entry, whole
		var other []byte
		if other, err = os.ReadFile(filepath.Join(dir, "vmlinux")); err == nil {
			err = os.WriteFile(file, other, 0o666)
		}
	case "all":
		err = os.RemoveAll(dir)
	}
	if err != nil && !strings.Contains(err.Error(), "no such file") {
		t.Fatal(err)
	}
}
