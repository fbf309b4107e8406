package pipeline

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"uetest/internal/blame"
	"uetest/internal/patch"
	"uetest/kernel-patches"
)

// mapTree is a source tree in memory.
type mapTree map[string]string

func (m mapTree) ReadFile(name string) ([]byte, fs.FileMode, error) {
	text, ok := m[name]
	if !ok {
		return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(text), 0o644, nil
}

// The states of a file of one line, and the patches between them.
var states = map[string]string{"stable": "int stable;\n", "base": "int base;\n", "rfc": "int rfc;\n"}

func change(from, to string) string {
	return "A change.\n---\n--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-int " + from + ";\n+int " + to + ";\n"
}

func smallSeries(t *testing.T) *kernelpatches.Series {
	t.Helper()
	s := kernelpatches.Series{Title: "small", Source: "linux-source-0.0"}
	var patches []string
	for _, name := range []string{"stable", "base", "rfc"} {
		if name != "stable" {
			patches = append(patches, name+".patch")
		}
		s.Kernels = append(s.Kernels, kernelpatches.Kernel{
			Name: name, Patches: append([]string{}, patches...),
			Blobs: map[string]string{"x.c": patch.BlobID([]byte(states[name]))},
		})
	}
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := kernelpatches.LoadFS("small", fstest.MapFS{
		"series.json": {Data: data},
		"base.patch":  {Data: []byte(change("stable", "base"))},
		"rfc.patch":   {Data: []byte(change("base", "rfc"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	return loaded
}

func TestOnlyThePatchesFromTheTreesStateOnAreApplied(t *testing.T) {
	s := smallSeries(t)
	rfc, err := s.Kernel("rfc")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[string]string{
		"stable": "base.patch rfc.patch",
		"base":   "rfc.patch",
		"rfc":    "",
	} {
		tree := mapTree{"x.c": states[at]}
		p, err := applyTo(tree, s, rfc, false)
		if err != nil {
			t.Errorf("a tree at %s: %v", at, err)
			continue
		}
		if got := strings.Join(p.applied, " "); got != want {
			t.Errorf("a tree at %s: applied %q, want %q", at, got, want)
		}
		data, _, err := p.changes.On(tree).ReadFile("x.c")
		if err != nil || string(data) != states["rfc"] || len(p.unproven) > 0 {
			t.Errorf("a tree at %s: got %q, %v, unproven %q; want the rfc's file, proven", at, data, err, p.unproven)
		}
	}
}

func TestStrangeTreeNamesFileBlobsAndTheWayOut(t *testing.T) {
	s := smallSeries(t)
	rfc, err := s.Kernel("rfc")
	if err != nil {
		t.Fatal(err)
	}
	moved := "int stable;\nint news;\n"
	tree := mapTree{"x.c": moved}
	_, err = applyTo(tree, s, rfc, false)
	if err == nil || blame.Of(err) != blame.Patch {
		t.Fatalf("got %v, want an error that is blamed on the patch", err)
	}
	for _, want := range []string{
		"x.c is blob " + patch.BlobID([]byte(moved))[:12],
		patch.BlobID([]byte(states["stable"]))[:12] + " (stable)",
		patch.BlobID([]byte(states["base"]))[:12] + " (base)",
		"--unproven",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}

	// A file that is not there is said to be so.
	if _, err = applyTo(mapTree{}, s, rfc, false); err == nil || !strings.Contains(err.Error(), "x.c is not there") {
		t.Errorf("got %v, want x.c is not there", err)
	}
}

func TestUnprovenGoesOnAndSaysSo(t *testing.T) {
	s := smallSeries(t)
	rfc, err := s.Kernel("rfc")
	if err != nil {
		t.Fatal(err)
	}
	p, err := applyTo(mapTree{"x.c": "int base;\nint news;\n"}, s, rfc, true)
	if err == nil {
		t.Fatalf("a hunk that does not apply was applied: %+v", p)
	}
	s.Kernels[2].Blobs["x.c"] = strings.Repeat("0", 40)
	rfc = s.Kernels[2]
	if _, err = applyTo(mapTree{"x.c": states["base"]}, s, rfc, false); err == nil || !strings.Contains(err.Error(), "--unproven") {
		t.Errorf("got %v, want an error that names --unproven", err)
	}
	p, err = applyTo(mapTree{"x.c": states["base"]}, s, rfc, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.unproven) != 1 || !strings.Contains(p.note(), "UNPROVEN") {
		t.Errorf("got %q, %q; want one unproven file and a note of it", p.unproven, p.note())
	}
}

// A kernel of one's own names no blobs. Its patches must be applied, or fail.
func TestKernelWithoutBlobsIsNotTakenForTheTree(t *testing.T) {
	s := smallSeries(t)
	own := s.Kernels[2]
	own.Name, own.Blobs = "own", nil
	own.Patches = append(own.Patches, "base.patch") // does not apply a second time
	s.Kernels = append(s.Kernels, own)
	if p, err := applyTo(mapTree{"x.c": states["stable"]}, s, own, false); err == nil {
		t.Errorf("a patch that does not apply was passed over: %+v", p)
	}
}

// A series of one's own may name no blobs, or those of its result alone.
func TestSeriesThatKnowsNoUnpatchedTreeTakesItAsItIs(t *testing.T) {
	s := smallSeries(t)
	s.Kernels[0].Blobs, s.Kernels[1].Blobs = nil, nil
	rfc := s.Kernels[2]
	p, err := applyTo(mapTree{"x.c": states["stable"]}, s, rfc, false)
	if err != nil || len(p.applied) != 2 || len(p.blobs) != 1 || len(p.unproven) > 0 {
		t.Errorf("with the blobs of the result: %+v, %v", p, err)
	}
	rfc.Blobs = map[string]string{"x.c": strings.Repeat("0", 40)}
	if _, err := applyTo(mapTree{"x.c": states["stable"]}, s, rfc, false); err == nil || !strings.Contains(err.Error(), "--unproven") {
		t.Errorf("with other blobs: got %v", err)
	}
	rfc.Blobs = nil
	s.Kernels[2].Blobs = nil
	if p, err = applyTo(mapTree{"x.c": states["stable"]}, s, rfc, false); err != nil || len(p.applied) != 2 || !strings.Contains(p.note(), "no blobs") {
		t.Errorf("without blobs: %+v, %v", p, err)
	}
}
