package patch

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"uetest/internal/blame"
)

// indexed puts the index line of a file into a patch.
func indexed(text, before, after string) string {
	return strings.Replace(text, "\n--- ", "\nindex "+BlobID([]byte(before))[:12]+".."+BlobID([]byte(after))[:12]+" 100644\n--- ", 1)
}

// loop is a file with something to lose, and a patch to it.
const (
	loop     = "int sum(int n)\n{\n\tint i, s = 0;\n\n\tfor (i = 0; i < n; i++)\n\t\ts += i;\n\n\treturn s;\n}\n"
	loop2    = "int sum(int n)\n{\n\tint i, s = 0;\n\n\tfor (i = 0; i < n; i++) {\n\t\tif (i & 1)\n\t\t\ts += i;\n\t}\n\n\treturn s;\n}\n"
	loopDiff = "diff --git a/sum.c b/sum.c\n--- a/sum.c\n+++ b/sum.c\n@@ -2,8 +2,10 @@ int sum(int n)\n {\n \tint i, s = 0;\n \n" +
		"-\tfor (i = 0; i < n; i++)\n-\t\ts += i;\n+\tfor (i = 0; i < n; i++) {\n+\t\tif (i & 1)\n+\t\t\ts += i;\n+\t}\n \n \treturn s;\n }\n"
)

func TestAHealthyPatchComesBackUnchanged(t *testing.T) {
	text := indexed(loopDiff, loop, loop2)
	for name, p := range map[string]string{
		"a diff":                             loopDiff,
		"a diff with CRLF":                   strings.ReplaceAll(loopDiff, "\n", "\r\n"),
		"a mail":                             mailText1("Words.\n---\n"+text+"-- \n2.25.1\n\n", ""),
		"an encoded mail":                    mailText1(wrapped64(text), "Content-Transfer-Encoding: base64\n"),
		"an mbox":                            "From a@b Thu Oct 27 18:40:26 2022\n" + strings.Replace(mailText1(text, ""), "3/7", "2/2", 1) + "\nFrom a@b Thu Oct 27 18:40:26 2022\n" + strings.Replace(mailText1(text, ""), "3/7", "1/2", 1),
		"one edited by hand":                 strings.Replace(text, "i & 1", "i & 2", 1),
		"one for another base":               strings.ReplaceAll(text, "int s", "long s"),
		"one for a base with another indent": strings.ReplaceAll(text, "\treturn s", "\treturn  s"),
		"empty context unmarked":             strings.ReplaceAll(text, "\n \n", "\n\n"),
		"one without indentation":            "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1,2 @@\n+int a;\n+int b;\n",
	} {
		t.Run(name, func(t *testing.T) {
			for _, base := range []Reader{nil, tree{"sum.c": loop}} {
				r, err := Restore(mustRead(t, "p", p), base, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if !r.Unchanged || string(r.Text) != p {
					t.Errorf("changed to\n%s", r.Text)
				}
			}
		})
	}
}

func TestWhatIsNotProvenIsNotHandedOut(t *testing.T) {
	base := tree{"sum.c": loop}
	good := damages[0].hurt(indexed(loopDiff, loop, loop2))
	for name, text := range map[string]string{
		"another result": damages[0].hurt(indexed(loopDiff, loop, loop2+"\n")),
		"no index line":  damages[0].hurt(loopDiff),
		"a changed line": strings.Replace(good, "i & 1", "i & 2", 1),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Restore(mustRead(t, "some.txt", text), base, Options{MaxTries: 500})
			var u *UnprovenError
			if !errors.As(err, &u) {
				t.Fatalf("got %v, want an UnprovenError", err)
			}
			if r == nil || r.Text != nil || r.Proven() || len(u.Files) != 1 {
				t.Errorf("Restored %+v, %d files in the error; want no text, not proven, one file", r, len(u.Files))
			}
			if blame.Of(err) != blame.Patch || !strings.Contains(err.Error(), "some.txt: not proven") || !strings.Contains(err.Error(), "sum.c") || !strings.Contains(err.Error(), "unsure of hunk 1") {
				t.Errorf("blamed on %v: %v", blame.Of(err), err)
			}
			r, err = Restore(mustRead(t, "some.txt", text), base, Options{MaxTries: 500, Unproven: true})
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(r.Text), "\n")
			if !strings.HasPrefix(first, "X-Uetest-Unproven: sum.c: ") {
				t.Errorf("the patch starts with %q, want it to say that it is not proven", first)
			}
			if _, err := Apply(base, mustRead(t, "restored", string(r.Text))); err != nil {
				t.Errorf("it does not apply: %v", err)
			}
		})
	}
	if r, err := Restore(mustRead(t, "good", good), base, Options{Unproven: true}); err != nil || strings.Contains(string(r.Text), "X-Uetest") || !r.Proven() {
		t.Errorf("a proven patch: %v\n%s", err, r.Text)
	}
}

func TestAMailThatIsNotProvenSaysSoInItsHeader(t *testing.T) {
	text := "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n" + mailText1("Words.\n---\n"+damages[0].hurt(loopDiff), "")
	r, err := Restore(mustRead(t, "p", text), tree{"sum.c": loop}, Options{Unproven: true})
	if err != nil {
		t.Fatal(err)
	}
	p := mustRead(t, "restored", string(r.Text))
	if p.Form != Mail || p.Changes[0].Subject != "[PATCH v2 3/7] a: b" {
		t.Errorf("read as %v with subject %q", p.Form, p.Changes[0].Subject)
	}
	if lines := strings.Split(string(r.Text), "\n"); !strings.HasPrefix(lines[1], "X-Uetest-Unproven: ") {
		t.Errorf("the header starts with %q", lines[:3])
	}
}

func TestWhatDoesNotFitTheBaseIsSaid(t *testing.T) {
	good := damages[0].hurt(indexed(loopDiff, loop, loop2))
	tests := []struct {
		name, text string
		base       tree
		parts      []string
	}{
		{"no such file", good, tree{}, []string{"some.txt:1:", "sum.c", "the tree does not have it"}},
		{"another file", good, tree{"sum.c": numbered(9)}, []string{"some.txt:5:", "hunk 1", "sum.c", BlobID([]byte(loop))[:12], BlobID([]byte(numbered(9)))[:12]}},
		{"another line", strings.Replace(good, "int i, s = 0;", "int i, t = 0;", 1), tree{"sum.c": loop}, []string{"some.txt:5:", "hunk 1", `"int i, t = 0;"`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Restore(mustRead(t, "some.txt", tt.text), tt.base, Options{Unproven: true})
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range tt.parts {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
			if blame.Of(err) != blame.Patch {
				t.Errorf("blamed on %v", blame.Of(err))
			}
		})
	}
	_, err := Restore(mustRead(t, "some.txt", good), tree{}, Options{})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not wrap fs.ErrNotExist", err)
	}
}

func TestMaskedAddressesInContextComeFromTheBase(t *testing.T) {
	before := "/*\n * By Some Body <some.body@example.org>\n */\n\nint a;\n"
	after := strings.Replace(before, "int a;", "int a;\nint b;", 1)
	text := indexed("diff --git a/x.c b/x.c\n--- a/x.c\n+++ b/x.c\n@@ -2,4 +2,5 @@\n  * By Some Body <some.body@example.org>\n  */\n \n int a;\n+int b;\n", before, after)
	hurt := strings.Replace(damages[0].hurt(text), "@example.org", "@xxxxxxxxxxx", 1)
	r, err := Restore(mustRead(t, "p", hurt), tree{"x.c": before}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if string(r.Text) != text {
		t.Errorf("got\n%s\nwant\n%s", r.Text, text)
	}
}

func TestHunkHeadersAreCorrected(t *testing.T) {
	text := indexed(loopDiff, loop, loop2)
	for name, header := range map[string]string{
		"wrong counts": "@@ -2,7 +2,6 @@ int sum(int n)",
		"wrong place":  "@@ -4,8 +4,10 @@ int sum(int n)",
		"no numbers":   "@@ @@ int sum(int n)",
	} {
		t.Run(name, func(t *testing.T) {
			hurt := strings.Replace(damages[0].hurt(text), "@@ -2,8 +2,10 @@ int sum(int n)", header, 1)
			r, err := Restore(mustRead(t, "p", hurt), tree{"sum.c": loop}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Text) != text {
				t.Errorf("got\n%s\nwant\n%s", r.Text, text)
			}
			if len(r.Files[0].Hunks[0].Notes) == 0 {
				t.Error("no note says what was wrong with the hunk")
			}
		})
	}
}

func TestCreatedDeletedAndRenamedFilesAreRestored(t *testing.T) {
	created := indexed("diff --git a/sum.c b/sum.c\nnew file mode 100644\n--- /dev/null\n+++ b/sum.c\n@@ -0,0 +1,9 @@\n+"+
		strings.TrimSuffix(strings.ReplaceAll(loop, "\n", "\n+"), "+"), "", loop)
	created = strings.Replace(created, BlobID(nil)[:12], "000000000000", 1)
	created = strings.Replace(created, " 100644\n--- ", "\n--- ", 1)
	deleted := "diff --git a/sum.c b/sum.c\ndeleted file mode 100644\nindex " + BlobID([]byte(loop))[:12] + "..000000000000\n--- a/sum.c\n+++ /dev/null\n@@ -1,9 +0,0 @@\n-" +
		strings.TrimSuffix(strings.ReplaceAll(loop, "\n", "\n-"), "-")
	renamed := strings.NewReplacer("a/sum.c b/sum.c\n", "a/sum.c b/all.c\nsimilarity index 80%\nrename from sum.c\nrename to all.c\n", "+++ b/sum.c", "+++ b/all.c").Replace(indexed(loopDiff, loop, loop2))
	for name, tt := range map[string]struct {
		text string
		base tree
	}{
		"created": {created, tree{}},
		"deleted": {deleted, tree{"sum.c": loop}},
		"renamed": {renamed, tree{"sum.c": loop}},
	} {
		t.Run(name, func(t *testing.T) {
			p := mustRead(t, "p", damages[0].hurt(tt.text))
			if p.Form != Archive {
				t.Fatalf("form %v, want %v", p.Form, Archive)
			}
			r, err := Restore(p, tt.base, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Text) != tt.text || !r.Proven() {
				t.Errorf("proven %v, got\n%s\nwant\n%s", r.Proven(), r.Text, tt.text)
			}
		})
	}
}

func TestAShortBlobIDBoundsTheSearch(t *testing.T) {
	// Seven digits: 2684 layouts may be tried; four prove nothing at all.
	for digits, most := range map[int]int{7: 2684, 4: 0} {
		text := strings.Replace(indexed(loopDiff, loop, loop2), ".."+BlobID([]byte(loop2))[:12], ".."+strings.Repeat("1", digits), 1)
		r, err := Restore(mustRead(t, "p", damages[0].hurt(text)), tree{"sum.c": loop}, Options{})
		var u *UnprovenError
		if !errors.As(err, &u) {
			t.Fatalf("%d digits: got %v", digits, err)
		}
		if r.Files[0].Tries > most {
			t.Errorf("%d digits: %d layouts were tried, want at most %d", digits, r.Files[0].Tries, most)
		}
	}
}
