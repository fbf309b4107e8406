package kernel

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/proc"
)

// run runs a command for a test.
func run(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	if err := proc.Run(testContext(t), proc.Cmd{Path: name, Args: args, Dir: dir, Env: environment()}); err != nil {
		t.Fatal(err)
	}
}

// fakeTarball is the fake tree as a source package.
func fakeTarball(t *testing.T, suffix string) string {
	t.Helper()
	tree := fakeTree(t)
	file := filepath.Join(t.TempDir(), "linux-source-9.9"+suffix)
	run(t, filepath.Dir(tree), "tar", "--auto-compress", "-cf", file, filepath.Base(tree))
	return file
}

func TestTarballIsUnpackedOnce(t *testing.T) {
	file := fakeTarball(t, ".tar.xz")
	k := newBench(t)
	spec := Spec{Name: "k", Source: Source{Tarball: file}, Fragments: fakeFragments}
	wantBanner(t, k.build(t, spec), "stable")
	if e := k.events[0]; e.Stage != "source" || !strings.Contains(e.Text, "linux-source-9.9.tar.xz") || e.Total != fileSize(t, file) {
		t.Errorf("the first event is %+v, want the unpacking with the size of the tarball", e)
	}
	tree, err := k.again().Pristine(testContext(t), spec.Source)
	if err != nil {
		t.Fatal(err)
	}
	before := modTime(t, tree.Dir)
	warm := k.again()
	if img := warm.build(t, spec); !img.Cached || len(warm.events) != 0 {
		t.Errorf("the second time: %+v with the events %v", img, warm.events)
	}
	if modTime(t, tree.Dir) != before {
		t.Error("it was unpacked again")
	}
	// The same content under another name and time is the same kernel.
	moved := filepath.Join(t.TempDir(), "linux-source-9.9.tar.xz")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(moved, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if img := k.again().build(t, Spec{Name: "k", Source: Source{Tarball: moved}, Fragments: fakeFragments}); !img.Cached {
		t.Error("the same tarball under another path was built again")
	}
}

func TestBuildingLeavesThePristineTreePristine(t *testing.T) {
	k := newBench(t)
	source := Source{Tarball: fakeTarball(t, ".tar.gz")}
	tree, err := k.Pristine(testContext(t), source)
	if err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, tree.Dir)
	overlay := mainC("rfc")
	overlay["kernel/extra.c"] = File{Data: []byte("int extra(int n) { return n; }\n")}
	overlay["configs/unused"] = File{Deleted: true}
	overlay["kernel/new.c"] = File{Data: []byte("\n")}
	k.build(t, Spec{Source: source, Overlay: overlay, Fragments: fakeFragments})
	k.build(t, Spec{Source: source, Fragments: fakeFragments})
	compareSnapshots(t, before, snapshot(t, tree.Dir))
}

func TestHalfUnpackedTarballIsUnpackedAgain(t *testing.T) {
	file := fakeTarball(t, ".tar.xz")
	k := newBench(t)
	tree, err := k.Pristine(testContext(t), Source{Tarball: file})
	if err != nil {
		t.Fatal(err)
	}
	entry := filepath.Dir(tree.Dir)
	if err := os.Rename(entry, entry+".tmp"); err != nil { // where a killed run had got to
		t.Fatal(err)
	}
	if err := os.RemoveAll(entry + ".tmp/tree/kernel"); err != nil {
		t.Fatal(err)
	}
	again, err := k.again().Pristine(testContext(t), Source{Tarball: file})
	if err != nil {
		t.Fatal(err)
	}
	if !exists(filepath.Join(again.Dir, "kernel/main.c")) || exists(entry+".tmp") {
		t.Error("the half that a killed run left was used, or is still there")
	}
}

func TestBadTarballs(t *testing.T) {
	dir := t.TempDir()
	cut := fakeTarball(t, ".tar.xz")
	if err := os.Truncate(cut, fileSize(t, cut)/2); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "plain/README"), "not a kernel\n")
	write(t, filepath.Join(dir, "other/README"), "not a kernel\n")
	run(t, dir, "tar", "-cf", "one.tar", "plain")
	run(t, dir, "tar", "-cf", "two.tar", "plain", "other")
	write(t, filepath.Join(dir, "empty.tar.xz"), "")
	write(t, filepath.Join(dir, "linux.zip"), "PK")
	for _, c := range []struct {
		file, want string
		party      blame.Party
	}{
		{filepath.Join(dir, "missing.tar.xz"), "no such file", blame.Usage},
		{dir, "expected a tarball", blame.Usage},
		{filepath.Join(dir, "linux.zip"), "expected a tarball", blame.Usage},
		{filepath.Join(dir, "one.tar"), "plain is not the top of a kernel source: it has no Makefile", blame.Usage},
		{filepath.Join(dir, "two.tar"), "expected one folder at its top, found 2", blame.Usage},
		{filepath.Join(dir, "empty.tar.xz"), "unpacking", blame.Host},
		{cut, "Unexpected end of input", blame.Host},
	} {
		k := newBench(t)
		_, err := k.Pristine(testContext(t), Source{Tarball: c.file})
		if err == nil || !strings.Contains(err.Error(), c.want) || blame.Of(err) != c.party {
			t.Errorf("%s: Pristine = %v (%v), want %q (%v)", filepath.Base(c.file), err, blame.Of(err), c.want, c.party)
		}
		if left, _ := filepath.Glob(filepath.Join(k.Cache, cache.Sources, "*[^k]")); len(left) > 0 {
			t.Errorf("%s: left %v in the cache", filepath.Base(c.file), left)
		}
	}
}

func TestMissingPackageNamesWhatToInstall(t *testing.T) {
	dir := t.TempDir()
	_, err := packageIn(dir, "linux-source-6.1")
	if !errors.Is(err, fs.ErrNotExist) || blame.Of(err) != blame.Host || !strings.Contains(err.Error(), "apt-get install linux-source-6.1") {
		t.Errorf("Package = %v (%v)", err, blame.Of(err))
	}
	write(t, filepath.Join(dir, "linux-source-6.12.tar.zst"), "")
	if s, err := packageIn(dir, "linux-source-6.12"); err != nil || s.Tarball != filepath.Join(dir, "linux-source-6.12.tar.zst") {
		t.Errorf("Package = %+v, %v", s, err)
	}
	if _, err := packageIn(dir, "../x"); blame.Of(err) != blame.Usage {
		t.Errorf("Package of a path = %v", err)
	}
}

// A git tree with a dirty work tree: what is there counts, not what is
// committed, and nothing of it changes, the index included.
func TestGitTreeIsTakenAsItIsAndLeftAsItWas(t *testing.T) {
	tree := fakeTree(t)
	write(t, filepath.Join(tree, ".gitignore"), "*.o\n/ignored\n")
	git := func(args ...string) {
		run(t, tree, "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org"}, args...)...)
	}
	git("init", "-q")
	git("add", ".")
	git("commit", "-q", "-m", "first")
	edit(t, filepath.Join(tree, "kernel/main.c"), "stable", "dirty") // modified
	write(t, filepath.Join(tree, "kernel/untracked.c"), "int u;\n")  // untracked
	write(t, filepath.Join(tree, "ignored"), "x")
	write(t, filepath.Join(tree, "kernel/main.o"), "x")
	if err := os.Remove(filepath.Join(tree, "configs/unused")); err != nil { // deleted, git still tracks it
		t.Fatal(err)
	}
	before := snapshot(t, tree)
	k := newBench(t)
	wantBanner(t, k.build(t, fakeSpec(tree, "k", nil)), "dirty")
	wantBanner(t, k.build(t, fakeSpec(tree, "k", mainC("rfc"))), "rfc")
	compareSnapshots(t, before, snapshot(t, tree))

	mirror := mirrorOf(t, k)
	for p, want := range map[string]bool{"kernel/untracked.c": true, "ignored": false, "kernel/main.o": false, "configs/unused": false, ".git": false} {
		if exists(filepath.Join(mirror, p)) != want {
			t.Errorf("%s in the mirror: %v, want %v", p, !want, want)
		}
	}
}

// A tree without git in which somebody ran make.
func TestTreeThatWasBuiltInPlaceWorks(t *testing.T) {
	for _, ignore := range []string{
		"",
		".*\n*.o\n*.a\n!.gitignore\n/vmlinux\n",
		"*.o\n/*\n!/debian/\n", // as in Debian's source packages
	} {
		tree := fakeTree(t)
		if ignore != "" {
			write(t, filepath.Join(tree, ".gitignore"), ignore)
		}
		for _, p := range []string{".config", "vmlinux", "kernel/main.o", "kernel/.main.o.cmd", "include/config/auto.conf", "include/generated/autoconf.h"} {
			write(t, filepath.Join(tree, p), "built in place\n")
		}
		before := snapshot(t, tree)
		k := newBench(t)
		wantBanner(t, k.build(t, fakeSpec(tree, "k", nil)), "stable")
		compareSnapshots(t, before, snapshot(t, tree))
		err := filepath.WalkDir(mirrorOf(t, k), func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			if data, err := os.ReadFile(name); err != nil || string(data) == "built in place\n" {
				t.Errorf("the mirror has the build product %s (%v)", name, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func TestEditOfAUsersTreeRebuildsThatFile(t *testing.T) {
	tree := fakeTree(t)
	old := time.Now().Add(-time.Hour)
	age := func(p string) {
		if err := os.Chtimes(filepath.Join(tree, p), old, old); err != nil {
			t.Fatal(err)
		}
	}
	k := newBench(t)
	k.build(t, fakeSpec(tree, "k", nil))

	edit(t, filepath.Join(tree, "kernel/main.c"), "stable", "edited")
	age("kernel/main.c") // as cp -p and rsync -a do
	second := k.again()
	wantBanner(t, second.build(t, fakeSpec(tree, "k", nil)), "edited")
	if got, want := second.compiled(), []string{"kernel/main.o"}; !slices.Equal(got, want) {
		t.Errorf("compiled %v, want %v", got, want)
	}

	now := time.Now()
	if err := os.Chtimes(filepath.Join(tree, "kernel/extra.c"), now, now); err != nil {
		t.Fatal(err)
	}
	if img := k.again().build(t, fakeSpec(tree, "k", nil)); !img.Cached {
		t.Error("a touched file made another kernel")
	}

	edit(t, filepath.Join(tree, "kernel/main.c"), "edited", "edited again")
	edit(t, filepath.Join(tree, "Makefile"), "head.o main.o extra.o", "head.o main.o more.o")
	if err := os.Rename(filepath.Join(tree, "kernel/extra.c"), filepath.Join(tree, "kernel/more.c")); err != nil {
		t.Fatal(err)
	}
	third := k.again()
	wantBanner(t, third.build(t, fakeSpec(tree, "k", nil)), "edited again")
	if got, want := third.compiled(), []string{"kernel/main.o", "kernel/more.o"}; !slices.Equal(got, want) {
		t.Errorf("compiled %v, want %v", got, want)
	}
	if exists(filepath.Join(buildDirs(t, k)[0], "src/kernel/extra.c")) {
		t.Error("the removed file is still in the build directory")
	}
	if dirs := buildDirs(t, k); len(dirs) != 1 {
		t.Errorf("%d build directories, want one for one tree", len(dirs))
	}
}

func TestFilesAndFoldersMayChangePlaces(t *testing.T) {
	tree := fakeTree(t)
	write(t, filepath.Join(tree, "a"), "file\n")
	write(t, filepath.Join(tree, "b/c"), "file\n")
	if err := os.Symlink("a", filepath.Join(tree, "link")); err != nil {
		t.Fatal(err)
	}
	k := newBench(t)
	k.build(t, fakeSpec(tree, "one", nil))
	for _, p := range []string{"a", "b", "link"} {
		if err := os.RemoveAll(filepath.Join(tree, p)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(tree, "a/x"), "in a folder\n")
	write(t, filepath.Join(tree, "b"), "now a file\n")
	write(t, filepath.Join(tree, "link"), "now a file\n")
	k.again().build(t, fakeSpec(tree, "two", nil))
	for _, dir := range []string{mirrorOf(t, k), filepath.Join(buildDirs(t, k)[0], "src")} {
		compareContent(t, tree, dir)
	}
}

func TestBuildSourceIsTheTreeWithTheOverlay(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	overlay := mainC("rfc")
	overlay["kernel/new/x.h"] = File{Data: []byte("\n")}
	overlay["configs/more"] = File{Data: []byte("#!/bin/sh\n"), Mode: 0o755}
	overlay["link"] = File{Data: []byte("kernel/new/x.h"), Mode: fs.ModeSymlink | 0o777}
	k.build(t, fakeSpec(tree, "k", overlay))
	src := filepath.Join(buildDirs(t, k)[0], "src")
	if info, err := os.Stat(filepath.Join(src, "configs/more")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("configs/more: %v, %v; want an executable file", info, err)
	}
	if target, err := os.Readlink(filepath.Join(src, "link")); err != nil || target != "kernel/new/x.h" {
		t.Errorf("link: %q, %v", target, err)
	}
	k.build(t, fakeSpec(tree, "other", nil))
	compareContent(t, tree, src)
	if exists(filepath.Join(src, "kernel/new")) {
		t.Error("the folder of a file that is no longer in the overlay is still there")
	}
}

func TestCacheInsideTheTreeIsRefused(t *testing.T) {
	tree := fakeTree(t)
	before := snapshot(t, tree)
	for _, cache := range []string{tree, filepath.Join(tree, "cache")} {
		_, err := benchAt(cache).Build(testContext(t), fakeSpec(tree, "k", nil))
		if err == nil || blame.Of(err) != blame.Usage || !strings.Contains(err.Error(), "UETEST_CACHE") {
			t.Errorf("Build = %v (%v)", err, blame.Of(err))
		}
	}
	compareSnapshots(t, before, snapshot(t, tree))
	k := benchAt(filepath.Dir(tree)) // beside it is fine
	k.build(t, fakeSpec(tree, "k", nil))
}

func TestDirectoryThatChangedUnderTheRunIsAnError(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	if _, err := k.Pristine(testContext(t), Source{Dir: tree}); err != nil {
		t.Fatal(err)
	}
	edit(t, filepath.Join(tree, "kernel/main.c"), "stable", "later")
	if _, err := k.again().Pristine(testContext(t), Source{Dir: tree}); err != nil { // another run
		t.Fatal(err)
	}
	_, err := k.Build(testContext(t), fakeSpec(tree, "k", nil))
	if err == nil || blame.Of(err) != blame.Host || !strings.Contains(err.Error(), "run again") {
		t.Errorf("Build = %v (%v)", err, blame.Of(err))
	}
}

// mirrorOf is the mirror of the only directory source in a cache.
func mirrorOf(t *testing.T, k *bench) string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(k.Cache, cache.Sources, "dir-*", "tree"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("mirrors: %v, %v", dirs, err)
	}
	return dirs[0]
}
