// Package gittest makes git repositories for tests.
package gittest

import (
	"os"
	"strings"
	"testing"

	"uetest/internal/proc"
)

// New is a repository on a branch main without a commit, and what runs git in it and
// returns what that prints. Nothing of the user's configuration counts.
func New(t testing.TB) (dir string, git func(args ...string) string) {
	t.Helper()
	dir = t.TempDir()
	git = func(args ...string) string {
		t.Helper()
		out, err := proc.Output(t.Context(), proc.Cmd{
			Path: "git",
			Args: append([]string{"-C", dir, "-c", "user.name=A", "-c", "user.email=a@example.org"}, args...),
			Env:  append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null"),
		})
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	return dir, git
}

// Row is a repository with n commits in a row that change nothing, oldest first.
func Row(t testing.TB, n int) (dir string, ids []string) {
	t.Helper()
	dir, git := New(t)
	for range n {
		git("commit", "-q", "--allow-empty", "-m", "one more")
		ids = append(ids, git("rev-parse", "HEAD"))
	}
	return dir, ids
}
