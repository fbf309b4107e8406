package results

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"uetest/internal/console"
	"uetest/internal/feature"
	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

// Judge makes one Test of each planned catalogue entry from what the guests of a
// run say, each heard by a Guest of its own. It and they are safe for concurrent
// use.
type Judge struct {
	gen  catalog.Generation
	must map[string]bool // features this kernel must have
	may  Allowed         // nil: nothing
	plan []catalog.Test

	mu     sync.Mutex // guards what follows, and the guests
	byID   map[string]*state
	guests []*Guest
	splats []console.Splat // of a guest, after the test that it went away in
	notes  []string        // what the guests had to say that belongs to no test
}

type state struct {
	entry    catalog.Test
	expect   catalog.Expect
	result   Test
	running  bool // it was started; stays
	reported bool
	kmsg     []string // kernel log between start and end
	late     []string // and after the end, before the next test
}

// NewJudge prepares verdicts for the tests in plan on generation gen. must
// lists the features that the kernel was built with: a test that skips because
// one of them is missing did not earn its skip. Tests that do not apply to gen
// must not be in plan.
func NewJudge(gen catalog.Generation, plan []catalog.Test, must []feature.Name) *Judge {
	j := &Judge{gen: gen, plan: plan, byID: map[string]*state{}, must: map[string]bool{}}
	for _, f := range must {
		j.must[string(f)] = true
	}
	for _, t := range plan {
		e, _ := t.On(gen)
		j.byID[t.ID] = &state{entry: t, expect: e, result: Test{
			ID: t.ID, Purpose: t.Purpose, Expected: e.Saw, Promise: e.Promise, Fault: e.Fault,
		}}
	}
	return j
}

// decide is the verdict of one test: observed × expected.
func (j *Judge) decide(s *state, splats []console.Splat, status wire.Status, text string) {
	r := &s.result
	s.reported = true
	r.Kmsg = s.kmsg
	r.Splats = splats
	charged := Charged(r.Splats)
	switch {
	case s.provoked():
		r.Verdict, r.Detail = KnownFault, s.expect.Fault
	case len(charged) > 0:
		// A test that passes while the kernel splats does not pass.
		r.Verdict, r.Detail = UnknownFault, charged[0].Title
	case status == wire.Skipped:
		r.Verdict, r.Detail = j.skip(s, text)
	case status != wire.Done:
		r.Verdict, r.Detail = Errored, ended(status, text)
	case s.expect.Splat != "" && r.Saw != s.expect.Promise:
		r.Verdict, r.Detail = Regressed, "no splat; "+Difference(s.expect.Promise, r.Saw)
	case s.expect.Splat != "":
		r.Verdict, r.Detail = Fixed, s.expect.Fault+" no longer shows"
	case r.Saw == s.expect.Saw && s.expect.Fault != "":
		r.Verdict, r.Detail = KnownFault, s.expect.Fault
	case r.Saw == s.expect.Saw:
		r.Verdict = AsExpected
	case s.expect.Fault != "" && r.Saw == s.expect.Promise:
		r.Verdict, r.Detail = Fixed, s.expect.Fault+" no longer shows"
	default:
		r.Verdict, r.Detail = Regressed, Difference(s.expect.Saw, r.Saw)
	}
}

// provoked reports whether the test saw the kernel make the report that it
// provokes. What the kernel reports after that comes of it.
func (s *state) provoked() bool {
	charged := Charged(s.result.Splats)
	return s.expect.Splat != "" && len(charged) > 0 && charged[0].Title == s.expect.Splat && s.result.Saw == s.expect.Saw
}

// skip decides whether a skip was earned: the test has to say it needs the
// feature, and the kernel must not be one that has to have it.
func (j *Judge) skip(s *state, lacks string) (Verdict, string) {
	if !slices.Contains(s.entry.Needs, feature.Name(lacks)) {
		return Errored, fmt.Sprintf("skipped for %q, which the catalogue does not list under its needs", lacks)
	}
	if j.must[lacks] {
		return Errored, fmt.Sprintf("skipped for want of %s, but this kernel was built with it", lacks)
	}
	return Skipped, "needs " + lacks
}

func ended(s wire.Status, text string) string {
	if text == "" {
		return string(s)
	}
	return string(s) + ": " + text
}

// Notes returns what the guests had to say that belongs to no test: what their
// set-up missed, or that a part of the kernel's log was lost.
func (j *Judge) Notes() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.notes)
}

// Finish returns the results in the order of the plan, and the splats that
// belong to no test. What never reported is Missing; why says what is known
// about the reason. No message may follow.
func (j *Judge) Finish(why string) ([]Test, []console.Splat) {
	j.mu.Lock()
	defer j.mu.Unlock()
	tests := make([]Test, 0, len(j.plan))
	for _, t := range j.plan {
		s := j.byID[t.ID]
		if !s.reported {
			s.result.Verdict, s.result.Detail = Missing, why
		}
		j.belated(s, console.Find(s.late), s.late)
		tests = append(tests, s.result)
	}
	var outer []console.Splat
	for _, g := range j.guests {
		outer = merge(outer, console.Find(g.outer))
	}
	return tests, j.mark(nil, merge(outer, j.splats))
}

// belated adds what the kernel reported after the test had ended.
func (j *Judge) belated(s *state, splats []console.Splat, lines []string) {
	splats = j.mark(s, splats)
	if len(splats) == 0 {
		return
	}
	r := &s.result
	known := s.provoked() // what comes after the report that it provokes comes of it
	r.Kmsg = append(r.Kmsg, lines...)
	r.Splats = append(r.Splats, splats...)
	if charged := Charged(splats); r.Verdict.Good() && !known && len(charged) > 0 {
		r.Verdict, r.Detail = UnknownFault, charged[0].Title+", after the test had ended"
	}
}

// merge joins two lists of splats from the same kernel, by title.
func merge(a, b []console.Splat) []console.Splat {
	for _, s := range b {
		if !slices.ContainsFunc(a, func(t console.Splat) bool { return t.Title == s.Title }) {
			a = append(a, s)
		}
	}
	return a
}

// Difference says in one line where two observation strings part.
func Difference(want, got string) string {
	w, g := strings.Fields(want), strings.Fields(got)
	var parts []string
	for i := range max(len(w), len(g)) {
		switch {
		case i >= len(g):
			parts = append(parts, "no "+w[i])
		case i >= len(w):
			parts = append(parts, g[i]+" on top")
		case w[i] != g[i]:
			want := w[i]
			if key, value, ok := strings.Cut(w[i], "="); ok && strings.HasPrefix(g[i], key+"=") {
				want = value
			}
			parts = append(parts, g[i]+", not "+want)
		}
	}
	return strings.Join(parts, "; ")
}
