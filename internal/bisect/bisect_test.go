package bisect_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"uetest/internal/bisect"
	"uetest/internal/blame"
	"uetest/internal/git"
	"uetest/internal/git/gittest"
)

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
	dir, ids := gittest.Row(t, 12)
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

// forked is a history with a side branch that was merged, and one that was not:
//
//	root - a - b - merge - tip
//	   \    s - t /
//	    \ other
func forked(t *testing.T) (dir string, id map[string]string) {
	t.Helper()
	dir, run := gittest.New(t)
	id = map[string]string{}
	commit := func(names ...string) {
		for _, name := range names {
			run("commit", "-q", "--allow-empty", "-m", name)
			run("tag", name)
		}
	}
	commit("root", "a")
	run("checkout", "-q", "-b", "side")
	commit("s", "t")
	run("checkout", "-q", "main")
	commit("b")
	run("merge", "-q", "--no-ff", "-m", "merge", "side")
	run("tag", "merge")
	commit("tip")
	run("checkout", "-q", "-b", "stray", "root")
	commit("other")
	for _, name := range []string{"root", "a", "s", "t", "b", "merge", "tip", "other"} {
		id[name] = run("rev-parse", name+"^{commit}")
	}
	return dir, id
}

// replayed is the commit that git takes for bad when it has replayed a log.
func replayed(t *testing.T, dir, log string) string {
	t.Helper()
	clone := t.TempDir()
	file := filepath.Join(clone, "log")
	if err := os.WriteFile(file, []byte(log), 0o600); err != nil {
		t.Fatal(err)
	}
	var out []byte
	for _, args := range [][]string{{"clone", "-q", "--bare", dir, clone + "/git"}, {"-C", clone + "/git", "bisect", "replay", file}, {"-C", clone + "/git", "rev-parse", "refs/bisect/bad"}} {
		var err error
		if out, err = exec.CommandContext(t.Context(), "git", args...).Output(); err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
	}
	return strings.TrimSpace(string(out))
}

func TestHistoriesThatAreNoRow(t *testing.T) {
	dir, id := forked(t)
	for _, tt := range []struct {
		name, good string
		bad        []string // besides tip
		first      string
		err        string
		party      blame.Party
	}{
		{"on the side branch", "root", []string{"t", "merge"}, "t", "", 0},
		{"at the beginning of the side branch", "root", []string{"s", "t", "merge"}, "s", "", 0},
		{"on the main branch", "root", []string{"b", "merge"}, "b", "", 0},
		{"the merge itself", "root", []string{"merge"}, "merge", "", 0},
		{"GOOD is of another branch", "other", []string{"t", "merge"}, "t", "", 0},
		{"mended on the way to GOOD", "other", []string{"root", "a", "s", "t", "b", "merge"}, "", "The merge base " + id["root"] + " is bad.", blame.Test},
	} {
		out, err := bisect.Search(t.Context(), borrow(t, dir), id[tt.good], id["tip"], func(_ context.Context, c string, _, _ int) (bisect.Verdict, error) {
			for _, name := range append(tt.bad, "tip") {
				if id[name] == c {
					return bisect.Bad, nil
				}
			}
			return bisect.Good, nil
		})
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) || blame.Of(err) != tt.party {
				t.Errorf("%s: %v (%v), want %q (%v)", tt.name, err, blame.Of(err), tt.err, tt.party)
			}
		case err != nil || out.First != id[tt.first]:
			t.Errorf("%s: found %q, %v; want %s", tt.name, out.First, err, id[tt.first])
		default:
			if got := replayed(t, dir, out.Log); got != id[tt.first] {
				t.Errorf("%s: replayed, the log comes to %s, want %s:\n%s", tt.name, got, id[tt.first], out.Log)
			}
		}
	}
}

func TestSkippedCommitsAreToldIfTheyHideIt(t *testing.T) {
	dir, ids := gittest.Row(t, 6)
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
	dir, ids := gittest.Row(t, 20)
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
