package mutation

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"uetest/internal/results"
)

// A pass is kept as it goes on, one in which nothing happened leaves nothing, and what
// an interruption cut off is no table.
func TestSavedPass(t *testing.T) {
	dir := t.TempDir()
	empty, err := Create(dir, "rfc")
	if err != nil {
		t.Fatal(err)
	}
	empty.Close()
	saved, err := Create(dir, "rfc+kasan")
	if err != nil {
		t.Fatal(err)
	}
	table := &Table{Schema: Schema, On: "rfc+kasan", Of: 2, Outcomes: []Outcome{{Name: "a", Class: Caught, Digest: "1"}}}
	for range 2 {
		if err := saved.Write(table); err != nil {
			t.Fatal(err)
		}
	}
	saved.Close()
	begun := filepath.Join(Home(dir), "99991231-000000.000-rfc-1")
	if err := os.Mkdir(begun, 0o777); err != nil {
		t.Fatal(err)
	}
	all, err := List(dir)
	if err != nil || len(all) != 1 || all[0].Err != nil || !reflect.DeepEqual(all[0].Table, table) {
		t.Fatalf("got %+v, %v", all, err)
	}
	if !strings.Contains(all[0].ID, "-rfc+kasan-") {
		t.Errorf("got the id %s", all[0].ID)
	}
	files, err := os.ReadDir(saved.Dir)
	if err != nil || !slices.ContainsFunc(files, func(f os.DirEntry) bool { return f.Name() == SavedName }) {
		t.Errorf("got %v, %v", files, err)
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name(), ".table-") {
			t.Errorf("%s was left", f.Name())
		}
	}
	if err := os.WriteFile(filepath.Join(begun, SavedName), []byte(`{"schema": 1, "on": "rf`), 0o666); err != nil {
		t.Fatal(err)
	}
	if all, err = List(dir); err != nil || len(all) != 2 || all[0].Err == nil {
		t.Errorf("a table that is cut short: got %+v, %v", all, err)
	}
}

// Of each mutant the newest outcome counts. Whoever goes on with other tests has what
// survived the old ones tried again, whoever reports does not hide it.
func TestKnownOfSeveralPasses(t *testing.T) {
	dir := t.TempDir()
	write := func(id string, table Table) {
		folder := filepath.Join(Home(dir), id)
		if err := os.MkdirAll(folder, 0o777); err != nil {
			t.Fatal(err)
		}
		table.Schema, table.On = Schema, "rfc"
		if err := (&Saved{folder}).Write(&table); err != nil {
			t.Fatal(err)
		}
	}
	out := func(name string, class Class) Outcome { return Outcome{Name: name, Class: class, Digest: name} }
	write("1", Table{Suite: "old", Of: 5, Took: time.Minute, Outcomes: []Outcome{out("a", Survived), out("b", Caught), out("c", Survived), out("d", Untried)}})
	write("2", Table{Suite: "new", Of: 1, Took: time.Second, Outcomes: []Outcome{out("a", Caught)}})
	write("3", Table{Suite: "new", Select: "x", Of: 1, Outcomes: []Outcome{out("c", Caught)}})

	fits := func(table *Table) bool { return table.Select == "" }
	for _, c := range []struct {
		suite, want string
	}{
		{"", "a caught, b caught, c SURVIVED"},
		{"new", "a caught, b caught"},
		{"old", "a caught, b caught, c SURVIVED"},
	} {
		known, err := Known(dir, c.suite, fits)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, o := range known.Outcomes {
			got = append(got, o.Name+" "+string(o.Class))
		}
		if s := strings.Join(got, ", "); s != c.want || known.Of != 5 || known.Took != time.Minute+time.Second {
			t.Errorf("suite %q: got %s of %d in %v, want %s of 5 in 1m1s", c.suite, s, known.Of, known.Took, c.want)
		}
	}
	if known, err := Known(dir, "", func(*Table) bool { return false }); known != nil || err != nil {
		t.Errorf("of nothing: got %+v, %v", known, err)
	}
}

func TestMutantsAreAboutAKernel(t *testing.T) {
	table := &Table{Files: []File{{"a.c", "1"}, {"b.h", "2"}}}
	blobs := func(a, b string) []results.Blob {
		return []results.Blob{{Path: "a.c", Got: a}, {Path: "b.h", Got: b}, {Path: "c.c", Got: "3"}}
	}
	top := []results.TopPatch{{Files: []results.TopFile{{Path: "a.c", After: "1"}}}}
	for _, c := range []struct {
		name   string
		kernel results.Kernel
		want   bool
	}{
		{"the same files", results.Kernel{Blobs: blobs("1", "2")}, true},
		{"another file", results.Kernel{Blobs: blobs("9", "2")}, false},
		{"a patch on top makes it the same", results.Kernel{Blobs: blobs("9", "2"), Top: top}, true},
		{"nobody knows", results.Kernel{}, false},
	} {
		if got := table.About(&c.kernel); got != c.want {
			t.Errorf("%s: got %v", c.name, got)
		}
	}
	if (&Table{}).About(&results.Kernel{}) {
		t.Error("mutants of no patch are about a kernel")
	}
}

// What nobody has to look at goes, the rest is named in the outcome.
func TestRunsOfAMutant(t *testing.T) {
	for _, c := range []struct {
		name string
		out  Outcome
		want []string
	}{
		{"caught", Outcome{Class: Caught}, nil},
		{"caught, but not for sure", Outcome{Class: Caught, Unsure: []Notice{{ID: "a/b"}}}, []string{"1", "2"}},
		{"survived", Outcome{Class: Survived}, []string{"1", "2"}},
	} {
		dir := t.TempDir()
		tr := &tryer{Options: Options{Dir: dir}}
		for _, name := range []string{"1", "2"} {
			tr.made = append(tr.made, filepath.Join(dir, name))
			if err := os.Mkdir(tr.made[len(tr.made)-1], 0o777); err != nil {
				t.Fatal(err)
			}
		}
		tr.look(&c.out)
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != len(c.want) || !slices.Equal(c.out.Runs, c.want) || len(tr.made) != 0 {
			t.Errorf("%s: got %v, %d folders, %v; want %v", c.name, c.out.Runs, len(left), err, c.want)
		}
	}
}
