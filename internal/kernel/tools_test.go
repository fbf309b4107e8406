package kernel

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

func TestToolsAreWhatMakeWouldTake(t *testing.T) {
	x86 := arch{name: "x86_64"}
	arm := arch{name: "arm64", cross: "aarch64-linux-gnu-"}
	for _, tt := range []struct {
		name      string
		arch      arch
		tools     Tools
		cc, strip string
		host      string
		args      []string
	}{
		{"gcc", x86, Tools{}, "gcc", "strip", "gcc", nil},
		{"cross gcc", arm, Tools{}, "aarch64-linux-gnu-gcc", "aarch64-linux-gnu-strip", "gcc", []string{"CROSS_COMPILE=aarch64-linux-gnu-"}},
		{"another cross gcc", arm, Tools{Cross: "/opt/x/bin/arm-"}, "/opt/x/bin/arm-gcc", "/opt/x/bin/arm-strip", "gcc", []string{"CROSS_COMPILE=/opt/x/bin/arm-"}},
		{"clang", x86, Tools{LLVM: "1"}, "clang", "llvm-strip", "clang", []string{"LLVM=1"}},
		{"clang for arm64", arm, Tools{LLVM: "1"}, "clang", "llvm-strip", "clang", []string{"LLVM=1"}},
		{"clang-15", x86, Tools{LLVM: "-15"}, "clang-15", "llvm-strip-15", "clang-15", []string{"LLVM=-15"}},
		{"clang in a path", x86, Tools{LLVM: "/opt/llvm/bin/"}, "/opt/llvm/bin/clang", "/opt/llvm/bin/llvm-strip", "/opt/llvm/bin/clang", []string{"LLVM=/opt/llvm/bin/"}},
	} {
		a, err := tt.arch.with(tt.tools)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if cc, strip := a.tool("gcc"), a.tool("strip"); cc != tt.cc || strip != tt.strip || a.hostCC() != tt.host {
			t.Errorf("%s: %s, %s, host %s; want %s, %s, %s", tt.name, cc, strip, a.hostCC(), tt.cc, tt.strip, tt.host)
		}
		if args := a.makeArgs(false); !slices.Equal(args, tt.args) {
			t.Errorf("%s: make gets %q, want %q", tt.name, args, tt.args)
		}
	}
}

func TestToolsThatMakeMistakesAreRefused(t *testing.T) {
	for tools, want := range map[Tools]string{
		{LLVM: "0"}:            "leave it out to build with GCC",
		{LLVM: "15"}:           "expected 1, a suffix such as -15",
		{LLVM: "yes"}:          "make takes it for LLVM=1",
		{LLVM: "llvm/bin/"}:    "a whole path that ends in /",
		{LLVM: "/usr/bin"}:     "a whole path that ends in /",
		{Cross: "a b-"}:        "cannot take blanks",
		{Cross: "$(shell x)-"}: "cannot take blanks",
	} {
		_, err := newBench(t).Build(testContext(t), Spec{Source: Source{Dir: fakeTree(t)}, Tools: tools})
		if err == nil || blame.Of(err) != blame.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v (%v), want %q", tools, err, blame.Of(err), want)
		}
	}
}

// A compiler that is not there is named with what to install.
func TestMissingClangNamesItsPackages(t *testing.T) {
	for llvm, want := range map[string][]string{
		"1":          {"clang: ", "apt-get install clang", "apt-get install lld", "apt-get install llvm"},
		"-15":        {"clang-15: ", "apt-get install clang-15", "apt-get install lld-15", "apt-get install llvm-15"},
		"/opt/none/": {"/opt/none/clang: ", "/opt/none/ld.lld: "},
	} {
		bin := t.TempDir()
		for _, tool := range []string{"make", "git", "sh", "gcc", "ld", "flex", "bison", "bc"} {
			path, err := proc.LookPath(tool)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(path, filepath.Join(bin, tool)); err != nil {
				t.Fatal(err)
			}
		}
		t.Setenv("PATH", bin)
		spec := fakeSpec(fakeTree(t), "k", nil)
		spec.Tools.LLVM = llvm
		_, err := newBench(t).Build(testContext(t), spec)
		if err == nil || blame.Of(err) != blame.Host {
			t.Fatalf("LLVM=%s: %v (%v)", llvm, err, blame.Of(err))
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("LLVM=%s: the error lacks %q:\n%v", llvm, w, err)
			}
		}
	}
}

// A cross compiler of one's own: scripts that call the host's. What they are goes
// into the key by their bytes, whatever they say of themselves.
func TestAnotherCompilerMakesAnotherKernel(t *testing.T) {
	bin := t.TempDir()
	tool := func(name, more string) {
		write(t, filepath.Join(bin, "my-"+name), "#!/bin/sh\n"+more+"exec "+name+" \"$@\"\n")
		if err := os.Chmod(filepath.Join(bin, "my-"+name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range crossTools {
		tool(name, "")
	}
	tree := fakeTree(t)
	k := newBench(t)
	plain := k.build(t, fakeSpec(tree, "k", nil))
	spec := fakeSpec(tree, "k", nil)
	spec.Tools.Cross = filepath.Join(bin, "my-")
	mine := k.build(t, spec)
	if mine.Key == plain.Key || mine.Cached {
		t.Error("a kernel of another compiler is the same kernel")
	}
	if dirs := buildDirs(t, k); len(dirs) != 2 {
		t.Errorf("build directories %v, want one a compiler", dirs)
	}
	if again := k.again().build(t, spec); !again.Cached {
		t.Error("the same compiler makes another kernel")
	}
	tool("gcc", "# patched\n")
	if again := k.again().build(t, spec); again.Cached || again.Key == mine.Key {
		t.Error("a compiler that changed makes the same kernel")
	}
}
