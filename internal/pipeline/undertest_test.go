package pipeline

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"uetest/internal/coverage"
	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/internal/runs"
)

// The newest run counts that is about the same lines and all tests.
func TestLastCoveredIsOfTheSamePatches(t *testing.T) {
	dir := t.TempDir()
	changed := func(text string) []Changed {
		return []Changed{{ChangedFile: patch.ChangedFile{Path: "x.c", Hunks: []patch.ChangedHunk{{Lines: []patch.ChangedLine{{Op: patch.Added, Text: text, Number: 3}}}}}}}
	}
	save := func(name, kernel, text, sel string) {
		rec, err := runs.Create(dir, runs.Asked{}, false)
		if err != nil {
			t.Fatal(err)
		}
		_, folder, err := rec.Folder(kernel)
		if err != nil {
			t.Fatal(err)
		}
		if err := rec.Close(0, nil); err != nil {
			t.Fatal(err)
		}
		run := &results.Run{Schema: results.Schema, Start: time.Now().UTC(), Select: sel, Dir: filepath.Join(runs.Home(dir), name, filepath.Base(folder))}
		run.Kernel.Name = kernel
		if text != "" {
			run.Coverage = reported(kernel, []patch.ChangedFile{changed(text)[0].ChangedFile})
			run.Coverage.Source = coverage.Counters
			run.Coverage.Executed("a/"+name, map[coverage.Place]bool{{File: "x.c", Line: 3}: true})
		}
		if err := os.MkdirAll(run.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := run.Save(); err != nil {
			t.Fatal(err)
		}
	}
	lastOn := func(kernel, text string) string {
		run, err := LastCovered(dir, kernel, changed(text))
		if err != nil {
			t.Fatal(err)
		}
		if run == nil {
			return ""
		}
		return run.Coverage.Tests[0]
	}
	last := func(text string) string { return lastOn("rfc", text) }
	if got := last("a();"); got != "" {
		t.Errorf("of no runs: %q", got)
	}
	save("1", "rfc", "a();", "")
	save("2", "rfc", "a();", "")
	save("3", "rfc", "b();", "")
	save("4", "rfc", "a();", "a/.*")
	save("5", "rfc", "", "")
	save("6", "base", "a();", "")
	save("8", "rfc@arm64", "a();", "")
	if err := os.MkdirAll(filepath.Join(runs.Home(dir), "7", "rfc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(runs.Home(dir), "7", "rfc", results.SavedName), []byte(`{"coverage": 1`), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := last("a();"); got != "a/2" {
		t.Errorf("got %q, want that of the second run", got)
	}
	if got := lastOn("rfc@arm64", "a();"); got != "a/8" {
		t.Errorf("on another architecture: %q", got)
	}
	if got := last("c();"); got != "" {
		t.Errorf("of another patch: %q", got)
	}
}
