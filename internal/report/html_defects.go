package report

import (
	"fmt"
	"slices"
	"strings"

	"uetest/internal/console"
	"uetest/internal/results"
)

// finding is something that does not hold, with its evidence.
type finding struct {
	mark
	Ref     string
	Title   string
	Under   string // fragment of what Title names
	About   string
	Claim   string
	Kernels string // that show it; empty if there is one kernel
	Times   int    // in how many runs of the kernel
	Of      int    // that there are
	NotNew  string // kernels without the patch that show it too
	Test    *evidence
	More    []testLink
	Again   string
}

// evidence is what one test saw.
type evidence struct {
	testLink
	Detail  string
	Saw     []token
	Wanted  string // what the next is: promised, expected
	Want    []token
	Log     []string
	LogMore int
	Splats  []pageSplat
	Again   string
}

// testLink names a test; Ref is empty if the page does not have it.
type testLink struct {
	ID, Ref, Purpose string
}

// Short is the id without its area.
func (l testLink) Short() string {
	if _, name, ok := strings.Cut(l.ID, "/"); ok {
		return name
	}
	return l.ID
}

// token is a word of an observation.
type token struct {
	Text    string
	Differs bool // from the other side
}

// pageSplat is a report of the kernel.
type pageSplat struct {
	Title   string
	In      string
	Times   int
	Hunk    []diffLine
	File    string // the hunk's
	Frames  []pageFrame
	Lines   []string
	More    int // lines that are left out
	Allowed string
}

type pageFrame struct{ Stack, Func, Where string }

// What is shown of one thing at most; the record has the rest.
const (
	htmlLines    = 400 // of a log, a splat
	htmlBytes    = 32 << 10
	htmlLine     = 2000 // bytes of a line of these
	htmlFindings = 60   // results that need attention, in full
	htmlSplats   = 8    // of a test
)

// findings fills in what does not hold: what needs attention first, of all
// kernels, then the known faults of those with the patch.
func (b *builder) findings(p *page) {
	for _, d := range b.underTest.all() {
		if d.fault != "" {
			p.Defects = append(p.Defects, b.defect(d))
		}
	}
	at := map[string]int{} // of what came several times: place in Attention
	for _, k := range b.all {
		var missing []testLink
		why := ""
		for _, t := range k.all() {
			if t.Verdict.Good() {
				continue
			}
			if t.Verdict == results.Missing {
				missing = append(missing, b.link(&t))
				why = t.Detail
				continue
			}
			key := k.Label() + "\x00" + t.ID + "\x00" + string(t.Verdict) + "\x00" + t.Detail
			if i, seen := at[key]; seen {
				p.Attention[i].Times++
				continue
			}
			if len(p.Attention) >= htmlFindings {
				p.Unshown++
				continue
			}
			at[key] = len(p.Attention)
			p.Attention = append(p.Attention, b.attention(k, &t))
		}
		if n := len(missing); n > 0 {
			p.Attention = append(p.Attention, finding{
				mark: markOf(results.Missing), Ref: b.ref("missing", k.name), Kernels: k.name,
				Title: numbered(n, "test") + " never reported", About: why, More: missing,
			})
		}
	}
}

// runsOf is how often a kernel was tested.
func (b *builder) runsOf(label string) int {
	for i := range b.sides {
		if b.sides[i].name == label {
			return len(b.sides[i].runs)
		}
	}
	return 0
}

// attention is a result that is not as expected.
func (b *builder) attention(k kernel, t *results.Test) finding {
	f := finding{mark: markOf(t.Verdict), Ref: b.ref("result", k.name+"/"+t.ID), Title: t.ID, Kernels: k.Label(), Times: 1, Of: b.runsOf(k.Label())}
	e := b.evidence(k, t)
	if t.ID == results.WholeID {
		f.Title, e.Again = "outside of every test", ""
	}
	f.Under, e.testLink = e.Ref, testLink{Purpose: t.Purpose}
	f.Test, f.Again = &e, e.Again
	return f
}

func (b *builder) defect(d defect) finding {
	f := finding{
		mark: markWarn, Ref: b.ref("defect", d.fault), Title: d.title, About: d.about, Claim: d.claim, Again: d.again,
		NotNew: listed(b.labels(b.alsoIn(d.fault))),
	}
	if with := b.withPatch(true); len(with) > 1 {
		f.Kernels = listed(b.labels(d.names))
	}
	t := telling(d.tests)
	e := b.evidence(d.kernel, t)
	f.Test = &e
	f.Again = e.Again
	for i := range d.tests {
		if d.tests[i].ID != t.ID {
			f.More = append(f.More, b.link(&d.tests[i]))
		}
	}
	return f
}

// labels are the kernels of runs, by their names, each once.
func (b *builder) labels(runs []string) []string {
	var all []string
	for _, k := range b.all {
		if slices.Contains(runs, k.name) && !slices.Contains(all, k.Label()) {
			all = append(all, k.Label())
		}
	}
	return all
}

func (b *builder) link(t *results.Test) testLink {
	return testLink{t.ID, b.testRef(t.ID), t.Purpose}
}

// evidence is what a test saw beside what it should have.
func (b *builder) evidence(k kernel, t *results.Test) evidence {
	e := evidence{testLink: b.link(t), Again: reproduce(k.Run, t.ID)}
	if t.Verdict != results.KnownFault {
		e.Detail = t.Detail
	}
	want := t.Promise
	e.Wanted = "promised"
	if want == "" || t.Verdict == results.Fixed {
		want, e.Wanted = t.Expected, "expected"
	}
	e.Saw, e.Want = beside(t.Saw, want)
	if want == t.Saw {
		e.Want = nil
	}
	if t.Verdict != results.KnownFault {
		e.Log, e.LogMore = cutOff(t.Log)
	}
	e.Splats = b.splats(k, t.Splats)
	return e
}

// beside are two observations in words, each marked that the other has not.
func beside(a, b string) (saw, want []token) {
	wa, wb := strings.Fields(a), strings.Fields(b)
	mark := func(list, other []string) []token {
		var all []token
		for i, w := range list {
			all = append(all, token{w, len(other) > 0 && (i >= len(other) || other[i] != w)})
		}
		return all
	}
	return mark(wa, wb), mark(wb, wa)
}

// cutOff is the beginning of a log, and how many lines more there are.
func cutOff(lines []string) (shown []string, more int) {
	room := htmlBytes
	for i, l := range lines {
		if len(l) > htmlLine {
			l = strings.ToValidUTF8(l[:htmlLine], "") + "…"
		}
		if room -= len(l) + 1; room < 0 || i == htmlLines {
			return shown, len(lines) - i
		}
		shown = append(shown, l)
	}
	return shown, 0
}

// splats are the reports of a test, one of each title.
func (b *builder) splats(k kernel, splats []console.Splat) []pageSplat {
	var all []pageSplat
	at := map[string]int{}
	for _, s := range splats {
		key := s.Title + "\x00" + s.Allowed
		if i, seen := at[key]; seen {
			all[i].Times++
			continue
		}
		if len(all) == htmlSplats {
			continue
		}
		at[key] = len(all)
		all = append(all, b.splat(k, s))
	}
	return all
}

func (b *builder) splat(k kernel, s console.Splat) pageSplat {
	ps := pageSplat{Title: s.Title, In: guilty(s), Times: 1, Allowed: s.Allowed}
	ps.Lines, ps.More = cutOff(s.Lines)
	if f, ok := guiltyFrame(s); ok {
		if hunk := b.hunk(k, f); len(hunk) > 0 {
			ps.File = fmt.Sprintf("%s, around line %d", f.File, f.Line)
			for _, l := range hunk {
				ps.Hunk = append(ps.Hunk, lineOf(l))
			}
		}
	}
	stack := ""
	for i, f := range shown(s.Frames) {
		if i == showFrames {
			break
		}
		pf := pageFrame{Func: f.Name(), Where: where(f)}
		if !f.Exact && f.Stack != stack {
			if stack != "" {
				pf.Stack = f.Stack
			}
			stack = f.Stack
		}
		ps.Frames = append(ps.Frames, pf)
	}
	return ps
}
