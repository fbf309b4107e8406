package pipeline

import (
	"path/filepath"
	"strings"
	"testing"

	"uetest/internal/console"
	"uetest/internal/results"
)

func TestSymbolsAreOpenedForASplatAlone(t *testing.T) {
	splat := console.Splat{Title: "BUG", Frames: []console.Frame{{Func: "f", Offset: 1, Size: 2}}}
	missing := filepath.Join(t.TempDir(), "vmlinux.debug")
	for _, tt := range []struct {
		name    string
		run     results.Run
		symbols string
		note    string // of the stage; empty: there is none
	}{
		{"no splat", results.Run{Tests: []results.Test{{ID: "a/b"}}}, missing, ""},
		{"of a test", results.Run{Tests: []results.Test{{ID: "a/b", Splats: []console.Splat{splat}}}}, missing, "no such file"},
		{"of no test", results.Run{Splats: []console.Splat{splat}}, missing, "no such file"},
		{"a kernel without symbols", results.Run{Splats: []console.Splat{splat}}, "", ""},
	} {
		d := &driver{run: &tt.run, kernel: built{symbols: tt.symbols}}
		d.locate()
		switch stages := tt.run.Stages; {
		case tt.note == "" && len(stages) > 0:
			t.Errorf("%s: the image was opened: %+v", tt.name, stages)
		case tt.note != "" && (len(stages) != 1 || !strings.Contains(stages[0].Note, tt.note)):
			t.Errorf("%s: stages %+v, want one that says %q", tt.name, stages, tt.note)
		}
		for _, s := range tt.run.Splats {
			if len(s.Frames) != 1 || s.Frames[0].File != "" {
				t.Errorf("%s: frames became %+v", tt.name, s.Frames)
			}
		}
	}
}
