package initramfs

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"go/build"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"uetest/internal/proc"
)

// ownSource is this package as it was compiled: what decides how an image is
// put together. The sources under Options.Root may be newer.
//
//go:embed *.go
var ownSource embed.FS

// agentDir is the guest's main package in the module.
const agentDir = "initramfs/agent"

// inputs are what an image is made of.
type inputs struct {
	areas    []area
	twin     string // the area that has a twin, or empty
	key      string // hash of everything
	shellKey string // hash of what the shell's commands depend on
}

// An area is a program under selftests/.
type area struct {
	name  string   // of the folder and the program
	dir   string   // absolute
	files []string // the Go files in dir that are compiled
	tests []string // those that are not
}

// findInputs finds and hashes the inputs without running go: it takes a few
// milliseconds.
func findInputs(o Options) (inputs, error) {
	gomod, err := os.ReadFile(filepath.Join(o.Root, "go.mod"))
	if errors.Is(err, fs.ErrNotExist) {
		return inputs{}, fmt.Errorf("%s is not the root of the uetest sources: %w", o.Root, err)
	} else if err != nil {
		return inputs{}, err
	}
	gosum, err := os.ReadFile(filepath.Join(o.Root, "go.sum"))
	if err != nil {
		return inputs{}, err
	}
	module := modfile.ModulePath(gomod)
	if module == "" {
		return inputs{}, fmt.Errorf("%s/go.mod names no module", o.Root)
	}
	version, err := goVersion()
	if err != nil {
		return inputs{}, err
	}
	ctxt := goContext(o.Arch)
	areas, err := findAreas(ctxt, o.Root)
	if err != nil {
		return inputs{}, err
	}

	h := hasher{sha256.New()}
	if err := fs.WalkDir(ownSource, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") {
			return err
		}
		data, err := ownSource.ReadFile(name)
		h.add("builder/"+name, data)
		return err
	}); err != nil {
		return inputs{}, err
	}
	h.add("go version", []byte(version))
	h.add("arch", []byte(o.Arch))
	h.add("go.mod", gomod)
	h.add("go.sum", gosum)
	if err := hashPackages(h, ctxt, o.Root, module, []string{shellDir}); err != nil {
		return inputs{}, err
	}
	shellKey := h.sum()

	// The local packages that the program is made of.
	start := []string{agentDir}
	for _, a := range areas {
		h.add("area", []byte(a.name))
		start = append(start, "selftests/"+a.name)
	}
	if err := hashPackages(h, ctxt, o.Root, module, start); err != nil {
		return inputs{}, err
	}
	twin := ""
	if arch := twinArch[o.Arch]; arch != "" && slices.ContainsFunc(areas, func(a area) bool { return a.name == twinArea }) {
		twin = twinArea
		h.add("twin", []byte(arch))
		if err := hashPackages(h, goContext(arch), o.Root, module, []string{"selftests/" + twin}); err != nil {
			return inputs{}, err
		}
	}
	for _, f := range o.Files {
		h.add(fmt.Sprintf("file %s %o", f.Path, f.Mode.Perm()), f.Data)
	}
	return inputs{areas: areas, twin: twin, key: h.sum(), shellKey: shellKey}, nil
}

// hasher hashes named pieces so that no two lists of them look alike.
type hasher struct{ hash.Hash }

func (h hasher) add(name string, data []byte) {
	_, _ = fmt.Fprintf(h, "%d %s %d\n", len(name), name, len(data))
	h.Write(data)
}

func (h hasher) sum() string { return hex.EncodeToString(h.Sum(nil))[:32] }

// hashPackages hashes the packages in the given folders of the module and all
// packages of the module that these import.
func hashPackages(h hasher, ctxt *build.Context, root, module string, dirs []string) error {
	seen := map[string]bool{}
	for len(dirs) > 0 {
		dir := dirs[0]
		dirs = dirs[1:]
		if seen[dir] {
			continue
		}
		seen[dir] = true
		p, err := ctxt.ImportDir(filepath.Join(root, filepath.FromSlash(dir)), 0)
		if err != nil {
			return fmt.Errorf("package %s/%s: %w", module, dir, err)
		}
		files := slices.Concat(p.GoFiles, p.SFiles, p.HFiles)
		embedded, err := embeddedFiles(p)
		if err != nil {
			return err
		}
		for _, name := range append(files, embedded...) {
			data, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				return err
			}
			h.add(path.Join(dir, name), data)
		}
		for _, imp := range p.Imports {
			if rest, ok := strings.CutPrefix(imp, module+"/"); ok {
				dirs = append(dirs, rest)
			}
		}
	}
	return nil
}

// embeddedFiles returns the files that the package embeds, relative to it.
func embeddedFiles(p *build.Package) ([]string, error) {
	var files []string
	for _, pattern := range p.EmbedPatterns {
		matches, err := filepath.Glob(filepath.Join(p.Dir, strings.TrimPrefix(pattern, "all:")))
		if err != nil {
			return nil, err
		}
		for _, match := range matches {
			err := filepath.WalkDir(match, func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				rel, err := filepath.Rel(p.Dir, path)
				files = append(files, rel)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// goContext is how the guest's programs are compiled.
func goContext(arch string) *build.Context {
	c := build.Default
	c.GOOS, c.GOARCH, c.CgoEnabled, c.Compiler, c.BuildTags = "linux", arch, false, "gc", nil
	return &c
}

// goVersion returns what identifies the Go toolchain: its VERSION file, which
// every distribution of Go has beside bin/, or else the size and time of the go
// command.
func goVersion() (string, error) {
	path, err := proc.LookPath("go")
	if err != nil {
		return "", err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return "", err
	}
	if f, err := os.Open(filepath.Join(filepath.Dir(path), "..", "VERSION")); err == nil {
		defer func() { _ = f.Close() }()
		data, err := io.ReadAll(io.LimitReader(f, 4096))
		return string(data), err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %d %d", path, info.Size(), info.ModTime().UnixNano()), nil
}
