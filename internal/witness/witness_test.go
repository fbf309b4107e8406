package witness

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"uetest/internal/blame"
)

// tree is a kernel's source in memory.
type tree fstest.MapFS

func (t tree) ReadFile(name string) ([]byte, fs.FileMode, error) {
	data, err := fs.ReadFile(fstest.MapFS(t), name)
	return data, 0o644, err
}

// with is the tree with other files; an empty text takes one away.
func (t tree) with(files ...string) tree {
	changed := tree{}
	for name, f := range t {
		changed[name] = f
	}
	for i := 0; i < len(files); i += 2 {
		if files[i+1] == "" {
			delete(changed, files[i])
			continue
		}
		changed[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return changed
}

const (
	aTest    = Dir + "/a_test.c"
	makefile = Dir + "/Makefile"
	uapi     = "include/uapi/linux/user_events.h"
	old      = "include/linux/user_events.h"
)

var small = tree{}.with(
	makefile, "# SPDX\nCFLAGS += -Wall\nTEST_GEN_PROGS = a_test \\\n\tb_test\ninclude ../lib.mk\n",
	aTest, "#include <stdio.h>\n#include <linux/user_events.h>\n#include \"../harness.h\"\nint main(void) { printf(\"%d %d\\n\", USER, HARNESS); return 0; }\n",
	Dir+"/b_test.c", "int main(void) { return 3; }\n",
	"tools/testing/selftests/harness.h", "#define HARNESS 2\n/*\n *   #include \"nowhere.h\"\n */\n",
	uapi, "#define USER 1\n",
)

func needsCompiler(t *testing.T) {
	t.Helper()
	if _, err := findCompiler(t.Context(), "gcc"); err != nil {
		if os.Getenv("UETEST_STRICT") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func TestProgramsAreStaticAndSeeTheTreesOwnHeader(t *testing.T) {
	needsCompiler(t)
	for name, c := range map[string]struct {
		tree tree
		want string
	}{
		"header for programs":       {small.with(old, "#error the older place\n"), "1 2\n"},
		"header of before 6.4":      {small.with(uapi, "", old, "#define USER 7\n"), "7 2\n"},
		"nothing of the system's":   {small.with(uapi, "#include <linux/types.h>\n#define USER sizeof(__u64)\n"), "8 2\n"},
		"a newer harness":           {small.with("tools/testing/selftests/harness.h", "#include \"more.h\"\n", "tools/testing/selftests/more.h", "#define HARNESS 5\n"), "1 5\n"},
		"warnings are not for here": {small.with(Dir+"/b_test.c", "int main(void) { int x; }\n#warning words\n"), "1 2\n"},
	} {
		t.Run(name, func(t *testing.T) {
			programs, err := Build(t.Context(), Options{Tree: c.tree, Name: "test", Cache: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			if len(programs) != 2 || programs[0].Name != "a_test" || programs[1].Name != "b_test" {
				t.Fatalf("programs %+v", programs)
			}
			out, err := exec.Command(programs[0].Path).Output()
			if err != nil || string(out) != c.want {
				t.Errorf("a_test prints %q, %v; want %q", out, err, c.want)
			}
			if out, _ := exec.Command("readelf", "-l", programs[0].Path).Output(); strings.Contains(string(out), "INTERP") {
				t.Error("a_test is not static: the guest has no loader")
			}
		})
	}
}

func TestUnchangedSourcesAreNotCompiledAgain(t *testing.T) {
	needsCompiler(t)
	cache := t.TempDir()
	build := func(tr tree) string {
		t.Helper()
		programs, err := Build(t.Context(), Options{Tree: tr, Name: "test", Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		return programs[0].Path
	}
	first := build(small)
	before, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	if again := build(small.with("kernel/fork.c", "other\n")); again != first {
		t.Error("a file that is none of theirs changes the programs")
	}
	after, err := os.Stat(first)
	if err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("compiled again: %v", err)
	}
	for name, tr := range map[string]tree{
		"source":   small.with(aTest, "int main(void) { return 0; }\n"),
		"included": small.with("tools/testing/selftests/harness.h", "#define HARNESS 3\n"),
		"header":   small.with(uapi, "#define USER 3\n"),
		"list":     small.with(makefile, "TEST_GEN_PROGS := a_test\n"),
	} {
		if build(tr) == first {
			t.Errorf("another %s gives the same programs", name)
		}
	}
	entries, err := os.ReadDir(filepath.Join(cache, "witness"))
	if err != nil || len(entries) != 5 || slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), ".tmp") }) {
		t.Errorf("the cache holds %v, %v; want five entries", entries, err)
	}
}

func TestErrorsNameTheFileAndWhoIsToBlame(t *testing.T) {
	needsCompiler(t)
	for name, c := range map[string]struct {
		tree  tree
		cc    string
		want  []string
		blame blame.Party
	}{
		"does not compile": {small.with(uapi, "#define OTHER 1\n"), "", []string{aTest + " does not compile", aTest + ":4:", "USER", "kernel test"}, blame.Patch},
		"two of them":      {small.with(aTest, "int a;\nwrong\n", Dir+"/b_test.c", "wrong too\n"), "", []string{aTest + ":2:", Dir + "/b_test.c:1:"}, blame.Patch},
		"header missing":   {small.with(uapi, ""), "", []string{"neither " + uapi + " nor " + old}, blame.Patch},
		"program missing":  {small.with(aTest, ""), "", []string{aTest}, blame.Patch},
		"include missing":  {small.with("tools/testing/selftests/harness.h", ""), "", []string{aTest + ":3:", "harness.h"}, blame.Patch},
		"no selftests":     {small.with(makefile, ""), "", []string{makefile}, blame.Patch},
		"empty list":       {small.with(makefile, "TEST_GEN_PROGS =\n"), "", []string{"names no program"}, blame.Patch},
		"two lists":        {small.with(makefile, "TEST_GEN_PROGS = a\nTEST_GEN_PROGS = b\n"), "", []string{"2 lines"}, blame.Patch},
		"path as a name":   {small.with(makefile, "TEST_GEN_PROGS = ../../a\n"), "", []string{`"../../a" is no name`}, blame.Patch},
		"out of the tree":  {small.with(aTest, "#include \"../../../../../etc/passwd\"\n"), "", []string{"not in the kernel's source"}, blame.Patch},
		"no compiler":      {small, "no-such-cc", []string{"no-such-cc"}, blame.Host},
	} {
		t.Run(name, func(t *testing.T) {
			cache := t.TempDir()
			_, err := Build(t.Context(), Options{Tree: c.tree, Name: "test", Cache: cache, CC: c.cc})
			if err == nil {
				t.Fatal("it builds")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in: %v", want, err)
				}
			}
			if got := blame.Of(err); got != c.blame {
				t.Errorf("blamed on %v, want %v: %v", got, c.blame, err)
			}
			if entries, err := os.ReadDir(filepath.Join(cache, "witness")); err == nil && len(entries) > 0 {
				t.Errorf("left in the cache: %v", entries)
			}
		})
	}
}

func TestCompilerWithoutAStaticLibrarySaysWhatToInstall(t *testing.T) {
	dir := t.TempDir()
	cc := filepath.Join(dir, "cc")
	if err := os.WriteFile(cc, []byte("#!/bin/sh\necho libc.a\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := Build(t.Context(), Options{Tree: small, Name: "test", Cache: dir, CC: cc})
	if err == nil || !strings.Contains(err.Error(), "apt-get install libc6-dev") || !errors.Is(err, fs.ErrNotExist) || blame.Of(err) != blame.Host {
		t.Errorf("Build: %v, blamed on %v", err, blame.Of(err))
	}
}

func FuzzPrograms(f *testing.F) {
	f.Add("TEST_GEN_PROGS = ftrace_test dyn_test perf_test abi_test\n")
	f.Add("TEST_GEN_PROGS := a \\\n b")
	f.Add("TEST_GEN_PROGS = ../x /y")
	f.Fuzz(func(t *testing.T, makefile string) {
		names, err := programs(makefile)
		if err != nil {
			return
		}
		if len(names) == 0 {
			t.Error("no names, and no error")
		}
		for _, n := range names {
			if n == "" || strings.ContainsAny(n, "/. \t\n") {
				t.Errorf("program %q", n)
			}
		}
	})
}

func TestProgramOfTheTreeCompilesOrNotWithTheTreesHeader(t *testing.T) {
	needsCompiler(t)
	const sample = "samples/user_events/example.c"
	with := small.with(sample, "#include <linux/user_events.h>\nint main(void) { return USER; }\n")
	ok, lines, err := Compiles(t.Context(), Options{Tree: with}, sample)
	if !ok || len(lines) > 0 || err != nil {
		t.Errorf("a good one: %v, %q, %v", ok, lines, err)
	}
	ok, lines, err = Compiles(t.Context(), Options{Tree: with.with(uapi, "#define OTHER 1\n")}, sample)
	if ok || err != nil || !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, sample+":2:") }) {
		t.Errorf("one whose header changed: %v, %q, %v", ok, lines, err)
	}
	if _, _, err = Compiles(t.Context(), Options{Tree: small, Name: "k"}, sample); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), sample) {
		t.Errorf("one that is not there: %v", err)
	}
	if _, _, err = Compiles(t.Context(), Options{Tree: with, CC: "no-such-cc"}, sample); blame.Of(err) != blame.Host {
		t.Errorf("no compiler: %v", err)
	}
}
