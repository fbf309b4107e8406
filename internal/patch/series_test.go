package patch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"strings"
	"testing"

	"uetest/internal/blame"
)

// post is a mail of a series whose patch adds the line "int N;" to a file.
func post(subject, header string, line int) string {
	diff := fmt.Sprintf("diff --git a/f.c b/f.c\n--- a/f.c\n+++ b/f.c\n@@ -%d,0 +%d @@\n+int %d;\n", line-1, line, line)
	if line == 0 {
		diff = "Words.\n"
	}
	return "From: A <a@example.org>\nSubject: " + subject + "\n" + header + "\n" + diff
}

// box puts mails into an mbox.
func box(mails ...string) string {
	var b strings.Builder
	for _, m := range mails {
		b.WriteString("From mboxrd@z Thu Jan  1 00:00:00 1970\n" + m + "\n")
	}
	return b.String()
}

func inputs(texts ...string) []Input {
	var list []Input
	for i, text := range texts {
		list = append(list, Input{Name: fmt.Sprintf("%c", 'a'+i), Data: []byte(text)})
	}
	return list
}

// titles are the titles of the patches in order.
func titles(s *Series) string {
	var list []string
	for _, p := range s.Patches {
		for _, c := range p.Changes {
			list = append(list, c.Title)
		}
	}
	return strings.Join(list, " ")
}

func packedGzip(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMailsOfASeriesArePutInOrder(t *testing.T) {
	thread := func(root string) string { return "References: <" + root + "> <x@y>\n" }
	cover := post("[PATCH 0/3] all of it", "", 0)
	one, two, three := post("[PATCH 1/3] one", "", 1), post("[PATCH 2/3] two", "", 2), post("[PATCH 3/3] three", "", 3)
	quoted := "From: B <b@example.org>\nSubject: Re: [PATCH 2/3] two\n\n> diff --git a/f.c b/f.c\n> --- a/f.c\n> +++ b/f.c\n> @@ -1 +1 @@\n> -x\n> +y\n\nNo.\n"
	counter := post("Re: [PATCH 2/3] two", "", 9)
	attached := func(kind string) string {
		return "From: A <a@example.org>\nSubject: all of them\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b\"\n\n" +
			"--b\nContent-Type: text/plain\n\nHere.\n" +
			"--b\nContent-Type: " + kind + "; name=\"0002.patch\"\nContent-Disposition: attachment; filename=\"0002.patch\"\nContent-Transfer-Encoding: base64\n\n" + wrapped64(post("[PATCH 2/2] two", "", 2)) +
			"--b\nContent-Type: " + kind + "; name=\"0001.patch\"\nContent-Disposition: attachment; filename=\"0001.patch\"\n\n" + post("[PATCH 1/2] one", "", 1) +
			"\n--b--\n"
	}
	tests := []struct {
		name  string
		files []Input
		want  string
		left  int
	}{
		{"an mbox in any order", inputs(box(three, cover, one, two)), "one two three", 0},
		{"a file a mail", inputs(two, three, one), "one two three", 0},
		{"part of it in each file", inputs(box(cover, three), box(two, one)), "one two three", 0},
		{"gzip", inputs(packedGzip(t, box(three, two, one))), "one two three", 0},
		{"CRLF", inputs(strings.ReplaceAll(box(two, three, one), "\n", "\r\n")), "one two three", 0},
		{"answers", inputs(box(one, quoted, counter, two, three)), "one two three", 2},
		{"an answer that is all there is", inputs(counter), "two", 0},
		{"a series and what comes on top", inputs(box(two, one, three), post("[PATCH] four", "", 4)), "one two three four", 0},
		{"what comes first and a series", inputs(post("[PATCH] four", "", 4), box(two, one, three)), "four one two three", 0},
		{"plain diffs, as given", inputs(diffText, loopDiff), " ", 0},
		{"two series of one size", inputs(box(post("[PATCH 2/2] b", thread("1@x"), 2), post("[PATCH 1/2] a", thread("1@x"), 1),
			post("[PATCH 1/2] c", thread("2@x"), 3), post("[PATCH 2/2] d", thread("2@x"), 4))), "a b c d", 0},
		{"two series of one size in two files", inputs(box(post("[PATCH 1/2] a", "", 1), post("[PATCH 2/2] b", "", 2)),
			box(post("[PATCH 1/2] c", "", 1), post("[PATCH 2/2] d", "", 2))), "a b c d", 0},
		{"two series of two versions", inputs(box(post("[PATCH v2 1/1] a", thread("1@x"), 1), post("[PATCH v3 1/1] b", thread("2@x"), 2))), "a b", 0},
		{"one of three alone", inputs(two), "two", 0},
		{"attached mails", inputs(attached("text/x-patch")), "one two", 1},
		{"attached as bytes", inputs(attached("application/octet-stream")), "one two", 1},
		{"a byte order mark", inputs("\xef\xbb\xbf" + diffText), "", 0},
		{"a discussion", inputs(box("From: A <a@b>\nSubject: hello\n\nHi.\n", one, two, three)), "one two three", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := ReadSeries(tt.files, false)
			if err != nil {
				t.Fatal(err)
			}
			if got := titles(s); got != tt.want {
				t.Errorf("order %q, want %q", got, tt.want)
			}
			if len(s.Left) != tt.left {
				t.Errorf("left out %+v, want %d mails", s.Left, tt.left)
			}
		})
	}
}

func TestWhatASeriesLacksIsNamed(t *testing.T) {
	one, two, three := post("[PATCH 1/3] one", "", 1), post("[PATCH 2/3] two", "", 2), post("[PATCH 3/3] three", "", 3)
	tests := []struct {
		name  string
		files []Input
		want  error
		text  string
	}{
		{"the one in the middle", inputs(box(one, three)), ErrMissing, `a:3: patch 2/3 is missing: got 1/3 and 3/3 of "one"`},
		{"the last", inputs(one, two), ErrMissing, `a:2: patch 3/3 is missing: got 1/3 and 2/3`},
		{"two", inputs(box(post("[PATCH 0/3] all of it", "", 0), two)), ErrMissing, `patches 1/3 and 3/3 are missing: got 2/3 of "all of it"`},
		{"all but the cover letter", inputs(post("[PATCH 0/3] all of it", "", 0)), ErrMissing, `only the cover letter 0/3 of "all of it" is there`},
		{"twice, another text", inputs(box(one, two, three, post("[PATCH 2/3] two, again", "", 7))), ErrDouble, `a:33: patch 2/3 is there twice: with another text at a:13, "two"`},
		{"twice, the same", inputs(box(one, two, three), two), ErrDouble, `b:2: patch 2/3 is there twice: the same at a:13, "two"`},
		{"twice, the same, in two files", inputs(one, two, two, three), ErrDouble, `c:2: patch 2/3 is there twice: the same at b:2, "two"`},
		{"a single patch twice", inputs(post("[PATCH] x", "", 1), post("[PATCH] x", "", 1)), ErrDouble, `b:2: the patch is there twice: the same at a:2, "x"`},
		{"two versions", inputs(box(one, two, three, post("[PATCH v2 1/2] one", "", 1), post("[PATCH v2 2/2] two", "", 2))), ErrMixed, `v2 1/2 "one" is here, v1 1/3 at a:3; keep the mails of one version`},
		{"a version in each file", inputs(one, post("[PATCH v2 2/3] two", "", 2)), ErrMixed, `b:2: mails of two versions of a series: v2 2/3`},
		{"two versions of one patch", inputs(post("[PATCH] x", "", 1), post("[PATCH v2] x", "", 2)), ErrMixed, `v2 "x" is here, v1 at a:2`},
		{"no diff in one", inputs(box(one, post("[PATCH 2/3] two", "", 0), three)), ErrNoDiff, `a:13: patch 2/3 "two": no diff in it`},
		{"a quote of the patch alone", inputs("From: B <b@c>\nSubject: Re: [PATCH] x\n\n> diff --git a/f.c b/f.c\n> --- a/f.c\n"), ErrNoDiff, "is quoted; save the mail that this one answers"},
		{"answers with diffs alone", inputs(box(post("Re: [PATCH] x", "", 1), post("Re: [PATCH] x", "", 2))), ErrNoDiff, "no diff in it"},
		{"mails with nothing between them", inputs(one + two), ErrMalformed, `a:10: not a valid diff: another mail begins here, "[PATCH 2/3] two"`},
		{"cut gzip", inputs(packedGzip(t, one)[:60]), ErrTruncated, "compressed text"},
		{"xz", inputs("\xfd7zXZ\x00\x00"), ErrMalformed, "xz -d"},
		{"UTF-16", inputs("\xff\xfed\x00i\x00"), ErrMalformed, "UTF-16"},
		{"an empty file among others", inputs(one, "", three), ErrEmpty, "b: the file is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := ReadSeries(tt.files, false)
			if err == nil {
				t.Fatalf("no error; the order is %q", titles(s))
			}
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got  %v\nwant %v with %s", err, tt.want, tt.text)
			}
			if blame.Of(err) != blame.Patch {
				t.Errorf("blamed on %v", blame.Of(err))
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%v is no *Error", err)
			}
		})
	}
}

func TestPartialGoesOnWithWhatIsThere(t *testing.T) {
	s, err := ReadSeries(inputs(box(post("[PATCH 3/3] three", "", 3), post("[PATCH 1/3] one", "", 1))), true)
	if err != nil || titles(s) != "one three" {
		t.Errorf("got %v, %v; want one and three", s, err)
	}
}

func TestALonePatchOfASeriesIsTold(t *testing.T) {
	s, err := ReadSeries(inputs(post("[PATCH v2 2/3] two", "", 2)), false)
	if err != nil || len(s.Notes) != 1 || s.Notes[0] != `a:2: patch v2 2/3 of a series alone, "two"` {
		t.Errorf("got %v, %v", s, err)
	}
}

func TestBaseTrailersAreRead(t *testing.T) {
	cover := post("[PATCH 0/1] all", "", 0) + "\nbase-commit: 4a8840af5f53f2902eba91130fae650879f18e7a\nprerequisite-patch-id: 0123456789abcdef0123456789abcdef01234567\n"
	s, err := ReadSeries(inputs(box(cover, post("[PATCH 1/1] one", "", 1))), false)
	if err != nil {
		t.Fatal(err)
	}
	if s.BaseCommit != "4a8840af5f53f2902eba91130fae650879f18e7a" || len(s.Prerequisites) != 1 || len(s.Covers) != 1 {
		t.Errorf("got base %q, prerequisites %q, %d covers", s.BaseCommit, s.Prerequisites, len(s.Covers))
	}
}

// mboxrd puts a > before lines of a mail that begin with From; format-patch
// does not, and a > in its output is the author's.
func TestEscapedFromIsUnescapedInAnMboxAlone(t *testing.T) {
	mail := strings.Replace(post("[PATCH] x", "", 1), "\n\n", "\n\n>From here on\n>>From quoted\n\n", 1)
	for text, want := range map[string]string{
		box(mail): "From here on|>From quoted",
		"From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\n" + mail: ">From here on|>>From quoted",
		mail: ">From here on|>>From quoted",
	} {
		c := mustRead(t, "p", text).Changes[0]
		if got := strings.Join(c.text[:2], "|"); got != want {
			t.Errorf("got %q, want %q of\n%s", got, want, text)
		}
	}
}

func FuzzReadSeries(f *testing.F) {
	one, two := post("[PATCH 1/2] one", "", 1), post("[PATCH 2/2] two", "References: <1@x>\n", 2)
	f.Add(box(two, one), diffText, "")
	f.Add(one, two, "d")
	f.Add(box(one, post("[PATCH v2 1/2] one", "", 1)), two, "")
	f.Add(post("Re: [PATCH 1/2] one", "", 1), post("[PATCH 0/2] cover", "", 0), "")
	f.Add("From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n"+one+"\n--b--\n", "", "d")
	f.Fuzz(func(t *testing.T, a, b, group string) {
		files := []Input{{Name: "a", Data: []byte(a), Group: group}}
		if b != "" {
			files = append(files, Input{Name: "b", Data: []byte(b), Group: group})
		}
		s, err := ReadSeries(files, false)
		partial, perr := ReadSeries(files, true)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || blame.Of(err) != blame.Patch {
				t.Fatalf("%v: not an *Error that blames the patch", err)
			}
			return
		}
		if perr != nil {
			t.Fatalf("an error with partial alone: %v", perr)
		}
		if titles(s) != titles(partial) {
			t.Errorf("the order is %q, with partial %q", titles(s), titles(partial))
		}
		last := map[key]int{}
		for _, p := range s.Patches {
			if len(p.Changes) != 1 || len(p.Changes[0].Files) == 0 {
				t.Fatalf("a patch with %d changes", len(p.Changes))
			}
			// Each can be read again from its own text, unless it was attached.
			c := p.Changes[0]
			if c.within == "" && c.head == nil && !c.decoded {
				if _, err := Read("again", p.Bytes()); err != nil {
					t.Errorf("%q: %v", p.Bytes(), err)
				}
			}
			last[key{c.Of, c.Version}]++
		}
	})
}
