package report

import (
	"fmt"

	"uetest/internal/results"
	"uetest/selftests/catalog"
)

// statement is a claim of the changelog or a reviewer's question.
type statement struct {
	mark
	Ref     string
	Name    string // "claim 3"
	Text    string // the claim, or the answer
	Ask     string // the question
	Message string // id of the mail that asked
	On      []decided
}

// decided is what one kernel says of a statement.
type decided struct {
	mark
	Kernel  string
	Against []statementTest
	For     []areaLinks
	ForN    int
	Open    []testLink
	OpenN   int
	NotRun  int
}

// statementTest is a test that speaks against a statement.
type statementTest struct {
	evidence
	Defect testLink // the known fault that it shows
}

// areaLinks are tests of one area.
type areaLinks struct {
	Area  string
	Tests []testLink
}

// claims are the claims of the changelog, as the kernels with the patch show them;
// none if none of those shows anything.
func (b *builder) claims() []statement {
	var all []statement
	for n, text := range catalog.Claims() {
		if n == 0 {
			continue
		}
		s := statement{Ref: b.ref("claim", fmt.Sprint(n)), Name: fmt.Sprintf("Claim %d", n), Text: text}
		all = append(all, b.decide(s, func(k kernel) results.Decision { return results.DecideClaim(n, k.Run) }))
	}
	return anyDecided(all)
}

// questions are those that the reviewers asked, with the answers.
func (b *builder) questions() []statement {
	var all []statement
	for _, q := range catalog.Questions() {
		s := statement{Ref: b.ref("question", q.ID), Name: q.ID, Text: q.Answer, Ask: q.Ask, Message: q.Message}
		s = b.decide(s, func(k kernel) results.Decision { return results.DecideAnswer(q.ID, k.Run) })
		switch s.Class {
		case markGood.Class:
			s.Word = "borne out"
		case markBad.Class:
			s.Word = "contradicted"
		}
		all = append(all, s)
	}
	return anyDecided(all)
}

func anyDecided(all []statement) []statement {
	for i := range all {
		if all[i].Class != markNone.Class {
			return all
		}
	}
	return nil
}

// decide asks each kernel with the patch. What fails on one of them fails.
func (b *builder) decide(s statement, ask func(kernel) results.Decision) statement {
	s.mark = markNone.say(string(results.NotShown))
	for i := range b.sides {
		if !b.sides[i].with {
			continue
		}
		on := b.decided(&b.sides[i], ask)
		if on.Class == markBad.Class || s.Class == markNone.Class {
			s.mark = on.mark
		}
		s.On = append(s.On, on)
	}
	return s
}

// decided is what a kernel says of a statement: of several runs the one in which
// it fails, or else the first that tells.
func (b *builder) decided(s *side, ask func(kernel) results.Decision) decided {
	k, d := s.runs[0], ask(s.runs[0])
	for _, other := range s.runs[1:] {
		o := ask(other)
		if o.Judgement == results.Fails && d.Judgement != results.Fails || d.Judgement == results.NotShown && o.Judgement == results.Holds {
			k, d = other, o
		}
	}
	on := decided{mark: markNone.say(string(d.Judgement)), Kernel: s.name, ForN: len(d.For), OpenN: len(d.Open), NotRun: len(d.NotRun)}
	switch d.Judgement {
	case results.Holds:
		on.mark = markGood.say(string(d.Judgement))
	case results.Fails:
		on.mark = markBad.say(string(d.Judgement))
	}
	for i := range d.Against {
		t := &d.Against[i]
		st := statementTest{evidence: b.evidence(k, t)}
		st.Splats = nil // the defect has them
		if t.Verdict == results.KnownFault {
			st.Defect = testLink{ID: t.Fault, Ref: b.refs["defect\x00"+t.Fault]}
		}
		on.Against = append(on.Against, st)
	}
	for i := range d.For {
		on.For = byArea(on.For, b.link(&d.For[i]))
	}
	for i := range d.Open {
		on.Open = append(on.Open, b.link(&d.Open[i]))
	}
	return on
}

func byArea(list []areaLinks, t testLink) []areaLinks {
	area := areaOf(t.ID)
	if n := len(list); n > 0 && list[n-1].Area == area {
		list[n-1].Tests = append(list[n-1].Tests, t)
		return list
	}
	return append(list, areaLinks{area, []testLink{t}})
}
