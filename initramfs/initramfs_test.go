package initramfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/u-root/mkuimage/cpio"

	"uetest/internal/blame"
)

// sharedCache keeps the shell from being built by every test. Each test has
// images of its own, because each has a tree of its own.
var sharedCache string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "uetest-initramfs-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	sharedCache = dir
	code := m.Run()
	if err := os.RemoveAll(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// demo is an area. Its main needs its second file.
var demo = map[string]string{
	"main.go": `// Command demo is a selftest.
package main

import "uetest/internal/wire"

var table = map[string]wire.Status{"demo/done": wire.Done}

func main() { run(table) }
`,
	"run.go": `package main

import (
	"os"

	"uetest/internal/wire"
)

func run(map[string]wire.Status) {
	_ = wire.NewEncoder(os.NewFile(3, "report")).Encode(wire.Message{Kind: wire.End, Status: wire.Done})
}
`,
	"main_test.go": "package main\n",
}

// tree makes a module with the agent of this one and the area demo, and with
// other files if any are given by their path; an empty text removes a file.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"go.mod", "go.sum", "initramfs/agent", "internal/agent", "internal/uapi", "internal/wire", "selftests/catalog"} {
		from := filepath.Join("..", name)
		err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			write(t, root, strings.TrimPrefix(path, "../"), string(data))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range demo {
		write(t, root, "selftests/demo/"+name, text)
	}
	for name, text := range files {
		write(t, root, name, text)
	}
	return root
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	path := filepath.Join(root, name)
	if text == "" {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustBuild(t *testing.T, o Options) Image {
	t.Helper()
	if o.Cache == "" {
		o.Cache = sharedCache
	}
	img, err := Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// unpack reads an image as the kernel does: names linked by inode number have
// the data of the first one.
func unpack(t *testing.T, img Image) map[string]cpio.Record {
	t.Helper()
	data, err := os.ReadFile(img.Path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(data)))
	if err != nil {
		t.Fatal(err)
	}
	records := map[string]cpio.Record{}
	linked := map[uint64]cpio.Record{}
	for _, r := range all {
		if dir := filepath.Dir(r.Name); dir != "." && records[dir].Mode&cpio.S_IFMT != cpio.S_IFDIR {
			t.Errorf("%s comes before its folder; the kernel would leave it out", r.Name)
		}
		if r.NLink > 1 {
			if first, ok := linked[r.Ino]; ok {
				if r.FileSize != 0 {
					t.Errorf("%s has data of its own", r.Name)
				}
				r.ReaderAt, r.FileSize = first.ReaderAt, first.FileSize
			} else {
				linked[r.Ino] = r
			}
		}
		records[r.Name] = r
	}
	return records
}

func content(t *testing.T, r cpio.Record) []byte {
	t.Helper()
	b := make([]byte, r.FileSize)
	if _, err := r.ReadAt(b, 0); err != nil {
		t.Fatalf("%s: %v", r.Name, err)
	}
	return b
}

// TestSameInputsGiveTheSameBytes builds one tree twice: in folders of different
// length, with different times, and into caches that know nothing of each
// other.
func TestSameInputsGiveTheSameBytes(t *testing.T) {
	var images []Image
	for i, sub := range []string{"a", "somewhere/else/entirely"} {
		root := filepath.Join(t.TempDir(), sub)
		if err := os.CopyFS(root, os.DirFS(tree(t, nil))); err != nil {
			t.Fatal(err)
		}
		when := time.Unix(int64(1e9*(i+1)), 0)
		if err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			return errors.Join(err, os.Chtimes(path, when, when))
		}); err != nil {
			t.Fatal(err)
		}
		t.Setenv("TMPDIR", t.TempDir())
		images = append(images, mustBuild(t, Options{Root: root, Cache: t.TempDir()}))
	}
	a, b := images[0], images[1]
	if a.Hash != b.Hash {
		t.Errorf("hashes %s and %s", a.Hash, b.Hash)
	}
	for _, img := range images {
		if img.Cached {
			t.Error("an image came from a cache")
		}
		got, err := hashFile(img.Path)
		if err != nil || got != img.Hash {
			t.Errorf("hash of the file %s, %v; of the image %s", got, err, img.Hash)
		}
		data, err := os.ReadFile(img.Path)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{os.TempDir(), filepath.Dir(img.Path), os.Getenv("HOME") + "/"} {
			if i := bytes.Index(data, []byte(path)); i >= 0 {
				t.Errorf("the image holds a path of this machine: %.80q", data[i:])
			}
		}
	}
}

func TestImageHoldsTheAgentAndEveryAreaUnderItsName(t *testing.T) {
	root := tree(t, map[string]string{
		"selftests/other/o.go":        "package main\n\nfunc main() {}\n",
		"selftests/library/l.go":      "package library\n",
		"selftests/testdata/x.go":     "package main\n\nfunc main() {}\n",
		"selftests/README.md":         "text\n",
		"selftests/arm/a_arm64.go":    "package main\n\nfunc main() {}\n",
		"selftests/with-dash/main.go": "package main\n\nfunc main() { println(`dash`) }\n",
	})
	files := []File{
		{Path: "/etc/motd", Data: []byte("hello\n")},
		{Path: "/data/deep/tool", Mode: 0o755, Host: filepath.Join(root, "go.mod")},
	}
	got := unpack(t, mustBuild(t, Options{Root: root, Files: files}))

	var areas []string
	for name := range got {
		if area, ok := strings.CutPrefix(name, "selftests/"); ok {
			areas = append(areas, area)
		}
	}
	slices.Sort(areas)
	if want := []string{"demo", "other", "with-dash"}; !slices.Equal(areas, want) {
		t.Errorf("programs %q, want %q", areas, want)
	}
	for _, name := range append([]string{"init"}, "selftests/demo", "selftests/other") {
		r := got[name]
		if r.Mode != cpio.S_IFREG|0o755 || !bytes.HasPrefix(content(t, r), []byte("\x7fELF")) {
			t.Errorf("%s: mode %o, want an executable program", name, r.Mode)
		}
	}
	if r := got["dev/console"]; r.Mode != cpio.S_IFCHR|0o600 || r.Rmajor != 5 || r.Rminor != 1 {
		t.Errorf("dev/console: %v", r)
	}
	if r := got["dev/null"]; r.Mode != cpio.S_IFCHR|0o666 || r.Rmajor != 1 || r.Rminor != 3 {
		t.Errorf("dev/null: %v", r)
	}
	if r := got["tmp"]; r.Mode != cpio.S_IFDIR|0o1777 {
		t.Errorf("tmp: mode %o, want 1777", r.Mode)
	}
	for _, name := range []string{"gosh", "ls", "dmesg", "mount"} {
		if r := got["bbin/"+name]; r.Mode&cpio.S_IFMT != cpio.S_IFLNK || string(content(t, r)) != "bb" {
			t.Errorf("bbin/%s is no link to bb", name)
		}
	}
	if r := got["etc/motd"]; string(content(t, r)) != "hello\n" || r.Mode != cpio.S_IFREG|0o644 {
		t.Errorf("etc/motd: %v", r)
	}
	if r := got["data/deep/tool"]; !bytes.HasPrefix(content(t, r), []byte("module uetest")) || r.Mode != cpio.S_IFREG|0o755 {
		t.Errorf("data/deep/tool: %v", r)
	}
}

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

func TestSourceThatDoesNotCompileShowsTheCompilersLines(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"type error", map[string]string{"selftests/demo/run.go": demo["run.go"] + "\nfunc bad() int { return \"x\" }\n"},
			`selftests/demo/run.go:13:25: cannot use "x" (untyped string constant) as int value in return statement`},
		{"undefined", map[string]string{"selftests/demo/run.go": ""}, "selftests/demo/main.go:8:15: undefined: run"},
		{"syntax error", map[string]string{"selftests/demo/main.go": "package main\n\nfunc main() {\n"}, "selftests/demo/main.go:3:15: expected '}'"},
		{"in a library", map[string]string{"internal/wire/bad.go": "package wire\n\nvar _ int = nil\n"}, "internal/wire/bad.go:3:13: cannot use nil as int"},
		{"no main", map[string]string{"selftests/demo/main.go": "package main\n\nvar table, _ = 1, run\n"}, "selftests/demo: 0 functions main"},
		{"init", map[string]string{"selftests/demo/run.go": demo["run.go"] + "\nfunc init() {}\n"}, "selftests/demo/run.go:13:1: func init"},
		{"import of nothing", map[string]string{"selftests/demo/x.go": "package main\n\nimport _ \"uetest/internal/nothing\"\n"}, "internal/nothing"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Build(t.Context(), Options{Root: tree(t, tt.files), Cache: sharedCache})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("Build: %v\nwant %s", err, tt.want)
			}
			if got := blame.Of(err); got != blame.Host {
				t.Errorf("blamed on %v, want the host", got)
			}
		})
	}
}

func TestWrongOptionsAreRefusedWithAReason(t *testing.T) {
	root := tree(t, nil)
	for _, tt := range []struct {
		name string
		o    Options
		want string
	}{
		{"no module", Options{Root: t.TempDir()}, "is not the root of the uetest sources"},
		{"no folder", Options{Root: filepath.Join(root, "nothing")}, "is not the root of the uetest sources"},
		{"unknown arch", Options{Root: root, Arch: "z80"}, "z80"},
		{"missing file", Options{Root: root, Files: []File{{Path: "/x", Host: "/nonexistent"}}}, "/nonexistent"},
		{"path outside", Options{Root: root, Files: []File{{Path: "/../x"}}}, `"../x"`},
		{"empty path", Options{Root: root, Files: []File{{}}}, `path ""`},
		{"file twice", Options{Root: root, Files: []File{{Path: "init"}}}, "/init is in the image twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Cache = sharedCache
			_, err := Build(t.Context(), tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Build: %v, want %q in it", err, tt.want)
			}
			if got := blame.Of(err); got != blame.Host {
				t.Errorf("blamed on %v, want the host", got)
			}
		})
	}
}

func TestDamagedEntryIsBuiltAnew(t *testing.T) {
	o := Options{Root: tree(t, nil)}
	first := mustBuild(t, o)
	for name, damage := range map[string]func() error{
		"shortened":    func() error { return os.Truncate(first.Path, 1000) },
		"removed":      func() error { return os.Remove(first.Path) },
		"other hash":   func() error { return os.WriteFile(first.Path+sumSuffix, []byte("0  x\n"), 0o644) },
		"without hash": func() error { return os.Remove(first.Path + sumSuffix) },
	} {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		img := mustBuild(t, o)
		if img.Cached || img.Hash != first.Hash {
			t.Errorf("%s: got %+v, want it built anew with hash %s", name, img, first.Hash)
		}
	}
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

func TestWaitForTheLockEndsWithTheContext(t *testing.T) {
	o := Options{Root: tree(t, nil), Cache: t.TempDir()}
	unlock, err := lock(t.Context(), filepath.Join(o.Cache, "initramfs", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Build(ctx, o); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another build") {
		t.Errorf("Build: %v, want the deadline and who is waited for", err)
	}
}

func TestFullDiskIsTheHostsFault(t *testing.T) {
	disk := t.TempDir()
	if err := syscall.Mount("uetest-test", disk, "tmpfs", 0, "size=5m"); err != nil {
		t.Skipf("needs the right to mount a tmpfs: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	}()
	_, err := Build(t.Context(), Options{Root: tree(t, nil), Cache: disk})
	if !errors.Is(err, syscall.ENOSPC) || blame.Of(err) != blame.Host {
		t.Errorf("Build: %v, blamed on %v; want ENOSPC, the host", err, blame.Of(err))
	}
	if _, err := os.Stat(filepath.Join(disk, "initramfs/new")); err == nil {
		t.Error("half an entry is left")
	}
}

func TestAreaKeepsItsLinesWhenItIsMadeImportable(t *testing.T) {
	for _, tt := range []struct {
		name, src, want string
		main            bool
	}{
		{"main", "package main\n\nfunc main() {}\n", "package area\n\nfunc Main() {}\n", true},
		{"comments stay", "//go:build linux\n\n// Command x.\npackage main // main\n\n//go:nosplit\nfunc f() {} // func main()\n",
			"//go:build linux\n\n// Command x.\npackage area // main\n\n//go:nosplit\nfunc f() {} // func main()\n", false},
		{"methods stay", "package main\n\ntype t int\n\nfunc (t) main() {}\nfunc (t) init() {}\n", "package area\n\ntype t int\n\nfunc (t) main() {}\nfunc (t) init() {}\n", false},
		{"locals stay", "package main\n\nfunc f() { main := 1; _ = main }\n", "package area\n\nfunc f() { main := 1; _ = main }\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, main, err := importable("x.go", []byte(tt.src))
			if err != nil || string(got) != tt.want || main != tt.main {
				t.Errorf("got %q, %v, %v; want %q, %v", got, main, err, tt.want, tt.main)
			}
		})
	}
}

func FuzzImportable(f *testing.F) {
	for _, src := range demo {
		f.Add([]byte(src))
	}
	f.Add([]byte("package main;func main(){};func init(){}"))
	f.Add([]byte("package\tmain\n/*\n*/func\nmain ( ) { }\r\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		out, hasMain, err := importable("x.go", src)
		if err != nil {
			return
		}
		if a, b := bytes.Count(src, []byte("\n")), bytes.Count(out, []byte("\n")); a != b {
			t.Errorf("%d lines became %d", a, b)
		}
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", out, parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%q became %q: %v", src, out, err)
		}
		if file.Name.Name != areaPackage {
			t.Errorf("package %s, want %s", file.Name.Name, areaPackage)
		}
		found := false
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				found = found || fn.Name.Name == areaMain
				if fn.Name.Name == "main" || fn.Name.Name == "init" {
					t.Errorf("%q still has func %s", out, fn.Name.Name)
				}
			}
		}
		if hasMain && !found {
			t.Errorf("func main is gone from %q", out)
		}
	})
}

// TestModuleKnowsEveryCommandOfTheShell holds tools.go to the list: what is not
// there, go mod tidy would take from go.mod.
func TestModuleKnowsEveryCommandOfTheShell(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "tools.go", nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	var imports []string
	for _, imp := range file.Imports {
		path, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		imports = append(imports, path)
	}
	if want := slices.Sorted(slices.Values(commands)); !slices.Equal(imports, want) {
		t.Errorf("tools.go imports %q\nwant %q", imports, want)
	}
}

// TestTreeOfThisRepositoryBuilds builds the real areas.
func TestTreeOfThisRepositoryBuilds(t *testing.T) {
	got := unpack(t, mustBuild(t, Options{Root: ".."}))
	areas, err := findAreas(goContext("amd64"), "..")
	if err != nil {
		t.Fatal(err)
	}
	if len(areas) == 0 {
		t.Fatal("no areas under selftests")
	}
	for _, a := range areas {
		if _, ok := got["selftests/"+a.name]; !ok {
			t.Errorf("selftests/%s is not in the image", a.name)
		}
	}
}
