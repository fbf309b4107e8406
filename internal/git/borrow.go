package git

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// Borrowed is a repository of our own that has no objects but those of a user's
// tree. What git notes down in the course of its work, references, a bisection, is
// in there; the user's repository is only read. It ends with uetest at the latest.
type Borrowed struct {
	tree   *Tree
	close  func()
	object string // the format of the ids: sha1, sha256
}

// Borrow makes such a repository. The caller closes it.
func (t *Tree) Borrow(ctx context.Context) (*Borrowed, error) {
	ask := func(args ...string) (string, error) {
		out, err := t.output(ctx, "", append([]string{"rev-parse", "--path-format=absolute"}, args...)...)
		if err != nil {
			if ctx.Err() != nil {
				return "", context.Cause(ctx)
			}
			return "", blame.On(blame.Usage, fmt.Errorf("%s: %w", t.dir, err))
		}
		return strings.TrimSpace(out), nil
	}
	format, err := ask("--show-object-format")
	if err != nil {
		return nil, err
	}
	objects, err := ask("--git-path", "objects")
	if err != nil {
		return nil, err
	}
	shallow, err := ask("--git-path", "shallow")
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(objects, "\n") {
		return nil, blame.On(blame.Usage, fmt.Errorf("%q: git takes no objects from a path with a newline", objects))
	}
	dir, remove, err := proc.TempDir("git-")
	if err != nil {
		return nil, err
	}
	b := &Borrowed{tree: &Tree{dir: dir, bare: true}, close: remove, object: format}
	if err := b.borrow(ctx, objects, shallow); err != nil {
		remove()
		return nil, err
	}
	return b, nil
}

// borrow fills the repository.
func (b *Borrowed) borrow(ctx context.Context, objects, shallow string) error {
	if _, err := b.Git(ctx, "", "init", "--quiet", "--bare", "--template=", "--object-format="+b.object, "--initial-branch=none"); err != nil {
		return err
	}
	// gitrepository-layout(5). A path that begins with a quote is a C string.
	if strings.HasPrefix(objects, `"`) {
		objects = strconv.Quote(objects)
	}
	if err := os.WriteFile(filepath.Join(b.tree.dir, "objects", "info", "alternates"), []byte(objects+"\n"), 0o644); err != nil {
		return blame.On(blame.Host, err)
	}
	grafts, err := os.ReadFile(shallow)
	switch {
	case err == nil:
		err = os.WriteFile(filepath.Join(b.tree.dir, "shallow"), grafts, 0o644)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	}
	return blame.On(blame.Host, err)
}

// Close removes the repository.
func (b *Borrowed) Close() { b.close() }

// Git runs a git command in the repository and returns what it prints. An error is
// an *proc.ExitError if git refused.
func (b *Borrowed) Git(ctx context.Context, stdin string, args ...string) (string, error) {
	return b.tree.output(ctx, stdin, args...)
}

// Entry is a file of a commit.
type Entry struct {
	Mode fs.FileMode // permission bits, and fs.ModeSymlink
	Blob string
}

// Files returns the files of a commit by their slash paths. Submodules are left
// out.
func (b *Borrowed) Files(ctx context.Context, commit string) (map[string]Entry, error) {
	out, err := b.Git(ctx, "", "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return nil, blame.On(blame.Host, err)
	}
	files := map[string]Entry{}
	for line := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		head, path, ok := strings.Cut(line, "\t")
		field := strings.Fields(head) // MODE TYPE ID
		if !ok || len(field) != 3 || !fs.ValidPath(path) {
			return nil, blame.On(blame.Host, fmt.Errorf("commit %.12s: git ls-tree says %q", commit, line))
		}
		switch field[0] {
		case "100644":
			files[path] = Entry{0o644, field[2]}
		case "100755":
			files[path] = Entry{0o755, field[2]}
		case "120000":
			files[path] = Entry{fs.ModeSymlink | 0o777, field[2]}
		}
	}
	return files, nil
}

// Blobs returns the contents of blobs, in their order. One that the tree has not,
// as a partial clone has not all, is an error: nothing is fetched.
func (b *Borrowed) Blobs(ctx context.Context, ids []string) ([][]byte, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	out, err := b.Git(ctx, strings.Join(ids, "\n")+"\n", "cat-file", "--batch")
	if err != nil {
		return nil, blame.On(blame.Host, err)
	}
	r := bufio.NewReader(strings.NewReader(out))
	var blobs [][]byte
	for _, id := range ids {
		head, err := r.ReadString('\n') // ID TYPE SIZE, or ID missing
		field := strings.Fields(head)
		size := -1
		if len(field) == 3 && field[1] == "blob" {
			size, _ = strconv.Atoi(field[2])
		}
		if err != nil || size < 0 || size > len(out) {
			return nil, blame.On(blame.Usage, fmt.Errorf("the tree has no blob %.12s, which one of its commits names: is it a partial clone? git fetch --refetch completes it", id))
		}
		data := make([]byte, size+1)
		if _, err := io.ReadFull(r, data); err != nil {
			return nil, blame.On(blame.Host, fmt.Errorf("blob %.12s: %w", id, err))
		}
		blobs = append(blobs, data[:size:size]) // and a newline behind it
	}
	return blobs, nil
}
