package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/blame"
)

const key = "0123456789abcdef"

// content is what the tests' entries hold: two files, one of them with a hole
// over most of it.
var content = map[string][]byte{
	"vmlinux":  bytes.Repeat([]byte("text and data\n"), 5000),
	"sub/note": []byte("a few bytes"),
}

const (
	ramSize = 2 << 20
	ramData = 1 << 20 // where the sparse file has its data
)

// fill makes an entry.
func fill(_ context.Context, dir string) error {
	for name, data := range content {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, data, 0o666)); err != nil {
			return err
		}
	}
	f, err := os.Create(filepath.Join(dir, "ram"))
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content["vmlinux"], ramData)
	return errors.Join(err, f.Truncate(ramSize), f.Close(), WriteLabels(dir, map[string]string{"release": "6.1.0"}))
}

// intact says what of an entry is not what fill made.
func intact(e Entry) error {
	for name, want := range content {
		if got, err := os.ReadFile(e.Path(name)); err != nil || !bytes.Equal(got, want) {
			return fmt.Errorf("%s has %d bytes that are not what was made: %v", e.Path(name), len(got), err)
		}
	}
	ram := make([]byte, ramSize)
	copy(ram[ramData:], content["vmlinux"])
	if got, err := os.ReadFile(e.Path("ram")); err != nil || !bytes.Equal(got, ram) {
		return fmt.Errorf("%s is not what was made: %v", e.Path("ram"), err)
	}
	if e.Labels["release"] != "6.1.0" {
		return fmt.Errorf("labels %v", e.Labels)
	}
	return nil
}

// images returns a namespace of a new cache, and what was said of damage.
func images(t *testing.T, dir string) (*Namespace, *[]string) {
	t.Helper()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	n, told := c.Namespace(Images), &[]string{}
	n.Damaged = func(line string) { *told = append(*told, line) }
	return n, told
}

// get gets the entry and checks it.
func get(t *testing.T, n *Namespace, wantCached bool) Entry {
	t.Helper()
	e, err := n.Get(t.Context(), key, fill)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Release)
	if err := intact(e); err != nil {
		t.Error(err)
	}
	if e.Cached != wantCached {
		t.Errorf("Cached = %v, want %v", e.Cached, wantCached)
	}
	return e
}

// Of an entry that is kept, each kind of damage is found by who uses it next.
func TestDamageIsToldAndMadeAgain(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(e Entry) error
		want   string // in what is said
	}{
		"truncated":                            {func(e Entry) error { return os.Truncate(e.Path("vmlinux"), 100) }, "vmlinux: it has 100 bytes and had 70000"},
		"changed byte":                         {func(e Entry) error { return flip(e.Path("vmlinux"), 35000) }, "vmlinux: its SHA-256 is "},
		"changed small file":                   {func(e Entry) error { return flip(e.Path("sub/note"), 0) }, "sub/note: its SHA-256 is "},
		"changed in data of a file with holes": {func(e Entry) error { return flip(e.Path("ram"), ramData+7) }, "ram: its SHA-256 is "},
		"changed in a hole":                    {func(e Entry) error { return flip(e.Path("ram"), 100) }, "ram: its SHA-256 is "},
		"deleted file":                         {func(e Entry) error { return os.Remove(e.Path("sub/note")) }, "sub/note: no such file or directory"},
		"a folder for a file": {func(e Entry) error {
			return errors.Join(os.Remove(e.Path("vmlinux")), os.Mkdir(e.Path("vmlinux"), 0o777))
		}, "vmlinux: it is no file but d"},
		"deleted manifest":   {func(e Entry) error { return os.Remove(e.Path(manifestFile)) }, "manifest.json: no such file or directory"},
		"emptied manifest":   {func(e Entry) error { return os.Truncate(e.Path(manifestFile), 0) }, "manifest.json: not a manifest"},
		"shortened manifest": {func(e Entry) error { return os.Truncate(e.Path(manifestFile), 200) }, "manifest.json: not a manifest"},
		"changed label": {func(e Entry) error {
			data, err := os.ReadFile(e.Path(manifestFile))
			data = bytes.Replace(data, []byte("6.1.0"), []byte("6.1.9"), 1)
			return errors.Join(err, os.WriteFile(e.Path(manifestFile), data, 0o666))
		}, "manifest.json: the manifest is not what was written"},
		"time set back": {func(e Entry) error {
			info, err := os.Stat(e.Path("vmlinux"))
			return errors.Join(err, flip(e.Path("vmlinux"), 1), os.Chtimes(e.Path("vmlinux"), info.ModTime(), info.ModTime()))
		}, "vmlinux: its SHA-256 is "},
	} {
		t.Run(name, func(t *testing.T) {
			n, told := images(t, t.TempDir())
			get(t, n, false)
			time.Sleep(2 * fineClock)
			e := get(t, n, true) // the hashes are remembered now
			if err := c.damage(e); err != nil {
				t.Fatal(err)
			}
			if _, ok := n.Lookup(key); ok {
				t.Error("the damaged entry is believed")
			}
			get(t, n, false)
			if len(*told) != 1 || !strings.Contains((*told)[0], c.want) || !strings.HasPrefix((*told)[0], n.Path(key)) {
				t.Errorf("told %q, want one line with %q", *told, c.want)
			}
			get(t, n, true)
		})
	}
}

// flip changes one byte of a file.
func flip(name string, at int64) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	b[0] ^= 1
	_, writeErr := f.WriteAt(b, at)
	return errors.Join(err, writeErr, f.Close())
}

func TestEntryOfAnotherKeyIsDamaged(t *testing.T) {
	n, told := images(t, t.TempDir())
	e := get(t, n, false)
	if err := os.Rename(e.Dir, n.Path("other")); err != nil {
		t.Fatal(err)
	}
	again, err := n.Get(t.Context(), "other", fill)
	if err != nil || again.Cached || len(*told) != 1 {
		t.Errorf("got %+v, %v, told %q", again, err, *told)
	}
}

func TestFailedMakerLeavesNothing(t *testing.T) {
	n, _ := images(t, t.TempDir())
	want := errors.New("does not compile")
	_, err := n.Get(t.Context(), key, func(ctx context.Context, dir string) error {
		return errors.Join(fill(ctx, dir), want)
	})
	if !errors.Is(err, want) {
		t.Errorf("Get = %v, want the maker's error", err)
	}
	func() {
		defer func() { _ = recover() }()
		_, _ = n.Get(t.Context(), key, func(ctx context.Context, dir string) error { panic("in the maker") })
	}()
	if items, err := n.c.List(); err != nil || len(items) != 0 {
		t.Errorf("left %+v, %v", items, err)
	}
	get(t, n, false) // the lock is free
}

func TestEntryThatIsNoneIsRefused(t *testing.T) {
	n, _ := images(t, t.TempDir())
	for name, maker := range map[string]Maker{
		"empty": func(context.Context, string) error { return nil },
		"link":  func(_ context.Context, dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "x")) },
	} {
		if _, err := n.Get(t.Context(), key, maker); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, bad := range []string{"", ".", "..", "a/b", "../x", "x.lock", "x.tmp", "x.old", ".x", "a b", strings.Repeat("x", 300)} {
		if _, err := n.Get(t.Context(), bad, fill); err == nil {
			t.Errorf("the key %q was taken", bad)
		}
	}
}

func TestWaitEndsWithTheContext(t *testing.T) {
	n, _ := images(t, t.TempDir())
	unlock, err := n.Lock(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	n.Waiting = func(string) { told++ }
	ctx, cancel := context.WithTimeout(t.Context(), 2*waitNotice)
	defer cancel()
	if _, err := n.Get(ctx, key, fill); !errors.Is(err, context.DeadlineExceeded) || told != 1 || !strings.Contains(err.Error(), key) {
		t.Errorf("Get = %v after telling %d times, want a deadline and one line", err, told)
	}
	unlock()
	get(t, n, false)
}

func TestFullDiskIsTheHostsFault(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir, "size=40k")
	n, _ := images(t, dir)
	_, err := n.Get(t.Context(), key, func(ctx context.Context, dir string) error { return Fault(fill(ctx, dir)) })
	if !errors.Is(err, syscall.ENOSPC) || blame.Of(err) != blame.Host || !strings.Contains(err.Error(), "UETEST_CACHE") {
		t.Errorf("Get = %v (%v), want a full disk", err, blame.Of(err))
	}
	if items, err := n.c.List(); err != nil || len(items) != 0 {
		t.Errorf("left %+v, %v", items, err)
	}
	remount(t, dir, "size=10m", 0)
	get(t, n, false)
}

func TestReadOnlyCacheIsUsedAndSaysWhatIsMissing(t *testing.T) {
	dir := t.TempDir()
	mount(t, dir, "size=10m")
	n, _ := images(t, dir)
	get(t, n, false)
	remount(t, dir, "size=10m", unix.MS_RDONLY)
	defer remount(t, dir, "size=10m", 0)
	get(t, n, true)
	_, err := n.Get(t.Context(), "other", fill)
	if !errors.Is(err, syscall.EROFS) || blame.Of(err) != blame.Host || !strings.Contains(err.Error(), "point UETEST_CACHE") {
		t.Errorf("Get = %v (%v), want a read-only file system", err, blame.Of(err))
	}
}

// mount mounts a file system of the test's own.
func mount(t *testing.T, dir, options string) {
	t.Helper()
	if err := unix.Mount("uetest-test", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("needs the right to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func remount(t *testing.T, dir, options string, flags uintptr) {
	t.Helper()
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|flags, options); err != nil {
		t.Fatal(err)
	}
}

func TestDirectoryOfTheCache(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", file, filepath.Join(file, "below")} {
		if _, err := Open(bad); err == nil || blame.Of(err) != blame.Host || !strings.Contains(err.Error(), "UETEST_CACHE") {
			t.Errorf("Open(%q) = %v", bad, err)
		}
	}
	missing := filepath.Join(dir, "a/b")
	n, _ := images(t, missing)
	if _, ok := n.Lookup(key); ok {
		t.Error("there is an entry in no directory")
	}
	if _, err := os.Stat(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a look made the directory")
	}
	get(t, n, false)
	tag, err := os.ReadFile(filepath.Join(missing, tagFile))
	if err != nil || !strings.HasPrefix(string(tag), "Signature: 8a477f597d28d172789f06886806bc55\n") {
		t.Errorf("tag %q, %v", tag, err)
	}
}
