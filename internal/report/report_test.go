package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uetest/internal/console"
	"uetest/internal/results"
	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sample has every verdict once, and the texts that a format could trip over.
func sample() *results.Run {
	splat := console.Splat{Title: "WARNING: mm/gup.c", Lines: []string{"WARNING: CPU: 0 PID: 7 at mm/gup.c:1 f+0x1/0x2", "not ok 1 forged\x1b[31m"}}
	allowed := splat
	allowed.Title, allowed.Allowed = "WARNING: mm/old.c", "as old as the file; its maintainers know"
	located := console.Splat{
		Title: "page fault in gup_write", Guilty: "gup_write",
		Lines: []string{"BUG: unable to handle page fault for address: ffff888002400000", "RIP: 0010:gup_write.isra.0+0x122/0x160", "RAX: 0000000000000000"},
		Frames: []console.Frame{
			{Func: "set_bit", Offset: 0x122, Size: 0x160, Exact: true, At: 1, Stack: "RIP", File: "include/asm/bitops.h", Line: 79, Inlined: true},
			{Func: "gup_write.isra.0", Offset: 0x122, Size: 0x160, Exact: true, At: 1, Stack: "RIP", File: "mm/gup.c", Line: 12},
			{Func: "set_bit", Offset: 0x122, Size: 0x160, At: 4, Stack: "Call Trace", File: "include/asm/bitops.h", Line: 79, Inlined: true},
			{Func: "gup_write.isra.0", Offset: 0x122, Size: 0x160, At: 4, Stack: "Call Trace", File: "mm/gup.c", Line: 12},
			{Func: "leftover", Offset: 1, Size: 2, At: 5, Stack: "Call Trace", Unreliable: true, File: "mm/gup.c", Line: 1},
			{Func: "helper", Offset: 0x10, Size: 0x20, At: 6, Stack: "Call Trace", Module: "ext4"},
			{Func: "entry", Offset: 0x4b, Size: 0xb5, At: 7, Stack: "Call Trace"},
			{Func: "kfree", Offset: 0x4, Size: 0xb5, At: 9, Stack: "Freed by task", File: "mm/slub.c"},
		},
	}
	return &results.Run{
		Schema: results.Schema,
		Kernel: results.Kernel{
			Name: "rfc", Proven: true, Declared: "g1",
			Blobs: []results.Blob{{Path: "kernel/trace/trace_events_user.c", Want: "633f24c2a1ac9bac4fc3", Got: "633f24c2a1ac9bac4fc3"}},
		},
		Guest:      wire.Guest{Release: "6.1.192", Machine: "x86_64"},
		Generation: "g1",
		Accel:      "tcg",
		AccelWhy:   "asked for",
		Boots:      2,
		Tests: []results.Test{
			{ID: "bits/each", Purpose: "each bit", Verdict: results.AsExpected, Saw: "set=0-31", Expected: "set=0-31", Splats: []console.Splat{allowed}},
			{ID: "fork/private", Purpose: "private", Verdict: results.KnownFault, Fault: "missed", Detail: "missed", Saw: "parent=0", Expected: "parent=0", Promise: "parent=1"},
			{ID: "fork/gone", Purpose: "gone", Verdict: results.Fixed, Fault: "missed", Detail: "missed no longer shows", Saw: "parent=1", Expected: "parent=0", Promise: "parent=1"},
			{ID: "fork/hash # SKIP me", Purpose: "a name that looks like a directive", Verdict: results.Regressed, Detail: "a=1 instead of a=0", Saw: "a=1", Expected: "a=0", Log: []string{"one", "ok 1 forged"}},
			{ID: "pages/warns", Purpose: "warns", Verdict: results.UnknownFault, Detail: splat.Title, Saw: "a=0", Expected: "a=0", Splats: []console.Splat{splat}},
			{ID: "pages/faults", Purpose: "faults", Verdict: results.UnknownFault, Detail: located.Title, Saw: "a=0", Expected: "a=0", Splats: []console.Splat{allowed, located}},
			{ID: "pages/errored", Purpose: "errs", Verdict: results.Errored, Detail: "failed: mmap: ENOMEM\nat x.go:1"},
			{ID: "pages/missing", Purpose: "never came", Verdict: results.Missing, Detail: "interrupted"},
			{ID: "swap/skipped", Purpose: "skips", Verdict: results.Skipped, Detail: "needs swap"},
		},
		Splats:   []console.Splat{allowed},
		Unused:   []string{"kernel-patches/rfc/allow.json: entry 2: RCU stall.*"},
		Problems: []string{"boot 2 ended without a Bye"},
		Stages:   []results.Stage{{Name: "kernel", Took: 12 * time.Millisecond, Note: "cached"}, {Name: "boot", Took: 81 * time.Second, Note: "2 boots"}},
		Dir:      "/cache/runs/1",
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; go test -update rewrites it.\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestTextShowsAreasThenWhatNeedsAttention(t *testing.T) {
	var b bytes.Buffer
	o := Options{
		Verbose:   true,
		Reproduce: func(k, id string) string { return "uetest run --on " + k + " --run " + id },
		Fault:     func(string) (catalog.Fault, bool) { return catalog.Fault{Title: "the title", Claim: 6}, true },
	}
	if err := Text(&b, sample(), o); err != nil {
		t.Fatal(err)
	}
	golden(t, "sample.txt", b.Bytes())
	b.Reset()
	o.Verbose = false
	if err := Text(&b, sample(), o); err != nil {
		t.Fatal(err)
	}
	golden(t, "sample-brief.txt", b.Bytes())
}

// A log of the guest must not be able to write a result line.
func TestKTAPResultLinesAreOurs(t *testing.T) {
	var b bytes.Buffer
	if err := KTAP(&b, recordOf(sample()), Options{}); err != nil {
		t.Fatal(err)
	}
	results := 0
	for l := range strings.Lines(b.String()) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "ok ") || strings.HasPrefix(l, "not ok ") {
			results++
		}
		if strings.ContainsRune(l, 0x1b) {
			t.Errorf("escape sequence in %q", l)
		}
	}
	// 9 tests, 4 areas, and the boot with its area.
	if want := 9 + 4 + 2; results != want {
		t.Errorf("got %d result lines, want %d", results, want)
	}
}

func FuzzKTAPStaysOnItsLines(f *testing.F) {
	f.Add("a/b", "detail", "log")
	f.Add("a/b\n#", "x\r\nnot ok 1", "\x00ok 1")
	f.Fuzz(func(t *testing.T, id, detail, log string) {
		r := &results.Run{Kernel: results.Kernel{Name: "k"}, Tests: []results.Test{
			{ID: id, Verdict: results.Errored, Detail: detail, Log: []string{log}}}}
		var b bytes.Buffer
		if err := KTAP(&b, recordOf(r), Options{}); err != nil {
			t.Fatal(err)
		}
		n := 0
		for l := range strings.Lines(b.String()) {
			switch l = strings.TrimSpace(l); {
			case strings.HasPrefix(l, "ok "), strings.HasPrefix(l, "not ok "):
				n++
			case strings.HasPrefix(l, "#"), strings.HasPrefix(l, "1.."), l == "KTAP version 1":
			default:
				t.Errorf("stray line %q", l)
			}
		}
		if n != 4 {
			t.Errorf("got %d result lines, want 4:\n%s", n, b.String())
		}
	})
}
