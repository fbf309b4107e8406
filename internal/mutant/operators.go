package mutant

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"uetest/internal/patch"
)

// statement makes the mutants of a statement and of those in it.
func (g *generator) statement(f function, st *statement) {
	switch st.form {
	case simple, jump:
		if g.isAdded(st.first, st.last) {
			g.drop(f, st)
			g.operands(f, st.first+1, st.last-1)
		}
	case branch, loop:
		if st.from <= st.to && g.isAdded(st.from, st.to) {
			g.negate(f, st)
			g.operands(f, st.from, st.to)
		}
	}
	for _, inner := range st.body {
		g.statement(f, inner)
	}
}

// drop leaves a statement out. An empty one takes its place, since it may be all
// that an if has.
func (g *generator) drop(f function, st *statement) {
	if st.first == st.last || !g.is(st.last, punct) || g.at(st.last) != ";" {
		return
	}
	if g.at(st.first) == "return" && (st.outer || !f.void && !g.returns(st.last+1, f.shut)) {
		return // without it the function has no value, or it was the end anyway
	}
	operator, about := DropStatement, g.about(st)
	switch name := g.call(st.first); {
	case st.form == jump:
	case isReference(name):
		operator = DropReference
	case lockOf(name) != "" || unlockOf(name) != "":
		operator = DropLock
	}
	g.put(&f, operator, about, "without "+g.span(st.first, st.last), edits{g.without(st.first, st.last)})
}

// without leaves a statement out.
func (g *generator) without(first, last int) edit {
	return edit{g.tokens[first].start, g.tokens[last].end, ";"}
}

// returns tells whether there is a return among tokens.
func (g *generator) returns(from, to int) bool {
	for i := from; i < to; i++ {
		if g.at(i) == "return" {
			return true
		}
	}
	return false
}

// about is what a statement is known by: the function it calls, what it assigns to,
// or its first words.
func (g *generator) about(st *statement) string {
	if st.form == jump {
		return g.span(st.first, min(st.last-1, st.first+3))
	}
	for i := st.first; i < st.last; i++ {
		switch word := g.at(i); {
		case word == "(" && i > st.first:
			return g.span(st.first, i-1)
		case strings.HasSuffix(word, "=") && g.is(i, punct) && i > st.first:
			return g.span(st.first, i-1)
		}
	}
	return g.span(st.first, st.last-1)
}

// call is the name of the function that a statement calls and does nothing else.
func (g *generator) call(first int) string {
	if g.is(first, ident) && g.at(first+1) == "(" {
		return g.at(first)
	}
	return ""
}

// Words of the names of functions that count references.
var reference = regexp.MustCompile(`(?:^|_)(?:get|put|grab|drop|mmgrab|mmdrop|ref|unref|refcount|kref|pin|unpin|hold|unhold|fget|fput|dget|dput|igrab|iput)(?:_|$)`)

func isReference(name string) bool { return reference.MatchString(name) }

// unlocking are the words that make the name of what gives a lock back of that of
// what takes it.
var unlocking = []struct{ take, give string }{{"lock", "unlock"}, {"down", "up"}, {"disable", "enable"}, {"irqsave", "irqrestore"}}

// lockOf is what gives back the lock that a function of this name takes; empty if it
// takes none.
func lockOf(name string) string {
	words, takes := strings.Split(name, "_"), false
	for i, w := range words {
		for _, u := range unlocking {
			if w == u.take && (u.take != "disable" || words[0] == "preempt" || words[0] == "migrate" || words[0] == "local" || words[0] == "pagefault") {
				words[i], takes = u.give, true
			}
		}
	}
	if !takes || isReference(name) {
		return ""
	}
	return strings.Join(words, "_")
}

// unlockOf is what takes the lock that a function of this name gives back.
func unlockOf(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words {
		for _, u := range unlocking {
			if w == u.give {
				words[i] = u.take
			}
		}
	}
	if taken := strings.Join(words, "_"); taken != name && lockOf(taken) == name {
		return taken
	}
	return ""
}

// locks leaves locks out: where they are taken and where they are given back.
func (g *generator) locks(f function) {
	var calls []*statement
	var find func(list []*statement)
	find = func(list []*statement) {
		for _, st := range list {
			if st.form == simple && g.call(st.first) != "" && st.last > st.first {
				calls = append(calls, st)
			}
			find(st.body)
		}
	}
	find(g.statements(f))
	for i, st := range calls {
		gives := lockOf(g.call(st.first))
		if gives == "" || !g.isAdded(st.first, st.last) {
			continue
		}
		args := g.span(st.first+1, st.last)
		whole := edits{g.without(st.first, st.last)}
		for _, other := range calls[i+1:] {
			if g.span(other.first+1, other.last) != args {
				continue
			}
			if name := g.call(other.first); name == g.call(st.first) {
				break
			} else if name == gives {
				whole = append(whole, g.without(other.first, other.last))
			}
		}
		if len(whole) > 1 {
			g.put(&f, DropLock, g.call(st.first)+" and "+gives, "without the lock of "+g.span(st.first, st.last), whole)
		}
	}
}

// negate has a condition decide the other way.
func (g *generator) negate(f function, st *statement) {
	from, to := g.tokens[st.from].start, g.tokens[st.to].end
	about := g.span(st.from, st.to)
	if g.at(st.from) == "!" && g.primary(st.from+1, st.to) {
		end := g.tokens[st.from+1].start
		g.put(&f, NegateCondition, about, "the condition is the opposite of "+about, edits{{from, end, ""}})
		return
	}
	if st.from == st.to || g.primary(st.from, st.to) {
		g.put(&f, NegateCondition, about, "the condition is the opposite of "+about, edits{{from, from, "!"}})
		return
	}
	g.put(&f, NegateCondition, about, "the condition is the opposite of "+about, edits{{from, from, "!("}, {to, to, ")"}})
}

// primary tells whether tokens are one operand: a name, a number, a call, what is
// reached from one, or something in brackets.
func (g *generator) primary(from, to int) bool {
	if from > to {
		return false
	}
	for i := from; i <= to; i++ {
		switch word := g.at(i); {
		case word == "(" || word == "[":
			i = g.closing(i, to+1)
		case word == "->" || word == ".":
		case g.tokens[i].kind == punct:
			return false
		case i > from && g.at(i-1) != "->" && g.at(i-1) != ".":
			return false
		}
	}
	return true
}

// operands leaves out one side of each || of an expression, or of each && if that is
// what it is made of.
func (g *generator) operands(f function, from, to int) {
	for _, op := range []string{"||", "&&"} {
		var at []int
		for i := from; i <= to; i++ {
			switch word := g.at(i); word {
			case "(", "[", "{":
				i = g.closing(i, to+1)
			case "?", ",", "=":
				return // what belongs to what is another question
			case op:
				at = append(at, i)
			}
		}
		if len(at) == 0 {
			continue
		}
		if g.at(from-1) != "(" && g.at(from-1) != "return" {
			return // an expression whose beginning is not its first operand
		}
		first := from
		for n := 0; n <= len(at); n++ {
			last := to
			if n < len(at) {
				last = at[n] - 1
			}
			if first > last {
				return
			}
			if g.isAdded(first, last) {
				about := g.span(first, last)
				e := edit{g.tokens[first].start, g.tokens[last].end, ""}
				if n < len(at) {
					e.to = g.tokens[last+2].start
				} else {
					e.from = g.tokens[first-2].end
				}
				g.put(&f, DropOperand, about, fmt.Sprintf("%s is not asked for", about), edits{e})
			}
			first = last + 2
		}
		return
	}
}

// comparisons are replaced by what differs at the bound alone, or in the one case
// that they are about.
var comparisons = map[string]string{"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}

// swaps are functions that do the opposite of each other, or the same elsewhere.
var swaps = opposites(
	"set_bit", "clear_bit", "__set_bit", "__clear_bit", "test_and_set_bit", "test_and_clear_bit",
	"set_bit_le", "clear_bit_le", "atomic_inc", "atomic_dec", "atomic_long_inc", "atomic_long_dec", "atomic_add", "atomic_sub",
	"refcount_inc", "refcount_dec", "list_add", "list_add_tail", "list_add_rcu", "list_add_tail_rcu", "hash_add", "hash_del",
	"set_ti_thread_flag", "clear_ti_thread_flag", "set_thread_flag", "clear_thread_flag", "netif_carrier_on", "netif_carrier_off",
	"min", "max",
)

func opposites(names ...string) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(names); i += 2 {
		m[names[i]], m[names[i+1]] = names[i+1], names[i]
	}
	return m
}

// tokensOf makes the mutants that take a token alone.
func (g *generator) tokensOf() {
	for i, t := range g.tokens {
		f := g.in(i)
		if t.kind == directive {
			g.macro(i)
			continue
		}
		if !g.added[t.line] {
			continue
		}
		change := func(operator, about, with string, from, to int) {
			was := g.span(from, to)
			g.put(f, operator, about, fmt.Sprintf("%s in place of %s", orNothing(with), was), edits{{g.tokens[from].start, g.tokens[to].end, with}})
		}
		word := g.at(i)
		switch {
		case t.kind == number:
			for _, with := range neighbours(word) {
				change(ChangeConstant, g.before(i)+" "+word+" "+with, with, i, i)
			}
		case t.kind == text && f != nil:
			change(ChangeConstant, "text", `"_`+word[1:], i, i)
		case f == nil:
		case word == "true":
			change(ChangeConstant, word, "false", i, i)
		case word == "false":
			change(ChangeConstant, word, "true", i, i)
		case word == "-" && errno.MatchString(g.at(i+1)) && !g.operand(i-1):
			name := g.at(i + 1)
			change(ChangeConstant, name+" 0", "0", i, i+1)
			other := "EINVAL"
			if name == other {
				other = "EFAULT"
			}
			change(ChangeConstant, name+" "+other, "-"+other, i, i+1)
		case word == "~":
			change(ChangeConstant, "not "+g.at(i+1), "", i, i)
		case word == "|" && t.kind == punct:
			g.flags(f, i)
		case t.kind == ident && swaps[word] != "" && g.at(i+1) == "(":
			change(Swap, word, swaps[word], i, i)
		case word == "++":
			change(Swap, g.nearby(i), "--", i, i)
		case word == "--":
			change(Swap, g.nearby(i), "++", i, i)
		case word == "+=":
			change(Swap, g.nearby(i), "-=", i, i)
		case word == "-=":
			change(Swap, g.nearby(i), "+=", i, i)
		case word == "|=" || word == "&=":
			g.bits(f, i)
		case t.kind == punct && comparisons[word] != "" && !g.alone(f, i):
			change(ChangeComparison, g.at(i-1)+" "+name[word], comparisons[word], i, i)
		}
	}
}

// name is what ids call a comparison.
var name = map[string]string{"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}

// before is the name that stands next before a token in what it is a part of.
func (g *generator) before(i int) string {
	for k := i - 1; k >= 0 && k > i-4; k-- {
		if word := g.at(k); word == ";" || word == "{" || word == "}" {
			break
		}
		if g.is(k, ident) {
			return g.at(k)
		}
	}
	return ""
}

// nearby is the name that stands at an operator.
func (g *generator) nearby(i int) string {
	if g.is(i-1, ident) {
		return g.at(i - 1)
	}
	return g.at(i + 1)
}

// operand tells whether a value ends at i, so that a minus behind it is a difference.
func (g *generator) operand(i int) bool {
	if i < 0 {
		return false
	}
	switch g.tokens[i].kind {
	case ident:
		return g.at(i) != "return" && g.at(i) != "case"
	case number, char:
		return true
	}
	return g.at(i) == ")" || g.at(i) == "]"
}

var (
	errno   = regexp.MustCompile(`^E[A-Z][A-Z0-9]+$`)
	capital = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)
	integer = regexp.MustCompile(`^(0[xX][0-9a-fA-F]+|[0-9]+)([uUlL]*)$`)
)

// neighbours are the numbers to put in the place of one.
func neighbours(word string) []string {
	m := integer.FindStringSubmatch(word)
	if m == nil {
		return nil
	}
	n, err := strconv.ParseUint(m[1], 0, 64)
	if err != nil || n == 1<<64-1 {
		return nil
	}
	write := func(n uint64) string {
		if strings.HasPrefix(strings.ToLower(m[1]), "0x") {
			return fmt.Sprintf("0x%x%s", n, m[2])
		}
		return fmt.Sprintf("%d%s", n, m[2])
	}
	list := []string{write(n + 1)}
	if n > 0 {
		list = append(list, write(n-1))
	}
	return list
}

// flags leaves out the flags on both sides of a |.
func (g *generator) flags(f *function, i int) {
	if !g.is(i-1, ident) || !g.is(i+1, ident) || !capital.MatchString(g.at(i-1)) || !capital.MatchString(g.at(i+1)) {
		return
	}
	leave := func(k, from, to int) {
		g.put(f, ChangeConstant, g.at(k), "without the flag "+g.at(k), edits{{from, to, ""}})
	}
	if g.at(i-2) != "|" {
		leave(i-1, g.tokens[i-1].start, g.tokens[i+1].start)
	}
	leave(i+1, g.tokens[i-1].end, g.tokens[i+1].end)
}

// bits sets what is cleared and clears what is set: x |= y and x &= ~y.
func (g *generator) bits(f *function, i int) {
	end := i + 1
	for ; end < len(g.tokens) && g.at(end) != ";"; end++ {
		if word := g.at(end); word == "(" || word == "[" {
			end = g.closing(end, len(g.tokens))
		} else if word == ")" || word == "," || word == "{" || word == "}" {
			return
		}
	}
	if end >= len(g.tokens) || end == i+1 {
		return
	}
	value := g.span(i+1, end-1)
	from, to := g.tokens[i].start, g.tokens[end-1].end
	switch {
	case g.at(i) == "|=":
		g.put(f, Swap, g.nearby(i), value+" is cleared, not set", edits{{from, to, "&= ~(" + g.src[g.tokens[i+1].start:to] + ")"}})
	case g.at(i+1) == "~":
		g.put(f, Swap, g.nearby(i), strings.TrimPrefix(value, "~")+" is set, not cleared", edits{{from, g.tokens[i+1].end, "|= "}})
	}
}

// alone tells whether == or != is all that a condition asks for: to turn it round is
// to negate the condition.
func (g *generator) alone(f *function, i int) bool {
	if g.at(i) != "==" && g.at(i) != "!=" {
		return false
	}
	found := false
	var look func(list []*statement)
	look = func(list []*statement) {
		for _, st := range list {
			if (st.form == branch || st.form == loop) && st.from <= i && i <= st.to {
				found = true
				for k := st.from; k <= st.to; k++ {
					if word := g.at(k); word == "&&" || word == "||" || word == "?" {
						found = false
					}
				}
				return
			}
			look(st.body)
		}
	}
	look(g.statements(*f))
	return found
}

// define is the beginning of a macro.
var define = regexp.MustCompile(`^#[ \t]*define[ \t]+[A-Za-z_]\w*(\([^)]*\))?`)

// macro changes the numbers in what a macro stands for.
func (g *generator) macro(i int) {
	t := g.tokens[i]
	whole := g.at(i)
	head := define.FindString(whole)
	if head == "" {
		return
	}
	words := strings.Fields(strings.NewReplacer("(", " ", "#", " # ").Replace(head))
	about := words[slices.Index(words, "define")+1]
	inner := newSource(whole[len(head):])
	for k, n := range inner.tokens {
		line := t.line + strings.Count(whole[:len(head)+n.start], "\n")
		if n.kind != number || !g.added[line] {
			continue
		}
		from := t.start + len(head)
		for _, with := range neighbours(inner.at(k)) {
			g.put(nil, ChangeConstant, about+" "+with, fmt.Sprintf("%s is made with %s in place of %s", about, with, inner.at(k)), edits{{from + n.start, from + n.end, with}})
		}
	}
}

// hunks puts back what each hunk changed.
func (g *generator) hunks() {
	lines := splitLines(g.src)
	for _, h := range g.file.Hunks {
		first, last := 0, 0
		var back strings.Builder // the stretch as it was
		var body strings.Builder
		line, olds, news := 0, 0, 0
		whole := true
		for _, l := range h.Lines {
			if l.Number > 0 {
				if first == 0 {
					first = l.Number
				}
				last = l.Number
			}
			switch l.Op {
			case patch.Added:
				if line == 0 {
					line = l.Number
				}
				body.WriteString("-" + l.Text + "\n")
				olds++
			case patch.Removed:
				body.WriteString("+" + l.Text + "\n")
				back.WriteString(l.Text + "\n")
				news++
			default:
				body.WriteString(" " + l.Text + "\n")
				back.WriteString(l.Text + "\n")
				olds, news = olds+1, news+1
			}
		}
		if first == 0 || last > len(lines) {
			continue // nothing is left of the file
		}
		for _, l := range lines[first-1 : last] {
			whole = whole && strings.HasSuffix(l, "\n") && !strings.HasSuffix(l, "\r\n")
		}
		before := strings.Join(lines[:first-1], "") + back.String() + strings.Join(lines[last:], "")
		if !whole || line == 0 || news == 0 || sameCode(g.src, before) {
			continue
		}
		var out strings.Builder
		header(&out, g.file.Path)
		fmt.Fprintf(&out, "@@ -%d,%d +%d,%d @@\n", first, olds, first, news)
		out.WriteString(body.String())
		owner, about := g.owner(line), ""
		if owner == nil {
			about = g.firstOf(h)
		}
		g.add(owner, RevertHunk, about, "what the patch changed is as it was before", out.String(), line)
	}
}

// firstOf is the first line of code that a hunk added.
func (g *generator) firstOf(h patch.ChangedHunk) string {
	added := map[int]string{}
	for _, l := range h.Lines {
		if l.Op == patch.Added {
			added[l.Number] = l.Text
		}
	}
	for i, t := range g.tokens {
		if text, ok := added[t.line]; ok && !strings.HasPrefix(g.at(i), "#") {
			return text
		}
	}
	return ""
}

// owner is the function that a line is in.
func (g *generator) owner(line int) *function {
	for k := range g.funcs {
		if f := &g.funcs[k]; line <= g.tokens[f.shut].line && line >= g.tokens[f.at].line {
			return f
		}
	}
	return nil
}
