package initramfs

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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
	for _, name := range []string{"go.mod", "go.sum", "initramfs/agent", "initramfs/sh", "internal/agent", "internal/feature", "internal/uapi", "internal/wire", "selftests/catalog"} {
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
		data, err := os.ReadFile(img.Path)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(data)); got != img.Hash {
			t.Errorf("hash of the file %s; of the image %s", got, img.Hash)
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
	if want := []string{"demo", "other", "with-dash", "zygote"}; !slices.Equal(areas, want) {
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
	for _, name := range []string{"sh", "ls", "dmesg", "mount"} {
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

// TestModuleKnowsEveryCommandOfTheShell holds tools.go to the list, but for the
// module's own shell: what is not there, go mod tidy would take from go.mod.
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
	want := slices.DeleteFunc(slices.Sorted(slices.Values(commands)), func(c string) bool { return c == "uetest/"+shellDir })
	if !slices.Equal(imports, want) {
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
