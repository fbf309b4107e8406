package agent

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestLeaksAreTakenApart(t *testing.T) {
	const one = "unreferenced object 0xffff888000c1aa30 (size 96):\n  comm \"exe\", pid 40, jiffies 4294893803\n  backtrace:\n    do_leak+0x1e/0x60\n"
	const two = "unreferenced object 0xffff888000c1aaf8 (size 32):\n  comm \"exe\", pid 41, jiffies 4294893804\n"
	for text, want := range map[string][]string{
		"":                 nil,
		"what this is not": nil,
		one:                {one},
		one + two:          {one, two},
	} {
		if got := splitLeaks(text); !slices.Equal(got, want) {
			t.Errorf("splitLeaks(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestScanIsAskedForTwice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kmemleak")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// Each scan is a write to the file as it is opened: of a plain file the
	// second write is over the first.
	if text, err := leaks(file); err != nil || text != "scan" {
		t.Errorf("leaks = %q, %v", text, err)
	}
	if _, err := leaks(file + "/none"); err == nil {
		t.Error("a kernel without the file was scanned")
	}
}
