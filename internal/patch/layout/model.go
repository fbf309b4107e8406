package layout

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Model knows how a file is laid out: which rule won in which situation, and
// where.
type Model struct {
	spaces bool                // it indents with blanks
	habit  string              // whether it aligns; see alignment
	seen   map[string][]record // by class
	lines  map[string][]int    // squeezed text to indices in base
	base   []string
}

// record is one situation of the base and the rules that gave its answer.
type record struct {
	line int
	set  string // the rules, joined with "|"
}

// Learn reads how the lines of a file are laid out. Lines come without their
// ends.
func Learn(base []string) *Model {
	m := &Model{seen: map[string][]record{}, lines: map[string][]int{}, base: base}
	tabs, blanks := 0, 0
	for i, l := range base {
		switch {
		case strings.HasPrefix(l, "\t"):
			tabs++
		case strings.HasPrefix(l, "    "):
			blanks++
		}
		if t := Squeeze(l); t != "" {
			m.lines[t] = append(m.lines[t], i)
		}
	}
	m.spaces = blanks > 10*(tabs+1)
	for range 2 { // once to find the habit, once more knowing it
		m.seen = map[string][]record{}
		s := newState()
		for i, l := range base {
			m.learn(s, i)
			s.consume(l)
		}
		if m.habit = m.alignment(); m.habit == "" {
			break
		}
	}
	return m
}

// alignment says whether the file aligns lines that go on inside brackets to
// what follows the bracket, or not, or "" if it does not say.
func (m *Model) alignment() string {
	aligned, other := 0, 0
	for class, records := range m.seen {
		if !aligns(class) || strings.Contains(class, " on") {
			continue
		}
		for _, r := range records {
			switch rules := strings.Split(r.set, "|"); {
			case slices.Contains(rules, "align") && len(rules) == 1:
				aligned++
			case !slices.Contains(rules, "align"):
				other++
			}
		}
	}
	switch all := aligned + other; {
	case all < 3:
		return ""
	case 100*aligned >= 85*all:
		return ", aligned"
	case 100*aligned <= 35*all:
		return ", not aligned"
	}
	return ", mixed"
}

// aligns says whether lines of a class inside brackets may be aligned.
func aligns(class string) bool {
	return strings.HasPrefix(class, "bracket") && !strings.Contains(class, "tracepoint")
}

// situation adds the file's habit to a class where it matters. Where the file
// does not show one, what checkpatch asks for is expected.
func (m *Model) situation(class string) string {
	habit := m.habit
	if habit == "" {
		habit = ", aligned"
	}
	if aligns(class) {
		return class + habit
	}
	for _, c := range []string{"operand", "assigned", "outside", "declared"} {
		if strings.HasPrefix(class, c) {
			return class + habit
		}
	}
	return class
}

// learn records the situation of line i.
func (m *Model) learn(s *state, i int) {
	l := m.base[i]
	if strings.TrimSpace(l) == "" {
		return
	}
	next := m.next(i)
	class, options := s.leadOptions(l, next, m.spaces)
	if m.habit != "" {
		class = m.situation(class)
	}
	m.record(class, i, options, lead(l))
	for _, p := range s.sites(l) {
		seen := s.seen(l, p)
		col := column(0, strings.TrimRight(l[:p.pos], " \t"))
		below := s.below(p.class, next)
		options := s.gapOptions(p.class, col, below, s.block(p.class, ahead{l, true}, next))
		above, under := s.siblings(p.class, col, below)
		m.record(gapKey(p.class, above, under), i, options, seen.fill)
	}
}

func (m *Model) record(class string, line int, options []option, is string) {
	var won []string
	for _, o := range options {
		if o.text == is && !slices.Contains(won, o.rule) && (o.rule != lastResort || won == nil) {
			won = append(won, o.rule)
		}
	}
	m.seen[class] = append(m.seen[class], record{line, strings.Join(won, "|")})
}

// lookahead is how many lines a decision looks ahead.
const lookahead = 16

func (m *Model) next(i int) []ahead {
	end := min(i+1+lookahead, len(m.base))
	next := make([]ahead, 0, lookahead)
	for _, l := range m.base[i+1 : end] {
		next = append(next, ahead{l, true})
	}
	return next
}

// Squeeze returns a line as an archive page has it: no whitespace at its ends,
// one blank for each run of whitespace.
func Squeeze(line string) string { return strings.Join(strings.Fields(line), " ") }

// below returns where the known lines right below have their column of the
// class, or nil.
func (s *state) below(class string, next []ahead) *gapSeen {
	if s.inComment {
		return nil
	}
	for _, a := range next {
		text := strings.TrimSpace(a.text)
		if text == "" && class == "first backslash" {
			continue
		}
		if text == "" || text[0] == '}' || text[0] == '{' {
			return nil
		}
		if !a.known || strings.HasPrefix(text, "/*") || text[0] == '*' || text[0] == '#' && class != "define" && class != "first backslash" {
			continue
		}
		for _, p := range s.sites(a.text) {
			if p.class == class {
				seen := s.seen(a.text, p)
				return &seen
			}
		}
	}
	return nil
}

// block returns the column up to which the widest line of a table reaches
// that starts here, or 0 if there is a line of it above.
func (s *state) block(class string, line ahead, next []ahead) int {
	if seen, ok := s.last[class]; ok && seen.depth == s.depth() || s.inComment && class != "doc" {
		return 0
	}
	reach := func(a ahead) int {
		text := a.text
		if !a.known && !s.inComment {
			text = indentTo(s.tableIndent(), false) + Squeeze(text)
		}
		for _, p := range s.sites(text) {
			if p.class == class {
				return column(0, strings.TrimRight(text[:p.pos], " \t"))
			}
		}
		return 0
	}
	widest := reach(line)
	for _, a := range next {
		t := strings.TrimSpace(a.text)
		if t == "" || t[0] == '}' {
			break
		}
		widest = max(widest, reach(a))
	}
	return widest
}

// tableIndent is the indent that the lines of a table have.
func (s *state) tableIndent() int {
	c := &s.core
	if s.macro != nil {
		c = s.macro
	}
	top := c.top()
	switch {
	case top == nil:
		return 0
	case top.child >= 0:
		return top.child
	}
	return top.stmt + tabWidth
}

// near is the neighbourhood of a hunk: records in it count more.
type near struct {
	from, to int // lines of the base that the hunk covers
	cache    map[string]map[string]float64
}

// Weights of one record by where it stands. They were chosen by restoring
// damaged pieces of the kernel source; the restoration is not sensitive to
// them within a factor of two.
const (
	farWeight    = 0.3
	closeWeight  = 2.0
	insideWeight = 8.0
	closeLines   = 40
	rounds       = 8
)

// tally says what each rule of a class counts in the neighbourhood of a hunk:
// what the kernel's habits let expect, and how often it held in the file.
//
// Several rules often said the same, and only one was meant. Who it was is
// shared out by what each counts otherwise, again until it settles
// (expectation maximisation).
func (m *Model) tally(class string, n *near) map[string]float64 {
	if t, ok := n.cache[class]; ok {
		return t
	}
	sets := map[string]float64{}
	for _, r := range m.seen[class] {
		switch {
		case r.line >= n.from && r.line < n.to:
			sets[r.set] += insideWeight
		case r.line >= n.from-closeLines && r.line < n.to+closeLines:
			sets[r.set] += closeWeight
		default:
			sets[r.set] += farWeight
		}
	}
	t := map[string]float64{}
	for range rounds {
		next := map[string]float64{}
		for set, w := range sets {
			rules := strings.Split(set, "|")
			sum := 0.0
			for i, rule := range rules {
				sum += t[rule] + prior(class, rule, i)
			}
			for i, rule := range rules {
				next[rule] += w * (t[rule] + prior(class, rule, i)) / sum
			}
		}
		t = next
	}
	n.cache[class] = t
	return t
}

// Choice is one way to write a run of whitespace, with its cost: the negative
// logarithm of how likely it is.
type Choice struct {
	Text string
	Rule string
	Cost float64
}

// rank turns options into choices, the likeliest first. Options that write the
// same are one choice.
func (m *Model) rank(class string, options []option, n *near) []Choice {
	t := m.tally(class, n)
	weight := map[string]float64{}
	rule := map[string]string{}
	counted := map[string]bool{}
	var order []string
	total := 0.0
	for i, o := range options {
		if _, ok := rule[o.text]; !ok {
			order = append(order, o.text)
			rule[o.text] = o.rule
		}
		if key := o.rule + "|" + o.text; !counted[key] {
			counted[key] = true
			w := prior(class, o.rule, i) + t[o.rule]
			weight[o.text] += w
			total += w
		}
	}
	choices := make([]Choice, 0, len(order))
	for _, text := range order {
		choices = append(choices, Choice{text, rule[text], -math.Log(weight[text] / total)})
	}
	slices.SortStableFunc(choices, func(a, b Choice) int { return cmp.Compare(a.Cost, b.Cost) })
	return choices
}

// likelihood is that of the first choice.
func likelihood(choices []Choice) float64 { return math.Exp(-choices[0].Cost) }
