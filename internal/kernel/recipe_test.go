package kernel

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"uetest/internal/proc"
)

// What a build runs is what its key was made of, word by word: who adds an argument
// to make, or a goal, has another key without thinking of it.
func TestEveryWordThatABuildRunsIsInTheKey(t *testing.T) {
	t.Setenv("PATH", withoutCcache(t))
	tree := fakeTree(t)
	k := newBench(t)
	gcov := fakeSpec(tree, "counted", nil)
	gcov.Gcov = []string{"kernel/main.c"}
	for _, spec := range []Spec{fakeSpec(tree, "k", nil), gcov} {
		p, err := k.plan(testContext(t), spec)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = k.Build(testContext(t), spec) // the fake has no notes of gcov's
		dir := buildDirs(t, k)[0]
		log, err := os.ReadFile(dir + "/build.log")
		if err != nil {
			t.Fatal(err)
		}
		ran := regexp.MustCompile(`(?m)^\$ (make .*)$`).FindAllStringSubmatch(string(log), -1)
		if len(ran) == 0 {
			t.Fatalf("the log has no command:\n%s", log)
		}
		// What stays out: where it is built, and how it is printed and shared out.
		out := regexp.MustCompile(`^(make|-C|/.*/src|O=.*|-j\d+|--no-print-directory|--output-sync=target)$`)
		in := p.recipe()
		for _, line := range ran {
			cmd := strings.ReplaceAll(line[1], dir, recipeDir) + " "
			for _, word := range in { // those with blanks are quoted in the log
				cmd = strings.ReplaceAll(cmd, " "+proc.Quote(word)+" ", " ")
			}
			for _, word := range strings.Fields(cmd) {
				if !out.MatchString(word) {
					t.Errorf("the key knows nothing of %q in\n%s", word, line[1])
				}
			}
		}
		for _, word := range slices.Concat(kbuildEnv, []string{tinyconfig, "olddefconfig", p.arch.target(), "--strip-all"}) {
			if !slices.Contains(in, word) {
				t.Errorf("the key knows nothing of %q", word)
			}
		}
	}
}

// An image of another recipe is not believed. Its build directory is, and make
// decides what of it is to be made anew; the configuration is made again.
func TestAnotherRecipeMakesAnotherImageInTheSameDirectory(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	before := k.build(t, fakeSpec(tree, "k", nil))
	was := kbuildEnv
	t.Cleanup(func() { kbuildEnv = was })
	kbuildEnv = append(slices.Clone(was), "KBUILD_MORE=1")
	run := k.again()
	after := run.build(t, fakeSpec(tree, "k", nil))
	if after.Cached || after.Key == before.Key {
		t.Error("an image that was made by another recipe was believed")
	}
	if got := run.compiled(); len(got) > 0 {
		t.Errorf("compiled %v again, which make need not", got)
	}
	if !slices.Contains(run.stages(), "config") {
		t.Error("the configuration of another recipe was believed")
	}
	if dirs := buildDirs(t, k); len(dirs) != 1 {
		t.Errorf("%d build directories, want the one", len(dirs))
	}
	kbuildEnv = was
	if back := k.again().build(t, fakeSpec(tree, "k", nil)); !back.Cached || back.Key != before.Key {
		t.Error("the recipe of before makes another image than before")
	}
}

// How the options are merged is not seen in a command.
func TestHowOptionsAreMergedIsInTheKey(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	p, err := k.plan(testContext(t), fakeSpec(tree, "k", nil))
	if err != nil {
		t.Fatal(err)
	}
	if text := mergeInto(mergeProbe, p.options); !slices.Contains(p.recipe(), text) {
		t.Errorf("the key knows nothing of what merging gives:\n%s", text)
	}
	for _, o := range p.options {
		if o.name == "NR_CPUS" && strings.Contains(mergeProbe, "CONFIG_NR_CPUS=") {
			return
		}
	}
	t.Errorf("no option replaces a line of the probe: %v", p.options)
}
