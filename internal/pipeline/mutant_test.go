package pipeline

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"uetest/internal/blame"
	"uetest/internal/results"
	"uetest/kernel-patches"
)

// sharedCache returns the user's cache, so that a test does not build a kernel
// that is already there.
func sharedCache(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds and boots a kernel; not with -short")
	}
	if _, err := os.Stat("/usr/src/linux-source-6.1.tar.xz"); err != nil {
		t.Skip("needs the package linux-source-6.1: ", err)
	}
	if dir := os.Getenv("UETEST_CACHE"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "uetest")
}

// seriesWith is the shipped series with a patch more on its rfc kernel.
func seriesWith(t testing.TB, name string, text []byte) *kernelpatches.Series {
	t.Helper()
	s, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	folder := fstest.MapFS{"mutant.patch": {Data: text}}
	err = fs.WalkDir(s.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(s.FS(), path)
		folder[path] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rfc, err := s.Kernel("rfc")
	if err != nil {
		t.Fatal(err)
	}
	rfc.Name = name
	rfc.Patches = append(rfc.Patches, "mutant.patch")
	rfc.Blobs = nil // its result is nobody's blob
	s.Kernels = append(s.Kernels, rfc)
	if folder["series.json"].Data, err = json.Marshal(s); err != nil {
		t.Fatal(err)
	}
	if s, err = kernelpatches.LoadFS("rfc", folder); err != nil {
		t.Fatal(err)
	}
	return s
}

func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A kernel that breaks one promise of the patch must not pass.
func TestBrokenPatchIsTold(t *testing.T) {
	cache := sharedCache(t)
	files, err := filepath.Glob("testdata/mutants/*.patch")
	if err != nil || len(files) == 0 {
		t.Fatalf("no mutants: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".patch")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			runs, err := Run(t.Context(), Config{
				Root: root(t), Cache: cache, Series: seriesWith(t, name, text), Kernels: []string{name},
			})
			if err != nil {
				t.Fatal(err)
			}
			run := runs[0]
			if run.Exit() == 0 {
				t.Errorf("exit code 0: no test of %d noticed", len(run.Tests))
			}
			for _, test := range run.Tests {
				if test.Verdict != results.AsExpected && test.Verdict != results.KnownFault {
					t.Logf("%s %s: %s", test.Verdict, test.ID, test.Detail)
				}
			}
			t.Logf("told in %s", time.Since(start).Round(time.Second))
		})
	}
}

// The compiler's own lines reach the user, and the patch is to blame.
func TestPatchThatDoesNotCompile(t *testing.T) {
	cache := sharedCache(t)
	text := "A typing error.\n---\n--- a/" + edited + "\n+++ b/" + edited + "\n@@ -1,2 +1,3 @@\n " + firstLine + "\n+int typo = ;\n /*\n"
	_, err := Run(t.Context(), Config{
		Root: root(t), Cache: cache, Series: seriesWith(t, "typo", []byte(text)), Kernels: []string{"typo"},
	})
	if err == nil || blame.Of(err) != blame.Patch {
		t.Fatalf("got %v, want an error that is blamed on the patch", err)
	}
	if !strings.Contains(err.Error(), edited) || !strings.Contains(err.Error(), "error:") {
		t.Errorf("the compiler's lines are missing:\n%v", err)
	}
	t.Logf("%v", err)
}
