package pipeline

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sync/errgroup"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/git"
	"uetest/internal/kernel"
	"uetest/internal/patch"
)

// commits says what the commits of a user's tree have different from a source in
// the cache, so that they are built in its build directory one after the other. No
// commit is checked out anywhere.
type commits struct {
	repo  *git.Borrowed
	known map[string]sourceFile // by path in the cached source
}

// sourceFile is a file of the cached source, by what lstat said when it was read.
type sourceFile struct {
	stat string
	git.Entry
}

// overlay is what a commit has different from a source.
func (c *commits) overlay(ctx context.Context, commit string, tree *kernel.Tree) (patch.Overlay, error) {
	files, err := c.repo.Files(ctx, commit)
	if err != nil {
		return nil, err
	}
	have, err := c.read(ctx, tree.Dir, len(commit))
	if err != nil {
		return nil, err
	}
	changes := patch.Overlay{}
	var paths, ids []string
	for path, f := range files {
		if have[path].Entry != f {
			paths, ids = append(paths, path), append(ids, f.Blob)
		}
	}
	blobs, err := c.repo.Blobs(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("commit %.12s: %w", commit, err)
	}
	for i, path := range paths {
		changes[path] = patch.File{Data: blobs[i], Mode: files[path].Mode}
	}
	for path := range have {
		if _, ok := files[path]; !ok {
			changes[path] = patch.File{Deleted: true}
		}
	}
	return changes, nil
}

// read returns what the source has, in git's terms. What it knows of a file from
// the last time holds until the file changes. The length of an id tells the hash.
func (c *commits) read(ctx context.Context, dir string, length int) (map[string]sourceFile, error) {
	now := map[string]sourceFile{}
	var todo []string
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		path := filepath.ToSlash(strings.TrimPrefix(name, dir+string(filepath.Separator)))
		f := sourceFile{Entry: git.Entry{Mode: 0o644}}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			f.Mode = fs.ModeSymlink | 0o777
		case info.Mode()&0o100 != 0:
			f.Mode = 0o755
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			f.stat = fmt.Sprint(st.Size, st.Ino, st.Mode, info.ModTime().UnixNano())
		}
		if before := c.known[path]; f.stat != "" && before.stat == f.stat {
			f = before
		} else {
			todo = append(todo, path)
		}
		now[path] = f
		return nil
	})
	if err != nil {
		return nil, blame.On(blame.Host, err)
	}
	if err := identify(ctx, dir, todo, length, now); err != nil {
		return nil, err
	}
	c.known = now
	return now, nil
}

// identify gives files their blob ids, on all processors.
func identify(ctx context.Context, dir string, paths []string, length int, into map[string]sourceFile) error {
	group, ctx := errgroup.WithContext(ctx)
	var mu sync.Mutex
	for part := range slices.Chunk(paths, max(1, len(paths)/runtime.NumCPU()+1)) {
		group.Go(func() error {
			for _, path := range part {
				if err := context.Cause(ctx); err != nil {
					return err
				}
				mu.Lock()
				f := into[path]
				mu.Unlock()
				id, err := blobID(filepath.Join(dir, filepath.FromSlash(path)), f.Mode, length)
				if err != nil {
					return blame.On(blame.Host, err)
				}
				f.Blob = id
				mu.Lock()
				into[path] = f
				mu.Unlock()
			}
			return nil
		})
	}
	return group.Wait()
}

// blobID is what git calls the content of a file, or the target of a link.
func blobID(name string, mode fs.FileMode, length int) (string, error) {
	var data []byte
	var err error
	if mode&fs.ModeSymlink != 0 {
		var target string
		target, err = os.Readlink(name)
		data = []byte(target)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return "", err
	}
	h := sha1.New()
	if length == 2*sha256.Size {
		h = sha256.New()
	}
	return patch.HashBlob(h, data), nil
}

// near is how many files a commit may have otherwise than a source package for
// being built in the package's build directory.
const near = 2000

// buildIn chooses the source in whose build directory the commits are built: the
// distribution's if the commit is not far from it, else the user's work tree. What
// is built there already is what makes the difference between seconds and minutes.
func (c *commits) buildIn(ctx context.Context, cfg *Config, commit, pkg string) error {
	at, err := makefileVersion(ctx, c.repo, commit)
	if err != nil {
		return err
	}
	dir := cfg.SourceDir
	if strings.TrimPrefix(pkg, "linux-source-") != at {
		return nil
	}
	cfg.SourceDir = ""
	src, err := cfg.source(pkg)
	if err != nil {
		cfg.SourceDir = dir // not installed
		return nil
	}
	tree, err := builder(cfg.Cache, "", cfg.Notify).Pristine(ctx, src)
	if err != nil {
		return err
	}
	if err := c.recall(ctx, cfg.Cache, tree.Dir, len(commit)); err != nil {
		return err
	}
	have, err := c.read(ctx, tree.Dir, len(commit))
	if err != nil {
		return err
	}
	files, err := c.repo.Files(ctx, commit)
	if err != nil {
		return err
	}
	differ := max(0, len(have)-len(files))
	for path, f := range files {
		if have[path].Entry != f {
			differ++
		}
	}
	if differ > near {
		c.known, cfg.SourceDir = nil, dir
	}
	return nil
}

// recall has the source known as an earlier uetest read it: to read it all takes
// some five seconds of processor time. What a file is now is looked at all the same.
func (c *commits) recall(ctx context.Context, dir, source string, length int) error {
	store, err := cache.Open(dir)
	if err != nil {
		return err
	}
	note, err := store.Memo(fmt.Sprintf("git blobs of %d digits", length), source, func() (string, error) {
		known, err := c.read(ctx, source, length)
		return noteOf(known), err
	})
	if err != nil {
		return blame.On(blame.Host, err)
	}
	c.known = known(note)
	return nil
}

// noteOf writes down what is known of a source, and known reads that.
func noteOf(files map[string]sourceFile) string {
	var b strings.Builder
	for path, f := range files {
		fmt.Fprintf(&b, "%s\t%o\t%s\t%s\x00", f.stat, f.Mode, f.Blob, path)
	}
	return b.String()
}

func known(note string) map[string]sourceFile {
	files := map[string]sourceFile{}
	for line := range strings.SplitSeq(note, "\x00") {
		field := strings.SplitN(line, "\t", 4)
		if len(field) < 4 {
			continue
		}
		mode, err := strconv.ParseUint(field[1], 8, 32)
		if err == nil {
			files[field[3]] = sourceFile{stat: field[0], Entry: git.Entry{Mode: fs.FileMode(mode), Blob: field[2]}}
		}
	}
	return files
}

// makefileVersion is the version of the kernel that a commit is of: 6.1.
func makefileVersion(ctx context.Context, repo *git.Borrowed, commit string) (string, error) {
	text, err := repo.Git(ctx, "", "cat-file", "blob", commit+":Makefile")
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", blame.On(blame.Usage, fmt.Errorf("commit %.12s is not one of a kernel: it has no Makefile at its top, or the tree has not its text", commit))
	}
	value := map[string]string{}
	for line := range strings.Lines(text) {
		if name, v, ok := strings.Cut(line, "="); ok && len(value) < 8 {
			value[strings.TrimSpace(name)] = strings.TrimSpace(v)
		}
	}
	if value["VERSION"] == "" {
		return "", blame.On(blame.Usage, errors.New("the Makefile at the top of the commit names no VERSION: it is not one of a kernel"))
	}
	return value["VERSION"] + "." + value["PATCHLEVEL"], nil
}
