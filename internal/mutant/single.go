package mutant

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

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
