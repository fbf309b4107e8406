package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uetest/internal/cache"
)

// A verb that has put something into the cache keeps it to its limit, and what
// this process uses stays.
func TestLimitIsAppliedAfterAVerbThatAddsToTheCache(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("UETEST_CACHE", dir)
	c, err := cache.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	n := c.Namespace(cache.Images)
	add := func(key string) cache.Entry {
		t.Helper()
		e, err := n.Get(t.Context(), key, func(_ context.Context, dir string) error {
			return os.WriteFile(filepath.Join(dir, "vmlinux"), make([]byte, 1<<20), 0o666)
		})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	add("old").Release()
	hourAgo := time.Now().Add(-time.Hour)
	if err := os.Chtimes(n.Path("old"), hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
	defer add("used").Release()

	for _, step := range []struct {
		limit, says string
		old         bool // it is still there
	}{
		{"4MB", "", true},
		{"1MB", "over its limit of 977 KiB: removed 1 entries", false},
		{"much", "not kept to its limit: UETEST_CACHE_LIMIT=much", false},
	} {
		t.Setenv(limitVariable, step.limit)
		var said bytes.Buffer
		trimCache(&said)
		_, err := os.Stat(n.Path("old"))
		if (err == nil) != step.old || !strings.Contains(said.String(), step.says) || step.says == "" && said.Len() > 0 {
			t.Errorf("limit %s: said %q, the old entry is there: %v", step.limit, said.String(), err == nil)
		}
		if _, err := os.Stat(n.Path("used")); err != nil {
			t.Errorf("limit %s: what is used was removed", step.limit)
		}
	}
}
