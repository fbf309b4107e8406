package agent

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFilesOfATestAreRemovedAndNamed(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	dirs := []string{a, filepath.Join(a, "not there"), b}
	if got := sweep(dirs, patience); got != "" {
		t.Errorf("empty: %q", got)
	}
	for i := range 7 {
		if err := os.MkdirAll(filepath.Join(a, fmt.Sprint(i), "deep"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(b, "file"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := sweep(dirs, patience)
	if !strings.HasPrefix(got, a+"/0, ") || !strings.HasSuffix(got, "and 3 more") {
		t.Errorf("got %q", got)
	}
	for _, dir := range []string{a, b} {
		if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
			t.Errorf("%s: left %v, %v", dir, left, err)
		}
	}
}
