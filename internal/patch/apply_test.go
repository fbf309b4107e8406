package patch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uetest/internal/blame"
)

// numbered returns a file of n lines, "line 1" and so on.
func numbered(n int) string {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "line %d\n", i+1)
	}
	return s.String()
}

// change is a hunk for numbered(…) that replaces one line, as if it stood at
// line at, with three lines of context that belong to line.
func change(at, line int) string {
	s := fmt.Sprintf("@@ -%d,7 +%d,7 @@\n", at-3, at-3)
	for i := line - 3; i <= line+3; i++ {
		if i == line {
			s += fmt.Sprintf("-line %d\n+changed %d\n", i, i)
			continue
		}
		s += fmt.Sprintf(" line %d\n", i)
	}
	return s
}

func of(name string, hunks ...string) string {
	return "diff --git a/" + name + " b/" + name + "\n--- a/" + name + "\n+++ b/" + name + "\n" + strings.Join(hunks, "")
}

func TestAPatchIsApplied(t *testing.T) {
	ten := numbered(10)
	tests := []struct {
		name, text string
		want       Overlay
	}{
		{"a line changed", of("x", change(5, 5)), Overlay{"x": {Data: []byte(strings.Replace(ten, "line 5", "changed 5", 1)), Mode: 0o644}}},
		{"at the beginning", of("x", "@@ -1,3 +1,4 @@\n+first\n line 1\n line 2\n line 3\n"), Overlay{"x": {Data: []byte("first\n" + ten), Mode: 0o644}}},
		{"at the end", of("x", "@@ -8,3 +8,4 @@\n line 8\n line 9\n line 10\n+last\n"), Overlay{"x": {Data: []byte(ten + "last\n"), Mode: 0o644}}},
		{"the last line end gone", of("x", "@@ -8,3 +8,3 @@\n line 8\n line 9\n-line 10\n+line 10\n\\ No newline at end of file\n"), Overlay{"x": {Data: []byte(strings.TrimSuffix(ten, "\n")), Mode: 0o644}}},
		{"created", "diff --git a/d/y b/d/y\nnew file mode 100755\n--- /dev/null\n+++ b/d/y\n@@ -0,0 +1,2 @@\n+a\n+b\n", Overlay{"d/y": {Data: []byte("a\nb\n"), Mode: 0o755}}},
		{"created empty", "diff --git a/y b/y\nnew file mode 100644\nindex 0000000..e69de29\n", Overlay{"y": {Mode: 0o644}}},
		{"deleted", "diff --git a/z b/z\ndeleted file mode 100644\n--- a/z\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-line 1\n-line 2\n", Overlay{"z": {Deleted: true}}},
		{"renamed and changed", "diff --git a/z b/y\nsimilarity index 50%\nrename from z\nrename to y\n--- a/z\n+++ b/y\n@@ -1,2 +1,2 @@\n line 1\n-line 2\n+two\n", Overlay{"z": {Deleted: true}, "y": {Data: []byte("line 1\ntwo\n"), Mode: 0o644}}},
		{"copied", "diff --git a/z b/y\nsimilarity index 100%\ncopy from z\ncopy to y\n", Overlay{"y": {Data: []byte(numbered(2)), Mode: 0o644}}},
		{"mode alone", "diff --git a/z b/z\nold mode 100644\nnew mode 100755\n", Overlay{"z": {Data: []byte(numbered(2)), Mode: 0o755}}},
		{"twice the same file", of("z", "@@ -1,2 +1,2 @@\n-line 1\n+one\n line 2\n") + of("z", "@@ -1,2 +1,2 @@\n one\n-line 2\n+two\n"), Overlay{"z": {Data: []byte("one\ntwo\n"), Mode: 0o644}}},
		{"deleted and created again", "diff --git a/z b/z\ndeleted file mode 100644\n--- a/z\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-line 1\n-line 2\n" +
			"diff --git a/z b/z\nnew file mode 100644\n--- /dev/null\n+++ b/z\n@@ -0,0 +1 @@\n+new\n", Overlay{"z": {Data: []byte("new\n"), Mode: 0o644}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			base := tree{"x": ten, "z": numbered(2)}
			got, err := Apply(base, mustRead(t, "p", tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(tt.want) {
				t.Errorf("%d files, want %d", len(got), len(tt.want))
			}
			for path, want := range tt.want {
				f := got[path]
				if string(f.Data) != string(want.Data) || f.Mode != want.Mode || f.Deleted != want.Deleted {
					t.Errorf("%s: got %q %v %v, want %q %v %v", path, f.Data, f.Mode, f.Deleted, want.Data, want.Mode, want.Deleted)
				}
			}
			if base["x"] != ten {
				t.Error("the base was changed")
			}
		})
	}
}

func TestAHunkFollowsItsLinesWithoutFuzz(t *testing.T) {
	base := tree{"x": "new\nnew\n" + numbered(40)}
	r := Check(base, mustRead(t, "p", of("x", change(10, 10), change(30, 30))))
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	for _, h := range r.Files[0].Hunks {
		if h.Offset != 2 {
			t.Errorf("hunk %d: offset %d, want 2", h.Number, h.Offset)
		}
	}
	if r.Files[0].Exact() {
		t.Error("reported as exact")
	}
	if got := string(r.Overlay["x"].Data); strings.Count(got, "changed") != 2 {
		t.Errorf("not applied: %s", got)
	}
}

func TestWhatDoesNotApplyIsSaidToTheLine(t *testing.T) {
	same := "a\nb\nc\n"
	tests := []struct {
		name, base, text string
		at, line, hunk   int
		want, got, why   string
	}{
		{"another line", numbered(20), of("x", change(5, 5), strings.Replace(change(12, 12), " line 13", " LINE 13", 1)), 13, 19, 2, "LINE 13", "line 13", ""},
		{"whitespace", numbered(10), of("x", strings.Replace(change(5, 5), " line 6", " line  6", 1)), 6, 10, 1, "line  6", "line 6", "whitespace"},
		{"line ends", strings.ReplaceAll(numbered(10), "\n", "\r\n"), of("x", change(5, 5)), 2, 5, 1, "line 2", "line 2", "line end"},
		{"a short file", numbered(5), of("x", change(5, 5)), 6, 10, 1, "line 6", "", ""},
		{"applied already", strings.Replace(numbered(10), "line 5", "changed 5", 1), of("x", change(5, 5)), 5, 8, 1, "line 5", "changed 5", "applied already"},
		{"two places", "x\n" + strings.Repeat(same+"\n", 3), of("x", "@@ -8,3 +8,4 @@\n a\n b\n+new\n c\n"), 8, 5, 1, "a", "c", "other places"},
		{"bound to the beginning", "new\n" + numbered(9), of("x", "@@ -1,3 +1,4 @@\n+first\n line 1\n line 2\n line 3\n"), 2, 4, 1, "line 1", "line 1", "at the beginning"},
		{"bound to the end", numbered(12), of("x", "@@ -8,3 +8,4 @@\n line 8\n line 9\n line 10\n+last\n"), 8, 4, 1, "line 8", "line 8", "at the end"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Apply(tree{"x": tt.base}, mustRead(t, "some.patch", tt.text))
			var h *HunkError
			if !errors.As(err, &h) {
				t.Fatalf("got %v, want a HunkError", err)
			}
			if h.Number != tt.hunk || h.Path != "x" || h.Want != tt.want || h.Got != tt.got || !strings.Contains(h.Why, tt.why) {
				t.Errorf("got %v", err)
			}
			if h.At != tt.at || h.Line != tt.line {
				t.Errorf("line %d of the file and %d of the patch, want %d and %d: %v", h.At, h.Line, tt.at, tt.line, err)
			}
			if blame.Of(err) != blame.Patch {
				t.Errorf("blamed on %v", blame.Of(err))
			}
		})
	}
}

func TestAFileThatDoesNotFitIsRefused(t *testing.T) {
	tests := []struct {
		name, text string
		want       error
	}{
		{"missing", of("gone", change(5, 5)), fs.ErrNotExist},
		{"created over another", "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n", fs.ErrExist},
		{"renamed over another", "diff --git a/z b/x\nsimilarity index 100%\nrename from z\nrename to x\n", fs.ErrExist},
		{"a file below a file", "diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+a\n" +
			"diff --git a/n/y b/n/y\nnew file mode 100644\n--- /dev/null\n+++ b/n/y\n@@ -0,0 +1 @@\n+a\n", ErrNotFile},
		{"a file where a directory is", "diff --git a/n/y b/n/y\nnew file mode 100644\n--- /dev/null\n+++ b/n/y\n@@ -0,0 +1 @@\n+a\n" +
			"diff --git a/n b/n\nnew file mode 100644\n--- /dev/null\n+++ b/n\n@@ -0,0 +1 @@\n+a\n", fs.ErrExist},
		{"damaged", damages[0].hurt(of("x", strings.ReplaceAll(change(5, 5), "line", "\tline"))), ErrWhitespace},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			over, err := Apply(tree{"x": numbered(10), "z": numbered(2)}, mustRead(t, "p", tt.text))
			if !errors.Is(err, tt.want) || over != nil {
				t.Fatalf("got %v and %d files, want %v and none", err, len(over), tt.want)
			}
			if blame.Of(err) != blame.Patch {
				t.Errorf("blamed on %v", blame.Of(err))
			}
		})
	}
}

func TestDeletingAFileNeedsAllOfIt(t *testing.T) {
	text := "diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-line 1\n-line 2\n"
	if _, err := Apply(tree{"x": numbered(3)}, mustRead(t, "p", text)); err == nil {
		t.Error("a file with more lines than the patch deletes was deleted")
	}
}

func TestNoPatchLeavesItsTree(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "tree")
	outside := filepath.Join(top, "outside")
	for _, d := range []string{filepath.Join(dir, "real"), outside} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []string{filepath.Join(dir, "real", "x"), filepath.Join(outside, "x")} {
		if err := os.WriteFile(f, []byte(numbered(10)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{
		"out": "../outside", "in": "real", "file": "real/x", "dangling": "nowhere",
	} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	base, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := base.Close(); err != nil {
			t.Error(err)
		}
	}()
	create := func(name string) string {
		return "diff --git a/" + name + " b/" + name + "\nnew file mode 100644\n--- /dev/null\n+++ b/" + name + "\n@@ -0,0 +1 @@\n+a\n"
	}
	for _, text := range []string{
		of("out/x", change(5, 5)), of("in/x", change(5, 5)), of("file", change(5, 5)),
		create("out/y"), create("in/y"), create("dangling"), create("dangling/y"),
		"diff --git a/real/x b/out/z\nsimilarity index 100%\nrename from real/x\nrename to out/z\n",
	} {
		if _, err := Apply(base, mustRead(t, "p", text)); !errors.Is(err, ErrSymlink) {
			t.Errorf("%.40q: got %v, want ErrSymlink", text, err)
		}
	}
	for _, name := range []string{"../outside/x", "/etc/passwd", "real/../x", ".git/config", "real/./x", "", "real//x"} {
		if _, _, err := base.ReadFile(name); !errors.Is(err, ErrPath) {
			t.Errorf("ReadFile(%q): %v, want ErrPath", name, err)
		}
	}
	if _, _, err := base.ReadFile("real"); !errors.Is(err, ErrNotFile) {
		t.Errorf("a directory was read: %v", err)
	}
	if got, err := Apply(base, mustRead(t, "p", of("real/x", change(5, 5)))); err != nil || len(got) != 1 {
		t.Errorf("a patch inside the tree: %v", err)
	}
}

func TestCheckComparesBlobs(t *testing.T) {
	before, after := numbered(10), strings.Replace(numbered(10), "line 5", "changed 5", 1)
	text := strings.Replace(of("x", change(5, 5)), "--- ", "index "+BlobID([]byte(before))[:12]+".."+BlobID([]byte(after))[:12]+" 100644\n--- ", 1)
	f := Check(tree{"x": before}, mustRead(t, "p", text)).Files[0]
	if !f.OnBase() || !f.Proven() || !f.Exact() {
		t.Errorf("on base %v, proven %v, exact %v, want all", f.OnBase(), f.Proven(), f.Exact())
	}
	f = Check(tree{"x": before + "more\n"}, mustRead(t, "p", text)).Files[0]
	if f.OnBase() || f.Proven() || f.Err != nil {
		t.Errorf("another base: on base %v, proven %v, %v; want neither and no error", f.OnBase(), f.Proven(), f.Err)
	}
}

func TestBlobIDsAreGits(t *testing.T) {
	// printf '' | git hash-object --stdin; printf 'x\n' | git hash-object --stdin
	for data, want := range map[string]string{
		"":    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
		"x\n": "587be6b4c3f93f93c489c0111bba5596147a26cb",
	} {
		if got := BlobID([]byte(data)); got != want {
			t.Errorf("BlobID(%q) = %s, want %s", data, got, want)
		}
	}
	if SameBlob("", "") || SameBlob("abcd", "") || !SameBlob("ABCD", "abcdef") || SameBlob("abce", "abcdef") {
		t.Error("SameBlob compares wrongly")
	}
}
