package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestHashIsReadOnceForAFileThatStaysTheSame(t *testing.T) {
	dir := t.TempDir()
	c, err := Open(filepath.Join(dir, "cache"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	ask := func() string {
		t.Helper()
		answer, err := c.Memo("content", file, func() (string, error) {
			asked++
			data, err := os.ReadFile(file)
			return string(data), err
		})
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	write("one")
	for range 3 { // at once: a change could be missed, so nothing is believed
		write("two")
		if got := ask(); got != "two" {
			t.Fatalf("got %q", got)
		}
		write("one")
		if got := ask(); got != "one" {
			t.Fatalf("got %q", got)
		}
	}
	time.Sleep(2 * fineClock)
	ask()
	asked = 0
	if got := ask(); got != "one" || asked != 0 {
		t.Errorf("got %q after asking %d times, want it remembered", got, asked)
	}
	// The same size and time, by another content.
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	write("eno")
	if err := os.Chtimes(file, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != "eno" {
		t.Errorf("got %q, want the new content", got)
	}
	time.Sleep(2 * fineClock)
	ask()
	// A note that is damaged is none.
	note := c.note("content", file)
	if err := os.WriteFile(note, []byte("half"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != "eno" {
		t.Errorf("got %q, want the content", got)
	}
	// Notes go with their files.
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	c.forgetGone()
	if _, err := os.Stat(note); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the note on a file that is gone: %v", err)
	}
}

func TestFileHashIsSha256sums(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("abc"), 0o666); err != nil {
		t.Fatal(err)
	}
	// FIPS 180-2, appendix B.1
	const want = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	if got, err := c.FileHash(file); err != nil || got != want {
		t.Errorf("got %s, %v", got, err)
	}
	if _, err := c.FileHash(file + ".missing"); err == nil {
		t.Error("a missing file has a hash")
	}
}

func TestFileThatChangedJustNowMayChangeUnseen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := info.ModTime()
	if settled(info, changed) || settled(info, changed.Add(fineClock/2)) {
		t.Error("a change within the clock's tick would be seen")
	}
	if !settled(info, changed.Add(coarseClock+time.Second)) {
		t.Error("a change after seconds would not be seen")
	}
}

// Who opens a cache to read it changes nothing there, not even a time.
func TestOpenedToReadNothingChanges(t *testing.T) {
	dir := t.TempDir()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Namespace(Images).Get(t.Context(), "k", func(_ context.Context, to string) error {
		return os.WriteFile(filepath.Join(to, "vmlinux"), []byte("x"), 0o644)
	}); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(other, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := errors.Join(os.Chtimes(other, old, old), os.Chtimes(c.Namespace(Images).Path("k"), old, old)); err != nil {
		t.Fatal(err)
	}
	state := func() map[string]string {
		seen := map[string]string{}
		if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err == nil {
				seen[path] = fmt.Sprint(info.Size(), info.ModTime().UnixNano(), info.Mode())
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return seen
	}
	before := state()
	r, err := OpenToRead(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := r.Namespace(Images)
	if e, ok := n.Lookup("k"); !ok || e.Dir != n.Path("k") {
		t.Errorf("Lookup: %+v, %v", e, ok)
	}
	if _, ok := n.Lookup("other"); ok {
		t.Error("there is what is not there")
	}
	if err := n.Hold("k"); err != nil {
		t.Error(err)
	}
	if _, err := r.FileHash(other); err != nil {
		t.Error(err)
	}
	if answer, err := r.Memo("q", other, func() (string, error) { return "a", nil }); err != nil || answer != "a" {
		t.Errorf("Memo: %q, %v", answer, err)
	}
	if _, err := n.Get(t.Context(), "new", func(context.Context, string) error { return nil }); err == nil {
		t.Error("an entry was made")
	}
	if after := state(); !maps.Equal(after, before) {
		t.Errorf("the cache was\n%v\nand is\n%v", before, after)
	}
}
