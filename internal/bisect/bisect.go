// Package bisect drives git bisect: it hands out the commits that git asks for,
// tells git what became of each, and reads from git which was the first bad one.
//
// Git knows how to choose, with merges and skipped commits; this package knows how
// to ask it. What a commit is, and when it is bad, it does not know. It works in a
// repository without a work tree, where git notes its references and its log.
package bisect

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/proc"
)

// Verdict is what became of a commit, in git's words.
type Verdict string

// The verdicts.
const (
	Good Verdict = "good"
	Bad  Verdict = "bad"
	Skip Verdict = "skip" // it can't be told
)

// Repository is where git notes down what it was told: a repository with the
// commits, and without another bisection.
type Repository interface {
	Git(ctx context.Context, stdin string, args ...string) (stdout string, err error)
}

// Outcome is what is known at the end of a search, or when it was interrupted.
type Outcome struct {
	First      string   // the first bad commit, if that could be told
	Candidates []string // what it is one of if the others were skipped
	Good, Bad  string   // the closest commits to it that are known to be so
	Log        string   // what "git bisect replay" takes
}

// Try says whether a commit is good. left is how many commits there are to choose
// from after this one, steps how many of them it will take, as git guesses.
type Try func(ctx context.Context, commit string, left, steps int) (Verdict, error)

// Search looks for the first bad commit between good and bad, which are full ids.
// An outcome comes back as far as it goes, also if there is an error: git's, one of
// try, or the end of ctx.
func Search(ctx context.Context, repo Repository, good, bad string, try Try) (*Outcome, error) {
	s := &search{repo: repo, out: &Outcome{Good: good, Bad: bad}}
	// What HEAD is matters to nobody; git wants one to come back to.
	if _, err := repo.Git(ctx, "", "update-ref", "--no-deref", "HEAD", bad); err != nil {
		return s.out, failure(ctx, err)
	}
	err := s.run(ctx, try)
	// The log is to be had also when ctx is over.
	if log, lerr := repo.Git(context.WithoutCancel(ctx), "", "bisect", "log"); lerr == nil {
		s.out.Log = strings.ReplaceAll(log, "git bisect start '--no-checkout' ", "git bisect start ")
		if _, nerr := repo.Git(context.WithoutCancel(ctx), "", "merge-base", "--is-ancestor", good, bad); nerr != nil {
			s.out.Log = oneByOne(s.out.Log, good, bad)
		}
	}
	return s.out, err
}

// oneByOne has git be told of the ends after the start: a replay ends at a start that
// asks for a merge base to be tested (git 2.39).
func oneByOne(log, good, bad string) string {
	start := fmt.Sprintf("git bisect start '%s' '%s'\n", bad, good)
	return strings.Replace(log, start, fmt.Sprintf("git bisect start\ngit bisect bad %s\ngit bisect good %s\n", bad, good), 1)
}

type search struct {
	repo Repository
	out  *Outcome
}

func (s *search) run(ctx context.Context, try Try) error {
	said, err := s.tell(ctx, "start", "--no-checkout", s.out.Bad, s.out.Good)
	for err == nil && !s.over(said) {
		var commit string
		if commit, err = s.repo.Git(ctx, "", "rev-parse", "--verify", "BISECT_HEAD"); err != nil {
			return failure(ctx, err)
		}
		commit = strings.TrimSpace(commit)
		left, steps := guess(said)
		verdict, terr := try(ctx, commit, left, steps)
		if terr != nil {
			return terr
		}
		if said, err = s.tell(ctx, string(verdict), commit); err != nil {
			return err
		}
		switch verdict {
		case Good:
			s.out.Good = commit
		case Bad:
			s.out.Bad = commit
		}
	}
	return err
}

// onlySkipped is git's exit code if all that are left were skipped
// (BISECT_ONLY_SKIPPED_LEFT of bisect.h, negated).
const onlySkipped = 2

// mergeBase is git's exit code if the commit that both ends come from is bad
// (BISECT_MERGE_BASE_CHECK of bisect.h, negated): what is looked for was mended on the
// way to the good one.
const mergeBase = 3

// tell runs a command of git bisect.
func (s *search) tell(ctx context.Context, args ...string) (string, error) {
	said, err := s.repo.Git(ctx, "", append([]string{"bisect"}, args...)...)
	var exit *proc.ExitError
	if errors.As(err, &exit) && exit.Code == onlySkipped && strings.Contains(said, "first bad commit could be any of") {
		err = nil
	}
	return said, failure(ctx, err)
}

// failure is git's refusal to go on, which is about the commits that it was given.
func failure(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	party := blame.Usage
	var exit *proc.ExitError
	if errors.As(err, &exit) && exit.Stderr != "" {
		if exit.Code == mergeBase {
			party = blame.Test
		}
		err = fmt.Errorf("git bisect: %s", strings.TrimSpace(exit.Stderr))
	}
	return blame.On(party, err)
}

var (
	isFirst  = regexp.MustCompile(`(?m)^([0-9a-f]{40,64}) is the first bad commit$`)
	couldBe  = regexp.MustCompile(`(?ms)^The first bad commit could be any of:\n(.*)`)
	objectID = regexp.MustCompile(`(?m)^[0-9a-f]{40,64}$`)
	progress = regexp.MustCompile(`Bisecting: (\d+) revisions? left to test after this \(roughly (\d+) steps?\)`)
)

// over reads from what git said whether the search is over.
func (s *search) over(said string) bool {
	if m := isFirst.FindStringSubmatch(said); m != nil {
		s.out.First, s.out.Bad = m[1], m[1]
		return true
	}
	if m := couldBe.FindStringSubmatch(said); m != nil {
		s.out.Candidates = objectID.FindAllString(m[1], -1)
		return true
	}
	return false
}

// guess reads how much there is left; zeros if git does not say, as when it has a
// merge base tested first.
func guess(said string) (left, steps int) {
	if m := progress.FindStringSubmatch(said); m != nil {
		left, _ = strconv.Atoi(m[1]) // digits
		steps, _ = strconv.Atoi(m[2])
	}
	return left, steps
}
