package patch

import (
	"fmt"
	"strings"
	"testing"
)

// shown is a file's hunks as text: each line with its number, hunks apart by
// their sections.
func shown(f ChangedFile) string {
	var b strings.Builder
	for _, h := range f.Hunks {
		fmt.Fprintf(&b, "@@ %s\n", h.Section)
		for _, l := range h.Lines {
			fmt.Fprintf(&b, "%c%d %s\n", l.Op, l.Number, l.Text)
		}
	}
	return b.String()
}

func counted(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "l%d\n", i+1)
	}
	return b.String()
}

func TestChangedLinesOfThePatchedFile(t *testing.T) {
	const head = "--- a/x.c\n+++ b/x.c\n"
	for _, tt := range []struct {
		name    string
		patches []string
		want    string
	}{
		{"one hunk", []string{head + "@@ -4,3 +4,4 @@ int f(void)\n l4\n-l5\n+new5\n+new6\n l6\n"},
			"@@ int f(void)\n 2 l2\n 3 l3\n 4 l4\n-0 l5\n+5 new5\n+6 new6\n 7 l6\n 8 l7\n 9 l8\n"},
		{"moved by ten lines", []string{head + "@@ -14,3 +14,3 @@\n l4\n-l5\n+new5\n l6\n"},
			"@@ \n 2 l2\n 3 l3\n 4 l4\n-0 l5\n+5 new5\n 6 l6\n 7 l7\n 8 l8\n"},
		{"two that stand apart", []string{head + "@@ -1,2 +1,3 @@ a\n l1\n+x\n l2\n@@ -18,3 +19,3 @@ b\n l18\n-l19\n+y\n l20\n"},
			"@@ a\n 1 l1\n+2 x\n 3 l2\n 4 l3\n 5 l4\n@@ b\n 17 l16\n 18 l17\n 19 l18\n-0 l19\n+20 y\n 21 l20\n"},
		{"two that touch are one", []string{head + "@@ -4,2 +4,3 @@ a\n l4\n+x\n l5\n@@ -10,2 +11,3 @@ b\n l10\n+y\n l11\n"},
			"@@ a\n 2 l2\n 3 l3\n 4 l4\n+5 x\n 6 l5\n 7 l6\n 8 l7\n 9 l8\n 10 l9\n 11 l10\n+12 y\n 13 l11\n 14 l12\n 15 l13\n"},
		{"what a later patch removes was never there", []string{
			head + "@@ -4,2 +4,3 @@\n l4\n+first\n l5\n",
			head + "@@ -4,4 +4,4 @@\n l4\n-first\n-l5\n+second\n+third\n l6\n"},
			"@@ \n 2 l2\n 3 l3\n 4 l4\n-0 l5\n+5 second\n+6 third\n 7 l6\n 8 l7\n 9 l8\n"},
		{"a later patch moves the lines of an earlier one", []string{
			head + "@@ -4,2 +4,3 @@\n l4\n+first\n l5\n",
			head + "@@ -1,1 +1,2 @@\n+top\n l1\n"},
			"@@ \n+1 top\n 2 l1\n 3 l2\n 4 l3\n 5 l4\n+6 first\n 7 l5\n 8 l6\n 9 l7\n"},
		{"removed at the end", []string{head + "@@ -19,2 +19,1 @@\n l19\n-l20\n"},
			"@@ \n 17 l17\n 18 l18\n 19 l19\n-0 l20\n"},
		{"a new file", []string{"--- /dev/null\n+++ b/x.h\n@@ -0,0 +1,2 @@\n+a\n+b\n"}, "@@ \n+1 a\n+2 b\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var patches []*Patch
			for i, text := range tt.patches {
				p, err := Read(fmt.Sprintf("%d.patch", i), []byte(text))
				if err != nil {
					t.Fatal(err)
				}
				patches = append(patches, p)
			}
			base := Overlay{"x.c": {Data: []byte(counted(20)), Mode: 0o644}}.On(None)
			files, err := Changed(base, 0, patches...)
			if err != nil {
				t.Fatal(err)
			}
			if len(files) != 1 || shown(files[0]) != tt.want {
				t.Errorf("got %+v\n%s\nwant\n%s", files, shown(files[0]), tt.want)
			}
			// The numbers are those of the file that Apply makes.
			over, err := Apply(base, patches...)
			if err != nil {
				t.Fatal(err)
			}
			lines := splitLines(string(over[files[0].Path].Data))
			for _, h := range files[0].Hunks {
				for _, l := range h.Lines {
					if l.Number > 0 && lines[l.Number-1] != l.Text {
						t.Errorf("line %d is %q in the file, and %q here", l.Number, lines[l.Number-1], l.Text)
					}
				}
			}
		})
	}
}

func TestChangedRefusesWhatDoesNotApply(t *testing.T) {
	p, err := Read("p", []byte("--- a/x.c\n+++ b/x.c\n@@ -1,2 +1,3 @@\n other\n+x\n lines\n"))
	if err != nil {
		t.Fatal(err)
	}
	if files, err := Changed(Overlay{"x.c": {Data: []byte(counted(5))}}.On(None), 0, p); err == nil {
		t.Errorf("a patch of another file: %+v, want an error", files)
	}
}
