package bisect_test

import (
	"context"
	"errors"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"uetest/internal/bisect"
	"uetest/internal/git"
)

// history is a repository with commits in a row, oldest first.
func history(t *testing.T, n int) (dir string, ids []string) {
	t.Helper()
	dir = t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=A", "-c", "user.email=a@example.org"}, args...)...)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run("init", "-q", "-b", "main")
	for range n {
		run("commit", "-q", "--allow-empty", "-m", "one more")
		ids = append(ids, run("rev-parse", "HEAD"))
	}
	return dir, ids
}

func borrow(t *testing.T, dir string) *git.Borrowed {
	t.Helper()
	tree, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := tree.Borrow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func TestFirstBadCommitIsFoundWhereverItIs(t *testing.T) {
	dir, ids := history(t, 12)
	for bad := 1; bad < len(ids); bad++ {
		repo := borrow(t, dir)
		tried := 0
		out, err := bisect.Search(t.Context(), repo, ids[0], ids[len(ids)-1], func(_ context.Context, id string, _, _ int) (bisect.Verdict, error) {
			tried++
			if slices.Index(ids, id) >= bad {
				return bisect.Bad, nil
			}
			return bisect.Good, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if out.First != ids[bad] || out.Bad != ids[bad] || out.Good != ids[bad-1] || tried > 4 {
			t.Errorf("bad from %d: found %d, between %d and %d, after %d tries", bad, slices.Index(ids, out.First), slices.Index(ids, out.Good), slices.Index(ids, out.Bad), tried)
		}
		if !strings.Contains(out.Log, "git bisect start '"+ids[len(ids)-1]+"' '"+ids[0]+"'\n") {
			t.Errorf("the log can't be replayed:\n%s", out.Log)
		}
	}
}

func TestSkippedCommitsAreToldIfTheyHideIt(t *testing.T) {
	dir, ids := history(t, 6)
	out, err := bisect.Search(t.Context(), borrow(t, dir), ids[0], ids[5], func(_ context.Context, id string, _, _ int) (bisect.Verdict, error) {
		switch i := slices.Index(ids, id); {
		case i == 2 || i == 3:
			return bisect.Skip, nil
		case i > 3:
			return bisect.Bad, nil
		}
		return bisect.Good, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, want := slices.Sorted(slices.Values(out.Candidates)), slices.Sorted(slices.Values(ids[2:5]))
	if out.First != "" || !slices.Equal(got, want) {
		t.Errorf("first %q, candidates %q; want none and %q", out.First, got, want)
	}
}

func TestInterruptedSearchSaysHowFarItCame(t *testing.T) {
	dir, ids := history(t, 20)
	stop := errors.New("enough")
	n := 0
	out, err := bisect.Search(t.Context(), borrow(t, dir), ids[0], ids[19], func(context.Context, string, int, int) (bisect.Verdict, error) {
		if n++; n == 3 {
			return "", stop
		}
		return bisect.Good, nil
	})
	if !errors.Is(err, stop) || out.Good == ids[0] || out.Bad != ids[19] || strings.Count(out.Log, "\ngit bisect good ") != 2 {
		t.Errorf("%v, between %d and %d\n%s", err, slices.Index(ids, out.Good), slices.Index(ids, out.Bad), out.Log)
	}
}
