package kernel

import (
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// inGit makes a git tree of a directory.
func inGit(t *testing.T, dir string) func(args ...string) {
	t.Helper()
	git := func(args ...string) {
		run(t, dir, "git", append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always"}, args...)...)
	}
	git("init", "-q")
	git("add", "-f", ".")
	git("commit", "-q", "-m", "first")
	return git
}

// What is named by -C and is no kernel tree says what it is.
func TestWhatIsNoTreeIsNamed(t *testing.T) {
	tree := fakeTree(t)
	inGit(t, tree)
	dir := t.TempDir()
	bare, built, file := filepath.Join(dir, "bare.git"), filepath.Join(dir, "built"), filepath.Join(dir, "linux-6.1.tar.xz")
	run(t, dir, "git", "clone", "-q", "--bare", tree, bare)
	write(t, filepath.Join(built, "Makefile"), "")
	write(t, file, "x")
	if err := os.Symlink(tree, filepath.Join(built, "source")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ dir, want string }{
		{filepath.Join(dir, "nosuch"), "no such file or directory"},
		{file, "is a file; unpack it"},
		{bare, "a git repository without a work tree; make one beside it: git -C " + bare + " worktree add"},
		{filepath.Join(tree, "kernel"), "is inside a kernel tree, whose top is " + tree},
		{filepath.Join(tree, "include/linux"), "whose top is " + tree},
		{built, "is a build directory (make O=); name its source, and the configuration with --config " + built + "/.config"},
		{dir, "is not the top of a kernel source: it has no Makefile"},
	} {
		_, err := newBench(t).Build(testContext(t), fakeSpec(tt.dir, "k", nil))
		if err == nil || blame.Of(err) != blame.Usage || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v (%v), want %q", tt.dir, err, blame.Of(err), tt.want)
		}
	}
}

// The forms that a git tree may have: a work tree beside the repository, a
// submodule, one that was copied without its repository, a link to a tree.
func TestFormsOfAGitTree(t *testing.T) {
	tree := fakeTree(t)
	write(t, filepath.Join(tree, ".gitignore"), "*.o\n")
	git := inGit(t, tree)
	dir := t.TempDir()
	work, super, link, copied := filepath.Join(dir, "work"), filepath.Join(dir, "super"), filepath.Join(dir, "link"), filepath.Join(dir, "copied")
	git("worktree", "add", "-q", work)
	write(t, filepath.Join(super, "README"), "x")
	inGit(t, super)("submodule", "--quiet", "add", tree, "linux")
	if err := os.Symlink(tree, link); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(copied, os.DirFS(work)); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(copied, ".git"), "gitdir: /nowhere/at/all\n")
	for _, where := range []string{work, filepath.Join(super, "linux"), link, copied} {
		banner := "at " + filepath.Base(where)
		edit(t, filepath.Join(where, "kernel/main.c"), "stable", banner)
		write(t, filepath.Join(where, "kernel/main.o"), "built in place\n")
		before := snapshot(t, where)
		k := newBench(t)
		wantBanner(t, k.build(t, fakeSpec(where, "k", nil)), banner)
		compareSnapshots(t, before, snapshot(t, where))
		if exists(filepath.Join(mirrorOf(t, k), "kernel/main.o")) {
			t.Errorf("%s: a build product is in the mirror", where)
		}
	}
}

// git's own words of a tree are the same after a build, and so is its index, to
// the time.
func TestStatusOfADirtyTreeIsTheSame(t *testing.T) {
	tree := fakeTree(t)
	git := inGit(t, tree)
	edit(t, filepath.Join(tree, "kernel/main.c"), "stable", "staged")
	git("add", "kernel/main.c")
	edit(t, filepath.Join(tree, "kernel/main.c"), "staged", "dirty")
	write(t, filepath.Join(tree, "kernel/untracked.c"), "int u;\n")
	status := func() string {
		t.Helper()
		return output(t, tree, "git", "--no-optional-locks", "status", "--porcelain=v2")
	}
	index := func() (s unix.Stat_t) {
		t.Helper()
		if err := unix.Stat(filepath.Join(tree, ".git/index"), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	before, was := status(), index()
	wantBanner(t, newBench(t).build(t, fakeSpec(tree, "k", nil)), "dirty")
	if after := status(); after != before || !strings.Contains(before, "MM") {
		t.Errorf("git status says\n%s\nand said\n%s", after, before)
	}
	if is := index(); is.Mtim != was.Mtim || is.Ctim != was.Ctim || is.Ino != was.Ino {
		t.Errorf("the index was written: %+v, %+v", is, was)
	}
}

// What a build in the tree left and somebody's git tracks would have kbuild say
// that the tree is not clean.
func TestTrackedBuildProductsAreLeftOut(t *testing.T) {
	tree := fakeTree(t)
	products := []string{".config", "include/config/auto.conf", "include/generated/autoconf.h", "arch/x86/include/generated/asm/x.h"}
	for _, p := range products {
		write(t, filepath.Join(tree, p), "CONFIG_X=y\n")
	}
	inGit(t, tree)
	k := newBench(t)
	k.build(t, fakeSpec(tree, "k", nil))
	for _, p := range products {
		if exists(filepath.Join(mirrorOf(t, k), p)) {
			t.Errorf("%s is in the mirror", p)
		}
	}
}

func TestTreeOnReadOnlyMedia(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to mount")
	}
	for _, git := range []bool{true, false} {
		tree := fakeTree(t)
		if git {
			inGit(t, tree)
		}
		edit(t, filepath.Join(tree, "kernel/main.c"), "stable", "read only")
		dir := t.TempDir()
		if err := unix.Mount(tree, dir, "", unix.MS_BIND, ""); err != nil {
			t.Skip(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
		if err := unix.Mount("", dir, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o644); !errors.Is(err, unix.EROFS) {
			t.Fatalf("it can be written to: %v", err)
		}
		wantBanner(t, newBench(t).build(t, fakeSpec(dir, "k", nil)), "read only")
	}
}

// keepSpec is a kernel with a .config of one's own.
func keepSpec(tree, file, text string) Spec {
	s := fakeSpec(tree, "k", nil)
	s.Fragments, s.Config = nil, Fragment{Name: file, Text: text}
	return s
}

const ownConfig = "# by hand\nCONFIG_PVH=y\nCONFIG_LOCALVERSION=\"-mine\"\n"

func TestConfigOfOnesOwnIsKept(t *testing.T) {
	tree := fakeTree(t)
	write(t, filepath.Join(tree, ".config"), ownConfig)
	c, err := TreeConfig(tree)
	if err != nil || c.Text != ownConfig || c.Name != filepath.Join(tree, ".config") {
		t.Fatalf("%+v, %v", c, err)
	}
	k := newBench(t)
	img := k.build(t, keepSpec(tree, c.Name, c.Text))
	if img.Release != "6.1.0-mine-k" {
		t.Errorf("release %s", img.Release)
	}
	text, err := os.ReadFile(img.Config)
	if err != nil || Options(string(text))("PVH") != "y" {
		t.Errorf("built with %s (%v)", text, err)
	}
	// An edited configuration goes on in the same build directory.
	again := k.again()
	if img := again.build(t, keepSpec(tree, c.Name, strings.Replace(ownConfig, "-mine", "-other", 1))); img.Cached || img.Release != "6.1.0-other-k" {
		t.Errorf("%+v", img)
	}
	if dirs := buildDirs(t, k); len(dirs) != 1 {
		t.Errorf("build directories %v", dirs)
	}
	if got := again.compiled(); len(got) != 0 {
		t.Errorf("compiled %v again", got)
	}
	// And a fragment goes on top of it.
	s := keepSpec(tree, c.Name, ownConfig)
	s.Fragments = []Fragment{{Name: "x.config", Text: "CONFIG_LOCALVERSION=\"-both\"\n"}}
	if img := k.again().build(t, s); img.Release != "6.1.0-both-k" {
		t.Errorf("release %s", img.Release)
	}
}

// What comes out of olddefconfig is judged before anything is compiled.
func TestConfigIsAcceptedBeforeItIsBuilt(t *testing.T) {
	tree := fakeTree(t)
	refuse := errors.New("not this one")
	s := keepSpec(tree, "x", ownConfig)
	asked := 0
	s.Accept = func(get func(string) string) error {
		asked++
		if get("PVH") != "y" || get("NOSUCH") != "n" || get("LOCALVERSION") != `"-mine"` {
			t.Errorf("PVH=%s NOSUCH=%s LOCALVERSION=%s", get("PVH"), get("NOSUCH"), get("LOCALVERSION"))
		}
		return refuse
	}
	k := newBench(t)
	if _, err := k.Build(testContext(t), s); !errors.Is(err, refuse) || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	if slices.Contains(k.stages(), "build") {
		t.Error("it was built all the same")
	}
	s.Accept = nil
	k.again().build(t, s)
}

func TestConfigsThatAreNone(t *testing.T) {
	dir := t.TempDir()
	zipped := filepath.Join(dir, "config.gz")
	f, err := os.Create(zipped)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	_, _ = z.Write([]byte(ownConfig))
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if c, err := ReadConfig(zipped); err != nil || c.Text != ownConfig {
		t.Errorf("%+v, %v", c, err)
	}
	write(t, filepath.Join(dir, "text"), "hello\n")
	write(t, filepath.Join(dir, "broken.gz"), "\x1f\x8bxx")
	for name, want := range map[string]string{
		"nosuch":    "no such file",
		"text":      "no line of it is CONFIG_NAME=value",
		"broken.gz": "broken.gz: ",
		".":         "is a directory",
	} {
		_, err := ReadConfig(filepath.Join(dir, name))
		if err == nil || blame.Of(err) != blame.Usage || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v (%v), want %q", name, err, blame.Of(err), want)
		}
	}
	if _, err := TreeConfig(dir); err == nil || blame.Of(err) != blame.Usage || !strings.Contains(err.Error(), "make defconfig") {
		t.Errorf("a tree without a .config: %v", err)
	}
}

func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	out, err := proc.Output(testContext(t), proc.Cmd{Path: name, Args: args, Dir: dir, Env: environment()})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
