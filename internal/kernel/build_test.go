package kernel

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uetest/internal/blame"
	"uetest/internal/cache"
)

func TestBuildMakesAnImageAndTheSecondTimeFindsIt(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	img := k.build(t, fakeSpec(tree, "stable", nil))
	if img.Cached {
		t.Error("the first build says that it was cached")
	}
	if got, want := img.Release, "6.1.0-uetest-stable"; got != want {
		t.Errorf("Release = %q, want %q", got, want)
	}
	wantBanner(t, img, "stable")
	if err := checkPVH(img.Vmlinux); err != nil {
		t.Error(err)
	}
	if got, want := fileSize(t, img.Vmlinux), fileSize(t, img.Symbols); got >= want {
		t.Errorf("the stripped image has %d bytes, with symbols it has %d", got, want)
	}
	if data, _ := os.ReadFile(img.Config); !strings.Contains(string(data), "CONFIG_NR_CPUS=8\n") {
		t.Errorf("%s lacks what the fragment asked for:\n%s", img.Config, data)
	}

	warm := k.again()
	start := time.Now()
	second := warm.build(t, fakeSpec(tree, "stable", nil))
	took := time.Since(start)
	if !second.Cached || second.Key != img.Key || second.Vmlinux != img.Vmlinux || second.Release != img.Release {
		t.Errorf("the second build gives %+v, want what the first gave, cached: %+v", second, img)
	}
	if got, want := warm.stages(), []string{"source"}; !slices.Equal(got, want) {
		t.Errorf("the second build went through the stages %v, want %v", got, want)
	}
	t.Logf("warm build: %v", took)
}

func TestOverlayRebuildsOnlyWhatItChanges(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	header := Overlay{"include/linux/fake.h": {Data: []byte("extern const char banner[];\nint extra(int);\nint more(int);\n")}}
	both := mainC("rfc")
	both["include/linux/fake.h"] = header["include/linux/fake.h"]
	steps := []struct {
		name     string
		overlay  Overlay
		banner   string
		compiled []string
		cached   bool
	}{
		{"from nothing", nil, "stable", []string{"kernel/extra.o", "kernel/main.o"}, false},
		{"base", mainC("base"), "base", []string{"kernel/main.o"}, false},
		{"rfc", mainC("rfc"), "rfc", []string{"kernel/main.o"}, false},
		{"with a header that all include", both, "rfc", []string{"kernel/extra.o", "kernel/main.o"}, false},
		{"back to the source", nil, "stable", nil, true},
		{"a file that is as in the source", Overlay{"kernel/extra.c": pristineFile(t, tree, "kernel/extra.c")}, "stable", nil, true},
		{"a new file and a deleted one", Overlay{
			"kernel/new/dir/x.c": {Data: []byte("int x;\n")}, "configs/tiny": {Deleted: true},
		}, "stable", []string{"kernel/extra.o", "kernel/main.o"}, false},
		{"base, out of the cache", mainC("base"), "base", nil, true},
		{"one file of the source more", mainC("rfc 2"), "rfc 2", []string{"kernel/main.o"}, false},
	}
	for _, s := range steps {
		run := k.again()
		img := run.build(t, fakeSpec(tree, "k", s.overlay))
		wantBanner(t, img, s.banner)
		if got := run.compiled(); !slices.Equal(got, s.compiled) {
			t.Errorf("%s: compiled %v, want %v", s.name, got, s.compiled)
		}
		if img.Cached != s.cached {
			t.Errorf("%s: Cached = %v, want %v", s.name, img.Cached, s.cached)
		}
	}
	if dirs := buildDirs(t, k); len(dirs) != 1 {
		t.Errorf("%d build directories, want one for one source and config", len(dirs))
	}
}

// The tree is left out of date by going back without make noticing, if a file
// got its old time of modification back with its old content.
func TestGoingBackToTheSourceGivesAFreshTime(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	k.build(t, fakeSpec(tree, "k", nil))
	k.build(t, fakeSpec(tree, "k", mainC("rfc")))
	file := filepath.Join(buildDirs(t, k)[0], "src/kernel/main.c")
	patched := modTime(t, file)
	back := k.build(t, fakeSpec(tree, "other", nil)) // the other name makes another image
	if !modTime(t, file).After(patched) {
		t.Errorf("%s went back to the source with the time %v, not after %v", file, modTime(t, file), patched)
	}
	wantBanner(t, back, "stable")
}

func TestConfigIsMadeOnceForADirectory(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	k.build(t, fakeSpec(tree, "k", nil))
	second := k.again()
	second.build(t, fakeSpec(tree, "k", mainC("rfc")))
	if slices.Contains(second.stages(), "config") {
		t.Error("the config was made again for a changed C file")
	}
	third := k.again()
	kconfig := pristineFile(t, tree, "kernel/Kconfig")
	kconfig.Data = append(kconfig.Data, "\nconfig MORE\n\tbool \"More\"\n"...)
	third.build(t, fakeSpec(tree, "k", Overlay{"kernel/Kconfig": kconfig}))
	if !slices.Contains(third.stages(), "config") {
		t.Error("the config was not made again for a changed Kconfig file")
	}
}

func TestOtherOptionsHaveABuildDirectoryOfTheirOwn(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	k.build(t, fakeSpec(tree, "k", nil))
	spec := fakeSpec(tree, "k", nil)
	spec.Fragments = append(slices.Clone(spec.Fragments), Fragment{"commented.config", "# only a comment\n"})
	if img := k.build(t, spec); !img.Cached {
		t.Error("a comment in a fragment made another kernel")
	}
	spec.Fragments[1] = Fragment{"variant.config", "CONFIG_NR_CPUS=4\n"}
	img := k.build(t, spec)
	if data, _ := os.ReadFile(img.Config); img.Cached || !strings.Contains(string(data), "CONFIG_NR_CPUS=4\n") {
		t.Errorf("the later fragment does not win: %s", data)
	}
	if dirs := buildDirs(t, k); len(dirs) != 2 {
		t.Errorf("%d build directories, want 2", len(dirs))
	}
}

func TestProgressNeverGoesBackOrPastItsTotal(t *testing.T) {
	k := newBench(t)
	k.build(t, fakeSpec(fakeTree(t), "k", nil))
	var last Event
	steps := 0
	for _, e := range k.events {
		if e.Stage != "build" {
			continue
		}
		steps++
		if e.Done < last.Done || e.Done > e.Total || e.Text == "" {
			t.Errorf("after %+v came %+v", last, e)
		}
		last = e
	}
	if steps != 5 || last.Done != 4 || last.Text != "LD vmlinux" { // the begin, AS, CC, CC, LD
		t.Errorf("%d build events, the last is %+v; want 5 that end with LD vmlinux", steps, last)
	}
	// The next build from nothing knows how many there will be.
	next := k.again()
	spec := fakeSpec(fakeTree(t), "k", nil)
	next.build(t, spec)
	for _, e := range next.events {
		if e.Stage == "build" && e.Total != 4 {
			t.Errorf("the total was counted as 4, and is said to be %d", e.Total)
		}
	}
}

func TestCompileErrorIsThePatchsAndShowsTheCompilersLines(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	k.build(t, fakeSpec(tree, "k", nil))
	bad := mainC("bad")
	bad["kernel/main.c"] = File{Data: []byte("#include <linux/fake.h>\nconst char banner[] = \"banner: bad\";\nint first(int n)\n{\n\treturn extra(m);\n}\n")}
	_, err := k.Build(testContext(t), fakeSpec(tree, "k", bad))
	var build *BuildError
	if !errors.As(err, &build) || blame.Of(err) != blame.Patch {
		t.Fatalf("Build = %v (%v), want a *BuildError blamed on the patch", err, blame.Of(err))
	}
	if len(build.Diagnostics) != 1 {
		t.Fatalf("diagnostics: %+v, want one", build.Diagnostics)
	}
	d := build.Diagnostics[0]
	if d.File != "kernel/main.c" || d.Line != 5 || d.Column != 22 || !strings.HasPrefix(d.Message, "'m' undeclared") {
		t.Errorf("got %s:%d:%d: %q, want kernel/main.c:5:22: 'm' undeclared…", d.File, d.Line, d.Column, d.Message)
	}
	for _, want := range []string{"kernel/main.c: In function 'first':", "    5 |         return extra(m);", "      |                      ^"} {
		if !slices.Contains(d.Lines, want) {
			t.Errorf("the error lacks the compiler's line %q:\n%s", want, strings.Join(d.Lines, "\n"))
		}
	}
	if !strings.Contains(err.Error(), "kernel/main.c:5:22: error: 'm' undeclared") || !strings.Contains(err.Error(), build.Log) {
		t.Errorf("the message lacks the error or the log's path:\n%v", err)
	}
	if data, err := os.ReadFile(build.Log); err != nil || !strings.Contains(string(data), "error: 'm' undeclared") {
		t.Errorf("the log %s: %v\n%s", build.Log, err, data)
	}
	wantBanner(t, k.build(t, fakeSpec(tree, "k", mainC("good"))), "good")
}

func TestLinkErrorIsThePatchs(t *testing.T) {
	overlay := Overlay{"kernel/main.c": {Data: []byte("int nobody(void);\nint first(int n) { return nobody(); }\n")}}
	_, err := newBench(t).Build(testContext(t), fakeSpec(fakeTree(t), "k", overlay))
	var build *BuildError
	if !errors.As(err, &build) || len(build.Diagnostics) != 1 || !strings.Contains(build.Diagnostics[0].Message, "undefined reference to `nobody'") {
		t.Fatalf("Build = %v, want the linker's undefined reference", err)
	}
}

func TestVanishedOptionNamesItsDependency(t *testing.T) {
	tree := fakeTree(t)
	k := newBench(t)
	spec := fakeSpec(tree, "k", nil)
	spec.Fragments = append(slices.Clone(fakeFragments), Fragment{"trace.config", "# the subsystem\nCONFIG_USER_EVENTS=y\nCONFIG_NO_SUCH=y\n"})
	_, err := k.Build(testContext(t), spec)
	var config *ConfigError
	if !errors.As(err, &config) || blame.Of(err) != blame.Patch || len(config.Options) != 2 {
		t.Fatalf("Build = %v (%v), want a *ConfigError of two options, blamed as a failed build", err, blame.Of(err))
	}
	for _, want := range []string{
		"trace.config:2: asked for CONFIG_USER_EVENTS=y, got # CONFIG_USER_EVENTS is not set",
		"Kconfig:16: depends on BROKEN || COMPILE_TEST: BROKEN=n and COMPILE_TEST=n",
		"trace.config:3: asked for CONFIG_NO_SUCH=y",
		"no option of that name",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	spec.Fragments[1].Text = "CONFIG_COMPILE_TEST=y\nCONFIG_USER_EVENTS=y\n"
	k.build(t, spec)
}

func TestKernelWithoutPVHIsRefused(t *testing.T) {
	overlay := Overlay{"kernel/head.S": {Data: []byte("\t.globl startup\nstartup:\n\tjmp startup\n")}}
	k := newBench(t)
	_, err := k.Build(testContext(t), fakeSpec(fakeTree(t), "k", overlay))
	if err == nil || !strings.Contains(err.Error(), "CONFIG_PVH=y") || blame.Of(err) != blame.Patch {
		t.Errorf("Build = %v (%v), want an error that names CONFIG_PVH", err, blame.Of(err))
	}
	if entries, _ := filepath.Glob(filepath.Join(k.Cache, cache.Images, "*", "*")); entries != nil {
		t.Errorf("it is in the cache: %v", entries)
	}
}

func TestBadSpecsAreUsageErrors(t *testing.T) {
	tree := fakeTree(t)
	for name, change := range map[string]func(*Spec){
		"name with a blank":          func(s *Spec) { s.Name = "a b" },
		"name with a slash":          func(s *Spec) { s.Name = "../x" },
		"long name":                  func(s *Spec) { s.Name = strings.Repeat("x", 33) },
		"unknown arch":               func(s *Spec) { s.Arch = "pdp11" },
		"no source":                  func(s *Spec) { s.Source = Source{} },
		"two sources":                func(s *Spec) { s.Source.Tarball = "x.tar.xz" },
		"missing directory":          func(s *Spec) { s.Source.Dir = tree + "/missing" },
		"directory without a kernel": func(s *Spec) { s.Source.Dir = tree + "/kernel" },
		"fragment that is no config": func(s *Spec) { s.Fragments = []Fragment{{"f.config", "PVH=y\n"}} },
		"contradicting fragment":     func(s *Spec) { s.Fragments = []Fragment{{"f.config", "CONFIG_PVH=y\nCONFIG_PVH=n\n"}} },
	} {
		spec := fakeSpec(tree, "k", nil)
		change(&spec)
		if _, err := newBench(t).Build(testContext(t), spec); err == nil || blame.Of(err) != blame.Usage {
			t.Errorf("%s: Build = %v (%v), want a usage error", name, err, blame.Of(err))
		}
	}
}

func TestOverlayCannotLeaveTheTree(t *testing.T) {
	tree := fakeTree(t)
	if err := os.Symlink("../..", filepath.Join(tree, "kernel", "out")); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"../x", "/etc/x", "a/../../x", "kernel/out/x", ".", ""} {
		_, err := newBench(t).Build(testContext(t), fakeSpec(tree, "k", Overlay{p: {Data: []byte("x")}}))
		if err == nil || blame.Of(err) != blame.Patch {
			t.Errorf("overlay of %q: Build = %v (%v), want an error blamed on the patch", p, err, blame.Of(err))
		}
	}
	_, err := newBench(t).Build(testContext(t), fakeSpec(tree, "k", Overlay{"kernel/l": {Data: []byte("../../../etc"), Mode: os.ModeSymlink}}))
	if err == nil || blame.Of(err) != blame.Patch {
		t.Errorf("overlay with a link out of the tree: Build = %v (%v)", err, blame.Of(err))
	}
}

func pristineFile(t *testing.T, tree, p string) File {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(tree, p))
	if err != nil {
		t.Fatal(err)
	}
	return File{Data: data, Mode: 0o644}
}

func buildDirs(t *testing.T, k *bench) []string {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(k.Cache, cache.Builds, "*", "state.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range dirs {
		dirs[i] = filepath.Dir(dirs[i])
	}
	return dirs
}

func fileSize(t *testing.T, name string) int64 {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func modTime(t *testing.T, name string) time.Time {
	t.Helper()
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.ModTime()
}
