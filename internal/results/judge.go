package results

import (
	"fmt"
	"slices"
	"strings"

	"uetest/internal/console"
	"uetest/internal/feature"
	"uetest/internal/wire"
	"uetest/selftests/catalog"
)

// Judge collects the stream of a guest and makes one Test of each planned
// catalogue entry. It is not safe for concurrent use.
type Judge struct {
	gen    catalog.Generation
	must   map[string]bool // features this kernel must have
	plan   []catalog.Test
	byID   map[string]*state
	open   *state // between Start and End
	splats []console.Splat
	outer  []string // kernel log outside of any test
	notes  []string // what the guest had to say that belongs to no test
	boot   int
}

type state struct {
	entry    catalog.Test
	expect   catalog.Expect
	result   Test
	reported bool
	kmsg     []string
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

// Boot tells the judge that what follows comes from another boot.
func (j *Judge) Boot() {
	j.boot++
	j.open = nil
}

// Add takes one message of the guest. It returns the finished result when m
// ends a test, else nil. A message for a test that is not in the plan or not
// running is an error of the protocol.
func (j *Judge) Add(m wire.Message) (*Test, error) {
	switch m.Kind {
	case wire.Kmsg:
		j.kmsg(m)
		return nil, nil
	case wire.Start:
		s := j.byID[m.ID]
		switch {
		case s == nil:
			return nil, fmt.Errorf("guest started %q, which was not asked for", m.ID)
		case j.open != nil:
			return nil, fmt.Errorf("guest started %q while %q runs", m.ID, j.open.result.ID)
		case s.reported:
			return nil, fmt.Errorf("guest started %q a second time", m.ID)
		}
		j.open = s
		s.result.Boot = j.boot
		return nil, nil
	case wire.End:
		// A test that the agent could not even start has an End alone.
		if s := j.byID[m.ID]; s != nil && j.open == nil && !s.reported && m.Status != wire.Done {
			s.result.Boot = j.boot
			j.open = s
		}
		fallthrough
	case wire.Saw, wire.Log, wire.Output:
		if m.Kind == wire.Log && m.ID == "" {
			j.notes = append(j.notes, m.Text)
			return nil, nil
		}
		if j.open == nil || j.open.result.ID != m.ID {
			return nil, fmt.Errorf("guest sent %s for %q, which is not running", m.Kind, m.ID)
		}
	default:
		return nil, nil
	}
	s := j.open
	switch m.Kind {
	case wire.Saw:
		if s.result.Saw != "" {
			s.result.Saw += " "
		}
		s.result.Saw += m.Key + "=" + m.Value
	case wire.Log, wire.Output:
		s.result.Log = append(s.result.Log, strings.Split(strings.TrimRight(m.Text, "\n"), "\n")...)
	case wire.End:
		j.open = nil
		s.result.Took = m.At
		j.decide(s, m.Status, m.Text)
		return &s.result, nil
	}
	return nil, nil
}

func (j *Judge) kmsg(m wire.Message) {
	lines := console.Record(m.At, m.Caller, m.Text, m.Facility != 0)
	if j.open != nil {
		j.open.kmsg = append(j.open.kmsg, lines...)
		return
	}
	j.outer = append(j.outer, lines...)
}

// Lost ends test id, which was sent to a guest that then went silent or away,
// whether it had started or not, and returns its result. why is what the host
// saw; splats are those found on the console, which may hold more than the
// stream did.
func (j *Judge) Lost(id, why string, splats []console.Splat) *Test {
	j.open = nil
	s := j.byID[id]
	if s == nil || s.reported {
		j.splats = append(j.splats, splats...)
		return nil
	}
	s.reported = true
	r := &s.result
	r.Boot, r.Kmsg = j.boot, s.kmsg
	r.Splats = merge(console.Find(s.kmsg), splats)
	r.Verdict, r.Detail = UnknownFault, why
	if s.provoked() {
		r.Verdict, r.Detail = KnownFault, s.expect.Fault
	}
	return r
}

// decide is the verdict of one test: observed × expected.
func (j *Judge) decide(s *state, status wire.Status, text string) {
	r := &s.result
	s.reported = true
	r.Kmsg = s.kmsg
	r.Splats = console.Find(s.kmsg)
	switch {
	case s.provoked():
		r.Verdict, r.Detail = KnownFault, s.expect.Fault
	case len(r.Splats) > 0:
		// A test that passes while the kernel splats does not pass.
		r.Verdict, r.Detail = UnknownFault, r.Splats[0].Title
	case status == wire.Skipped:
		r.Verdict, r.Detail = j.skip(s, text)
	case status != wire.Done:
		r.Verdict, r.Detail = Errored, ended(status, text)
	case s.expect.Splat != "" && r.Saw != s.expect.Promise:
		r.Verdict, r.Detail = Regressed, "no splat; "+Difference(s.expect.Promise, r.Saw)
	case r.Saw == s.expect.Saw && s.expect.Fault != "" && s.expect.Splat == "":
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
	r := &s.result
	return s.expect.Splat != "" && len(r.Splats) > 0 && r.Splats[0].Title == s.expect.Splat && r.Saw == s.expect.Saw
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

// Notes returns what the guest had to say that belongs to no test: what its
// set-up missed, or that a part of the kernel's log was lost.
func (j *Judge) Notes() []string { return j.notes }

// Unreported returns the ids of the planned tests that have no result yet.
func (j *Judge) Unreported() []string {
	var ids []string
	for _, t := range j.plan {
		if !j.byID[t.ID].reported {
			ids = append(ids, t.ID)
		}
	}
	return ids
}

// Finish returns the results in the order of the plan, and the splats that
// belong to no test. What never reported is Missing; why says what is known
// about the reason.
func (j *Judge) Finish(why string) ([]Test, []console.Splat) {
	tests := make([]Test, 0, len(j.plan))
	for _, t := range j.plan {
		s := j.byID[t.ID]
		if !s.reported {
			s.result.Verdict, s.result.Detail = Missing, why
		}
		tests = append(tests, s.result)
	}
	return tests, merge(console.Find(j.outer), j.splats)
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
