package patch

import (
	"strings"
	"testing"
)

// hunkOf is a diff of one hunk with the context lines of numbered(20) around a
// change of line 10.
const hunkOf10 = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -7,7 +7,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n"

func TestFuzzLetsContextGoAndSaysSo(t *testing.T) {
	plain := strings.Join([]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", ""}, "\n")
	p := mustRead(t, "p", hunkOf10)
	for _, tt := range []struct {
		name, old, new string
		allowed, took  int // took is -1 if it does not apply
		offset         int
	}{
		{"all context", "", "", 3, 0, 0},
		{"the first line is another", "\n7\n", "\nseven\n", 0, -1, 0},
		{"the first line, with fuzz", "\n7\n", "\nseven\n", 1, 1, 0},
		{"the second, with too little", "\n8\n", "\neight\n", 1, -1, 0},
		{"the second, with enough", "\n12\n", "\ntwelve\n", 3, 2, 0},
		{"further down", "1\n2\n3\n4\n5\n6\n7\n", "0\n1\n2\n3\n4\n5\n6\nseven\n", 1, 1, 1},
		{"the change itself", "\n10\n", "\nX\n", 3, -1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := plain
			if tt.old != "" {
				text = strings.Replace(plain, tt.old, tt.new, 1)
			}
			f := CheckFuzz(tree{"x": text}, tt.allowed, p).Files[0]
			if (f.Err == nil) != (tt.took >= 0) {
				t.Fatalf("got %v", f.Err)
			}
			if f.Err != nil {
				return
			}
			if h := f.Hunks[0]; h.Fuzz != tt.took || h.Offset != tt.offset {
				t.Errorf("fuzz %d, offset %d; want %d and %d", h.Fuzz, h.Offset, tt.took, tt.offset)
			}
			if f.Exact() != (tt.took == 0) {
				t.Errorf("exact: %v", f.Exact())
			}
			over := CheckFuzz(tree{"x": text}, tt.allowed, p).Overlay
			if got, want := string(over["x"].Data), strings.Replace(text, "\n10\n", "\nten\n", 1); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestWhatIsAppliedAlreadyIsTold(t *testing.T) {
	before := numbered(20)
	for name, text := range map[string]string{
		"a change":         of("x", change(10, 10)),
		"two changes":      of("x", change(5, 5), change(15, 15)),
		"a new file":       "diff --git a/y b/y\nnew file mode 100644\n--- /dev/null\n+++ b/y\n@@ -0,0 +1,2 @@\n+a\n+b\n",
		"a deleted file":   "diff --git a/z b/z\ndeleted file mode 100644\n--- a/z\n+++ /dev/null\n@@ -1 +0,0 @@\n-z\n",
		"a change by blob": "diff --git a/w b/w\nindex " + BlobID([]byte("w\n")) + ".." + BlobID([]byte("v\n")) + "\n--- a/w\n+++ b/w\n@@ -1 +1 @@\n-w\n+v\n",
	} {
		t.Run(name, func(t *testing.T) {
			base := tree{"x": before, "z": "z\n", "w": "w\n"}
			p := mustRead(t, "p", text)
			r := Check(base, p)
			if r.Files[0].Applied || r.Err() != nil {
				t.Fatalf("before: applied %v, %v", r.Files[0].Applied, r.Err())
			}
			again := Check(r.Overlay.On(base), p).Files[0]
			if !again.Applied || again.Err == nil {
				t.Errorf("after: applied %v, %v", again.Applied, again.Err)
			}
			for _, h := range again.Hunks {
				if h.Err != nil && (!h.Applied || !strings.Contains(h.Err.Error(), "applied already, at line")) {
					t.Errorf("hunk %d: applied %v, %v", h.Number, h.Applied, h.Err)
				}
			}
		})
	}
	// A tree that has half of it has not got it.
	p := mustRead(t, "p", of("x", change(5, 5), change(15, 15)))
	half := Check(tree{"x": before}, mustRead(t, "p", of("x", change(5, 5)))).Overlay
	f := Check(half.On(tree{"x": before}), p).Files[0]
	if f.Applied || !f.Hunks[0].Applied || f.Hunks[1].Err != nil {
		t.Errorf("applied %v, hunks %+v", f.Applied, f.Hunks)
	}
}
