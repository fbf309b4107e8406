package kernel

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fakeTree is testdata/faketree in a directory of the test's own.
func fakeTree(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "linux")
	if err := os.CopyFS(dir, os.DirFS("testdata/faketree")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// slowFile makes the compilers of a fake tree wait, each with half an object
// written, for as long as the returned file exists; FILE.reached then tells
// that one waits.
func slowFile(t *testing.T, tree string) string {
	t.Helper()
	slow := filepath.Join(t.TempDir(), "slow")
	edit(t, filepath.Join(tree, "Makefile"), "srctree :=", "SLOW := "+slow+"\nsrctree :=")
	return slow
}

// edit replaces a text in a file.
func edit(t *testing.T, file, old, text string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %q", file, old)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(data), old, text, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var fakeFragments = []Fragment{{Name: "base.config", Text: `# what the fake has
CONFIG_PVH=y
CONFIG_LOCALVERSION="-uetest"
CONFIG_NR_CPUS=8
`}}

// mainC is kernel/main.c with another banner.
func mainC(banner string) Overlay {
	text := fmt.Sprintf("#include <linux/fake.h>\nconst char banner[] = %q;\nint first(int n) { return extra(n); }\n", "banner: "+banner)
	return Overlay{"kernel/main.c": {Data: []byte(text), Mode: 0o644}}
}

// bench is a Builder that keeps its events.
type bench struct {
	*Builder
	mu     sync.Mutex
	events []Event
}

func newBench(t *testing.T) *bench {
	t.Helper()
	return benchAt(filepath.Join(t.TempDir(), "cache"))
}

func benchAt(cache string) *bench {
	k := &bench{Builder: &Builder{Cache: cache, Jobs: 2}}
	k.Progress = func(e Event) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.events = append(k.events, e)
	}
	return k
}

// again is a Builder of another run with the same cache.
func (k *bench) again() *bench { return benchAt(k.Cache) }

// compiled are the sources that make compiled.
func (k *bench) compiled() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var names []string
	for _, e := range k.events {
		if name, ok := strings.CutPrefix(e.Text, "CC "); ok && e.Stage == "build" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// stages are the stages that told of themselves, each once.
func (k *bench) stages() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var names []string
	for _, e := range k.events {
		if !slices.Contains(names, e.Stage) {
			names = append(names, e.Stage)
		}
	}
	return names
}

func (k *bench) build(t *testing.T, spec Spec) Image {
	t.Helper()
	img, err := k.Build(testContext(t), spec)
	if err != nil {
		t.Fatalf("Build: %v", err)
	}
	return img
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func fakeSpec(dir, name string, overlay Overlay) Spec {
	return Spec{Name: name, Source: Source{Dir: dir}, Overlay: overlay, Fragments: fakeFragments}
}

// wantBanner checks which main.c is in an image.
func wantBanner(t *testing.T, img Image, banner string) {
	t.Helper()
	for _, file := range []string{img.Vmlinux, img.Symbols} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(data), "banner: "+banner+"\x00") {
			t.Errorf("%s is not the kernel with banner %q", file, banner)
		}
	}
}

// seen is what there is to see of a file.
type seen struct {
	stat    string // mode, size, time of modification, inode
	content string // digest, or target of a link; "folder"
}

// snapshot is all that could be seen of a change in a tree.
func snapshot(t *testing.T, dir string) map[string]seen {
	t.Helper()
	files := map[string]seen{}
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		content := "folder"
		switch {
		case info.Mode().IsRegular():
			if content, err = digestFile(name); err != nil {
				return err
			}
		case info.Mode()&fs.ModeSymlink != 0:
			if content, err = os.Readlink(name); err != nil {
				return err
			}
		}
		files[strings.TrimPrefix(name, dir)] = seen{fmt.Sprint(info.Mode(), info.Size(), info.ModTime().UnixNano(), info.Sys().(*syscall.Stat_t).Ino), content}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func compareSnapshots(t *testing.T, before, after map[string]seen) {
	t.Helper()
	for name, was := range before {
		if is := after[name]; is != was {
			t.Errorf("%s was touched:\nwas %+v\nis  %+v", name, was, is)
		}
	}
	for name := range after {
		if _, was := before[name]; !was {
			t.Errorf("%s is new", name)
		}
	}
}

// compareContent checks that two trees have the same files.
func compareContent(t *testing.T, want, got string) {
	t.Helper()
	a, b := snapshot(t, want), snapshot(t, got)
	for name, was := range a {
		if is := b[name]; is.content != was.content {
			t.Errorf("%s: %+v, want %+v", name, is, was)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			t.Errorf("%s is not in the tree", name)
		}
	}
}

// helper runs a build in a process of its own: the test binary again, told by
// an environment variable what to build.
const helperVariable = "UETEST_KERNEL_HELPER"

type helperTask struct {
	Cache string
	Spec  Spec
}

type helperResult struct {
	Image  Image
	Err    string
	Stages []string
}

func TestMain(m *testing.M) {
	if task := os.Getenv(helperVariable); task != "" {
		runHelper(task)
		return
	}
	os.Exit(m.Run())
}

func runHelper(text string) {
	var task helperTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		panic(err)
	}
	k := benchAt(task.Cache)
	var r helperResult
	img, err := k.Build(context.Background(), task.Spec)
	r.Image, r.Stages = img, k.stages()
	if err != nil {
		r.Err = err.Error()
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		panic(err)
	}
}

func digestFile(name string) (string, error) {
	data, err := os.ReadFile(name)
	return digest(data), err
}
