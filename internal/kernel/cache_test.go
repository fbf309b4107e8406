package kernel

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// startHelper starts a build in a process of its own. Whoever waits for it
// gets its result.
func startHelper(t *testing.T, dir string, spec Spec) (*proc.Process, func() helperResult) {
	t.Helper()
	task, err := json.Marshal(helperTask{dir, spec})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p, err := proc.Start(testContext(t), proc.Cmd{
		Path: os.Args[0], Env: append(os.Environ(), helperVariable+"="+string(task)), Stdout: &out,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, func() helperResult {
		var r helperResult
		if err := p.Wait(); err != nil {
			t.Errorf("helper: %v", err)
		} else if err := json.Unmarshal(out.Bytes(), &r); err != nil {
			t.Errorf("helper: %v: %s", err, out.Bytes())
		}
		return r
	}
}

// waitFor waits until a file exists.
func waitFor(t *testing.T, file string) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !exists(file); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not appear", file)
		}
	}
}

func TestTwoRunsBuildAKernelOnce(t *testing.T) {
	tree := fakeTree(t)
	edit(t, filepath.Join(tree, "Makefile"), `@echo "  LD      vmlinux"`, `@echo "  LD      vmlinux"; sleep 1`)
	cache := filepath.Join(t.TempDir(), "cache")
	spec := fakeSpec(tree, "k", nil)
	_, first := startHelper(t, cache, spec)
	_, second := startHelper(t, cache, spec)
	results := []helperResult{first(), second()}
	if results[0].Err != "" || results[1].Err != "" {
		t.Fatalf("errors: %q, %q", results[0].Err, results[1].Err)
	}
	if results[0].Image.Cached {
		slices.Reverse(results)
	}
	builder, waiter := results[0], results[1]
	if builder.Image.Cached || !waiter.Image.Cached || builder.Image.Vmlinux != waiter.Image.Vmlinux {
		t.Errorf("want one that builds and one that uses it:\n%+v\n%+v", builder, waiter)
	}
	if !slices.Contains(builder.Stages, "build") || slices.Contains(waiter.Stages, "build") || !slices.Contains(waiter.Stages, "wait") {
		t.Errorf("stages of the builder %v, of the one that waits %v", builder.Stages, waiter.Stages)
	}
}

func TestTwoRunsOfDifferentPatchesDoNotMix(t *testing.T) {
	tree := fakeTree(t)
	cache := filepath.Join(t.TempDir(), "cache")
	_, base := startHelper(t, cache, fakeSpec(tree, "base", mainC("base")))
	_, rfc := startHelper(t, cache, fakeSpec(tree, "rfc", mainC("rfc")))
	for banner, r := range map[string]helperResult{"base": base(), "rfc": rfc()} {
		if r.Err != "" {
			t.Fatal(r.Err)
		}
		wantBanner(t, r.Image, banner)
	}
}

// A run that is killed with SIGKILL leaves half an object that is younger than
// its source; make alone would link it.
func TestKilledBuildLeavesNothingThatALaterRunBelieves(t *testing.T) {
	tree := fakeTree(t)
	slow := slowFile(t, tree)
	k := newBench(t)
	k.build(t, fakeSpec(tree, "k", nil))
	write(t, slow, "")
	p, _ := startHelper(t, k.Cache, fakeSpec(tree, "k", mainC("rfc")))
	waitFor(t, slow+".reached")
	p.Kill()
	<-p.Done()
	if err := os.Remove(slow); err != nil {
		t.Fatal(err)
	}
	img := k.again().build(t, fakeSpec(tree, "k", mainC("rfc")))
	if img.Cached {
		t.Error("the killed build is in the cache")
	}
	wantBanner(t, img, "rfc")
}

// The same with what a kill leaves made by hand, so that it is there for sure.
func TestHalfWrittenObjectsAreMadeAgain(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	k.build(t, fakeSpec(tree, "k", nil))
	d := &buildDir{dir: buildDirs(t, k)[0]}
	if !d.load() {
		t.Fatal("the build directory has no state")
	}
	d.state.Making = time.Now()
	if err := d.save(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(d.obj(), "kernel/extra.o"), "half\n")
	run := k.again()
	img := run.build(t, fakeSpec(tree, "k", mainC("rfc")))
	wantBanner(t, img, "rfc")
	if !slices.Contains(run.compiled(), "kernel/extra.o") {
		t.Errorf("compiled %v: the half-written kernel/extra.o was believed", run.compiled())
	}
}

// A run that is killed while it writes the overlay leaves the list of what it
// was writing.
func TestHalfWrittenOverlayIsWrittenAgain(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	k.build(t, fakeSpec(tree, "k", mainC("rfc")))
	d := &buildDir{dir: buildDirs(t, k)[0]}
	if !d.load() {
		t.Fatal("the build directory has no state")
	}
	d.state.Dirty = []string{"kernel/main.c", "kernel/extra.c"}
	if err := d.save(); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.state.Dirty {
		if err := os.Remove(filepath.Join(d.src(), p)); err != nil {
			t.Fatal(err)
		}
	}
	wantBanner(t, k.again().build(t, fakeSpec(tree, "other", mainC("rfc"))), "rfc")
}

func TestInterruptEndsTheBuildAndTheNextGoesOn(t *testing.T) {
	tree := fakeTree(t)
	slow := slowFile(t, tree)
	write(t, slow, "")
	k := newBench(t)
	ctx, cancel := context.WithCancelCause(testContext(t))
	stop := errors.New("interrupted by the test")
	go func() {
		waitFor(t, slow+".reached")
		cancel(stop)
	}()
	_, err := k.Build(ctx, fakeSpec(tree, "k", nil))
	if !errors.Is(err, stop) {
		t.Fatalf("Build = %v, want the cause of the interrupt", err)
	}
	if err := os.Remove(slow); err != nil {
		t.Fatal(err)
	}
	wantBanner(t, k.again().build(t, fakeSpec(tree, "k", nil)), "stable")
}

// An image of the days before sums and blocks is used as it is.
func TestOldManifestIsUsed(t *testing.T) {
	k := newBench(t)
	tree := fakeTree(t)
	img := k.build(t, fakeSpec(tree, "k", nil))
	files := map[string]any{}
	for name, path := range map[string]string{vmlinuxFile: img.Vmlinux, symbolsFile: img.Symbols, configFile: img.Config} {
		sum, err := digestFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = map[string]any{"size": fileSize(t, path), "sha256": sum}
	}
	old, err := json.Marshal(map[string]any{
		"version": 1, "key": img.Key, "name": "k", "release": img.Release, "source": tree,
		"built": "2026-11-22T20:44:01.69581668Z", "files": files,
	})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(filepath.Dir(img.Vmlinux), "manifest.json"), string(old))
	again := k.again().build(t, fakeSpec(tree, "k", nil))
	img.Cached = true
	if again != img {
		t.Errorf("got %+v, want %+v", again, img)
	}
}

func TestDamagedImageIsToldAndBuiltAgain(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	img := k.build(t, fakeSpec(tree, "k", nil))
	if err := os.Truncate(img.Vmlinux, 10); err != nil {
		t.Fatal(err)
	}
	again := k.again()
	wantBanner(t, again.build(t, fakeSpec(tree, "k", nil)), "stable")
	var told []string
	for _, e := range again.events {
		if e.Stage == "damaged" {
			told = append(told, e.Text)
		}
	}
	if len(told) != 1 || !strings.HasPrefix(told[0], img.Vmlinux+": it has 10 bytes and had ") {
		t.Errorf("told %q, want one line on %s", told, img.Vmlinux)
	}
}

func TestLostStateBuildsAgain(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	k.build(t, fakeSpec(tree, "k", mainC("rfc")))
	if err := os.Remove(filepath.Join(buildDirs(t, k)[0], "state.json")); err != nil {
		t.Fatal(err)
	}
	wantBanner(t, k.again().build(t, fakeSpec(tree, "other", nil)), "stable")
}

func TestFullDiskIsTheHostsFault(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small tmpfs needs root")
	}
	tree := fakeTree(t)
	size := treeSize(t, tree)
	for _, room := range []int64{16 << 10, size + 28<<10, size + 60<<10} { // for the mirror, the objects, the image
		dir := t.TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+itoa(room)); err != nil {
			t.Skipf("mounting a small tmpfs: %v", err)
		}
		t.Cleanup(func() {
			if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
				t.Error(err)
			}
		})
		k := benchAt(dir)
		_, err := k.Build(testContext(t), fakeSpec(tree, "k", nil))
		if err == nil || blame.Of(err) != blame.Host || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "UETEST_CACHE") {
			t.Errorf("Build on a disk of %d bytes = %v (%v), want a full disk, blamed on the host", room, err, blame.Of(err))
		}
		// With room it goes on.
		if err := unix.Mount("", dir, "", unix.MS_REMOUNT, "size=64m"); err != nil {
			t.Fatal(err)
		}
		wantBanner(t, k.again().build(t, fakeSpec(tree, "k", nil)), "stable")
	}
}

func TestMissingToolsAreNamedAllAtOnce(t *testing.T) {
	bin := t.TempDir()
	for _, tool := range []string{"make", "git", "sh", "gcc", "ld"} {
		path, err := proc.LookPath(tool)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", bin)
	_, err := newBench(t).Build(testContext(t), fakeSpec(fakeTree(t), "k", nil))
	if err == nil || blame.Of(err) != blame.Host {
		t.Fatalf("Build = %v (%v), want an error blamed on the host", err, blame.Of(err))
	}
	for _, want := range []string{"flex", "bison", "bc", "strip", "apt-get install binutils"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if err := os.Remove(filepath.Join(bin, "gcc")); err != nil {
		t.Fatal(err)
	}
	_, err = newBench(t).Build(testContext(t), fakeSpec(fakeTree(t), "k", nil))
	if err == nil || !strings.Contains(err.Error(), "apt-get install gcc") || !strings.Contains(err.Error(), "flex") {
		t.Errorf("Build without gcc = %v, want gcc and flex named", err)
	}
}

func TestWhereTheCacheIsDoesNotShowInTheImage(t *testing.T) {
	tree := fakeTree(t)
	one := newBench(t).build(t, fakeSpec(tree, "k", mainC("rfc")))
	two := newBench(t).build(t, fakeSpec(tree, "k", mainC("rfc")))
	if one.Key != two.Key {
		t.Errorf("the keys are %s and %s", one.Key, two.Key)
	}
	for a, b := range map[string]string{one.Vmlinux: two.Vmlinux, one.Symbols: two.Symbols, one.Config: two.Config} {
		x, err := digestFile(a)
		if err != nil {
			t.Fatal(err)
		}
		y, err := digestFile(b)
		if err != nil {
			t.Fatal(err)
		}
		if x != y {
			t.Errorf("%s is not %s to the byte", a, b)
		}
	}
}

func TestCompilerRunsThroughCcacheWhereItIs(t *testing.T) {
	bin := t.TempDir()
	used := filepath.Join(t.TempDir(), "used")
	write(t, filepath.Join(bin, "ccache"), "#!/bin/sh\necho \"$@\" >> "+used+"\nexec \"$@\"\n")
	if err := os.Chmod(filepath.Join(bin, "ccache"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	img := newBench(t).build(t, fakeSpec(fakeTree(t), "k", nil))
	wantBanner(t, img, "stable")
	if data, _ := os.ReadFile(used); !strings.HasPrefix(string(data), "gcc ") {
		t.Errorf("ccache was called with %q", data)
	}
}

func TestCacheUnderAPathThatMakeCannotTakeIsRefused(t *testing.T) {
	k := benchAt(filepath.Join(t.TempDir(), "a b"))
	_, err := k.Build(testContext(t), fakeSpec(fakeTree(t), "k", nil))
	if err == nil || blame.Of(err) != blame.Host || !strings.Contains(err.Error(), "UETEST_CACHE") {
		t.Errorf("Build = %v (%v)", err, blame.Of(err))
	}
}

func treeSize(t *testing.T, dir string) (size int64) {
	t.Helper()
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		size += 4096
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
