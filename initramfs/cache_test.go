package initramfs

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"uetest/internal/blame"
)

func TestUnchangedInputCostsNothing(t *testing.T) {
	o := Options{Root: tree(t, nil)}
	first := mustBuild(t, o)
	best := time.Hour
	for range 10 {
		begin := time.Now()
		img := mustBuild(t, o)
		best = min(best, time.Since(begin))
		if !img.Cached || img.Path != first.Path || img.Hash != first.Hash {
			t.Fatalf("got %+v, want %+v from the cache", img, first)
		}
	}
	if best > 20*time.Millisecond {
		t.Errorf("the best of ten took %v, want at most 20ms", best)
	}

	// Nothing is run: this go can't be.
	goroot := t.TempDir()
	version, err := goVersion()
	if err != nil {
		t.Fatal(err)
	}
	write(t, goroot, "VERSION", version)
	write(t, goroot, "bin/go", "#!/bin/false\n")
	if err := os.Chmod(filepath.Join(goroot, "bin/go"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(goroot, "bin"))
	if img := mustBuild(t, o); !img.Cached {
		t.Error("the image was built anew")
	}
	write(t, goroot, "VERSION", "go9.9\n")
	if img, err := Build(t.Context(), Options{Root: o.Root, Cache: sharedCache}); err == nil {
		t.Errorf("with another Go the image is still %+v", img)
	}
}

func TestKeyFollowsWhatIsInTheImageAndNothingElse(t *testing.T) {
	root := tree(t, map[string]string{
		"selftests/demo/embed.go": "package main\n\nimport _ \"embed\"\n\n//go:embed data/*\nvar _ string\n",
		"selftests/demo/data/x":   "1",
	})
	key := func(o Options) string {
		t.Helper()
		o.Root, o.Cache = root, sharedCache
		o, err := o.complete()
		if err != nil {
			t.Fatal(err)
		}
		in, err := findInputs(o)
		if err != nil {
			t.Fatal(err)
		}
		return in.key
	}
	was := key(Options{})
	for _, tt := range []struct {
		name, text string
		changes    bool
	}{
		{"selftests/demo/main_test.go", "package main // changed\n", false},
		{"internal/wire/README.md", "text\n", false},
		{"selftests/demo/x_arm64.go", "package main\n", false},
		{"selftests/demo/x_amd64.go", "package main\n", true},
		{"selftests/demo/x_amd64.go", "", true},
		{"selftests/demo/run.go", demo["run.go"] + "// changed\n", true},
		{"selftests/demo/data/x", "2", true},
		{"selftests/demo/data/y", "1", true},
		{"internal/wire/more.go", "package wire\n", true},
		{"go.sum", "# changed\n", true},
		{"selftests/empty/e.go", "package main\n\nfunc main() {}\n", true},
	} {
		write(t, root, tt.name, tt.text)
		is := key(Options{})
		if (is != was) != tt.changes {
			t.Errorf("%s written: key changed: %v, want %v", tt.name, is != was, tt.changes)
		}
		was = is
	}
	for name, o := range map[string]Options{
		"arch": {Arch: "arm64"},
		"file": {Files: []File{{Path: "a", Data: []byte("1")}}},
	} {
		if key(o) == was {
			t.Errorf("another %s has the same key", name)
		}
	}
	a := key(Options{Files: []File{{Path: "a", Data: []byte("1")}}})
	for _, f := range []File{{Path: "b", Data: []byte("1")}, {Path: "a", Data: []byte("2")}, {Path: "a", Data: []byte("1"), Mode: 0o600}} {
		if key(Options{Files: []File{f}}) == a {
			t.Errorf("the file %+v has the key of another", f)
		}
	}
}

func TestDamagedEntryIsToldAndBuiltAnew(t *testing.T) {
	told := 0
	o := Options{Root: tree(t, nil), Tell: func(string) { told++ }}
	first := mustBuild(t, o)
	for name, damage := range map[string]func() error{
		"shortened":    func() error { return os.Truncate(first.Path, 1000) },
		"removed":      func() error { return os.Remove(first.Path) },
		"changed byte": func() error { return flip(first.Path) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		told = 0
		img := mustBuild(t, o)
		if img.Cached || img.Hash != first.Hash || told != 1 {
			t.Errorf("%s: got %+v after %d lines, want it told and built anew with hash %s", name, img, told, first.Hash)
		}
	}
}

// flip changes a byte in the middle of a file.
func flip(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[len(data)/2] ^= 1
	return os.WriteFile(path, data, 0o644)
}

func TestOneOfManyBuildsAndTheOthersWait(t *testing.T) {
	only := map[string]string{"selftests/many/m.go": "package main\n\nfunc main() {}\n"} // in no other test
	o := Options{Root: tree(t, only), Cache: sharedCache}
	images := make([]Image, 4)
	var wg sync.WaitGroup
	for i := range images {
		wg.Go(func() {
			var err error
			if images[i], err = Build(t.Context(), o); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	built := 0
	for _, img := range images {
		if !img.Cached {
			built++
		}
		if img.Hash != images[0].Hash {
			t.Errorf("images differ: %+v and %+v", img, images[0])
		}
	}
	if built != 1 {
		t.Errorf("%d builds, want one", built)
	}
}

func TestFullDiskIsTheHostsFault(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("uetest-test", disk, "tmpfs", 0, "size=5m"); err != nil {
		t.Skipf("needs the right to mount a tmpfs: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	}()
	_, err := Build(t.Context(), Options{Root: tree(t, nil), Cache: disk})
	if !errors.Is(err, syscall.ENOSPC) || blame.Of(err) != blame.Host {
		t.Errorf("Build: %v, blamed on %v; want ENOSPC, the host", err, blame.Of(err))
	}
	if left, _ := filepath.Glob(filepath.Join(disk, "initramfs/*.tmp")); left != nil {
		t.Errorf("half an entry is left: %v", left)
	}
}
