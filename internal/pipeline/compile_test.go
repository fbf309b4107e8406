package pipeline

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uetest/internal/blame"
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
	if err == nil {
		s, err = s.With("rfc", name, text)
	}
	if err != nil {
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

// The compiler's own lines reach the user, and the patch is to blame.
func TestPatchThatDoesNotCompile(t *testing.T) {
	t.Parallel()
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
