package layout

import (
	"container/heap"
	"maps"
	"strings"
)

// Layout is a hunk laid out: its new lines in order, without line ends.
type Layout struct {
	Lines []string
	Cost  float64 // negative logarithm of how likely it is; for comparison within a hunk
}

// Doubt is a place where a hunk could well have been written otherwise.
type Doubt struct {
	Line       int    // index among all lines of the hunk
	Took, Else string // the whitespace taken and the next likeliest
	Odds       float64
}

// Best returns the likeliest layout.
func (h *Hunk) Best() Layout {
	f := h.fill(h.start.clone(), nil)
	return Layout{f.text, f.cost}
}

// doubtful is the likelihood under which a choice is a doubt.
const doubtful = 0.8

// Doubts returns the places where the likeliest layout is no better than
// doubtful.
func (h *Hunk) Doubts() []Doubt {
	var doubts []Doubt
	for _, d := range h.fill(h.start.clone(), nil).decisions {
		if len(d.choices) < 2 {
			continue
		}
		if odds := likelihood(d.choices); odds < doubtful {
			doubts = append(doubts, Doubt{d.line, d.choices[0].Text, d.choices[1].Text, odds})
		}
	}
	return doubts
}

// Variants generates the layouts of a hunk, the likeliest first, each once.
type Variants struct {
	hunk  *Hunk
	queue plans
	seen  map[string]bool
	found []Layout
	limit int
}

// maxVariants bounds the layouts of one hunk that are looked at.
const maxVariants = 4000

// Variants starts over at the likeliest layout.
func (h *Hunk) Variants() *Variants {
	v := &Variants{hunk: h, seen: map[string]bool{}, limit: maxVariants}
	v.push(plan{over: override{}, last: -1})
	return v
}

// At returns layout i, or false if there are not as many.
func (v *Variants) At(i int) (Layout, bool) {
	for len(v.found) <= i {
		if !v.step() {
			return Layout{}, false
		}
	}
	return v.found[i], true
}

// plan is a set of decisions to make otherwise.
type plan struct {
	over override
	last int     // the last decision it overrides
	cost float64 // as the plan it comes from lets expect
}

func (v *Variants) push(p plan) { heap.Push(&v.queue, p) }

// step looks at plans until one gives a new layout.
func (v *Variants) step() bool {
	for ; len(v.queue) > 0 && v.limit > 0; v.limit-- {
		p := heap.Pop(&v.queue).(plan)
		f := v.hunk.fill(v.hunk.start.clone(), p.over)
		p.cost = max(p.cost, f.cost)
		v.expand(p, f.decisions)
		key := strings.Join(f.text, "\n")
		if v.seen[key] {
			continue
		}
		v.seen[key] = true
		v.found = append(v.found, Layout{f.text, p.cost})
		return true
	}
	return false
}

// maxStep is the cost of one decision beyond which it is not made otherwise.
const maxStep = 7

// expand queues the plans that differ from p by one decision more. To meet
// each once, only decisions after the last one are touched, and that one.
func (v *Variants) expand(p plan, decisions []decision) {
	for i, d := range decisions {
		if i < p.last || d.took+1 >= len(d.choices) {
			continue
		}
		if d.choices[d.took+1].Cost-d.choices[0].Cost > maxStep {
			continue
		}
		over := maps.Clone(p.over)
		over[i] = d.took + 1
		step := d.choices[d.took+1].Cost - d.choices[d.took].Cost
		v.push(plan{over: over, last: i, cost: p.cost + step})
	}
}

// plans is a heap by cost.
type plans []plan

func (p plans) Len() int           { return len(p) }
func (p plans) Less(i, j int) bool { return p[i].cost < p[j].cost }
func (p plans) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *plans) Push(x any)        { *p = append(*p, x.(plan)) }
func (p *plans) Pop() any {
	old := *p
	last := old[len(old)-1]
	*p = old[:len(old)-1]
	return last
}
