package git

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"uetest/internal/git/gittest"
)

// history is a small git tree: a.c and b.c change in turn.
func history(t *testing.T) (dir string, run func(args ...string) string) {
	t.Helper()
	dir, run = gittest.New(t)
	commit := func(subject string, files map[string]string) {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		run("add", "-A")
		run("commit", "-q", "-m", subject)
	}
	commit("one", map[string]string{"a.c": "a1\n", "b.c": "b1\n"})
	run("tag", "v1")
	commit("two", map[string]string{"a.c": "a2\n"})
	commit("three", map[string]string{"b.c": "b2\n"})
	commit("four", map[string]string{"a.c": "a1\n"})
	return dir, run
}

func open(t *testing.T, dir string) *Tree {
	t.Helper()
	tree, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func TestCommitIsFoundByItsBlobs(t *testing.T) {
	dir, run := history(t)
	tree := open(t, dir)
	blob := func(at string) string { return run("rev-parse", at)[:10] }
	for name, tt := range map[string]struct {
		files map[string]string
		want  string // subject, or "" for none
	}{
		"the newest that has it":     {map[string]string{"a.c": blob("v1:a.c")}, "four"},
		"one that others came after": {map[string]string{"a.c": blob("main~2:a.c"), "b.c": blob("v1:b.c")}, "two"},
		"the last to come decides":   {map[string]string{"a.c": blob("main~2:a.c"), "b.c": blob("main:b.c")}, "three"},
		"the first":                  {map[string]string{"a.c": blob("v1:a.c"), "b.c": blob("v1:b.c")}, "one"},
		"a blob that is not there":   {map[string]string{"a.c": "0123456789"}, ""},
		"one of another path":        {map[string]string{"a.c": blob("v1:b.c")}, ""},
		"no blob":                    {map[string]string{"a.c": run("rev-parse", "main")}, ""},
		"no id":                      {map[string]string{"a.c": "--output=x"}, ""},
	} {
		c, ok, err := tree.WithBlobs(t.Context(), tt.files)
		if err != nil || ok != (tt.want != "") || c.Subject != tt.want {
			t.Errorf("%s: got %+v, %v, %v; want %q", name, c, ok, err, tt.want)
		}
	}
	c, ok, err := tree.Commit(t.Context(), "main~1")
	if err != nil || !ok || !strings.HasPrefix(c.Describe, "v1-2-g") {
		t.Errorf("got %+v, %v, %v; want two commits after v1", c, ok, err)
	}
	if _, ok, err := tree.Commit(t.Context(), "nosuch"); ok || err != nil {
		t.Errorf("nosuch: %v, %v", ok, err)
	}
	for b, want := range map[string]bool{"main": true, "v1": false} {
		if got, err := tree.Ancestor(t.Context(), c.ID, b); got != want || err != nil {
			t.Errorf("ancestor of %s: %v, %v", b, got, err)
		}
	}
}

// A tree comes from a stranger: its configuration must start nothing.
func TestTreesConfigurationStartsNothing(t *testing.T) {
	dir, run := history(t)
	mark := filepath.Join(t.TempDir(), "started")
	script := filepath.Join(t.TempDir(), "evil")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ntouch "+mark+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"core.fsmonitor", "core.pager", "diff.external", "gpg.program", "core.sshCommand", "diff.c.textconv", "core.editor"} {
		run("config", key, script)
	}
	run("config", "log.showSignature", "true")
	if err := os.WriteFile(filepath.Join(dir, ".git", "info", "attributes"), []byte("*.c diff=c\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tree := open(t, dir)
	if _, ok, err := tree.WithBlobs(t.Context(), map[string]string{"a.c": run("rev-parse", "v1:a.c")}); !ok || err != nil {
		t.Fatalf("%v, %v", ok, err)
	}
	if _, _, err := tree.Commit(t.Context(), "main"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a program of the tree's configuration was started")
	}
}

func TestDirectoryWithoutHistoryIsNoTree(t *testing.T) {
	if _, err := Open(t.TempDir()); !errors.Is(err, ErrNone) {
		t.Errorf("got %v, want ErrNone", err)
	}
}
