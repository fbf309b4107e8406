package layout

import (
	"slices"
	"strings"
)

// Kind says what a line of a hunk is.
type Kind uint8

// The kinds.
const (
	Keep Kind = iota // on both sides: exact
	Old              // on the old side alone: exact
	New              // on the new side alone: squeezed
)

// Front says what is known of the whitespace in front of a new line.
type Front uint8

// The fronts.
const (
	Unknown Front = iota
	Some          // there was whitespace
	Bare          // there was none
)

// Line is a line of a file that a patch changes.
type Line struct {
	Kind   Kind
	Text   string
	Front  Front // of a new line
	Column int   // of a new line: where it starts if that is known, one-based; else 0
}

// Document is a patched file in the making: the lines of both sides in order.
type Document struct {
	model *Model
	hunks []*Hunk
}

// Hunk is a run of lines to be laid out, with what is around it.
type Hunk struct {
	model  *Model
	start  *state
	lines  []Line  // of the hunk
	after  []ahead // the known lines after it
	near   *near
	habit  *Habit
	copies map[string]string // squeezed text of removed lines to their exact text
	edited map[int]string    // index of a new line to the old line it replaces
}

// Open prepares the hunks of a file. base is the file before the patch; hunks
// are the lines of each hunk, and at the index in base at which each starts.
func Open(base []string, at []int, hunks [][]Line) *Document {
	m := Learn(base)
	d := &Document{model: m}
	s := newState()
	done := 0
	removed := map[string]string{}
	for _, lines := range hunks {
		for _, l := range lines {
			if l.Kind == Old && strings.TrimSpace(l.Text) != "" {
				removed[Squeeze(l.Text)] = l.Text
			}
		}
	}
	for i, lines := range hunks {
		for _, l := range base[done:at[i]] {
			s.consume(l)
		}
		old := 0
		for _, l := range lines {
			if l.Kind != New {
				old++
			}
		}
		done = at[i] + old
		h := &Hunk{model: m, start: s.clone(), lines: lines, copies: map[string]string{}}
		h.near = &near{at[i], done, map[string]map[string]float64{}}
		h.after = m.next(done - 1)
		for k, v := range removed {
			h.copies[k] = v
		}
		for _, l := range lines {
			if l.Kind == Old && strings.TrimSpace(l.Text) != "" {
				h.copies[Squeeze(l.Text)] = l.Text
			}
		}
		h.edited = pair(lines)
		d.hunks = append(d.hunks, h)
		h.fill(s, nil)
	}
	return d
}

// Hunks returns the hunks in order.
func (d *Document) Hunks() []*Hunk { return d.hunks }

// decision is a place where a new line could have been written otherwise.
type decision struct {
	line    int    // index in the hunk
	class   string // of the situation
	choices []Choice
	took    int
}

// filled is a hunk laid out in one way.
type filled struct {
	text      []string // the new lines, in order
	decisions []decision
	cost      float64
}

// taker makes a decision.
type taker func(line int, class string, choices []Choice) Choice

// override makes a decision otherwise: its number to the choice taken.
type override map[int]int

// fill lays the hunk out, taking the likeliest choice everywhere but where
// over says otherwise. s is left behind the hunk.
func (h *Hunk) fill(s *state, over override) filled {
	var f filled
	take := func(line int, class string, choices []Choice) Choice {
		choices = h.prefer(class, choices)
		n := over[len(f.decisions)]
		if n >= len(choices) {
			n = len(choices) - 1
		}
		f.decisions = append(f.decisions, decision{line, class, choices, n})
		f.cost += choices[n].Cost
		return choices[n]
	}
	for i, l := range h.lines {
		switch l.Kind {
		case Old:
			continue
		case Keep:
			s.consume(l.Text)
			continue
		}
		text := h.line(s, i, l, take)
		f.text = append(f.text, text)
		s.consume(text)
	}
	return f
}

// line lays out one new line.
func (h *Hunk) line(s *state, i int, l Line, take taker) string {
	text := Squeeze(l.Text)
	if text == "" {
		return ""
	}
	next := h.next(i)
	class, options := s.leadOptions(text, next, h.model.spaces)
	class = h.model.situation(class)
	copied, isCopy := h.copies[text]
	if !isCopy {
		if at := h.model.lines[text]; len(at) > 0 {
			best := at[0]
			for _, a := range at {
				if distance(a, h.near.from) < distance(best, h.near.from) {
					best = a
				}
			}
			copied, isCopy = h.model.base[best], true
		}
	} else {
		options = append(options, option{"moved", lead(copied)})
	}
	if old, ok := h.edited[i]; ok && onGoing(class) {
		options = append(options, option{"replaced", lead(old)})
	}
	out := take(i, class, h.admit(h.model.rank(class, options, h.near), l)).Text
	if isCopy {
		// The same line stood elsewhere: it had its columns.
		return out + h.copyInside(i, text, copied, take)
	}
	var columns map[int]int
	if l.Column > 0 {
		text, columns = l.columns()
	}
	done := 0
	for _, p := range s.sites(text) {
		out += strings.TrimRight(text[done:p.pos], " \t")
		done = p.pos
		col := column(0, out)
		below := s.below(p.class, next)
		options := s.gapOptions(p.class, col, below, s.block(p.class, ahead{text, false}, next))
		if old, ok := h.edited[i]; ok {
			if fill := fillAs(old, text, p.pos); fill != "" {
				options = append(options, option{sameEdit, fill})
			}
		}
		above, under := s.siblings(p.class, col, below)
		key := gapKey(p.class, above, under)
		choices := h.model.rank(key, options, h.near)
		if l.Column > 0 {
			choices = reach(choices, col, columns[p.pos])
		}
		out += take(i, key, choices).Text
	}
	return out + text[done:]
}

// columns returns the text of a line whose columns hold, with the blanks
// inside it, and the column at which each word starts by its place in the text.
// A run of blanks stays where no site is.
func (l Line) columns() (text string, starts map[int]int) {
	starts = map[int]int{}
	raw := strings.TrimRight(l.Text, " \t\r")
	text = strings.TrimLeft(raw, " \t")
	cut := len(raw) - len(text)
	for i := 1; i < len(text); i++ {
		if isBlank(text[i-1]) && !isBlank(text[i]) {
			starts[i] = column(0, raw[:cut+i])
		}
	}
	return text, starts
}

// reach leaves the choices that lead from one column to the other.
func reach(choices []Choice, from, to int) []Choice {
	fits := slices.DeleteFunc(slices.Clone(choices), func(c Choice) bool { return column(from, c.Text) != to })
	if len(fits) == 0 {
		return []Choice{{fillTo(from, to, " "), "column", 0}}
	}
	return fits
}

// copyInside takes the inside of a line that the base has, too.
func (h *Hunk) copyInside(i int, text, copied string, take taker) string {
	inside := strings.TrimSpace(copied)
	if inside == text {
		return text
	}
	return take(i, "copy", []Choice{{inside, "copy", 0.05}, {text, "one", 3}}).Text
}

func distance(a, b int) int { return max(a-b, b-a) }

// admit leaves the choices that agree with what is known of the front. One
// that nothing agrees with gets what is known by itself.
func (h *Hunk) admit(choices []Choice, l Line) []Choice {
	if l.Front == Unknown && l.Column == 0 {
		return choices
	}
	fits := slices.DeleteFunc(slices.Clone(choices), func(c Choice) bool {
		if l.Column > 0 {
			return column(0, c.Text) != l.Column-1
		}
		return (c.Text == "") != (l.Front == Bare)
	})
	switch {
	case len(fits) > 0:
		return fits
	case l.Column > 0:
		return []Choice{{indentTo(l.Column-1, h.model.spaces), "column", 0}}
	case l.Front == Bare:
		return []Choice{{"", "bare", 0}}
	}
	return []Choice{{"\t", "indented", 0.7}, {" ", "indented", 0.7}}
}

// next returns the lines of the new file after line i of the hunk.
func (h *Hunk) next(i int) []ahead {
	var next []ahead
	for _, l := range h.lines[i+1:] {
		if l.Kind == Old {
			continue
		}
		next = append(next, ahead{l.Text, l.Kind == Keep})
		if len(next) == lookahead {
			return next
		}
	}
	return append(next, h.after[:min(len(h.after), lookahead-len(next))]...)
}

// onGoing says whether lines of the class go on with one before them: their
// place is a matter of taste, and an edit seldom changes it.
func onGoing(class string) bool {
	return strings.Contains(class, "bracket") || strings.HasPrefix(class, "assigned") ||
		strings.HasPrefix(class, "to assign") || strings.HasPrefix(class, "operand") || strings.HasPrefix(class, "continued")
}

// pair finds the old line that each new line is an edit of: in the run of
// removed lines next to it, the one with most of its words, if that is most.
func pair(lines []Line) map[int]string {
	pairs := map[int]string{}
	for i := 0; i < len(lines); {
		if lines[i].Kind == Keep {
			i++
			continue
		}
		end := i
		for end < len(lines) && lines[end].Kind != Keep {
			end++
		}
		for n := i; n < end; n++ {
			if lines[n].Kind != New {
				continue
			}
			best := 0.6
			for o := i; o < end; o++ {
				if lines[o].Kind != Old {
					continue
				}
				if s := similarity(lines[n].Text, lines[o].Text); s > best {
					best, pairs[n] = s, lines[o].Text
				}
			}
		}
		i = end
	}
	return pairs
}

// similarity is the share of tokens that two lines have in common.
func similarity(a, b string) float64 {
	count := map[string]int{}
	x, _ := lex(a, false)
	y, _ := lex(b, false)
	for _, t := range x {
		count[t.text]++
	}
	same := 0
	for _, t := range y {
		if count[t.text] > 0 {
			count[t.text]--
			same++
		}
	}
	if len(x)+len(y) == 0 {
		return 0
	}
	return 2 * float64(same) / float64(len(x)+len(y))
}

// fillAs returns how an old line fills the place before pos in text, or "" if
// it has no such place: the words on both sides have to be the same.
func fillAs(old, text string, pos int) string {
	before, after := around(text, pos)
	tokens, _ := lex(old, false)
	for i := 1; i < len(tokens); i++ {
		if tokens[i-1].text == before && tokens[i].text == after {
			return old[tokens[i-1].end:tokens[i].pos]
		}
	}
	return ""
}

// around returns the tokens on both sides of pos.
func around(text string, pos int) (before, after string) {
	tokens, _ := lex(text, false)
	for i, t := range tokens {
		if t.pos == pos && i > 0 {
			return tokens[i-1].text, t.text
		}
	}
	return "", ""
}
