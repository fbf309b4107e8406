package kernel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/proc"
)

// A file that changed this short a time ago may change again within the
// resolution of the file system's clock, and nothing but its content would
// show it.
const settled = 2 * time.Second

// mirror brings the user's tree into the cache: src/dir-NAME-ID/{tree,index}.
// The first run copies it, a later one what changed. The user's tree is opened
// for reading alone, and links are copied as links.
func (b *Builder) mirror(ctx context.Context, s Source) (*Tree, error) {
	dir, err := filepath.Abs(s.Dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err == nil {
		err = checkTree(dir)
	}
	if err != nil {
		return nil, blame.On(blame.Usage, fmt.Errorf("kernel source: %w", err))
	}
	if root := resolve(b.cache.Dir()); root == dir || strings.HasPrefix(root, dir+"/") {
		return nil, blame.On(blame.Usage, fmt.Errorf("the cache %s is inside the kernel tree %s, which is not written to; point UETEST_CACHE elsewhere", root, dir))
	}
	name := "dir-" + safeName(filepath.Base(dir)) + "-" + digest([]byte(dir))[:16]
	if !b.ReadOnly {
		unlock, err := b.src.Lock(ctx, name)
		if err != nil {
			return nil, err
		}
		defer unlock()
	}
	b.event(Event{Stage: "source", Text: "looking for changes in " + dir})
	paths, err := listTree(ctx, dir)
	if err != nil {
		return nil, err
	}
	m := &mirroring{b: b, from: dir, name: name, dir: b.src.Path(name), old: &index{entries: map[string]entry{}}}
	x, err := m.sync(ctx, paths)
	if err != nil {
		return nil, err
	}
	if err := b.src.Hold(name); err != nil {
		return nil, err
	}
	return &Tree{Source: s, ID: x.id, Dir: b.src.Path(name, "tree"), name: name, index: x}, nil
}

// resolve follows the symbolic links of an absolute path, the end of which may
// not be there yet.
func resolve(name string) string {
	rest := ""
	for p := name; ; p = filepath.Dir(p) {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			return filepath.Join(real, rest)
		}
		if p == filepath.Dir(p) {
			return name
		}
		rest = filepath.Join(filepath.Base(p), rest)
	}
}

// products are patterns of what a build leaves in a tree, for trees without a
// git of their own; gitignore(5). The first undoes what Debian's source
// packages have in their .gitignore: everything at the top is ignored there.
var products = []string{
	"!/*", ".git", "*.o", "*.a", "*.ko", "*.mod", "*.mod.c", "*.cmd", "*.symvers", "modules.order",
	"/.config", "/.config.old", "/vmlinux", "/vmlinux.*", "/.vmlinux.*", "/.tmp_*", "/System.map", "/.version",
	"/Module.symvers", "/modules.*", "/.missing-syscalls.d",
	"/include/config/", "/include/generated/", "/arch/*/include/generated/",
}

// listTree returns the slash paths of the files of a tree that belong to the
// source: what git tracks, with what is new and not ignored. What an unpacked
// tree holds is judged by the .gitignore files of the kernel, with an empty
// repository of ours standing in; so build products stay out.
func listTree(ctx context.Context, dir string) ([]string, error) {
	args := []string{
		// A repository's configuration can name programs to run.
		"-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false",
		// The user may look at a tree of somebody else's.
		"-c", "safe.directory=*",
	}
	list := []string{"ls-files", "-z", "--others", "--exclude-standard"}
	if hasRepository(ctx, args, dir) {
		args = append(args, "-C", dir)
		list = append(list, "--cached")
	} else {
		repo, remove, err := proc.TempDir("ls-")
		if err != nil {
			return nil, err
		}
		defer remove()
		if err := proc.Run(ctx, gitCmd("init", "--quiet", "--bare", "--template=", repo)); err != nil {
			return nil, gitError(ctx, err)
		}
		args = append(args, "-C", dir, "--git-dir="+repo, "--work-tree="+dir)
		for _, p := range products {
			list = append(list, "--exclude="+p)
		}
	}
	out, err := proc.Output(ctx, gitCmd(append(args, list...)...))
	if err != nil {
		return nil, gitError(ctx, err)
	}
	var paths []string
	for p := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		// An untracked repository inside the tree is listed as "dir/".
		if fs.ValidPath(p) && p != "." && !strings.HasPrefix(p, ".git/") && !builtInPlace(p) {
			paths = append(paths, p)
		}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths) // unmerged files are listed once a stage
	if len(paths) == 0 {
		return nil, blame.On(blame.Usage, fmt.Errorf("%s: git lists no file of it", dir))
	}
	return paths, nil
}

// hasRepository tells whether git can be asked about a tree. Of a work tree or a
// submodule that was copied without its repository it can't.
func hasRepository(ctx context.Context, args []string, dir string) bool {
	if !exists(filepath.Join(dir, ".git")) {
		return false
	}
	err := proc.Run(ctx, gitCmd(append(slices.Clone(args), "-C", dir, "rev-parse", "--git-dir")...))
	return err == nil || ctx.Err() != nil
}

// builtInPlace tells what of a build in the tree has kbuild refuse another one
// with O= (Makefile, outputmakefile): some people's git tracks it.
func builtInPlace(p string) bool {
	if p == ".config" || strings.HasPrefix(p, "include/config/") || strings.HasPrefix(p, "include/generated/") {
		return true
	}
	rest, ok := strings.CutPrefix(p, "arch/")
	if _, rest, cut := strings.Cut(rest, "/"); ok && cut {
		return strings.HasPrefix(rest, "include/generated/")
	}
	return false
}

func gitCmd(args ...string) proc.Cmd {
	env := append(environment(), "GIT_OPTIONAL_LOCKS=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null")
	return proc.Cmd{Path: "git", Args: args, Env: env}
}

func gitError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return blame.On(blame.Host, fmt.Errorf("listing the kernel tree: %w", err))
}

// mirroring is one pass over a user's tree.
type mirroring struct {
	b         *Builder
	from      string // the user's tree
	name, dir string // the cache's entry
	old       *index
}

// sync makes the mirror what the tree is at paths and returns the new index.
// Files of the mirror are replaced, never written into: build directories
// share them by hard links.
func (m *mirroring) sync(ctx context.Context, paths []string) (*index, error) {
	tree, indexFile := filepath.Join(m.dir, "tree"), filepath.Join(m.dir, "index")
	dirty := filepath.Join(m.dir, "dirty")
	if x := readIndex(indexFile); x != nil && !exists(dirty) {
		m.old = x
	} else if m.b.ReadOnly {
		return nil, m.uncached("would be copied to")
	} else if err := m.b.src.Discard(m.name); err != nil { // damaged, or a run was killed
		return nil, hostError(err)
	}
	if !m.b.ReadOnly {
		if err := os.MkdirAll(tree, 0o777); err != nil {
			return nil, hostError(err)
		}
	}
	root, err := os.OpenRoot(tree)
	if err != nil {
		return nil, hostError(err)
	}
	defer func() { _ = root.Close() }()

	x := &index{entries: make(map[string]entry, len(paths))}
	changes, told := 0, 0
	for i, p := range paths {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if done := i * 100 / len(paths); changes > 0 && done > told {
			told = done
			m.b.event(Event{Stage: "source", Text: "copying " + m.from, Done: int64(i), Total: int64(len(paths))})
		}
		e, info, err := m.look(p)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, errKind) {
			continue // tracked and deleted; a socket
		}
		if err != nil {
			return nil, blame.On(blame.Host, err)
		}
		before, known := m.old.entries[p]
		if known && e.stat != "" && e.stat == before.stat && e.mode == before.mode {
			x.entries[p] = before
			continue
		}
		if !m.b.ReadOnly {
			if changes == 0 {
				if err := os.WriteFile(dirty, nil, 0o666); err != nil {
					return nil, hostError(err)
				}
			}
			changes++
		}
		if x.entries[p], err = m.copy(root, p, e, info, before); err != nil {
			return nil, err
		}
	}
	for p := range m.old.entries {
		if _, kept := x.entries[p]; !kept {
			if m.b.ReadOnly {
				return nil, m.uncached("has lost " + p + " and would be compared again with")
			}
			changes++
			if err := os.WriteFile(dirty, nil, 0o666); err != nil {
				return nil, hostError(err)
			}
			if err := removePath(root, p); err != nil {
				return nil, hostError(err)
			}
		}
	}
	if changes == 0 {
		return m.old, nil
	}
	x.identify()
	m.b.src.Changed(m.name)
	if err := cache.WriteFile(indexFile, x.encode()); err != nil {
		return nil, hostError(err)
	}
	return x, hostError(os.Remove(dirty))
}

// uncached is the error of one that may not write.
func (m *mirroring) uncached(what string) error {
	return fmt.Errorf("%w: %s %s %s", ErrUncached, m.from, what, filepath.Join(m.dir, "tree"))
}

// changed is the error for a file that has to be copied again, where nothing is
// to be written.
func (m *mirroring) changed(p string) error {
	if m.b.ReadOnly {
		return m.uncached("has changed, in " + p + " at least, and would be copied again to")
	}
	return nil
}

var errKind = errors.New("neither a file nor a link")

// look returns what lstat says of a file of the user's tree.
func (m *mirroring) look(p string) (entry, fs.FileInfo, error) {
	info, err := os.Lstat(filepath.Join(m.from, filepath.FromSlash(p)))
	if err != nil {
		return entry{}, nil, err
	}
	e := entry{mode: info.Mode().Perm()}
	switch info.Mode().Type() {
	case 0:
	case fs.ModeSymlink:
		e.mode = fs.ModeSymlink | 0o777
	default:
		return entry{}, nil, fmt.Errorf("%s: %w", p, errKind)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && time.Since(time.Unix(st.Ctim.Sec, st.Ctim.Nsec)) > settled {
		e.stat = fmt.Sprintf("%d.%d.%d.%d", st.Size, info.ModTime().UnixNano(), st.Ctim.Nano(), st.Ino)
	}
	return e, info, nil
}

// copy brings one file into the mirror, unless it has the same content there.
func (m *mirroring) copy(root *os.Root, p string, e entry, info fs.FileInfo, before entry) (entry, error) {
	name := filepath.Join(m.from, filepath.FromSlash(p))
	if e.mode&fs.ModeSymlink != 0 {
		target, err := os.Readlink(name)
		if err != nil {
			return e, blame.On(blame.Host, err)
		}
		e.digest = digest([]byte(target))
		if e.same(before) {
			return e, nil
		}
		if err := m.changed(p); err != nil {
			return e, err
		}
		return e, hostError(putLink(root, p, target))
	}
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return e, blame.On(blame.Host, err)
	}
	defer func() { _ = f.Close() }()
	var data bytes.Buffer
	data.Grow(int(info.Size()) + bytes.MinRead)
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(h, &data), f); err != nil {
		return e, blame.On(blame.Host, err)
	}
	e.digest = hex.EncodeToString(h.Sum(nil))
	if e.same(before) {
		return e, nil
	}
	if err := m.changed(p); err != nil {
		return e, err
	}
	return e, hostError(putFile(root, p, data.Bytes(), e.mode))
}
