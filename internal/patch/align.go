package patch

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"uetest/internal/patch/layout"
)

// alignment is a damaged hunk laid against the file it was made from.
type alignment struct {
	at    int           // index of the first line of the file
	lines []layout.Line // context and removed lines as the file has them
	raw   []int         // index in the text of each line, -1 for one the text lacks
	noEOL []bool        // the line was marked as having no line end
	cost  int           // what had to be supposed; 0 for nothing
	old   int           // lines of the old side
	new   int           // lines of the new side
}

// damaged is a line of a damaged hunk.
type damaged struct {
	index int    // in the text of the change
	text  string // as it is there
	all   string // without whitespace
	rest  string // without its first character and whitespace
	noEOL bool   // the marker for a missing line end follows
}

// aligner lays one hunk against a file.
type aligner struct {
	lines []damaged
	base  []string // lines of the file without whitespace
	hunk  *Hunk
	end   int  // index in lines from which on a mail's trailer stands
	last  bool // text of no meaning may follow the hunk
	trust bool // the counts of the header hold

	at     int // where the hunk starts in base
	memo   map[place]step
	budget int
	far    int // the furthest line of the hunk that did not fit
}

// place is a state of the alignment: lines of the hunk and of the base used
// up, lines of the new side so far.
type place struct{ raw, old, new int }

// step is the best way on from a place.
type step struct {
	move move
	cost int
}

type move uint8

const (
	stop     move = iota // the hunk ends here
	asKeep               // context
	asOld                // removed
	asNew                // added
	skipped              // an empty line that the page put in
	restored             // an empty line of context that the page left out
	stuck                // no way on
)

// Costs of what the alignment supposes.
const (
	costMark     = 1 // a line starts with + or - and is context all the same
	costBlank    = 2 // an empty line too much or too few
	costTrailing = 1 // fewer than three lines of context at the end
	costOdd      = 1 // an empty line where style has none
	impossible   = 1 << 20
)

// Bounds on the work: the states of one hunk at one place, and the places that
// the hunks of one change are tried at.
const (
	maxStates = 1 << 18
	maxPlaces = 1 << 24
)

var errAmbiguous = errors.New("too many ways to read this hunk")

// align finds the place of a damaged hunk in a file. done is the index of the
// first line that hunks before it have left, drift how far they were from
// their headers. last says that a mail's trailer may follow.
//
// The result is nil, with the reason, if there is none.
func (c *Change) align(h *Hunk, base []string, done, drift int, last bool) (*alignment, string, error) {
	a := &aligner{hunk: h, base: base, last: last}
	a.lines = c.damagedLines(h)
	a.end = len(a.lines)
	if last {
		a.end = a.trailer()
	}
	want := max(h.start()+drift, done)
	if h.OldLines < 0 && h.OldStart == 0 {
		want = done
	}
	var best *alignment
	score := func(s *alignment) int { return s.cost<<24 + min(distance(s.at, want), 1<<24-1) }
	for _, trust := range []bool{true, false} {
		if trust && (h.OldLines < 0 || h.NewLines < 0) {
			continue
		}
		a.trust = trust
		for n := 0; n <= 2*len(base)+1; n++ {
			at := want + (n+1)/2*(1-2*(n%2))
			if at < done || at > len(base) {
				continue
			}
			if c.places++; c.places > maxPlaces {
				return nil, "", errAmbiguous
			}
			s, err := a.solve(at)
			if err != nil {
				return nil, "", err
			}
			if s != nil && (best == nil || score(s) < score(best)) {
				best = s
			}
			if best != nil && best.cost == 0 {
				return best, "", nil
			}
		}
		if best != nil {
			return best, "", nil
		}
	}
	return nil, a.misfit(), nil
}

// damagedLines returns the lines after the hunk's header.
func (c *Change) damagedLines(h *Hunk) []damaged {
	var lines []damaged
	for i := h.head + 1; i < h.tail; i++ {
		l := strings.TrimSuffix(c.text[i], "\r")
		if strings.HasPrefix(l, `\ No newline`) {
			if n := len(lines); n > 0 {
				lines[n-1].noEOL = true
			}
			continue
		}
		d := damaged{index: i, text: l, all: bare(l)}
		if d.all != "" {
			d.rest = d.all[1:]
		}
		lines = append(lines, d)
	}
	return lines
}

// trailer returns the index of the line "--" that ends the last mail of a
// file, or the number of lines.
func (a *aligner) trailer() int {
	for i := len(a.lines) - 1; i >= 0; i-- {
		if a.lines[i].all == "--" {
			return i
		}
	}
	return len(a.lines)
}

// solve lays the hunk against the file from line at on, or returns nil.
func (a *aligner) solve(at int) (*alignment, error) {
	a.at, a.memo, a.budget = at, map[place]step{}, maxStates
	if a.way(place{}).cost >= impossible {
		if a.budget <= 0 {
			return nil, errAmbiguous
		}
		return nil, nil
	}
	s := &alignment{at: at, cost: a.way(place{}).cost}
	for p := (place{}); ; {
		way := a.way(p)
		if way.move == stop {
			return s, nil
		}
		line := layout.Line{Text: ""}
		index, noEOL := -1, false
		if way.move != restored {
			index, noEOL = a.lines[p.raw].index, a.lines[p.raw].noEOL
		}
		switch way.move {
		case asNew:
			line = layout.Line{Kind: layout.New, Text: a.lines[p.raw].text[1:]}
			s.new++
		case asOld:
			line.Kind = layout.Old
			s.old++
		case asKeep, restored:
			line.Kind = layout.Keep
			s.old++
			s.new++
		}
		if way.move != skipped {
			s.lines = append(s.lines, line)
			s.raw = append(s.raw, index)
			s.noEOL = append(s.noEOL, noEOL)
		}
		p = p.after(way.move)
	}
}

// after returns the place that a move leads to.
func (p place) after(m move) place {
	if m != restored {
		p.raw++
	}
	if m == asKeep || m == asOld || m == restored {
		p.old++
	}
	if m == asKeep || m == asNew || m == restored {
		p.new++
	}
	return p
}

// way returns the cheapest way on from a place.
func (a *aligner) way(p place) step {
	if s, ok := a.memo[p]; ok {
		return s
	}
	if a.budget--; a.budget <= 0 {
		return step{stuck, impossible}
	}
	best := step{stuck, impossible}
	try := func(m move, cost int) {
		if cost >= best.cost {
			return
		}
		if m != stop {
			if a.trust {
				q := p.after(m)
				if q.old > a.hunk.OldLines || q.new > a.hunk.NewLines {
					return
				}
			}
			cost += a.way(p.after(m)).cost
		}
		if cost < best.cost {
			best = step{m, cost}
		}
	}
	base, inBase := "", a.at+p.old < len(a.base)
	if inBase {
		base = a.base[a.at+p.old]
	}
	if p.raw < len(a.lines) {
		l := &a.lines[p.raw]
		switch {
		case l.all == "":
			if inBase && base == "" {
				try(asKeep, 0)
			}
			try(skipped, costBlank)
		case l.all[0] == '+':
			try(asNew, 0)
			if inBase && sameText(l.all, base) {
				try(asKeep, costMark)
			}
		case l.all[0] == '-':
			if inBase && sameText(l.rest, base) {
				try(asOld, 0)
			}
			if inBase && sameText(l.all, base) {
				try(asKeep, costMark)
			}
		case inBase && sameText(l.all, base):
			try(asKeep, 0)
		default:
			a.far = max(a.far, p.raw)
		}
	}
	if inBase && base == "" {
		try(restored, costBlank+a.unlikely(p))
	}
	try(stop, a.stopCost(p))
	a.memo[p] = best
	return best
}

// unlikely is the cost of an empty line of context at p beyond that of any:
// where the kernel's style has none, between two lines of a kind, inside a
// statement, and next to another empty line.
func (a *aligner) unlikely(p place) int {
	before, after := a.newText(p.raw-1, -1), a.newText(p.raw, 1)
	cost := 0
	if p.raw > 0 && p.raw < len(a.lines) && strings.HasPrefix(a.lines[p.raw-1].all, "+") && strings.HasPrefix(a.lines[p.raw].all, "+") {
		cost = 4 * costOdd // context seldom stands in the middle of what is added
	}
	if before == "" || after == "" {
		return cost + 3*costOdd
	}
	if strings.HasSuffix(before, "{") || strings.HasPrefix(after, "}") {
		cost += costOdd
	}
	if strings.IndexByte(",(=|&\\", before[len(before)-1]) >= 0 {
		cost += costOdd
	}
	if x, y := strings.Fields(before), strings.Fields(after); x[0] == y[0] {
		cost += costOdd
	}
	return cost
}

// newText returns the text of the line of the new side at i, or the next one in
// the given direction, without its mark.
func (a *aligner) newText(i, step int) string {
	for ; i >= 0 && i < len(a.lines); i += step {
		switch t := strings.TrimSpace(a.lines[i].text); {
		case strings.HasPrefix(t, "-"):
		case strings.HasPrefix(t, "+"):
			return strings.TrimSpace(t[1:])
		default:
			return t
		}
	}
	return ""
}

// stopCost says what it means to end the hunk at p.
func (a *aligner) stopCost(p place) int {
	cost := 0
	if a.trust && (p.old != a.hunk.OldLines || p.new != a.hunk.NewLines) {
		return impossible
	}
	for i := p.raw; i < a.end; i++ {
		l := a.lines[i].all
		if l == "" || a.trust && a.last && l[0] != '+' && l[0] != '-' {
			continue // text behind the last hunk means nothing
		}
		return impossible
	}
	if !a.trust {
		cost += costTrailing * max(0, 3-a.contextBefore(p))
	}
	return cost
}

// contextBefore counts the lines right before p that have no mark, at most
// three; at the end of the file any number will do.
func (a *aligner) contextBefore(p place) int {
	if a.at+p.old >= len(a.base) {
		return 3
	}
	n := 0
	for i := p.raw - 1; i >= 0 && n < 3; i-- {
		if t := a.lines[i].all; t != "" && (t[0] == '+' || t[0] == '-') {
			break
		}
		n++
	}
	return n
}

var maskedDomain = regexp.MustCompile(`@(x{4,}|\.\.\.)`)

// sameText compares a line of the text with one of the file, both without
// whitespace. A mail address whose domain the archive masks is any address.
func sameText(text, base string) bool {
	if text == base {
		return true
	}
	if !strings.Contains(text, "@xxxx") && !strings.Contains(text, "@...") {
		return false
	}
	parts := maskedDomain.Split(text, -1)
	for i, part := range parts {
		if i == 0 {
			if !strings.HasPrefix(base, part) {
				return false
			}
			base = base[len(part):]
			continue
		}
		domain := domainName.FindString(base)
		if domain == "" {
			return false
		}
		base = base[len(domain):]
		if !strings.HasPrefix(base, part) {
			return false
		}
		base = base[len(part):]
	}
	return base == ""
}

var domainName = regexp.MustCompile(`^@[\w.-]+`)

// misfit explains why the hunk has no place in the file.
func (a *aligner) misfit() string {
	if a.far >= len(a.lines) {
		return "its lines do not stand in the file in this order"
	}
	return fmt.Sprintf("its line %q does not stand in the file where the lines before it do", a.lines[a.far].text)
}
