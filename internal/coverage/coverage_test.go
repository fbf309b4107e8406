package coverage

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// example is what a patch changes: five added lines, of which the second and
// third have code, and one that stands twice.
func example() *Report {
	return &Report{Schema: Schema, Source: Counters, Kernels: []string{"rfc"}, Files: []File{{Path: "a.c", Hunks: []Hunk{
		{Section: "int f(void)", Lines: []Line{
			{Op: " ", Text: "int x;", Number: 1},
			{Op: "-", Text: "\told();"},
			{Op: "+", Text: "\tif (!a)", Number: 2},
			{Op: "+", Text: "\t\treturn NULL;", Number: 3},
			{Op: "+", Text: "", Number: 4},
		}},
		{Section: "int g(void)", Lines: []Line{
			{Op: "+", Text: "\tif (!b)", Number: 10},
			{Op: "+", Text: "\t\treturn NULL;", Number: 11},
			{Op: " ", Text: "\treturn 0;", Number: 12},
		}},
	}}}}
}

func at(lines ...int) map[Place]bool {
	m := map[Place]bool{}
	for _, l := range lines {
		m[Place{"a.c", l}] = true
	}
	return m
}

func TestLinesAreCounted(t *testing.T) {
	r := example()
	r.HasCode(at(2, 3, 10, 11, 12))
	r.Executed("b/two", at(10, 11, 12, 99))
	r.Executed(Boot, at(2))
	r.Executed("a/one", at(2, 12))
	r.Executed("a/one", at(2, 3)) // tried again
	r.Sort([]string{"a/one", "b/two"})
	if want := []string{Boot, "a/one", "b/two"}; !slices.Equal(r.Tests, want) || !slices.Equal(r.Ran(), want[1:]) {
		t.Errorf("tests %v, want %v", r.Tests, want)
	}
	if got, want := r.Tally(), (Tally{Added: 5, Code: 4, Executed: 4}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got, want := r.TestsOf(Place{"a.c", 2}), []string{Boot, "a/one"}; !slices.Equal(got, want) {
		t.Errorf("line 2 by %v, want %v", got, want)
	}
	if got, want := r.Lines("b/two"), []Place{{"a.c", 10}, {"a.c", 11}}; !slices.Equal(got, want) {
		t.Errorf("b/two executed %v, want %v", got, want)
	}
	if got := r.Lines("no/such"); len(got) > 0 {
		t.Errorf("a test that did not run executed %v", got)
	}
	total, alone := r.PerTest()
	if !slices.Equal(total, []int{1, 2, 2}) || !slices.Equal(alone, []int{0, 1, 2}) {
		t.Errorf("per test %v, alone %v", total, alone)
	}
}

func TestReasonsAreForLinesThatAreNotExecuted(t *testing.T) {
	why := func(text, after string) Reason {
		return Reason{File: "a.c", Text: text, After: after, Why: "because", Place: "entry 1"}
	}
	for _, tt := range []struct {
		name  string
		why   Reason
		named []int // lines
		stale string
	}{
		{"by the line before", why("return NULL;", "if (!a)"), []int{3}, ""},
		{"both of one text", why("return NULL;", ""), []int{3}, ""},
		{"executed", why("return NULL;", "if (!b)"), nil, "was executed"},
		{"not there", why("return 1;", ""), nil, "adds no line"},
		{"there, and not the patch's", why("return 0;", ""), nil, "adds no line"},
		{"of another file", Reason{File: "b.c", Text: "return NULL;", Why: "because"}, nil, "adds no line"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := example()
			r.HasCode(at(2, 3, 10, 11, 12))
			r.Executed("a/one", at(2, 10, 11, 12))
			r.Explain([]Reason{tt.why})
			var named []int
			r.all(func(p Place, l *Line) {
				if l.Reason != "" {
					named = append(named, p.Line)
				}
			})
			if !slices.Equal(named, tt.named) {
				t.Errorf("named %v, want %v", named, tt.named)
			}
			if stale := strings.Join(r.Stale, "\n"); !strings.Contains(stale, tt.stale) || (tt.stale == "") != (stale == "") {
				t.Errorf("stale %q, want %q", stale, tt.stale)
			}
			want := 1 - len(tt.named)
			if got := r.Tally().Unexplained(); got != want {
				t.Errorf("%d unexplained, want %d", got, want)
			}
		})
	}
}

func TestReportsOfOnePatchAreMerged(t *testing.T) {
	a, b := example(), example()
	a.HasCode(at(2, 3))
	a.Executed("a/one", at(2))
	a.Explain([]Reason{{File: "a.c", Text: "return NULL;", After: "if (!a)", Why: "because"}})
	a.Unread = []string{"a/lost: QEMU is gone"}
	b.Kernels, b.Source = []string{"rfc+fault-injection"}, Trace
	b.HasCode(at(2, 3))
	b.Executed("z/other", at(2))
	b.Executed("a/one", at(3))
	before, _ := json.Marshal([]*Report{a, b})
	m := Merge([]*Report{a, b})
	if got := m.Tally(); got != (Tally{Added: 5, Code: 2, Executed: 2}) {
		t.Errorf("%+v: the reason for one kernel hides what another executed", got)
	}
	if !slices.Equal(m.TestsOf(Place{"a.c", 2}), []string{"a/one", "z/other"}) || !slices.Equal(m.TestsOf(Place{"a.c", 3}), []string{"a/one"}) {
		t.Errorf("line 2 by %v, line 3 by %v", m.TestsOf(Place{"a.c", 2}), m.TestsOf(Place{"a.c", 3}))
	}
	if m.Source != "counters, trace" || len(m.Kernels) != 2 {
		t.Errorf("source %q, kernels %v", m.Source, m.Kernels)
	}
	if again := Merge([]*Report{a, b, a}); len(again.Kernels) != 2 || len(again.TestsOf(Place{"a.c", 2})) != 2 || len(again.Unread) != 1 {
		t.Errorf("two runs of one kernel: kernels %v, line 2 by %v, unread %v", again.Kernels, again.TestsOf(Place{"a.c", 2}), again.Unread)
	}
	if after, _ := json.Marshal([]*Report{a, b}); string(before) != string(after) {
		t.Error("what was merged has changed")
	}
	other := example()
	other.Files[0].Hunks[0].Lines[2].Text = "\tif (a)"
	other.Executed("a/one", at(2))
	if m := Merge([]*Report{example(), other}); m.Tally().Executed != 0 {
		t.Error("another patch was merged")
	}
	if Merge(nil) != nil {
		t.Error("nothing merged is something")
	}
}

func TestReportSurvivesJSON(t *testing.T) {
	r := example()
	r.HasCode(at(2, 3))
	r.Executed("a/one", at(2))
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(&back, r) {
		t.Errorf("%v\n%+v\nwant\n%+v", err, back, r)
	}
	if err := back.Check(); err != nil {
		t.Error(err)
	}
	back.Tests = nil
	if err := back.Check(); err == nil {
		t.Error("a line names a test that is not there, and Check says nothing")
	}
	back.Schema = Schema + 1
	if err := back.Check(); err == nil || !strings.Contains(err.Error(), "schema") {
		t.Errorf("another schema: %v", err)
	}
}
