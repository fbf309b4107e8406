package mutant

import (
	"fmt"
	"strings"
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
