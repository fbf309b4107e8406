package patch

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"uetest/internal/blame"
)

// seeds are patches of every form for the fuzz targets.
func seeds(f *testing.F) []string {
	f.Helper()
	var texts []string
	for _, pattern := range []string{"../../kernel-patches/rfc/*.patch", "../../kernel-patches/rfc/base/*.patch", "../../kernel-patches/rfc/archive.txt"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			texts = append(texts, string(data))
		}
	}
	texts = append(texts, diffText, loopDiff, indexed(loopDiff, loop, loop2), mailText1(diffText, ""),
		mailText1(wrapped64(diffText), "Content-Transfer-Encoding: base64\n"),
		mailText1(encodedQP(diffText), "Content-Transfer-Encoding: quoted-printable\n"),
		"From a@b Thu Oct 27 18:40:26 2022\n"+mailText1(diffText, "")+"\nFrom a@b Thu Oct 27 18:40:27 2022\n"+mailText1(loopDiff, ""),
		"diff --git a/x b/y\nsimilarity index 90%\nrename from x\nrename to y\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-x\n+y\n",
		"--- a/../x\n+++ b/../x\n@@ -1 +1 @@\n-x\n+y\n", "@@ @@\n")
	for _, d := range damages {
		texts = append(texts, d.hurt(loopDiff), d.hurt(indexed(loopDiff, loop, loop2)))
	}
	return texts
}

// fuzzTree is what the fuzzed patches meet.
var fuzzTree = tree{"sum.c": loop, "x": "x\n", "dir/file.c": "int a;\nint b = 1;\n\nint d;\n", "empty": ""}

// sound fails if a patched tree has a path that leads out of it.
func sound(t *testing.T, over Overlay) {
	t.Helper()
	for path := range over {
		if err := checkPath(path); err != nil {
			t.Errorf("the overlay has %v", err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Read("p", []byte(text))
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || blame.Of(err) != blame.Patch {
				t.Fatalf("%v: not an *Error that blames the patch", err)
			}
			return
		}
		if string(p.Bytes()) != text || len(p.Changes) == 0 {
			t.Errorf("%d changes, bytes kept: %v", len(p.Changes), string(p.Bytes()) == text)
		}
		for _, c := range p.Changes {
			for _, file := range c.Files {
				for _, name := range []string{file.Old, file.New} {
					if name != "" && checkPath(name) != nil {
						t.Errorf("path %q", name)
					}
				}
			}
		}
	})
}

func FuzzApply(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, loop)
	}
	f.Fuzz(func(t *testing.T, text, file string) {
		p, err := Read("p", []byte(text))
		if err != nil {
			return
		}
		base := tree{"sum.c": file, "x": "x\n", "dir/file.c": fuzzTree["dir/file.c"]}
		over, err := Apply(base, p)
		if err != nil && over != nil {
			t.Error("an error and an overlay")
		}
		sound(t, over)
		sound(t, Check(base, p).Overlay)
		loose := CheckFuzz(base, 2, p)
		sound(t, loose.Overlay)
		for _, f := range loose.Files {
			if f.Err == nil && f.Exact() != (!slices.ContainsFunc(f.Hunks, func(h HunkReport) bool { return h.Offset != 0 || h.Fuzz != 0 })) {
				t.Errorf("%s: exact %v with hunks %+v", f.Path, f.Exact(), f.Hunks)
			}
		}
	})
}

func FuzzRestore(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s, loop)
	}
	f.Fuzz(func(t *testing.T, text, file string) {
		p, err := Read("p", []byte(text))
		if err != nil {
			return
		}
		base := tree{"sum.c": file, "x": "x\n", "dir/file.c": fuzzTree["dir/file.c"]}
		r, err := Restore(p, base, Options{MaxTries: 20, Limit: time.Second})
		if err != nil {
			if blame.Of(err) != blame.Patch {
				t.Errorf("blamed on %v: %v", blame.Of(err), err)
			}
			if r != nil && r.Text != nil {
				t.Error("an error and a patch")
			}
			return
		}
		if r.Unchanged {
			if string(r.Text) != text {
				t.Error("unchanged, and changed")
			}
			return
		}
		if !r.Proven() {
			t.Error("handed out and not proven")
		}
		over, err := Apply(base, mustRead(t, "restored", string(r.Text)))
		if err != nil {
			t.Fatalf("the restored patch does not apply: %v", err)
		}
		sound(t, over)
	})
}

// TestARestoredPatchGivesWhatTheHealthyOneGives draws files and edits of them.
func TestARestoredPatchGivesWhatTheHealthyOneGives(t *testing.T) {
	statement := rapid.SampledFrom([]string{"a = b;", "f(a, b);", "return a;", "/* why */", "", "break;", "int\tx;", "x = y ?\n\t\t1 : 2;"})
	block := func(t *rapid.T, label string) string {
		depth, s := 1, ""
		for range rapid.IntRange(3, 30).Draw(t, label) {
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				s += strings.Repeat("\t", depth) + "if (a) {\n"
				depth++
			case 1:
				if depth > 1 {
					depth--
					s += strings.Repeat("\t", depth) + "}\n"
				}
			default:
				l := statement.Draw(t, "statement")
				if l != "" {
					l = strings.Repeat("\t", depth) + l
				}
				s += l + "\n"
			}
		}
		for ; depth > 1; depth-- {
			s += strings.Repeat("\t", depth-1) + "}\n"
		}
		return s
	}
	rapid.Check(t, func(rt *rapid.T) {
		head, tail := "int f(int a)\n{\n"+block(rt, "head"), block(rt, "tail")+"}\n"
		before := head + block(rt, "before") + tail
		after := head + block(rt, "after") + tail
		if before == after {
			return
		}
		text := indexed(diffOf("f.c", before, after), before, after)
		d := rapid.SampledFrom(damages).Draw(rt, "damage")
		base := tree{"f.c": before}
		p, err := Read("p", []byte(d.hurt(text)))
		if err != nil {
			rt.Fatal(err)
		}
		r, err := Restore(p, base, Options{MaxTries: 200})
		var u *UnprovenError
		if errors.As(err, &u) {
			return // it said so
		}
		if err != nil {
			rt.Fatal(err)
		}
		if r.Unchanged {
			return
		}
		got, err := Apply(base, mustRead(t, "restored", string(r.Text)))
		if err != nil {
			rt.Fatal(err)
		}
		if string(got["f.c"].Data) != after {
			rt.Errorf("proven, and not the file after the patch:\n%s", got["f.c"].Data)
		}
	})
}

// diffOf returns a diff of one hunk, with up to three lines of context.
func diffOf(name, before, after string) string {
	a, b := keepEnds(before), keepEnds(after)
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	end := 0
	for end < min(len(a), len(b))-same && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	from, more := max(same-3, 0), min(end, 3)
	h := Hunk{OldStart: from + 1, OldLines: len(a) - end + more - from, NewStart: from + 1, NewLines: len(b) - end + more - from}
	s := "diff --git a/" + name + " b/" + name + "\n--- a/" + name + "\n+++ b/" + name + "\n" + h.header() + "\n"
	for _, l := range a[from:same] {
		s += " " + l
	}
	for _, l := range a[same : len(a)-end] {
		s += "-" + l
	}
	for _, l := range b[same : len(b)-end] {
		s += "+" + l
	}
	for _, l := range a[len(a)-end : len(a)-end+more] {
		s += " " + l
	}
	return s
}
