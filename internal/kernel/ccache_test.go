package kernel

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// ccacheHits asks the real ccache how often it had what it was asked for.
func ccacheHits(t *testing.T, dir string) int {
	t.Helper()
	cmd := exec.Command("ccache", "--print-stats")
	cmd.Env = append(os.Environ(), "CCACHE_DIR="+dir)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	hits := 0
	for _, m := range regexp.MustCompile(`(?m)^(?:direct|preprocessed)_cache_hit\t(\d+)$`).FindAllStringSubmatch(string(out), -1) {
		n, _ := strconv.Atoi(m[1])
		hits += n
	}
	return hits
}

// Another configuration has a build directory of its own, in which the compiler
// has nothing to do that it has done in the first; and what comes out of ccache
// is to the byte what the compiler makes.
func TestBuildDirectoriesShareWhatCcacheHas(t *testing.T) {
	if !hasCcache() {
		t.Skip("there is no ccache in PATH; install it with: apt-get install ccache")
	}
	t.Setenv("CCACHE_DIR", "")
	tree := fakeTree(t)
	k := newBench(t)
	one := k.build(t, fakeSpec(tree, "k", nil))
	dir := filepath.Join(k.Cache, ccacheDir)
	if hits := ccacheHits(t, dir); hits != 0 {
		t.Fatalf("%d hits in a cache that was empty", hits)
	}
	other := fakeSpec(tree, "k", nil)
	other.Fragments = append(other.Fragments[:1:1], Fragment{"more.config", "CONFIG_NR_CPUS=4\n"})
	two := k.again().build(t, other)
	if hits := ccacheHits(t, dir); hits != 2 { // main.c and extra.c
		t.Errorf("%d hits for the second build directory, want one a C file", hits)
	}
	if n := len(buildDirs(t, k)); n != 2 {
		t.Errorf("%d build directories, want one a configuration", n)
	}

	t.Setenv("PATH", withoutCcache(t))
	plain := newBench(t).build(t, fakeSpec(tree, "k", nil))
	for a, b := range map[string]string{one.Symbols: two.Symbols, two.Symbols: plain.Symbols} {
		x, err := digestFile(a)
		if err != nil {
			t.Fatal(err)
		}
		if y, err := digestFile(b); err != nil || x != y {
			t.Errorf("%s is not %s to the byte: %v", a, b, err)
		}
	}
}

// withoutCcache is a PATH with the programs of a build and no ccache.
func withoutCcache(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if e.Name() != "ccache" {
				_ = os.Symlink(filepath.Join(dir, e.Name()), filepath.Join(bin, e.Name()))
			}
		}
	}
	return bin
}

// The hash of an image is over what compiles it, not over what remembers it.
func TestCcacheMakesNoOtherImage(t *testing.T) {
	tree := fakeTree(t)
	plain, err := newBench(t).plan(testContext(t), fakeSpec(tree, "k", nil))
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	write(t, filepath.Join(bin, "ccache"), "#!/bin/sh\nexec \"$@\"\n")
	if err := os.Chmod(filepath.Join(bin, "ccache"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	through, err := newBench(t).plan(testContext(t), fakeSpec(tree, "k", nil))
	if err != nil || through.key != plain.key || through.dir != plain.dir {
		t.Errorf("with ccache the image is %s in %s, without %s in %s, %v", through.key, through.dir, plain.key, plain.dir, err)
	}
}
