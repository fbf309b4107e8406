package pipeline

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A source is read once. What changed since is read again, and what went is gone.
func TestWhatIsKnownOfASourceHoldsUntilAFileChanges(t *testing.T) {
	dir, store := t.TempDir(), t.TempDir()
	write := func(name, text string, mode fs.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	const length = 40
	// Each is another uetest's.
	look := func() map[string]sourceFile {
		t.Helper()
		var c commits
		if err := c.recall(t.Context(), store, dir, length); err != nil {
			t.Fatal(err)
		}
		have, err := c.read(t.Context(), dir, length)
		if err != nil {
			t.Fatal(err)
		}
		return have
	}
	write("a", "one\n", 0o644)
	write("a file\twith a tab", "two\n", 0o755)
	if err := os.Symlink("a", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // until a change would show
	first := look()
	// By git hash-object.
	for path, want := range map[string]string{
		"a":                  "5626abf0f72e58d7a153368ba57db4c673c0e171",
		"a file\twith a tab": "f719efd430d52bcfc8566a43b2eb655688d38871",
		"link":               "2e65efe2a145dda7ee51d1741299f848e5bf752e",
	} {
		if first[path].Blob != want {
			t.Errorf("%q has %s, want %s", path, first[path].Blob, want)
		}
	}
	if again := look(); !maps.Equal(again, first) || !maps.Equal(known(noteOf(first)), first) {
		t.Errorf("got %v, want %v", again, first)
	}
	// The folder keeps its status whatever happens to the text of a file.
	info, err := os.Stat(filepath.Join(dir, "a"))
	if err != nil {
		t.Fatal(err)
	}
	change := func(text string, when time.Time) map[string]sourceFile {
		t.Helper()
		write("a", text, 0o644)
		if err := os.Chtimes(filepath.Join(dir, "a"), time.Time{}, when); err != nil {
			t.Fatal(err)
		}
		return look()
	}
	if unseen := change("onE\n", info.ModTime()); !maps.Equal(unseen, first) {
		t.Errorf("a file of the same status was read again: %v", unseen["a"])
	}
	changed := change("oNe\n", info.ModTime().Add(time.Second))
	if changed["a"].Blob == first["a"].Blob || changed["link"] != first["link"] {
		t.Errorf("got %v after a change of %v", changed, first)
	}
	if err := os.Remove(filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if gone := look(); len(gone) != 2 {
		t.Errorf("got %v, want two files", gone)
	}
}
