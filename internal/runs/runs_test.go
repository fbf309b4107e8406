package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"uetest/internal/console"
	"uetest/internal/results"
)

// aRun is what a kernel showed: one test of each kind that matters to a record.
func aRun(name string) *results.Run {
	return &results.Run{
		Schema: results.Schema, Kernel: results.Kernel{Name: name, Mails: []results.Mail{{File: "a.patch", SHA256: Digest([]byte("text"))}}},
		Pass: 2, Shuffle: 8, Order: []string{"a/two", "a/one"}, Generation: "g1", Accel: "tcg", Stages: []results.Stage{{Name: "boot", Took: 3}},
		Tests: []results.Test{
			{ID: "a/one", Verdict: results.AsExpected, Saw: "x=1", Took: 5},
			{ID: "a/two", Verdict: results.KnownFault, Fault: "page-end-oops", Splats: []console.Splat{{Title: "oops", Lines: []string{"l"}}}},
			{ID: "b/three", Verdict: results.Missing, Detail: "interrupted"},
		},
	}
}

// What was refused before anything began is no run; whatever else there is stays.
func TestWhatWasRefusedIsNoRun(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(*Recorder)
		want int
	}{
		{"nothing began", func(r *Recorder) { r.Mutants(&results.Mutants{On: "rfc"}) }, 0},
		{"a stage ended", func(r *Recorder) { r.Stage("", results.Stage{Name: "accel"}) }, 1},
	} {
		cache := t.TempDir()
		r, err := Create(cache, Asked{Kernels: []string{"rfc"}}, true)
		if err != nil {
			t.Fatal(err)
		}
		tt.do(r)
		if err := r.Refused(); err != nil {
			t.Error(err)
		}
		if list, err := List(Home(cache), 0); err != nil || len(list) != 1 {
			t.Errorf("%s: removed before its end: %v, %v", tt.name, list, err)
		}
		if err := r.Close(2, errors.New("no")); err != nil {
			t.Fatal(err)
		}
		if rec := r.Record(); rec.Error != "no" {
			t.Errorf("%s: %+v", tt.name, rec)
		}
		if err := r.Refused(); err != nil {
			t.Error(err)
		}
		if list, err := List(Home(cache), 0); err != nil || len(list) != tt.want {
			t.Errorf("%s: got %d runs, %v; want %d", tt.name, len(list), err, tt.want)
		}
	}
}

// recorded writes a record of two kernels as a command would, and returns where.
func recorded(t *testing.T) (dir string, list []*results.Run) {
	t.Helper()
	r, err := Create(t.TempDir(), Asked{Command: []string{"run"}, Kernels: []string{"base", "rfc"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	r.Mutants(&results.Mutants{On: "rfc", List: []results.Mutant{{Name: "m", Class: "caught", Lines: []results.MutantLine{{File: "f", Line: 3}}}}})
	for _, name := range []string{"base", "rfc"} {
		run := aRun(name)
		var key string
		if key, run.Dir, err = r.Folder(run.Label()); err != nil {
			t.Fatal(err)
		}
		r.Patch("a.patch", []byte("text"))
		r.Config([]byte("# CONFIG_A is not set\nCONFIG_B=y\n#\nCONFIG_C=\"x\"\n"))
		r.Stage(name, results.Stage{Name: "patch"})
		r.Kernel(key, run)
		r.Plan(key, []string{"a/one", "a/two", "b/three"})
		for i := range run.Tests[:2] {
			r.Start(key, run.Tests[i].ID)
			early := run.Tests[i]
			early.Splats = nil // what the symbols say comes later
			r.Result(key, &early)
		}
		r.Start(key, "b/three")
		run.Note()
		if err := r.Done(key, run); err != nil {
			t.Fatal(err)
		}
		list = append(list, run)
	}
	if err := r.Close(1, errors.New("no room")); err != nil {
		t.Fatal(err)
	}
	return r.Dir(), list
}

func TestRecordReadsBack(t *testing.T) {
	dir, want := recorded(t)
	rec, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(rec.Runs, want) {
		t.Errorf("got  %+v\nwant %+v", rec.Runs[0], want[0])
	}
	if rec.Cut != "" || rec.Exit != 1 || rec.Error != "no room" || rec.ID != filepath.Base(dir) || len(rec.Patches) != 1 || len(rec.Stages) != 2 {
		t.Errorf("got %+v", rec)
	}
	if len(rec.Configs) != 1 || rec.Configs[0].Text != "CONFIG_B=y\nCONFIG_C=\"x\"\n" {
		t.Errorf("got configurations %+v", rec.Configs)
	}
	if len(rec.Mutants) != 1 || rec.Mutants[0].List[0].Lines[0].Line != 3 {
		t.Errorf("got mutants %+v", rec.Mutants)
	}
	if f, ok := rec.Fault("page-end-oops"); !ok || f.Title == "" {
		t.Errorf("the fault that a test names: %+v", f)
	}
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil || !bytes.Equal(data, rec.Lines) {
		t.Errorf("the lines are not those of the file: %v", err)
	}
	if _, err := results.Load(filepath.Join(dir, "rfc")); err != nil {
		t.Errorf("the kernel by itself: %v", err)
	}
}

// Whatever moment a command is killed at, what it has written is read up to there,
// nothing that it did not see is told, and the record says that it is cut short.
func TestRecordCutAnywhereIsReadUpToThere(t *testing.T) {
	dir, whole := recorded(t)
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	first := bytes.IndexByte(data, '\n') + 1
	last := 0
	for at := first; at < len(data); at++ {
		rec, err := Read(data[:at])
		if err != nil {
			t.Fatalf("cut at %d: %v", at, err)
		}
		if rec.Cut == "" {
			t.Fatalf("cut at %d: it passes for whole", at)
		}
		good := 0
		for i, run := range rec.Runs {
			for j, test := range run.Tests {
				if test.Verdict.Good() {
					good++
				}
				if test.ID != whole[i].Tests[j].ID || test.Verdict != whole[i].Tests[j].Verdict && test.Verdict != results.Missing {
					t.Fatalf("cut at %d: %+v", at, test)
				}
			}
			if len(run.Tests) == 0 && len(run.Problems) == 0 {
				t.Fatalf("cut at %d: nothing is wrong with %s", at, run.Kernel.Name)
			}
		}
		if good < last {
			t.Fatalf("cut at %d: %d results, there were %d before", at, good, last)
		}
		last = good
	}
	if last != 4 {
		t.Errorf("%d results at the end", last)
	}
	in := []byte(`"kernel":"base","test":"b/three"}` + "\n")
	rec, err := Read(data[:bytes.Index(data, in)+len(in)])
	if err != nil {
		t.Fatal(err)
	}
	if got := rec.Runs[0].Tests[2].Detail; got != cutInTest {
		t.Errorf("the test that ran: %q", got)
	}
	if rec.Runs[0].Exit() == 0 || len(rec.Runs[0].Problems) != 1 {
		t.Errorf("a kernel that is not through: exit %d, %q", rec.Runs[0].Exit(), rec.Runs[0].Problems)
	}
}

func TestOlderFormsAreReadAndOthersRefusedByName(t *testing.T) {
	run := aRun("rfc")
	run.Dir = t.TempDir()
	if err := run.Save(); err != nil {
		t.Fatal(err)
	}
	rec, err := Open(run.Dir) // of the time before there were records
	if err != nil {
		t.Fatal(err)
	}
	if rec.Version != 1 || rec.ID != filepath.Base(run.Dir) || len(rec.Runs) != 1 || len(rec.Runs[0].Tests) != 3 || rec.Cut != "" {
		t.Errorf("got %+v", rec)
	}
	again, err := Read(rec.Lines)
	if err != nil || !reflect.DeepEqual(again.Runs, rec.Runs) {
		t.Errorf("its lines: %v, %+v", err, again)
	}
	for text, want := range map[string]string{
		`{"action":"run","time":"2026-11-23T00:00:00Z","version":3}` + "\n": "written in form 3, this uetest reads forms 1 to 2",
		`{"schema":3,"runs":[]}`:     "written in form 3, this uetest reads forms 1 to 2",
		`[{"schema":9}]`:             "written in form 9",
		`[null]`:                     "written in form 0",
		`[]`:                         "no run in it",
		``:                           "empty",
		`{"action":"start"}`:         "not a saved run",
		`hello`:                      "not a saved run",
		`{"schema":2,"runs":[null]}`: "null",
		`{"action":"run","time":"2026-11-23T00:00:00Z","version":2}` + "\n{}}\n":                                                                    "line 2",
		`{"action":"run","time":"2026-11-23T00:00:00Z","version":2}` + "\n" + `{"action":"plan","time":"2026-11-23T00:00:00Z","kernel":"k"}` + "\n": `line 2: "plan" for kernel "k", of which nothing was said`,
	} {
		if _, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if _, err := Open(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory without a run: %v", err)
	}
}

func TestRecordAsOneObjectReadsBack(t *testing.T) {
	dir, _ := recorded(t)
	rec, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(rec)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(got.Lines, []byte(`"action":"mutants"`)) {
		t.Error("no mutants among the lines")
	}
	got.Lines, rec.Lines = nil, nil
	if !reflect.DeepEqual(got, rec) {
		t.Errorf("got  %+v\nwant %+v", got, rec)
	}
}

// A kernel that logs without end must not fill the disk a second time.
func TestRecordIsBounded(t *testing.T) {
	long := make([]string, 100000)
	for i := range long {
		long[i] = fmt.Sprintf("line %d of a log", i)
	}
	splats := make([]console.Splat, 1000)
	for i := range splats {
		splats[i] = console.Splat{Title: "t", Lines: long[:100]}
	}
	got := bounded(results.Test{ID: "a/b", Log: long, Kmsg: []string{strings.Repeat("x", 1<<20)}, Splats: splats}, 0)
	size := 0
	for _, l := range append(got.Log, got.Kmsg...) {
		size += len(l)
	}
	if size > 2*MaxLog || len(got.Splats) != MaxSplats {
		t.Errorf("%d bytes, %d splats", size, len(got.Splats))
	}
	if got.Log[0] != long[0] || got.Log[len(got.Log)-1] != long[len(long)-1] || !strings.Contains(strings.Join(got.Log, "\n"), "lines left out here") {
		t.Errorf("expected beginning, note and end")
	}
	if last := got.Splats[MaxSplats-1].Lines; !strings.Contains(last[len(last)-1], "936 more reports") {
		t.Errorf("no word of the other splats: %q", last[len(last)-1])
	}
	full := bounded(results.Test{Log: long}, MaxRecord+1)
	if len(full.Log) != 1 || !strings.Contains(full.Log[0], "100000 lines left out") {
		t.Errorf("a full record: %q", full.Log)
	}
	if short := []string{"a", "b"}; !reflect.DeepEqual(boundLines(short), short) {
		t.Error("a short log is changed")
	}
}

// The tests go on if their record can't be written; who asks for it gets what is
// known.
func TestRecordThatCannotBeWrittenIsTold(t *testing.T) {
	r, err := Create(t.TempDir(), Asked{Kernels: []string{"rfc"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.file.Close(); err != nil {
		t.Fatal(err)
	}
	run := aRun("rfc")
	r.Kernel("rfc", run)
	r.Plan("rfc", []string{"a/one"})
	r.Result("rfc", &run.Tests[0])
	if err := os.RemoveAll(r.Dir()); err != nil {
		t.Fatal(err)
	}
	if err := r.Close(0, nil); err == nil {
		t.Error("nobody is told")
	}
	if rec := r.Record(); len(rec.Runs) != 1 || len(rec.Runs[0].Tests) != 1 || rec.Runs[0].Tests[0].Saw != "x=1" {
		t.Errorf("got %+v", rec)
	}
}

func TestKernelsOfOneNameHaveFoldersOfTheirOwn(t *testing.T) {
	r, err := Create(t.TempDir(), Asked{}, false)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, name := range []string{"rfc", "rfc", "rfc@arm64", "../../etc", ".."} {
		key, dir, err := r.Folder(name)
		if err != nil || filepath.Dir(dir) != r.Dir() {
			t.Errorf("%s: %s, %v", name, dir, err)
		}
		keys = append(keys, key)
	}
	if want := []string{"rfc", "rfc-2", "rfc-arm64", "etc", "run"}; !reflect.DeepEqual(keys, want) {
		t.Errorf("got %q, want %q", keys, want)
	}
	if err := r.Close(0, nil); err != nil {
		t.Fatal(err)
	}
}

func TestFindTakesAPathAnIDItsBeginningAndLast(t *testing.T) {
	home := t.TempDir()
	if _, err := Find(home, Latest); err == nil || !strings.Contains(err.Error(), "make one with: uetest run") {
		t.Errorf("no run: %v", err)
	}
	for _, id := range []string{"20260101-a", "20260101-b", "20260202-c", "20260303-shell"} {
		if err := os.Mkdir(filepath.Join(home, id), 0o777); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(id, "shell") { // of which nothing is recorded
			if err := os.WriteFile(filepath.Join(home, id, FileName), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, want := range map[string]string{Latest: "20260202-c", "20260101-a": "20260101-a", "2026020": "20260202-c", home + "/20260101-b": "20260101-b"} {
		if got, err := Find(home, name); err != nil || filepath.Base(got) != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	for name, want := range map[string]string{"20260101": "2 runs begin with", "nosuch": `no run "nosuch": expected "last"`, "": "no run"} {
		if _, err := Find(home, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	all, err := List(home, 0)
	if err != nil || len(all) != 3 || all[0].ID != "20260202-c" || all[0].Err == nil {
		t.Errorf("list: %+v, %v", all, err)
	}
}

func FuzzReadNeverPasses(f *testing.F) {
	r, err := Create(f.TempDir(), Asked{Kernels: []string{"rfc"}}, false)
	if err != nil {
		f.Fatal(err)
	}
	run := aRun("rfc")
	r.Kernel("rfc", run)
	r.Plan("rfc", []string{"a/one"})
	r.Result("rfc", &run.Tests[0])
	_ = r.Close(0, nil)
	data, err := os.ReadFile(filepath.Join(r.Dir(), FileName))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte(`[{"schema":1,"tests":[]}]`))
	f.Add([]byte(`{"schema":2,"runs":[{"schema":1}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		rec, err := Read(data)
		if err != nil {
			return
		}
		for _, run := range rec.Runs {
			if run == nil {
				t.Fatal("a run that is none")
			}
		}
		if rec.End.IsZero() && rec.Cut == "" && rec.Version > 1 && bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte(`{"action"`)) {
			t.Errorf("a record without an end passes for whole")
		}
		if len(rec.Names()) != len(rec.Runs) {
			t.Error("names")
		}
	})
}

func TestNamesOfRunsAreAllDifferent(t *testing.T) {
	rec := &Record{}
	for _, name := range []string{"rfc", "rfc", "rfc-2", "rfc", "rfc-2"} {
		rec.Runs = append(rec.Runs, &results.Run{Kernel: results.Kernel{Name: name}})
	}
	if got, want := strings.Join(rec.Names(), " "), "rfc rfc-3 rfc-2 rfc-4 rfc-2-2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
