package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"uetest/internal/coverage"
	"uetest/internal/results"
	"uetest/internal/runs"
	"uetest/internal/wire"
)

func htmlOf(t *testing.T, rec *runs.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, rec, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var (
	anyID   = regexp.MustCompile(` id="([^"]*)"`)
	anyHref = regexp.MustCompile(` href="([^"]*)"`)
	anyTag  = regexp.MustCompile(`<([a-zA-Z]+)[^>]*>`)
	handler = regexp.MustCompile(`<[a-zA-Z][a-zA-Z0-9]*(?:\s+[a-zA-Z-]+(?:="[^"]*")?)*\s+on[a-zA-Z]+=`)
)

// sound fails unless a page's links lead to where they say, and nothing is in it that
// could run or be fetched.
func sound(t *testing.T, text string) {
	t.Helper()
	ids := map[string]bool{}
	for _, m := range anyID.FindAllStringSubmatch(text, -1) {
		if ids[m[1]] {
			t.Errorf("two elements have the id %q", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range anyHref.FindAllStringSubmatch(text, -1) {
		to, within := strings.CutPrefix(m[1], "#")
		switch {
		case within && !ids[to]:
			t.Errorf("a link to #%s, which is not there", to)
		case !within && !strings.HasPrefix(m[1], "https://lore.kernel.org/r/"):
			t.Errorf("a link to %s", m[1])
		}
	}
	for _, m := range anyTag.FindAllStringSubmatch(text, -1) {
		switch strings.ToLower(m[1]) {
		case "script", "img", "iframe", "object", "embed", "link", "base", "form", "input":
			t.Errorf("an element that does not belong there: %s", m[0])
		}
	}
	if m := handler.FindString(text); m != "" {
		t.Errorf("a handler: %s", m)
	}
}

func TestHTMLIsSoundWhateverARecordHolds(t *testing.T) {
	for name, rec := range map[string]*runs.Record{"several": several(), "in turns": inTurns(), "hostile": hostile(), "none": recordOf(), "covered": coveredPatch(), "prefixes": prefixes()} {
		t.Run(name, func(t *testing.T) { sound(t, string(htmlOf(t, rec))) })
	}
}

// prefixes is a record of a series that was gone through patch by patch.
func prefixes() *runs.Record {
	run := func(n int, tests ...results.Test) *results.Run {
		return &results.Run{
			Kernel: results.Kernel{Name: fmt.Sprintf("rfc~%d", 2-n), Image: "x"}, Tests: tests,
			Prefix: &results.Prefix{Number: n, Of: 2, File: "a.patch", Subject: "a"},
		}
	}
	good := results.Test{ID: "a/b", Verdict: results.AsExpected, Saw: "x=1"}
	dead := run(1)
	dead.Kernel.Image, dead.Fatal, dead.Problems = "", 3, []string{"a.c:1: error"}
	return recordOf(run(0, good), dead, run(2, good))
}

func TestHTMLOfTwoKernelsComparesThem(t *testing.T) {
	run := func(name string, saw string, v results.Verdict) *results.Run {
		return &results.Run{
			Kernel: results.Kernel{Name: name, Image: "x"}, Guest: wire.Guest{Release: "6.1", Machine: "x86_64"}, Generation: "g1",
			Tests: []results.Test{{ID: "a/same", Verdict: results.AsExpected, Saw: "y=1", Expected: "y=1"}, {ID: "a/other", Verdict: v, Saw: saw, Expected: "x=1"}},
		}
	}
	p := newPage(recordOf(run("base", "x=1", results.AsExpected), run("mine", "x=2", results.Regressed)))
	if len(p.Compared) != 1 || p.Compared[0].A != "base" || p.Compared[0].B != "mine" || p.Compared[0].Same != 1 || len(p.Compared[0].Classes) != 1 {
		t.Fatalf("got %+v", p.Compared)
	}
	got := p.Compared[0].Classes[0]
	if got.Word != "can't tell" || !got.Open || len(got.Tests) != 1 || got.Tests[0].ID != "a/other" || got.Tests[0].Counts != "1/1 → 0/1" || p.Compared[0].Need < 2 {
		t.Errorf("got %+v, need %d; want a/other, which one run can't tell", got, p.Compared[0].Need)
	}
	if one := newPage(recordOf(run("base", "x=1", results.AsExpected))); one.Compared != nil {
		t.Errorf("one kernel was compared: %+v", one.Compared)
	}
}

func FuzzHTML(f *testing.F) {
	f.Add("a/b", "<script>", "a=1")
	f.Add("a/b\" onload=x ", "'><img src=x onerror=y>", "\x00\xff")
	f.Fuzz(func(t *testing.T, id, text, saw string) {
		run := &results.Run{Kernel: results.Kernel{Name: text, Mails: []results.Mail{{File: text, ID: id, SHA256: saw}}}, Tests: []results.Test{
			{ID: id, Verdict: results.Regressed, Purpose: text, Saw: saw, Log: []string{text}},
			{ID: text, Verdict: results.KnownFault, Fault: id, Saw: saw, Promise: text},
		}}
		sound(t, string(htmlOf(t, recordOf(run))))
	})
}

// coveredPatch is a record with coverage of a patch that was posted.
func coveredPatch() *runs.Record {
	rec := several()
	rec.Runs[0].Coverage = &coverage.Report{
		Schema: coverage.Schema, Source: coverage.Counters, Kernels: []string{"rfc"}, Tests: []string{"boot", "bits/each", "fork/gone"},
		Files: []coverage.File{{Path: "mm/gup.c", Hunks: []coverage.Hunk{{Section: "static int gup_write(void)", Lines: []coverage.Line{
			{Op: " ", Text: "\tint a;", Number: 8, Code: true, Tests: []int{0, 1, 2}},
			{Op: "+", Text: "\tif (a < 1 && b)", Number: 10, Code: true, Tests: []int{1, 2}},
			{Op: "+", Text: "\t\treturn -ENOMEM;", Number: 11, Code: true, Reason: "no allocation <fails>"},
			{Op: "+", Text: "\tset_bit(a);", Number: 12, Code: true},
			{Op: "-", Text: "\tc();"},
			{Op: "+", Text: "\t/* why */", Number: 13},
		}}}}},
	}
	for i := range 2 {
		rec.Runs[2*i].Tests[0].Samples = []results.Sample{
			{Of: "time <to> enable", X: 1, Per: "places", Y: 12, Unit: "µs"}, {Of: "time <to> enable", X: 100, Per: "places", Y: 340 + float64(i), Unit: "µs"},
		}
	}
	rec = recordOf(rec.Runs...)
	rec.Configs = []runs.Config{{SHA256: strings.Repeat("c", 64), Text: "CONFIG_A=y\nCONFIG_B=\"<b>\"\n"}}
	line := results.MutantLine{File: "mm/gup.c", Line: 12, Text: "\tset_bit(a);"}
	rec.Mutants = []*results.Mutants{{On: "rfc", First: true, List: []results.Mutant{
		{Name: "not-set", Breaks: "the bit is not set", Class: "caught", Good: true, By: "bits/each", Lines: []results.MutantLine{line}},
		{Name: "set-twice", Breaks: "it is set twice", Class: "SURVIVED", Lines: []results.MutantLine{line}},
		{Name: "elsewhere", Class: "equivalent", Good: true, Why: "nothing reads <it>", Lines: []results.MutantLine{{File: "mm/gup.c", Line: 10, Text: "another line"}}},
		{Name: "put-back", Class: "caught", Good: true, By: "bits/each", Lines: []results.MutantLine{line, {Line: 1}, {Line: 2}, {Line: 3}, {Line: 4}}},
	}}}
	return rec
}

func TestHTMLMarksTheLinesOfThePatch(t *testing.T) {
	text := html.UnescapeString(string(htmlOf(t, coveredPatch())))
	for _, want := range []string{
		`1 of 3 added lines with code executed, 1 not, with a reason, 1 not, unexplained`,
		`<span class="mark good">2</span></td><td class="num"></td><td class="code"><span class="op">+</span>	if (a < 1 && b)</td>`,
		`<span class="mark warn">▲ 0</span></td><td class="num"></td><td class="code"><span class="op">+</span>		return -ENOMEM;</td>`,
		`no allocation <fails>`,
		`<span class="mark bad">✗ 0</span></td><td class="num"><a class="mark bad" href="#mutant-set-twice">✗ 1 of 2</a></td><td class="code"><span class="op">+</span>	set_bit(a);</td>`,
		`put back as a whole: <a class="mark good" href="#mutant-put-back">✓ 1</a>`,
		`4 small changes, each of which breaks one promise, were put on rfc`,
		`nothing reads <it>`,
		"Configuration, 2 options that are set",
		"CONFIG_A=y\nCONFIG_B=\"<b>\"",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in the page", want)
		}
	}
	// Without coverage the patch is shown as it was posted.
	text = html.UnescapeString(string(htmlOf(t, several())))
	if want := `<span class="op">+</span>	set_bit(a);</td>`; !strings.Contains(text, want) {
		t.Errorf("no %q in the page", want)
	}
}

// A page is made of the record alone, which stays as it is.
func TestHTMLIsTheSameEachTime(t *testing.T) {
	rec := coveredPatch()
	before, _ := json.Marshal(rec)
	first, second := htmlOf(t, rec), htmlOf(t, rec)
	if !bytes.Equal(first, second) {
		t.Error("it is not the same twice")
	}
	if after, _ := json.Marshal(rec); !bytes.Equal(before, after) {
		t.Error("the record was changed")
	}
}

func TestHTMLSaysTheVerdictFirst(t *testing.T) {
	good := results.Test{ID: "a/good", Verdict: results.AsExpected}
	known := results.Test{ID: "a/known", Verdict: results.KnownFault, Fault: "page-end-oops"}
	bad := results.Test{ID: "a/bad", Verdict: results.Regressed}
	of := func(tests ...results.Test) *runs.Record {
		return recordOf(&results.Run{Kernel: results.Kernel{Name: "k"}, Tests: tests})
	}
	cut := of(good)
	cut.Cut = "its last line is not whole"
	unproven := of(good)
	unproven.Runs[0].Kernel.Unproven = []string{"x"}
	for _, c := range []struct {
		name, mood, lead string
		rec              *runs.Record
	}{
		{"all well", "good", "Every test on k saw what the ABI promises.", of(good, good)},
		{"a known fault", "warn", "k has 1 defect. All of it is known to the catalogue of uetest; nothing new was found.", of(good, known)},
		{"one thing", "bad", "One result came out on k otherwise than uetest expects. Known before: k has 1 defect.", of(good, known, bad)},
		{"nothing", "bad", "Nothing was tested: no kernel came of it.", recordOf()},
		{"cut short", "bad", "This run is not whole: the record is cut short: its last line is not whole.", cut},
		{"skipped alone", "warn", "No test could do its work on every kernel: nothing is decided.", of(results.Test{ID: "a/b", Verdict: results.Skipped})},
		{"unproven", "warn", "Every test on k saw what the ABI promises.", unproven},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPage(c.rec)
			if p.Mood != c.mood || p.Lead != c.lead {
				t.Errorf("got %s: %s\nwant %s: %s", p.Mood, p.Lead, c.mood, c.lead)
			}
		})
	}
}

// A page of no kernel is named for those that were asked for.
func TestHTMLOfNothingHasAName(t *testing.T) {
	rec := recordOf()
	rec.Asked.Kernels = []string{"base", "rfc"}
	if got := newPage(rec).Title; got != "uetest of base, rfc" {
		t.Errorf("got %q", got)
	}
}

// Repeats of a kernel are one column, and what varies is told with how often.
func TestHTMLOfRepeats(t *testing.T) {
	run := func(v results.Verdict) *results.Run {
		return &results.Run{Kernel: results.Kernel{Name: "k"}, Tests: []results.Test{
			{ID: "a/steady", Verdict: results.AsExpected, Saw: "x=1"}, {ID: "a/flaky", Verdict: v, Saw: string(v)}}}
	}
	p := newPage(recordOf(run(results.AsExpected), run(results.Regressed), run(results.AsExpected), run(results.AsExpected)))
	if len(p.Kernels) != 1 || p.Kernels[0].Runs != 4 {
		t.Fatalf("got kernels %+v, want one of 4 runs", p.Kernels)
	}
	if p.Flakes == nil || len(p.Flakes.Rows) != 1 || p.Flakes.Rows[0].Label != "a/flaky" || p.Flakes.Rows[0].Text != "1 of 4" || p.Flakes.Rows[0].Width != "25" {
		t.Errorf("got flakes %+v, want a/flaky, 1 of 4", p.Flakes)
	}
	on := p.Areas[0].Tests[1].On[0]
	if on.verdict != results.Regressed || on.Same != 1 || on.Runs != 4 {
		t.Errorf("got %+v, want regressed in 1 of 4 runs", on)
	}
	if len(p.Attention) != 1 || p.Attention[0].Times != 1 {
		t.Errorf("got %d results that need attention, want 1", len(p.Attention))
	}
}

func TestChangelogOfAMail(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{patchText, ""},
		{"From: a\nSubject: b\n\nWhy.\n\nMore.\n---\n f | 1 +\ndiff --git a/f b/f\n", "Why.\n\nMore."},
		{"Why.\n\nMore.\ndiff --git a/f b/f\n", "Why.\n\nMore."},
		{"--- a/f\n+++ b/f\n@@ -1 +1 @@\n", ""},
		{"", ""},
	} {
		if got := changelog(c.text); got != c.want {
			t.Errorf("of %q: got %q, want %q", c.text, got, c.want)
		}
	}
}

func TestPlainDiffNumbersItsLines(t *testing.T) {
	b := &builder{refs: map[string]string{}, taken: map[string]bool{}}
	d := b.plainDiff(patchText + "@@ -1 +1,2 @@ void f(void)\n a\n+-- b\n\\ No newline at end of file\n-- \n2.30\n")
	if len(d.Files) != 1 || d.Files[0].Path != "mm/gup.c" || len(d.Files[0].Hunks) != 2 {
		t.Fatalf("got %+v", d)
	}
	var got []string
	for _, h := range d.Files[0].Hunks {
		for _, l := range h.Lines {
			got = append(got, l.Number+l.Op+strings.TrimSpace(l.Text))
		}
	}
	want := "7 { 8 int a; 9  10+if (a) 11+b(); 12+set_bit(a); -c(); 13 return 0; 14 } 1 a 2+-- b"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}

func TestSqueezedKeepsPreformattedText(t *testing.T) {
	in := "<p>\n\n  a\n<pre>\n  b\n\n c</pre>\n  \n<pre>x</pre>\n   d\n"
	want := "<p>\na\n<pre>\n  b\n\n c</pre>\n<pre>x</pre>\nd\n"
	if got := string(squeezed([]byte(in))); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCurvesOfWhatWasMeasured(t *testing.T) {
	at := func(x, y float64) results.Sample {
		return results.Sample{Of: "time", X: x, Per: "places", Y: y, Unit: "ms"}
	}
	run := func(name string, samples ...results.Sample) *results.Run {
		return &results.Run{Kernel: results.Kernel{Name: name}, Tests: []results.Test{{ID: "a/b", Verdict: results.AsExpected, Samples: samples}}}
	}
	other := at(1, 2)
	other.Unit = "KiB"
	p := newPage(recordOf(
		run("base", at(1, 10), at(100, 30)), run("rfc", at(100, 200), at(1, 8)), run("base", at(1, 20)), run("rfc", at(100, 100), at(100, 400), other, at(-1, 1), at(1, 1e300)),
	))
	if len(p.Curves) != 2 || p.Curves[1].Unit != "KiB" {
		t.Fatalf("got %d curves %+v, want those of ms and KiB", len(p.Curves), p.Curves)
	}
	c := p.Curves[0]
	want := []curveRow{{"1", []string{"15", "8"}}, {"100", []string{"30", "200"}}}
	if !reflect.DeepEqual(c.Rows, want) {
		t.Errorf("got the numbers %v, want %v", c.Rows, want)
	}
	if len(c.Lines) != 2 || c.Lines[0].Name != "base" || c.Lines[0].Points != "50.3,154.5 278,142.9" || c.Lines[1].N == c.Lines[0].N {
		t.Errorf("got the lines %+v", c.Lines)
	}
	if got := c.YTicks[len(c.YTicks)-1]; got.Text != "200" || got.At != "12" {
		t.Errorf("the axis ends at %+v, want 200 at the top", got)
	}
}

func TestCurvesHaveRoomForAnyNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var samples []results.Sample
		for range rapid.IntRange(1, 20).Draw(t, "n") {
			samples = append(samples, results.Sample{
				Of: "a", Per: "b", Unit: "c",
				X: rapid.Float64Range(0, 1e15).Draw(t, "x"), Y: rapid.Float64Range(0, 1e15).Draw(t, "y"),
			})
		}
		run := &results.Run{Kernel: results.Kernel{Name: "k"}, Tests: []results.Test{{ID: "a/b", Verdict: results.AsExpected, Samples: samples}}}
		for _, c := range newPage(recordOf(run)).Curves {
			if len(c.XTicks) > 7 || len(c.YTicks) > 7 || len(c.YTicks) < 2 {
				t.Errorf("%d and %d ticks", len(c.XTicks), len(c.YTicks))
			}
			for _, l := range c.Lines {
				for _, m := range l.Marks {
					x, errx := strconv.ParseFloat(m.X, 64)
					y, erry := strconv.ParseFloat(m.Y, 64)
					if errx != nil || erry != nil || x < plotLeft || x > plotWidth-plotRight || y < plotTop || y > plotHeight-plotBottom {
						t.Errorf("a point at %s, %s", m.X, m.Y)
					}
				}
			}
		}
	})
}

func TestLogsOfAPageAreBounded(t *testing.T) {
	many := slices.Repeat([]string{"x"}, htmlLines+3)
	long := strings.Repeat("ä", htmlLine)
	for _, c := range []struct {
		name        string
		lines       []string
		shown, more int
	}{
		{"none", nil, 0, 0},
		{"few", many[:3], 3, 0},
		{"all that fit", many[:htmlLines], htmlLines, 0},
		{"too many", many, htmlLines, 3},
		{"too long", slices.Repeat([]string{long}, 20), 16, 4},
	} {
		shown, more := cutOff(c.lines)
		if len(shown) != c.shown || more != c.more {
			t.Errorf("%s: %d lines shown and %d more, want %d and %d", c.name, len(shown), more, c.shown, c.more)
		}
		for _, l := range shown {
			if len(l) > htmlLine+len("…") || !utf8.ValidString(l) {
				t.Errorf("%s: a line of %d bytes", c.name, len(l))
			}
		}
	}
}

func TestVerdictDoesNotSpeakForWhatWasSkipped(t *testing.T) {
	run := &results.Run{Kernel: results.Kernel{Name: "rfc", Proven: true}, Guest: wire.Guest{Release: "6.1"}, Tests: []results.Test{
		{ID: "a/one", Verdict: results.AsExpected}, {ID: "a/two", Verdict: results.Skipped, Detail: "needs smp"}}}
	if p, want := newPage(recordOf(run)), "Every test that could run on rfc saw what the ABI promises; 1 could not."; p.Lead != want {
		t.Errorf("got %q, want %q", p.Lead, want)
	}
}

func TestExitCodeIsThatOfARunThatEnded(t *testing.T) {
	rec := several()
	if got := string(htmlOf(t, rec)); !strings.Contains(got, " · exit code ") {
		t.Error("a run that ended has no exit code")
	}
	rec.End, rec.Cut = time.Time{}, "its last line is not whole"
	if got := string(htmlOf(t, rec)); strings.Contains(got, " · exit code ") {
		t.Error("a run that was cut short has an exit code")
	}
}
