package mutation

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"uetest/internal/blame"
	"uetest/internal/coverage"
	"uetest/internal/mutant"
	"uetest/internal/patch"
	"uetest/internal/results"

	kernelpatches "uetest/kernel-patches"
)

// two are the mutants of a function of one statement, and its text.
func two(t *testing.T) ([]Mutant, mutant.File) {
	t.Helper()
	const text = "void f(void)\n{\n\tset_bit(a, b);\n\n\tc();\n}\n"
	file := mutant.File{Text: []byte(text), ChangedFile: patch.ChangedFile{Path: "x.c", Hunks: []patch.ChangedHunk{{Lines: []patch.ChangedLine{
		{Op: patch.Context, Text: "{", Number: 2}, {Op: patch.Added, Text: "\tset_bit(a, b);", Number: 3}, {Op: patch.Context, Text: "", Number: 4},
	}}}}}
	made := mutant.Generate([]mutant.File{file})
	var list []Mutant
	for i := range made {
		if made[i].Operator != mutant.RevertHunk {
			list = append(list, generated(&made[i]))
		}
	}
	if len(list) != 2 {
		t.Fatalf("got %d mutants, want two: %+v", len(list), list)
	}
	return list, file
}

func TestReasonsAreGivenToTheirMutants(t *testing.T) {
	list, _ := two(t)
	stale := explain(list, []kernelpatches.Equivalent{
		{Mutant: "x.c:f:drop-statement:set_bit", Change: []string{"-set_bit(a, b);", "+;"}, Reason: "nobody looks", Place: "entry 1"},
		{Mutant: "x.c:f:swap:set_bit", Change: []string{"-set_bit(b, a);", "+clear_bit(b, a);"}, Reason: "x", Place: "entry 2"},
		{Mutant: "x.c:g:swap:set_bit", Change: []string{"-a", "+b"}, Reason: "x", Place: "entry 3"},
	})
	if list[0].Equivalent != "nobody looks" || list[1].Equivalent != "" {
		t.Errorf("got %q, %q", list[0].Equivalent, list[1].Equivalent)
	}
	want := []string{`entry 2: x.c:f:swap:set_bit changes other lines now: ["-set_bit(a, b);" "+clear_bit(a, b);"]`, "entry 3: there is no mutant x.c:g:swap:set_bit"}
	if !slices.Equal(stale, want) {
		t.Errorf("stale: %q", stale)
	}
}

func TestMutantsAreChosen(t *testing.T) {
	list, _ := two(t)
	all := func(string) bool { return true }
	for _, tt := range []struct {
		name      string
		operators []string
		match     func(string) bool
		n         int
		want      int
		party     blame.Party
	}{
		{"all", nil, all, 0, 2, 0},
		{"of an operator", []string{"swap"}, all, 0, 1, 0},
		{"by name", nil, func(name string) bool { return strings.Contains(name, "drop") }, 0, 1, 0},
		{"none", []string{"drop-lock"}, all, 0, 0, blame.Nothing},
		{"some", nil, all, 1, 1, 0},
	} {
		got, err := Choose(list, tt.operators, tt.match, tt.n, 1)
		if len(got) != tt.want || (err != nil) != (tt.party != 0) || err != nil && blame.Of(err) != tt.party {
			t.Errorf("%s: %d mutants, %v", tt.name, len(got), err)
		}
	}
}

func TestOperatorsAreKnown(t *testing.T) {
	if err := CheckOperators(mutant.Operators); err != nil {
		t.Error(err)
	}
	if err := CheckOperators([]string{"swap", "nosuch"}); blame.Of(err) != blame.Usage {
		t.Errorf("got %v", err)
	}
}

func TestTestsThatExecuteAMutantAreFirst(t *testing.T) {
	c := &coverage.Report{Schema: coverage.Schema, Tests: []string{coverage.Boot, "a/x", "a/y", "a/z"}, Files: []coverage.File{{Path: "x.c", Hunks: []coverage.Hunk{{Lines: []coverage.Line{
		{Op: "+", Number: 3, Code: true, Tests: []int{0, 2}}, {Op: "+", Number: 4, Code: true, Tests: []int{1, 2}}, {Op: "+", Number: 5, Code: true, Tests: []int{3}}, {Op: "+", Number: 6}}}}}}}
	got, code := covering(c, []results.MutantLine{{File: "x.c", Line: 3}, {File: "x.c", Line: 4}, {File: "y.c", Line: 5}})
	if want := []string{"a/x", "a/y"}; !slices.Equal(got, want) || !code {
		t.Errorf("got %v, %v, want %v", got, code, want)
	}
	if ids, code := covering(c, []results.MutantLine{{File: "x.c", Line: 6}}); len(ids) != 0 || code {
		t.Errorf("of a line without code: %v, %v", ids, code)
	}
	first := order([]string{"a/z", "a/y"}, got)
	if want := []string{"a/y", "a/x", "a/y", "a/z"}; !slices.Equal(first, want) {
		t.Errorf("order: got %v, want %v", first, want)
	}
}

// An ELF file is the same as itself, and not as another; what is none is told.
func TestCodeIsCompared(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	code := func(file string) string {
		s, err := codeOf(file)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	want := code(exe)
	// What is behind everything, beside what is loaded, makes no difference.
	if got := code(write("longer", append(slices.Clone(data), 0))); got != want {
		t.Error("a byte that is not loaded counts")
	}
	at := bytes.Index(data, []byte("a byte that is not loaded counts"))
	other := slices.Clone(data)
	other[at] = 'A'
	if code(write("other", other)) == want {
		t.Error("another text is the same code")
	}
	if _, err := codeOf(write("none", []byte("no ELF"))); err == nil || blame.Of(err) != blame.Host {
		t.Errorf("no ELF file: %v", err)
	}
}

func TestGeneratedAreReported(t *testing.T) {
	list, _ := two(t)
	list[1].Equivalent = "nobody looks"
	var b bytes.Buffer
	r := Report{W: &b}
	if err := r.List(list, 7); err != nil {
		t.Fatal(err)
	}
	if want := "x.c:f:drop-statement:set_bit  without set_bit(a, b);\nx.c:f:swap:set_bit  clear_bit in place of set_bit\n    equivalent: nobody looks\n2 of 7 mutants: 1 drop-statement, 1 swap\n"; b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
	table := &Table{Schema: Schema, On: "rfc", First: true, Of: 6, Took: 90 * time.Second, Outcomes: []Outcome{
		{Name: list[0].Name, Breaks: list[0].Breaks, Operator: list[0].Operator, Class: Survived, Ran: 9, Diff: list[0].diff(), Covering: []string{"a/b", "a/c", "a/d", "a/e", "a/f"}},
		{Name: "n", Breaks: "x", Operator: "swap", Class: Survived, Ran: 9, Uncovered: true, Diff: "--- a/x\n+++ b/x\n"},
		{Name: "s", Operator: "swap", Class: Stillborn, Error: "it does not build:\n x.c: In function 'f':\n x.c:3:1: error: x\nmore"},
		{Name: "c", Operator: "swap", Class: Caught, By: []Notice{{ID: "a/b", Verdict: results.Regressed}}, Cut: true},
		{Name: "e", Operator: "swap", Class: Equivalent, Equivalent: sameCode},
	}}
	b.Reset()
	for i := range table.Outcomes {
		if err := r.Line(&table.Outcomes[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Foot(table, 6); err != nil {
		t.Fatal(err)
	}
	const want = `SURVIVED       x.c:f:drop-statement:set_bit  none of 9 tests noticed; 5 execute what it changes: a/b, a/c, a/d, a/e and 1 more
    without set_bit(a, b);
    --- a/x.c
    +++ b/x.c
    @@ -1,6 +1,6 @@
     void f(void)
     {
    -	set_bit(a, b);
    +	;
     
     	c();
     }
SURVIVED       n  none of 9 tests noticed; none executes what it changes
    x
    --- a/x
    +++ b/x
stillborn      s  x.c:3:1: error: x
caught         c  by at least 1 test: a/b regressed
equivalent     e  it compiles to the same code as the kernel without it
6 mutants of rfc: 1 caught, 1 equivalent, 1 stillborn, 2 SURVIVED, 1 not tried, in 1m30s
score: 33.3%, 1 of the 3 that are not equivalent
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	if code := table.Exit(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	table.Outcomes = table.Outcomes[2:]
	if code := table.Exit(); code != 1 {
		t.Errorf("of a pass that is not whole: exit code %d, want 1", code)
	}
	if table.Of = 3; table.Exit() != 0 {
		t.Errorf("of one that is: exit code %d, want 0", table.Exit())
	}
}

func TestAReasonThatCameLaterCounts(t *testing.T) {
	by := []Notice{{ID: "a/b"}}
	for _, tt := range []struct {
		out  Outcome
		want Class
	}{
		{Outcome{Class: Survived, Equivalent: "why"}, Equivalent},
		{Outcome{Class: Equivalent}, Survived},
		{Outcome{Class: Caught, By: by, Equivalent: "why"}, Contradiction},
		{Outcome{Class: Contradiction, By: by}, Caught},
		{Outcome{Class: Stillborn, Equivalent: "why"}, Stillborn},
	} {
		if got := reclassify(&tt.out); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.out, got, tt.want)
		}
	}
}

func TestAfterTheBudgetNoMutantIsBegun(t *testing.T) {
	list, _ := two(t)
	spent := &tryer{Options: Options{Budget: time.Minute}, start: time.Now().Add(-time.Hour)}
	for k := range spent.build(t.Context(), list) {
		t.Errorf("%s was begun", k.mutant.Name)
	}
	for _, free := range []*tryer{{start: time.Now().Add(-time.Hour)}, {Options: Options{Budget: time.Minute}, start: time.Now()}} {
		if free.spent() {
			t.Errorf("a budget of %v is spent after %v", free.Budget, time.Since(free.start))
		}
	}
}

// What was tried is not tried again, whatever it is said to be now; what was not, or
// has another text, is.
func TestAnEarlierPassIsGoneOnWith(t *testing.T) {
	list, _ := two(t)
	first := &tryer{Options: Options{On: "rfc"}, start: time.Now(), table: &Table{}, caught: map[string]int{}}
	earlier := &Table{Took: time.Hour, Outcomes: []Outcome{{Name: "another name", Class: Survived, Digest: first.key(list[0])}, {Class: Untried, Digest: first.key(list[1])}}}
	list[0].Equivalent = "nobody looks"
	next := &tryer{Options: Options{On: "rfc", Earlier: earlier}, start: time.Now(), table: &Table{}, caught: map[string]int{}}
	if !next.known(list[0]) || next.known(list[1]) {
		t.Error("expected the first to be known and the second not")
	}
	if len(next.table.Outcomes) != 1 || next.table.Took < time.Hour {
		t.Fatalf("got %+v", next.table)
	}
	if out := next.table.Outcomes[0]; out.Name != list[0].Name || out.Class != Equivalent || out.Equivalent != "nobody looks" {
		t.Errorf("got %+v", out)
	}
	other := list[0]
	other.Text = append(slices.Clone(other.Text), '\n')
	if next.known(other) {
		t.Error("another text is known")
	}
}

// What stands for no mutant at all is a patch with no code in it.
func TestNothingIsAPatch(t *testing.T) {
	_, file := two(t)
	text := mutant.Nothing([]mutant.File{file})
	p, err := patch.Read("nothing", text)
	if err != nil {
		t.Fatal(err)
	}
	over, err := patch.Apply(single{file.Path, file.Text}, p)
	if err != nil {
		t.Fatal(err)
	}
	if got := over["x.c"].Data; bytes.Equal(got, file.Text) || !reflect.DeepEqual(bytes.Fields(got), bytes.Fields(file.Text)) {
		t.Errorf("got %q", got)
	}
	if mutant.Nothing([]mutant.File{{Text: []byte("a\nb\n"), ChangedFile: file.ChangedFile}}) != nil {
		t.Error("there is a place for it in a file without an empty line")
	}
}

// single is a tree of one file.
type single struct {
	name string
	data []byte
}

func (s single) ReadFile(name string) ([]byte, fs.FileMode, error) {
	if name != s.name {
		return nil, 0, fs.ErrNotExist
	}
	return s.data, 0o644, nil
}

// Mutants of the shipped series: each applies to it, no two are equal, and the reasons
// are about some that there are.
func TestMutantsOfTheShippedSeriesApply(t *testing.T) {
	o := options(t)
	o.Config.Kernels = []string{"rfc"}
	g, err := Generate(t.Context(), o.Config)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Mutants) < 90 || len(g.Stale) > 0 || g.Nothing == nil {
		t.Errorf("%d mutants, stale reasons %q", len(g.Mutants), g.Stale)
	}
	counts := map[string]int{}
	for _, m := range g.Mutants {
		counts[m.Operator]++
		if n := len(lines(m.Text)); n == 0 {
			t.Errorf("%s changes no line", m.Name)
		}
		p, err := patch.Read(m.Name, m.Text)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		file := p.Changes[0].Files[0].Old
		for _, f := range g.files {
			if f.Path != file {
				continue
			}
			over, err := patch.Apply(single{file, f.Text}, p)
			if err != nil {
				t.Errorf("%s: %v", m.Name, err)
			} else if bytes.Equal(over[file].Data, f.Text) {
				t.Errorf("%s changes nothing", m.Name)
			}
		}
	}
	for _, op := range mutant.Operators {
		if counts[op] == 0 {
			t.Errorf("no mutant of %s", op)
		}
	}
	// A kernel that no patch is about has none.
	o.Config.Kernels = []string{"stable"}
	if _, err := Generate(t.Context(), o.Config); blame.Of(err) != blame.Nothing {
		t.Errorf("of a kernel without a patch: %v", err)
	}
}
