package mutation

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	kernelpatches "uetest/kernel-patches"

	"uetest/internal/patch"
	"uetest/internal/results"
)

var update = flag.Bool("update", false, "rewrite where the mutants of the shipped table are")

// The table that the shipped series has is of the mutants that are shipped, as they
// are, and of those that uetest makes: what was changed since its pass was not tried.
func TestShippedTableIsOfTheShippedMutants(t *testing.T) {
	series, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	text, place, err := series.Mutants()
	if err != nil || text == nil {
		t.Fatalf("no table of mutants: %v", err)
	}
	table, err := ReadJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	mutants, err := Read([]string{"testdata/mutants"})
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]*Outcome{}
	for i := range table.Outcomes {
		if out := &table.Outcomes[i]; out.Operator == "" {
			known[out.Name] = out
		}
	}
	for _, m := range mutants {
		out := known[m.Name]
		delete(known, m.Name)
		switch {
		case out == nil || out.Digest != digest(table.On, m.Text):
			t.Errorf("%s: not tried as it is; uetest mutate --then lockdep,fault-injection --resume %s --out json=%[2]s internal/mutation/testdata/mutants", m.Name, place)
		case len(lines(m.Text)) == 0:
			t.Errorf("%s: it changes no line", m.Name)
		case !reflect.DeepEqual(out.Lines, lines(m.Text)):
			if out.Lines = lines(m.Text); !*update {
				t.Errorf("%s: it is elsewhere than the table says; go test -update rewrites that", m.Name)
			}
		}
	}
	for name := range known {
		t.Errorf("%s: there is no such mutant any more", name)
	}
	if *update && !t.Failed() {
		var b bytes.Buffer
		if err := table.WriteJSON(&b); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("../..", filepath.FromSlash(place)), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Of those that uetest makes of the series too, but for as many as it says are left.
func TestShippedTableIsOfTheMutantsThatAreMade(t *testing.T) {
	o := options(t)
	o.Config.Kernels = []string{"rfc"}
	g, err := Generate(t.Context(), o.Config)
	if err != nil {
		t.Fatal(err)
	}
	text, place, err := o.Config.Series.Mutants()
	if err != nil {
		t.Fatal(err)
	}
	table, err := ReadJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(table.Files, g.Files()) {
		t.Errorf("%s is about %v, the series makes %v", place, table.Files, g.Files())
	}
	known := map[string]*Outcome{}
	for i := range table.Outcomes {
		if out := &table.Outcomes[i]; out.Operator != "" {
			known[out.Digest] = out
		}
	}
	left := 0
	for _, m := range g.Mutants {
		out := known[digest("rfc", m.Text)]
		delete(known, digest("rfc", m.Text))
		switch {
		case out == nil:
			left++
			t.Logf("%s has not been tried as it is", m.Name)
		case out.Name != m.Name || !reflect.DeepEqual(out.Lines, lines(m.Text)):
			t.Errorf("%s: the table has %s at %v", m.Name, out.Name, out.Lines)
		case !out.Class.Good():
			t.Errorf("%s: %s", m.Name, out.Class)
		}
	}
	for _, out := range known {
		t.Errorf("%s: there is no such mutant any more", out.Name)
	}
	if left != table.Left() {
		t.Errorf("%d have not been tried, the table says %d", left, table.Left())
	}
}

func TestLinesOfAMutant(t *testing.T) {
	const head = "--- a/f.c\n+++ b/f.c\n"
	at := func(number int, text string) results.MutantLine {
		return results.MutantLine{File: "f.c", Line: number, Text: text}
	}
	for _, c := range []struct {
		name, text string
		want       []results.MutantLine
	}{
		{"takes", head + "@@ -3,4 +3,2 @@\n a\n-b\n-c\n d\n", []results.MutantLine{at(4, "b"), at(5, "c")}},
		{"changes", head + "@@ -3,3 +3,3 @@\n a\n-b\n+c\n d\n", []results.MutantLine{at(4, "b")}},
		{"changes, the new line first", head + "@@ -3,3 +3,3 @@\n a\n+c\n-b\n d\n", []results.MutantLine{at(4, "b")}},
		{"adds", head + "@@ -3,3 +3,5 @@\n a\n \n+b\n+c\n d\n", []results.MutantLine{at(3, "a")}},
		{"moves", head + "@@ -3,4 +3,4 @@\n a\n-b\n c\n+b\n d\n", []results.MutantLine{at(4, "b"), at(5, "c")}},
		{"adds at the beginning", head + "@@ -1,1 +1,2 @@\n+a\n b\n", nil},
		{"is none", "no diff", nil},
	} {
		if got := lines([]byte(c.text)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
	}
	if _, err := patch.Read("x", []byte(head+"@@ -3,4 +3,2 @@\n a\n-b\n-c\n d\n")); err != nil {
		t.Errorf("the texts are no patches: %v", err)
	}
}

func TestTableAsResults(t *testing.T) {
	table := &Table{On: "rfc", Select: "a/.*", First: true, Of: 9, Outcomes: []Outcome{
		{Name: "caught", Class: Caught, By: []Notice{{ID: "a/b"}, {ID: "a/c"}}, On: "rfc+kasan"},
		{Name: "dies", Class: Caught, Outside: []string{"it does not boot\nx"}},
		{Name: "same", Class: Equivalent, Equivalent: "nothing is read"},
		{Name: "survived", Class: Survived, Lines: []results.MutantLine{{File: "f.c", Line: 3, Text: "x"}}},
		{Name: "broken", Class: Unbuilt, Error: "f.c:3: error\nmore"},
	}}
	want := &results.Mutants{On: "rfc", Select: "a/.*", First: true, Of: 9, List: []results.Mutant{
		{Name: "caught", Class: "caught", Good: true, By: "a/b", Others: 1, On: "rfc+kasan"},
		{Name: "dies", Class: "caught", Good: true, By: results.WholeID, Why: "it does not boot"},
		{Name: "same", Class: "equivalent", Good: true, Why: "nothing is read"},
		{Name: "survived", Class: "SURVIVED", Lines: []results.MutantLine{{File: "f.c", Line: 3, Text: "x"}}},
		{Name: "broken", Class: "NOT BUILT", Why: "f.c:3: error"},
	}}
	if got := table.Results(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
