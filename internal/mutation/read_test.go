package mutation

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"uetest/internal/blame"
	"uetest/internal/patch"
	"uetest/internal/results"
)

var oneTest = regexp.MustCompile("^enable/event-file$")

const diff = "--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-int a;\n+int b;\n"

func TestHeadOfAPatchIsRead(t *testing.T) {
	for _, tt := range []struct{ name, text, breaks, equivalent string }{
		{"a mail", "From: a\nSubject: [PATCH 1/2] the bit is\n kept\n\nMore.\n---\n" + diff, "the bit is kept", ""},
		{"a line above the diff", "The bit is kept.\nMore.\n---\n" + diff, "The bit is kept.", ""},
		{"a plain diff", diff, "", ""},
		{"git's own", "diff --git a/x.c b/x.c\nindex 1111111..2222222 100644\n" + diff, "", ""},
		{"a reason", "Subject: a\nEquivalent: it is\n  not compiled\n---\n" + diff, "a", "it is not compiled"},
		{"a reason that the diff has", "Subject: a\n---\n" + diff + "--- a/y.c\n+++ b/y.c\n@@ -1 +1 @@\n-int a;\n+Equivalent: no\n", "a", ""},
		{"lines of another system", "Subject: a\r\nEquivalent: b\r\n---\r\n" + strings.ReplaceAll(diff, "\n", "\r\n"), "a", "b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse("x", []byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if m.Breaks != tt.breaks || m.Equivalent != tt.equivalent {
				t.Errorf("got %q, %q, want %q, %q", m.Breaks, m.Equivalent, tt.breaks, tt.equivalent)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Subject: a\nEquivalent: b\n---\n" + diff))
	f.Add([]byte("Subject:\n\n---\n" + diff))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := Parse("x", text)
		if err == nil && strings.ContainsAny(m.Breaks+m.Equivalent, "\n") {
			t.Errorf("more than a line: %q, %q", m.Breaks, m.Equivalent)
		}
	})
}

func TestFoldersAreRead(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	write := func(name, text string) string {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return name
	}
	write(filepath.Join(dir, "b.patch"), diff)
	write(filepath.Join(dir, "a.diff"), diff)
	write(filepath.Join(dir, "README"), "no patch")
	single := write(filepath.Join(other, "c"), diff)
	mutants, err := Read([]string{dir, single})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range mutants {
		names = append(names, m.Name)
	}
	if want := []string{"a", "b", "c"}; !reflect.DeepEqual(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}

	for _, tt := range []struct {
		name, path, says string
		party            blame.Party
		is               error
	}{
		{"nothing there", filepath.Join(dir, "none"), "no such file", blame.Usage, os.ErrNotExist},
		{"an empty folder", t.TempDir(), "no file in it", blame.Usage, nil},
		{"no diff", write(filepath.Join(other, "d.patch"), "text\n"), "d.patch", blame.Patch, patch.ErrNoDiff},
		{"the same name again", write(filepath.Join(other, "a.patch"), diff), "two mutants of one name", blame.Usage, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read([]string{dir, tt.path})
			if err == nil || !strings.Contains(err.Error(), tt.says) || blame.Of(err) != tt.party || tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("got %v, blamed on %s", err, blame.Of(err))
			}
		})
	}
}

// The mutants that uetest ships say what they break, and their names are the
// words of a page's table.
func TestShippedMutantsAreWhole(t *testing.T) {
	mutants := read(t)
	if len(mutants) < 45 {
		t.Errorf("%d mutants, want at least 45", len(mutants))
	}
	name := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	breaks, diffs := map[string]string{}, map[string]string{}
	for _, m := range mutants {
		if !name.MatchString(m.Name) {
			t.Errorf("%s: not a name of lower case words", m.Name)
		}
		if m.Breaks == "" || breaks[m.Breaks] != "" {
			t.Errorf("%s: breaks %q, like %q", m.Name, m.Breaks, breaks[m.Breaks])
		}
		breaks[m.Breaks] = m.Name
		_, body, _ := bytes.Cut(m.Text, []byte("\n--- a/"))
		if other := diffs[string(body)]; other != "" {
			t.Errorf("%s is the same as %s", m.Name, other)
		}
		diffs[string(body)] = m.Name
	}
}

func TestOutcomesAreClassed(t *testing.T) {
	by := []Notice{{"a/b", results.Regressed, ""}}
	for _, tt := range []struct {
		out  Outcome
		want Class
		code int
	}{
		{Outcome{By: by}, Caught, 0},
		{Outcome{Outside: []string{"BUG: at boot"}}, Caught, 0},
		{Outcome{}, Survived, 1},
		{Outcome{Unsure: by}, Survived, 1},
		{Outcome{Equivalent: "reason"}, Equivalent, 0},
		{Outcome{Equivalent: "reason", By: by}, Contradiction, 1},
		{Outcome{Class: Unbuilt}, Unbuilt, 3},
		{Outcome{Class: Untried}, Untried, 6},
	} {
		if tt.out.Class == "" {
			tt.out.Class = classify(&tt.out)
		}
		table := Table{Outcomes: []Outcome{tt.out}}
		if got := table.Exit(); tt.out.Class != tt.want || got != tt.code {
			t.Errorf("%+v: exit code %d; want %s, %d", tt.out, got, tt.want, tt.code)
		}
	}
}

func TestTableIsReadAgain(t *testing.T) {
	table := &Table{Schema: Schema, On: "rfc", Outcomes: []Outcome{
		{Name: "a", Breaks: "x|y", Class: Caught, By: []Notice{{"a/b", results.Regressed, "on=1, not 0"}}, Digest: "1"},
		{Name: "b", Class: Survived, Ran: 7, Digest: "2"},
		{Name: "c", Class: Unbuilt, Error: "error: x\nmore", Digest: "3"},
		{Name: "d", Class: Equivalent, Equivalent: "no code", Digest: "4"},
		{Name: "e", Class: Caught, Outside: []string{"the kernel did not boot\n| tail"}, Digest: "5"},
	}}
	var b bytes.Buffer
	if err := table.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	got, err := ReadJSON(&b)
	if err != nil || !reflect.DeepEqual(got, table) {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := ReadJSON(strings.NewReader(`{"schema": 99}`)); err == nil || !strings.Contains(err.Error(), "99") {
		t.Errorf("a table of another schema: %v", err)
	}

	var text bytes.Buffer
	r := Report{W: &text}
	for i := range table.Outcomes {
		if err := r.Line(&table.Outcomes[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Foot(table, 6); err != nil {
		t.Fatal(err)
	}
	const want = `caught         a  by 1 test: a/b regressed
SURVIVED       b  none of 7 tests noticed
NOT BUILT      c  error: x
equivalent     d  no code
caught         e  by 0 tests: outside of any test: the kernel did not boot
6 mutants of rfc: 2 caught, 1 equivalent, 1 SURVIVED, 1 NOT BUILT, 1 not tried
score: 66.7%, 2 of the 3 that are not equivalent
`
	if text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}

	var md bytes.Buffer
	if err := table.WriteMarkdown(&md); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"| a | x\\|y | 1 | `a/b` regressed |", "| d |  | equivalent | no code |", "| e |  | 0 | the kernel did not boot |"} {
		if !strings.Contains(md.String(), line+"\n") {
			t.Errorf("no line %q in\n%s", line, md.String())
		}
	}
}
