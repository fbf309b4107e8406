package patch

import (
	"encoding/base64"
	"errors"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"testing"

	"uetest/internal/blame"
)

// diffText is a small healthy diff, with a line that quoted-printable has to
// encode.
const diffText = `diff --git a/dir/file.c b/dir/file.c
index 1111111..2222222 100644
--- a/dir/file.c
+++ b/dir/file.c
@@ -1,4 +1,5 @@ int main(void)
 int a;
-int b = 1;
+int b = 2;	/* größer = besser */
+int c;
 
 int d;
`

func mailText1(body, more string) string {
	return "From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>\nSubject: [PATCH v2 3/7] a: b\n" +
		"Date: Thu, 27 Oct 2022 15:40:11 -0700\nMessage-Id: <1@example.org>\n" + more + "\n" + body
}

func encodedQP(s string) string {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

func wrapped64(s string) string {
	e := base64.StdEncoding.EncodeToString([]byte(s))
	var b strings.Builder
	for len(e) > 76 {
		b.WriteString(e[:76] + "\n")
		e = e[76:]
	}
	return b.String() + e + "\n"
}

func TestReadTellsTheFormOfAPatch(t *testing.T) {
	multi := "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b\"\n"
	tests := []struct {
		name, text string
		form       Form
		changes    int
	}{
		{"a plain diff", diffText, Diff, 1},
		{"a diff with text above", "Some words.\nMore: words\n\n" + diffText, Diff, 1},
		{"a GNU diff", "--- a/dir/file.c.orig\t2022-01-01 00:00:00.0 +0000\n+++ a/dir/file.c\t2022-01-02 00:00:00.0 +0000\n@@ -1 +1 @@\n-x\n+y\n", Diff, 1},
		{"a mail", mailText1("Words.\n---\n dir/file.c | 3 ++-\n\n"+diffText+"-- \n2.25.1\n\n", ""), Mail, 1},
		{"a mail with CRLF", strings.ReplaceAll(mailText1(diffText, ""), "\n", "\r\n"), Mail, 1},
		{"format-patch output", "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n" + mailText1(diffText, ""), Mail, 1},
		{"quoted-printable", mailText1(encodedQP(diffText), "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n"), Mail, 1},
		{"base64", mailText1(wrapped64(diffText), "Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: base64\n"), Mail, 1},
		{"Latin-1", mailText1(strings.NewReplacer("ö", "\xf6", "ß", "\xdf").Replace(diffText), "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n"), Mail, 1},
		{"an attachment", mailText1("--b\nContent-Type: text/plain\n\nHello.\n--b\nContent-Type: text/x-patch\n\n"+diffText+"\n--b--\n", multi), Mail, 1},
		{"an mbox", "From a@b Thu Oct 27 18:40:26 2022\n" + strings.Replace(mailText1(diffText, ""), "3/7", "1/2", 1) + "\nFrom a@b Thu Oct 27 18:40:27 2022\n" +
			strings.Replace(mailText1(diffText, ""), "3/7", "2/2", 1), Mbox, 2},
		{"archive text", "[PATCH] a: b\n\nFrom: Somebody\nDate: Thu Oct 27 2022 - 18:40:26 EST\n\nWords.\n\n" + damages[0].hurt(diffText), Archive, 1},
		{"an added file without its whitespace", "diff --git a/x.c b/x.c\nnew file mode 100644\nindex 0000000..2222222\n--- /dev/null\n+++ b/x.c\n@@ -0,0 +1,4 @@\n+int x(void)\n+{\n+ return 0;\n+}\n", Archive, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := mustRead(t, "p", tt.text)
			if p.Form != tt.form || len(p.Changes) != tt.changes {
				t.Fatalf("form %v with %d changes, want %v with %d", p.Form, len(p.Changes), tt.form, tt.changes)
			}
			if string(p.Bytes()) != tt.text {
				t.Error("Bytes is not what was read")
			}
			if tt.form == Archive {
				return
			}
			if f := p.Changes[0].Files[0]; f.Path() != "dir/file.c" || len(f.Hunks) != 1 {
				t.Fatalf("file %s with %d hunks, want dir/file.c with 1", f.Path(), len(f.Hunks))
			}
			if f := p.Changes[0].Files[0]; f.OldBlob != "" && f.Hunks[0].Lines[2].Text != "int b = 2;\t/* größer = besser */\n" {
				t.Errorf("the added line is %q", f.Hunks[0].Lines[2].Text)
			}
		})
	}
}

func TestReadDecodesTheHeader(t *testing.T) {
	c := mustRead(t, "p", mailText1(diffText, "")).Changes[0]
	got := fmt.Sprintf("%s|%s|%s|%d/%d|%d", c.Subject, c.From, c.ID, c.Number, c.Of, c.Files[0].Line)
	if want := "[PATCH v2 3/7] a: b|Jürgen <j@example.org>|1@example.org|3/7|6"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestReadPutsMailsInOrder(t *testing.T) {
	var box strings.Builder
	for _, n := range []int{3, 0, 1, 2} {
		body := diffText
		if n == 0 {
			body = "A cover letter.\n"
		}
		fmt.Fprintf(&box, "From a@b Thu Oct 27 18:40:26 2022\nFrom: a@b\nSubject: [PATCH %d/3] x\n\n%s\n", n, body)
	}
	p := mustRead(t, "p", box.String())
	var order []int
	for _, c := range p.Changes {
		order = append(order, c.Number)
	}
	if fmt.Sprint(order) != "[1 2 3]" {
		t.Errorf("order %v, want 1 2 3 without the cover letter", order)
	}
}

func TestBadPatchesAreRefusedWithTheirLine(t *testing.T) {
	git := func(header string) string { return "diff --git a/x b/x\n" + header }
	hunk := "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-x\n+y\n"
	mime := "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: base64\n"
	tests := []struct {
		name, text string
		want       error
		line       int
	}{
		{"empty", "", ErrEmpty, 0},
		{"blank", " \n\t\n", ErrEmpty, 0},
		{"no diff", "Hello.\nNothing here.\n", ErrNoDiff, 0},
		{"a mail without a diff", mailText1("Hello.\n", ""), ErrNoDiff, 2},
		{"NUL", "diff --git a/x b/x\n\x00", ErrMalformed, 2},
		{"a header without a mail", "From: a@b\nSubject: x\n", ErrTruncated, 2},
		{"cut in a hunk", diffText[:strings.Index(diffText, "+int c")], ErrTruncated, 8},
		{"cut in a mail's hunk", mailText1(diffText[:strings.Index(diffText, "+int c")], ""), ErrTruncated, 13},
		{"cut after a file's header", diffText[:strings.Index(diffText, "@@")], ErrTruncated, 4},
		{"cut before the last file", mailText1("---\n dir/file.c | 3 ++-\n dir/other.c | 3 ++-\n 2 files changed, 4 insertions(+), 2 deletions(-)\n\n"+diffText, ""), ErrTruncated, 21},
		{"cut archive text", damages[0].hurt(loopDiff[:strings.Index(loopDiff, "+\t}")]), ErrTruncated, 12},
		{"cut base64", mailText1(strings.TrimRight(wrapped64(diffText), "\n=")[:101], mime), ErrTruncated, 3},
		{"a hunk without its file", "@@ -1,2 +1,2 @@\n-x\n+y\n z\n", ErrMalformed, 1},
		{"out of the tree", "--- a/x\n+++ b/../../x\n@@ -1 +1 @@\n-x\n+y\n", ErrPath, 2},
		{"out of the tree by rename", git("similarity index 100%\nrename from x\nrename to ../x\n"), ErrPath, 4},
		{"absolute", "--- /etc/passwd\n+++ /etc/passwd\n@@ -1 +1 @@\n-x\n+y\n", ErrPath, 1},
		{"absolute behind a prefix", "--- a//etc/passwd\n+++ b//etc/passwd\n@@ -1 +1 @@\n-x\n+y\n", ErrPath, 2},
		{"into .git", "--- a/.git/hooks/pre-commit\n+++ b/.git/hooks/pre-commit\n@@ -1 +1 @@\n-x\n+y\n", ErrPath, 2},
		{"into .GIT", "--- a/y/.GIT/config\n+++ b/y/.GIT/config\n@@ -1 +1 @@\n-x\n+y\n", ErrPath, 2},
		{"a control character", git("") + "--- \"a/x\\ny\"\n+++ \"b/x\\ny\"\n@@ -1 +1 @@\n-x\n+y\n", ErrPath, 3},
		{"a symbolic link", git("new file mode 120000\nindex 0000000..1111111\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc\n\\ No newline at end of file\n"), ErrSymlink, 2},
		{"a submodule", git("index 1111111..2222222 160000\n" + hunk), ErrMode, 2},
		{"an odd mode", git("old mode 100644\nnew mode 104755\n"), ErrMode, 3},
		{"binary", git("index 1111111..2222222 100644\nGIT binary patch\nliteral 1\nIcmZPo000310RR91\n"), ErrBinary, 3},
		{"binary, not even there", git("index 1111111..2222222 100644\nBinary files a/x and b/x differ\n"), ErrBinary, 3},
		{"no line numbers", git("--- a/x\n+++ b/x\n@@ -99999999999 +1 @@\n-x\n+y\n"), ErrMalformed, 4},
		{"two names and no rename", "diff --git a/x b/y\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-x\n+y\n", ErrMalformed, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Read("some.patch", []byte(tt.text))
			if err == nil {
				t.Fatalf("no error; read as %v", p.Form)
			}
			var e *Error
			if !errors.Is(err, tt.want) || !errors.As(err, &e) {
				t.Fatalf("got %v, want %v with a line", err, tt.want)
			}
			if e.Line != tt.line {
				t.Errorf("line %d, want %d: %v", e.Line, tt.line, err)
			}
			if !strings.HasPrefix(err.Error(), "some.patch") {
				t.Errorf("%q does not name the file", err)
			}
			if blame.Of(err) != blame.Patch {
				t.Errorf("blamed on %v, want the patch", blame.Of(err))
			}
		})
	}
}

func TestTooBigAPatchIsRefused(t *testing.T) {
	_, err := Read("p", make([]byte, MaxPatch+1))
	if !errors.Is(err, ErrTooBig) {
		t.Errorf("got %v, want ErrTooBig", err)
	}
}

func TestNamesInHeadersAreRead(t *testing.T) {
	tests := []struct {
		name, text string
		old, new   string
		action     Action
	}{
		{"blanks", "diff --git a/a b.c b/a b.c\n--- a/a b.c\t\n+++ b/a b.c\t\n@@ -1 +1 @@\n-x\n+y\n", "a b.c", "a b.c", Modify},
		{"quoted", "diff --git \"a/\\303\\244.c\" \"b/\\303\\244.c\"\n--- \"a/\\303\\244.c\"\n+++ \"b/\\303\\244.c\"\n@@ -1 +1 @@\n-x\n+y\n", "ä.c", "ä.c", Modify},
		{"created", "diff --git a/x b/x\nnew file mode 100755\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+y\n", "", "x", Create},
		{"created empty", "diff --git a/x b/x\nnew file mode 100644\nindex 0000000..e69de29\n", "", "x", Create},
		{"deleted", "diff --git a/x b/x\ndeleted file mode 100644\n--- a/x\n+++ /dev/null\n@@ -1 +0,0 @@\n-y\n", "x", "", Delete},
		{"renamed", "diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n", "x", "y", Rename},
		{"copied", "diff --git a/x b/y\nsimilarity index 90%\ncopy from x\ncopy to y\n--- a/x\n+++ b/y\n@@ -1 +1 @@\n-x\n+y\n", "x", "y", Copy},
		{"mode alone", "diff --git a/x b/x\nold mode 100644\nnew mode 100755\n", "x", "x", Modify},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := mustRead(t, "p", tt.text).Changes[0].Files[0]
			if f.Old != tt.old || f.New != tt.new || f.action() != tt.action {
				t.Errorf("got %s %q → %q, want %s %q → %q", f.action(), f.Old, f.New, tt.action, tt.old, tt.new)
			}
		})
	}
}
