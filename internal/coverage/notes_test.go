package coverage

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// compiled builds testdata/sample.c with counters in a folder of its own; it
// skips where there is no compiler that writes notes which ReadNotes knows.
func compiled(t testing.TB, flags ...string) (dir string, notes *Notes) {
	t.Helper()
	source, err := filepath.Abs("testdata/sample.c")
	if err != nil {
		t.Fatal(err)
	}
	return compiledFrom(t, source, flags...)
}

func compiledFrom(t testing.TB, source string, flags ...string) (dir string, notes *Notes) {
	t.Helper()
	if _, err := exec.LookPath("gcc"); err != nil {
		t.Skip("no gcc")
	}
	dir = t.TempDir()
	for _, args := range [][]string{
		append([]string{"-c", "-fprofile-arcs", "-ftest-coverage", "-fprofile-update=atomic", "-o", "sample.o", source}, flags...),
		{"-fprofile-arcs", "-o", "sample", "sample.o"},
	} {
		cmd := exec.Command("gcc", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "sample.gcno"))
	if err != nil {
		t.Fatal(err)
	}
	notes, err = ReadNotes("testdata/sample.c", data)
	if errors.Is(err, ErrNotes) && strings.Contains(err.Error(), "before GCC 12") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir, notes
}

// counts reads the counters that the program left (gcov-io.h: .gcda): what a
// kernel has in its memory. Its functions come in the order of the notes.
func counts(t *testing.T, notes *Notes, file string) map[string][]uint64 {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]uint64{}
	idents := map[uint32]string{}
	gcno, err := os.ReadFile(strings.TrimSuffix(file, ".gcda") + ".gcno")
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{data: gcno[16:], order: binary.LittleEndian}
	r.text() // working directory
	r.word()
	for len(r.data) > 0 {
		tag, rec := r.word(), r.part(r.word())
		if tag == tagFunction {
			ident := rec.word()
			rec.skip(2)
			idents[ident] = rec.text()
		}
	}
	const tagCounters = 0x01a10000
	name := ""
	for r := (&reader{data: data[16:], order: binary.LittleEndian}); len(r.data) > 4; { // ends with a zero
		tag, size := r.word(), int32(r.word())
		if tag == tagCounters && size < 0 { // all zero
			all[name] = make([]uint64, -size/8)
			continue
		}
		rec := r.part(uint32(size))
		switch tag {
		case tagFunction:
			if len(rec.data) > 0 {
				name = idents[rec.word()]
			}
		case tagCounters:
			for len(rec.data) > 0 {
				lo, hi := rec.word(), rec.word()
				all[name] = append(all[name], uint64(lo)|uint64(hi)<<32)
			}
		}
	}
	return all
}

// gcov asks gcov(1) for the lines of a program: with code, and executed.
func gcov(t *testing.T, dir string) (code, executed map[Place]bool) {
	t.Helper()
	cmd := exec.Command("gcov", "--json-format", "--stdout", "sample.gcda")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Skip("gcov: ", err)
	}
	var said struct {
		Files []struct {
			File  string
			Lines []struct {
				Number int `json:"line_number"`
				Count  int `json:"count"`
			}
		}
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err)
	}
	code, executed = map[Place]bool{}, map[Place]bool{}
	for _, f := range said.Files {
		file := f.File
		if strings.HasSuffix(file, "/testdata/sample.c") {
			file = "testdata/sample.c"
		}
		for _, l := range f.Lines {
			at := Place{file, l.Number}
			code[at] = true
			if l.Count > 0 {
				executed[at] = true
			}
		}
	}
	return code, executed
}

func TestLinesAreThoseOfGcov(t *testing.T) {
	for _, flags := range [][]string{{"-O0"}, {"-O2"}} {
		for _, n := range []int{0, 1, 2, 5, 50} {
			t.Run(fmt.Sprint(flags, n), func(t *testing.T) {
				dir, notes := compiled(t, flags...)
				cmd := exec.Command(filepath.Join(dir, "sample"), fmt.Sprint(n))
				cmd.Dir = dir
				if err := cmd.Run(); err != nil {
					t.Fatal(err)
				}
				counted := counts(t, notes, filepath.Join(dir, "sample.gcda"))
				got, err := notes.Executed(counted)
				if err != nil {
					t.Fatal(err)
				}
				code, want := gcov(t, dir)
				if !maps.Equal(got, want) {
					t.Errorf("executed %v, gcov says %v", sorted(got), sorted(want))
				}
				if has := notes.Code(func(string) bool { return true }); !maps.Equal(has, code) {
					t.Errorf("code in %v, gcov says %v", sorted(has), sorted(code))
				}
			})
		}
	}
}

// Without Mark an optimising compiler leaves nothing of a jump to be counted;
// with it the jumps are counted, and the other lines as before.
func TestMarkedJumpsAreCounted(t *testing.T) {
	text, err := os.ReadFile("testdata/sample.c")
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(t.TempDir(), "testdata", "sample.c")
	if err := os.Mkdir(filepath.Dir(source), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(source, Mark(text, func(int) bool { return true }), 0o644); err != nil {
		t.Fatal(err)
	}
	_, plain := compiled(t, "-O2")
	dir, marked := compiledFrom(t, source, "-O2")
	jumps := map[int]bool{}
	for i, l := range strings.Split(string(text), "\n") {
		if jump.MatchString(l) {
			jumps[i+1] = true
		}
	}
	all := func(string) bool { return true }
	gone := 0
	for line := range jumps {
		at := Place{"testdata/sample.c", line}
		if !marked.Code(all)[at] {
			t.Errorf("line %d is marked and has no code", line)
		}
		if !plain.Code(all)[at] {
			gone++
		}
	}
	if gone == 0 || len(jumps) < 5 {
		t.Errorf("%d of %d jumps have no code without the mark: the sample shows nothing", gone, len(jumps))
	}
	cmd := exec.Command(filepath.Join(dir, "sample"), "2") // classify(-1) and classify(0)
	cmd.Dir = dir
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	got, err := marked.Executed(counts(t, marked, filepath.Join(dir, "sample.gcda")))
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(string(text), "\n") {
		l, line := strings.TrimSpace(l), Place{"testdata/sample.c", i + 1}
		switch l {
		case "return -1;", "return 30;":
			if !got[line] {
				t.Errorf("%q was executed and is not counted", l)
			}
		case "break;", "goto out;", "continue;":
			if got[line] {
				t.Errorf("%q was not executed and is counted", l)
			}
		}
	}
}

func sorted(places map[Place]bool) []int {
	var lines []int
	for at := range places {
		lines = append(lines, at.Line)
	}
	slices.Sort(lines)
	return lines
}

func TestCountersOfAnotherBuildAreRefused(t *testing.T) {
	_, notes := compiled(t)
	if _, err := notes.Executed(map[string][]uint64{"main": {1}}); err == nil || !strings.Contains(err.Error(), "different builds") {
		t.Errorf("one counter for main: %v, want an error", err)
	}
	if got, err := notes.Executed(nil); err != nil || len(got) > 0 {
		t.Errorf("no counters: %v, %v; want nothing executed", sorted(got), err)
	}
}

func TestDamagedNotesAreRefused(t *testing.T) {
	dir, _ := compiled(t)
	data, err := os.ReadFile(filepath.Join(dir, "sample.gcno"))
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"empty":         nil,
		"something":     []byte("#!/bin/sh\nexit 0\n"),
		"cut short":     data[:len(data)-8],
		"GCC 11":        append([]byte("oncg*11B"), data[8:]...),
		"too many":      {'o', 'n', 'c', 'g', '*', '2', '2', 'B', 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255},
		"cut in header": data[:10],
	} {
		if _, err := ReadNotes("x.c", bad); !errors.Is(err, ErrNotes) {
			t.Errorf("%s: %v, want ErrNotes", name, err)
		}
	}
}

// FuzzNotes: whatever the bytes are, reading them ends, and what was read can be
// asked.
func FuzzNotes(f *testing.F) {
	dir, _ := compiled(f)
	data, err := os.ReadFile(filepath.Join(dir, "sample.gcno"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(data[:200])
	f.Fuzz(func(t *testing.T, data []byte) {
		notes, err := ReadNotes("x.c", data)
		if err != nil {
			return
		}
		counters := map[string][]uint64{}
		for name, n := range notes.Functions() {
			counters[name] = make([]uint64, n)
			for i := range counters[name] {
				counters[name][i] = uint64(i)
			}
		}
		executed, err := notes.Executed(counters)
		if err != nil {
			return // two functions of one name
		}
		code := notes.Code(func(string) bool { return true })
		for at := range executed {
			if !code[at] {
				t.Fatalf("%v was executed and has no code", at)
			}
		}
	})
}
