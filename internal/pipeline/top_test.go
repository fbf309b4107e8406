package pipeline

import (
	"fmt"
	"strings"
	"testing"

	"uetest/internal/blame"
	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/selftests/catalog"

	"testing/fstest"
	"uetest/kernel-patches"
)

func mustRead(t *testing.T, name, text string) *patch.Patch {
	t.Helper()
	p, err := patch.Read(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lines is a file whose lines are numbers.
func lines(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&b, "int l%d;\n", i)
	}
	return b.String()
}

// fixLine is a patch that changes line n of lines(1, 20), with the blobs that
// it goes from and to.
func fixLine(n int, before, after string) string {
	index := ""
	if before != "" {
		index = fmt.Sprintf("index %.12s..%.12s 100644\n", before, after)
	}
	return fmt.Sprintf("diff --git a/y.c b/y.c\n%s--- a/y.c\n+++ b/y.c\n@@ -%d,7 +%d,7 @@\n int l%d;\n int l%d;\n int l%d;\n-int l%d;\n+long l%[7]d;\n int l%[8]d;\n int l%[9]d;\n int l%[10]d;\n",
		index, n-3, n-3, n-3, n-2, n-1, n, n+1, n+2, n+3)
}

func TestPatchOnTopSaysHowItFits(t *testing.T) {
	before := lines(1, 20)
	after := strings.Replace(before, "int l10;", "long l10;", 1)
	id := func(text string) string { return patch.BlobID([]byte(text)) }
	text := fixLine(10, id(before), id(after))
	tests := []struct {
		name, tree, patch string
		fuzz              int
		proven            bool
		base              string
		moved             string
	}{
		{"as it was written", before, text, 0, true, "blob " + id(after)[:12] + " is the one in the index line", ""},
		{"at another base", "int more;\n" + before, text, 0, false, "applied at another base: blob " + id("int more;\n" + before)[:12] + ", written for " + id(before)[:12], "hunk 1 at line 8 (offset +1)"},
		{"without an index line", before, fixLine(10, "", ""), 0, false, "no index line", ""},
		{"with fuzz, which was asked for", strings.Replace(before, "int l7;", "char l7;", 1), text, 1, false, "applied at another base", "hunk 1 at line 8 (offset +0, fuzz 1)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &patched{changes: patch.Overlay{}}
			base := mapTree{"y.c": tt.tree}
			if err := p.onTop(base, []*patch.Patch{mustRead(t, "fix.patch", tt.patch)}, topping{fuzz: tt.fuzz}); err != nil {
				t.Fatal(err)
			}
			f := p.top[0].Files[0]
			if f.Proven != tt.proven || !strings.Contains(f.Base(), tt.base) || strings.Join(f.Moved, "|") != tt.moved {
				t.Errorf("proven %v, %q, moved %q; want %v, %q, %q", f.Proven, f.Base(), f.Moved, tt.proven, tt.base, tt.moved)
			}
			data, _, err := p.changes.On(base).ReadFile("y.c")
			if err != nil || !strings.Contains(string(data), "long l10;") {
				t.Errorf("it was not applied: %q, %v", data, err)
			}
		})
	}
}

func TestPatchesOnTopApplyOneAfterTheOther(t *testing.T) {
	base := mapTree{"y.c": lines(1, 20)}
	p := &patched{}
	first := fixLine(5, "", "")
	second := strings.Replace(fixLine(8, "", ""), " int l5;", " long l5;", 1)
	if err := p.onTop(base, []*patch.Patch{mustRead(t, "a.patch", first), mustRead(t, "b.patch", second)}, topping{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.applied, " "); got != "a.patch b.patch" || len(p.top) != 2 {
		t.Errorf("applied %q, %d on top", got, len(p.top))
	}
	if !strings.Contains(p.note(), "2 of them on top") {
		t.Errorf("the note is %q", p.note())
	}
}

func TestPatchThatDoesNotFitSaysWhy(t *testing.T) {
	before := lines(1, 20)
	id := func(text string) string { return patch.BlobID([]byte(text)) }
	after := strings.Replace(before, "int l10;", "long l10;", 1)
	text := fixLine(10, id(before), id(after))
	for want, tree := range map[string]string{
		"y.c is as the patch leaves it: it is applied already":        after,
		"here, the patch was written for " + id(before)[:12]:          strings.Replace(before, "int l9;", "char l9;", 1),
		`fix.patch:8: hunk 1 (@@ -7,7 +7,7 @@) does not apply to y.c`: strings.Replace(before, "int l9;", "char l9;", 1),
		"the tree does not have it":                                   "",
	} {
		base := mapTree{"y.c": tree}
		if tree == "" {
			base = mapTree{}
		}
		err := (&patched{}).onTop(base, []*patch.Patch{mustRead(t, "fix.patch", text)}, topping{})
		if err == nil || !strings.Contains(err.Error(), want) || blame.Of(err) != blame.Patch {
			t.Errorf("got %v, blamed on %v\nwant %s", err, blame.Of(err), want)
		}
	}
}

// Archive text is restored before it is applied; what can't be proven is not.
func TestArchiveTextOnTopIsRestored(t *testing.T) {
	before := "int f(int a)\n{\n\tif (a)\n\t\treturn 1;\n\treturn 0;\n}\n"
	after := "int f(int a)\n{\n\tif (a) {\n\t\ta++;\n\t\treturn 1;\n\t}\n\treturn 0;\n}\n"
	lost := func(blob string) string {
		return fmt.Sprintf("diff --git a/y.c b/y.c\nindex %.12s..%.12s 100644\n--- a/y.c\n+++ b/y.c\n@@ -1,6 +1,8 @@\nint f(int a)\n{\n- if (a)\n+ if (a) {\n+ a++;\nreturn 1;\n+ }\nreturn 0;\n}\n",
			patch.BlobID([]byte(before)), blob)
	}
	base := mapTree{"y.c": before}
	p := &patched{}
	if err := p.onTop(base, []*patch.Patch{mustRead(t, "page.txt", lost(patch.BlobID([]byte(after))))}, topping{}); err != nil {
		t.Fatal(err)
	}
	if got := string(p.changes["y.c"].Data); got != after || p.top[0].Restored != provenRestore || len(p.unproven) > 0 {
		t.Errorf("restored to %q, %+v, %q", got, p.top[0], p.unproven)
	}
	wrong := mustRead(t, "page.txt", lost(strings.Repeat("1", 40)))
	err := (&patched{}).onTop(base, []*patch.Patch{wrong}, topping{})
	if err == nil || blame.Of(err) != blame.Patch || !strings.Contains(err.Error(), "--unproven") {
		t.Errorf("got %v, blamed on %v; want an error that names --unproven", err, blame.Of(err))
	}
	p = &patched{}
	if err := p.onTop(base, []*patch.Patch{wrong}, topping{unproven: true}); err != nil {
		t.Fatal(err)
	}
	if p.top[0].Restored != unprovenRestore || len(p.unproven) != 1 {
		t.Errorf("%+v, %q; want it marked as unproven", p.top[0], p.unproven)
	}
}

func TestKernelWithPatchesIsNamedByThem(t *testing.T) {
	named := func(names ...string) []*patch.Patch {
		var list []*patch.Patch
		for _, n := range names {
			list = append(list, &patch.Patch{Name: n})
		}
		return list
	}
	for want, files := range map[string][]string{
		"rfc":                              nil,
		"rfc+fix":                          {"dir/fix.patch"},
		"rfc+a+b":                          {"0001-a.patch", "v2-0002-b.patch"},
		"rfc+t":                            {"t.mbox.gz", "t.mbox.gz"},
		"rfc+stdin":                        {"-"},
		"rfc+a-b":                          {"a b.txt"},
		"rfc+patch":                        {"ä.patch"},
		"rfc+tracing-user_events-use-remo": {"0001-tracing-user_events-use-remote-writes.patch"},
		"rfc+mails":                        {"mails.mbox (0001-x.patch)", "mails.mbox (0002-y.patch)"},
	} {
		if got := TopName("rfc", named(files...)); got != want {
			t.Errorf("%q: got %q, want %q", files, got, want)
		}
	}
}

// Who puts a patch on a kernel can't know what the series declares of it.
func TestGenerationOfAPatchedKernelIsAsked(t *testing.T) {
	k := kernelpatches.Kernel{Name: "rfc", Generation: "g1"}
	if g := (target{kernel: k}).declared(); g != "g1" {
		t.Errorf("without a patch: %q", g)
	}
	if g := (target{kernel: k, top: []*patch.Patch{{}}}).declared(); g != "" {
		t.Errorf("with a patch: %q, want none", g)
	}
}

func TestSeriesMayExpectOtherwise(t *testing.T) {
	test := catalog.Test{ID: "a/b", Expect: map[catalog.Generation]catalog.Expect{
		catalog.G1: {Saw: "x=1", Fault: "f", Promise: "x=0"}, catalog.G3: {Saw: "x=0"},
	}}
	b := built{expect: map[string]kernelpatches.Expected{"a/b": {Saw: "x=2", Reason: "so"}}}
	got := b.expected(catalog.G1, []catalog.Test{test})[0]
	if e, _ := got.On(catalog.G1); e != (catalog.Expect{Saw: "x=2"}) {
		t.Errorf("got %+v", e)
	}
	if e, _ := test.On(catalog.G1); e.Saw != "x=1" {
		t.Error("the catalogue itself was changed")
	}
	b.expect["a/b"] = kernelpatches.Expected{Saw: "x=2", Fault: "g", Reason: "so"}
	for g, promise := range map[catalog.Generation]string{catalog.G1: "x=0", catalog.G3: "x=0"} {
		got := b.expected(g, []catalog.Test{test})[0]
		if e, _ := got.On(g); e.Fault != "g" || e.Promise != promise {
			t.Errorf("on %s: got %+v, want the fault g and the promise %s", g, e, promise)
		}
	}
}

func TestSeriesThatSpeaksOfTheUnknownIsRefused(t *testing.T) {
	id := catalog.All()[0].ID
	load := func(generation, expect string) *kernelpatches.Series {
		t.Helper()
		s, err := kernelpatches.LoadFS("own", fstest.MapFS{
			"series.json": {Data: []byte(`{"title": "x", "source": "linux-source-6.1", "kernels": [{"name": "k", "generation": "` + generation + `"}]}`)},
			"expect.json": {Data: []byte(expect)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for want, s := range map[string]*kernelpatches.Series{
		"":                                  load("g1", `{"`+id+`": {"saw": "a=1", "reason": "so"}}`),
		`kernel k: generation "g9"`:         load("g9", `{}`),
		`own/expect.json: no/such: no test`: load("", `{"no/such": {"saw": "a=1", "reason": "so"}}`),
		`"fault": no fault "nosuch"`:        load("", `{"`+id+`": {"saw": "a=1", "fault": "nosuch", "reason": "so"}}`),
	} {
		err := CheckSeries(s)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) || blame.Of(err) != blame.Usage) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestTopFileWithoutBlobsHasNothingToProveItBy(t *testing.T) {
	f := results.TopFile{Path: "x", Action: "modify", Before: "11", After: "22"}
	if got := f.Base(); got != "the patch has no index line to prove it by" {
		t.Errorf("got %q", got)
	}
}
