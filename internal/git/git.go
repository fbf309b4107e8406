// Package git asks a user's git tree which of its commits a patch was written
// for. It never changes the tree, fetches nothing, and starts none of the
// programs that a tree's configuration may name.
package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// Tree is a work tree with its history.
type Tree struct {
	dir  string
	bare bool // dir is a repository of our own
}

// ErrNone is returned for a directory that is no git tree.
var ErrNone = errors.New("not a git tree")

// Open returns the git tree whose top is dir. The error for one that is none
// wraps ErrNone.
func Open(dir string) (*Tree, error) {
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = ErrNone
		}
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return &Tree{dir: dir}, nil
}

// Commit is a commit of the tree.
type Commit struct {
	ID       string `json:"id"`       // in full
	Describe string `json:"describe"` // the tag that it comes after: v6.1-rc2-3-g4a8840af5f53; or its short id
	Subject  string `json:"subject"`
}

func (c Commit) String() string { return fmt.Sprintf("%.12s (%s)", c.ID, c.Describe) }

// output runs git. What a stranger's configuration could have it start, or
// write, is turned off.
func (t *Tree) output(ctx context.Context, stdin string, args ...string) (string, error) {
	always := []string{
		"-C", t.dir, "--no-pager", "--no-optional-locks", "--literal-pathspecs",
		"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "log.showSignature=false",
		"-c", "core.commitGraph=true", "-c", "protocol.allow=never",
	}
	if t.bare {
		always = append(always, "--git-dir=.")
	}
	out, err := proc.Output(ctx, proc.Cmd{
		Path: "git", Args: append(always, args...), Stdin: strings.NewReader(stdin),
		Env: environment(),
	})
	return string(out), err
}

// environment is without what a hook of another tree would set, GIT_DIR for one.
func environment() []string {
	env := []string{"GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C"}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GIT_") && !strings.HasPrefix(kv, "LC_ALL=") {
			env = append(env, kv)
		}
	}
	return env
}

// refused returns the error that the caller should see: none if git only says
// that there is no such thing.
func refused(ctx context.Context, err error) error {
	var exit *proc.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit) && !strings.Contains(exit.Stderr, "dubious ownership"):
		return nil
	}
	return blame.On(blame.Host, err)
}

// Find returns the full id and the type, "commit", "blob", of an object. ok is
// false if the tree has none that begins so, or several.
func (t *Tree) Find(ctx context.Context, id string) (full, kind string, ok bool, err error) {
	if !hexadecimal(id) {
		return "", "", false, nil
	}
	out, err := t.output(ctx, id+"\n", "cat-file", "--batch-check=%(objectname) %(objecttype)")
	if err != nil {
		return "", "", false, refused(ctx, err)
	}
	full, kind, _ = strings.Cut(strings.TrimSpace(out), " ")
	return full, kind, strings.HasPrefix(full, id) && (kind == "commit" || kind == "blob" || kind == "tag" || kind == "tree"), nil
}

func hexadecimal(id string) bool {
	return len(id) >= 4 && len(id) <= 64 && strings.Trim(id, "0123456789abcdef") == ""
}

// Commit returns a commit by its id, which may be abbreviated, or by a name
// such as HEAD.
func (t *Tree) Commit(ctx context.Context, name string) (Commit, bool, error) {
	if strings.HasPrefix(name, "-") {
		return Commit{}, false, nil
	}
	out, err := t.output(ctx, "", "log", "-1", "--no-show-signature", "--format=%H %s", name, "--")
	if err != nil {
		return Commit{}, false, refused(ctx, err)
	}
	c := Commit{}
	c.ID, c.Subject, _ = strings.Cut(strings.TrimRight(out, "\n"), " ")
	if out, err = t.output(ctx, "", "describe", "--tags", "--always", "--abbrev=12", c.ID); err != nil {
		return c, true, refused(ctx, err)
	}
	c.Describe = strings.TrimSpace(out)
	return c, true, nil
}

// Ancestor says whether commit a is b or one that came before it.
func (t *Tree) Ancestor(ctx context.Context, a, b string) (bool, error) {
	_, err := t.output(ctx, "", "merge-base", "--is-ancestor", a, b)
	return err == nil, refused(ctx, err)
}

// Limits of a search through the history.
const (
	searchCommits = 64               // candidates that are looked at
	searchTime    = 30 * time.Second // the whole of Linux takes some seconds a file
)

// ErrGaveUp says that a search took too long.
var ErrGaveUp = fmt.Errorf("gave up the search after %s", searchTime)

// WithBlobs looks for the newest commit of any branch or tag in which each
// path has the blob that files names for it, in full or abbreviated.
func (t *Tree) WithBlobs(ctx context.Context, files map[string]string) (Commit, bool, error) {
	own, cancel := context.WithTimeoutCause(ctx, searchTime, ErrGaveUp)
	defer cancel()
	c, ok, err := t.withBlobs(own, files)
	if err != nil && ctx.Err() == nil && own.Err() != nil {
		err = ErrGaveUp
	}
	return c, ok, err
}

func (t *Tree) withBlobs(ctx context.Context, files map[string]string) (Commit, bool, error) {
	full := map[string]string{}
	for path, id := range files {
		blob, kind, ok, err := t.Find(ctx, id)
		if err != nil || !ok || kind != "blob" {
			return Commit{}, false, err // no commit can have it
		}
		full[path] = blob
	}
	// A blob comes with one commit and goes with another. The newest commit at
	// which all are there is one at which the last of them came.
	for _, path := range slices.Sorted(maps.Keys(full)) {
		out, err := t.output(ctx, "", "log", "--all", "--no-show-signature", "--no-ext-diff", "--no-textconv",
			"--no-renames", fmt.Sprintf("--max-count=%d", searchCommits), "--format=%H", "--find-object="+full[path], "--", path)
		if err != nil {
			return Commit{}, false, refused(ctx, err)
		}
		for _, id := range strings.Fields(out) {
			ok, err := t.has(ctx, id, full)
			if err != nil {
				return Commit{}, false, err
			}
			if ok {
				return t.Commit(ctx, id)
			}
		}
	}
	return Commit{}, false, nil
}

// has says whether a commit has the blobs.
func (t *Tree) has(ctx context.Context, commit string, files map[string]string) (bool, error) {
	var ask strings.Builder
	paths := slices.Sorted(maps.Keys(files))
	for _, path := range paths {
		ask.WriteString(commit + ":" + path + "\n")
	}
	out, err := t.output(ctx, ask.String(), "cat-file", "--batch-check=%(objectname)")
	if err != nil {
		return false, refused(ctx, err)
	}
	got := strings.Split(strings.TrimRight(out, "\n"), "\n")
	for i, path := range paths {
		if i >= len(got) || got[i] != files[path] {
			return false, nil
		}
	}
	return true, nil
}
