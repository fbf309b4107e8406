package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"uetest/internal/blame"
)

// Tree is a pristine source in the cache. Nothing in it has been patched or
// built. Its files are for reading.
type Tree struct {
	Source Source
	// ID identifies the content, hexadecimal: equal for equal trees.
	ID string
	// Dir is the top of the tree, to be opened with os.OpenRoot.
	Dir string

	name  string // of the cache entry: NAME-ID
	index *index // nil for a tarball: its tree never changes
}

// packageDir is where Debian's linux-source packages put their tarballs.
const packageDir = "/usr/src"

// Package returns the source of a Debian package such as linux-source-6.1. The
// error for a missing one is the host's and names what to install.
func Package(name string) (Source, error) { return packageIn(packageDir, name) }

func packageIn(dir, name string) (Source, error) {
	if name == "" || strings.ContainsAny(name, "/\x00") {
		return Source{}, blame.On(blame.Usage, fmt.Errorf("%q is not the name of a source package: expected linux-source-X.Y", name))
	}
	for _, suffix := range []string{".tar.xz", ".tar.zst", ".tar.gz", ".tar.bz2"} {
		file := filepath.Join(dir, name+suffix)
		if _, err := os.Stat(file); err == nil {
			return Source{Tarball: file}, nil
		}
	}
	return Source{}, blame.On(blame.Host, fmt.Errorf(
		"%s: %w; install the kernel source with: apt-get install %s, or name a tree with -C DIR",
		filepath.Join(dir, name+".tar.xz"), fs.ErrNotExist, name))
}

// Pristine brings a source into the cache, if it is not there, and returns it.
// It is unpacked or mirrored once and then only compared. Within one Builder
// the same source is the same tree, even if its files change meanwhile.
func (b *Builder) Pristine(ctx context.Context, s Source) (*Tree, error) {
	if err := b.ready(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if t := b.trees[s]; t != nil {
		return t, nil
	}
	var t *Tree
	var err error
	switch {
	case s.Tarball != "" && s.Dir == "":
		t, err = b.unpack(ctx, s)
	case s.Dir != "" && s.Tarball == "":
		t, err = b.mirror(ctx, s)
	default:
		err = blame.On(blame.Usage, errors.New("a kernel source is a tarball or a directory, exactly one of them"))
	}
	if err != nil {
		return nil, err
	}
	if b.trees == nil {
		b.trees = map[Source]*Tree{}
	}
	b.trees[s] = t
	return t, nil
}

// ErrUncached is a source that is not in the cache as it is now, where nothing is
// to be written. The error that wraps it says what would be.
var ErrUncached = errors.New("not in the cache")

// checkTree tells whether dir is the top of a kernel tree. If not, the error says
// what it is instead.
func checkTree(dir string) error {
	missing, err := lacksOf(dir)
	if err != nil || missing == "" {
		return err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return fmt.Errorf("%s is a file; unpack it and name the directory that comes of it", dir)
	}
	if exists(filepath.Join(dir, "HEAD")) && exists(filepath.Join(dir, "objects")) && exists(filepath.Join(dir, "refs")) {
		return fmt.Errorf("%s is a git repository without a work tree; make one beside it: git -C %s worktree add DIR", dir, dir)
	}
	for up := filepath.Dir(dir); up != filepath.Dir(up); up = filepath.Dir(up) {
		if missing, err := lacksOf(up); err == nil && missing == "" {
			return fmt.Errorf("%s is inside a kernel tree, whose top is %s: name that", dir, up)
		}
	}
	if missing, err := lacksOf(filepath.Join(dir, "source")); err == nil && missing == "" {
		return fmt.Errorf("%s is a build directory (make O=); name its source, and the configuration with --config %s", dir, filepath.Join(dir, ".config"))
	}
	return fmt.Errorf("%s is not the top of a kernel source: it has no %s", dir, missing)
}

// lacksOf names the first thing that the top of a kernel tree has and dir has not.
func lacksOf(dir string) (missing string, err error) {
	for _, f := range []string{"Makefile", "Kconfig", "scripts", "kernel"} {
		if _, err := os.Stat(filepath.Join(dir, f)); err != nil {
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
				return f, nil
			}
			return "", err
		}
	}
	return "", nil
}

// safeName is a string as a part of a file name in the cache.
func safeName(s string) string {
	return strings.Map(func(c rune) rune {
		if c < 0x80 && (validName(string(c)) || c == '.' || c == '-') {
			return c
		}
		return '_'
	}, s)
}
