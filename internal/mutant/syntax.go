package mutant

import (
	"slices"
	"strings"
)

// source is a C file with its tokens; comments are left out of them.
type source struct {
	src    string
	tokens []token
}

func newSource(src string) *source {
	return &source{src, slices.DeleteFunc(lex(src), func(t token) bool { return t.kind == comment })}
}

// at is the text of a token, empty behind the last.
func (s *source) at(i int) string {
	if i < 0 || i >= len(s.tokens) {
		return ""
	}
	return s.src[s.tokens[i].start:s.tokens[i].end]
}

// span is the text from one token to another, that included, in one line.
func (s *source) span(from, to int) string {
	if from > to || from < 0 || to >= len(s.tokens) {
		return ""
	}
	return strings.Join(strings.Fields(s.src[s.tokens[from].start:s.tokens[to].end]), " ")
}

func (s *source) is(i int, k kind) bool { return i >= 0 && i < len(s.tokens) && s.tokens[i].kind == k }

// closing is the token that closes the bracket at i, or the last of the limit if
// none does.
func (s *source) closing(i, limit int) int {
	depth := 0
	for k := i; k < limit; k++ {
		if s.tokens[k].kind != punct {
			continue
		}
		switch s.at(k) {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			if depth--; depth == 0 {
				return k
			}
		}
	}
	return limit - 1
}

// function is the definition of one.
type function struct {
	name       string
	at         int // the name
	void       bool
	open, shut int // its braces
}

// functions finds the functions of a file. What it does not take for one is no
// function: the bodies of structures, of initialisers, of enumerations.
func (s *source) functions() []function {
	var list []function
	first := 0 // of what is being declared
	for i := 0; i < len(s.tokens); i++ {
		if s.tokens[i].kind == directive {
			first = i + 1
			continue
		}
		switch s.at(i) {
		case ";":
			first = i + 1
		case "(", "[":
			i = s.closing(i, len(s.tokens))
		case "{":
			shut := s.closing(i, len(s.tokens))
			if name, at := s.declares(first, i); name != "" {
				void := slices.ContainsFunc(s.tokens[first:at], func(t token) bool { return s.src[t.start:t.end] == "void" }) &&
					s.at(at-1) != "*"
				list = append(list, function{name, at, void, i, shut})
				first = shut + 1
			}
			i = shut
		}
	}
	return list
}

// notFunctions are names before brackets of a declaration that are not its own.
var notFunctions = []string{"__attribute__", "__acquires", "__releases", "__must_hold", "__printf", "__aligned", "__section", "typeof", "__typeof__"}

// declares returns the name of the function whose declaration stands before a
// brace, and the place of that.
func (s *source) declares(first, brace int) (name string, at int) {
	for i := first; i < brace; i++ {
		switch s.at(i) {
		case "=", "struct", "union", "enum":
			if s.at(i) == "=" || s.at(i+2) == "{" || s.at(i+1) == "{" {
				return "", 0
			}
		case "(":
			if name == "" && s.is(i-1, ident) && i > first && !slices.Contains(notFunctions, s.at(i-1)) {
				name, at = s.at(i-1), i-1
			}
			i = s.closing(i, brace)
		}
	}
	return name, at
}

// form is the form of a statement.
type form int

const (
	simple      form = iota // an expression, or nothing
	declaration             //
	jump                    // return, goto, break, continue
	block                   // { … }
	branch                  // if
	loop                    // while, for, do
	walk                    // list_for_each_entry(…) and its like
	choice                  // switch
	label                   // case, default, NAME:
)

// statement is one of a function.
type statement struct {
	form        form
	first, last int // tokens
	// condition are the tokens of what decides, without the brackets; from > to:
	// there is none.
	from, to int
	sole     bool // the body of an if or a loop that has no braces
	outer    bool // right in the function's braces
	body     []*statement
}

// maxDepth bounds how deep statements are read; nothing that people write is as
// deep.
const maxDepth = 200

// parser reads the statements of a function.
type parser struct {
	*source
	limit int // the closing brace
	depth int
}

// statements reads the body of a function.
func (s *source) statements(f function) []*statement {
	p := &parser{source: s, limit: f.shut}
	list := p.list(f.open+1, f.shut)
	for _, st := range list {
		st.outer = true
	}
	return list
}

func (p *parser) list(from, to int) []*statement {
	var list []*statement
	for i := from; i < to; {
		st := p.read(i, to)
		list = append(list, st)
		i = st.last + 1
	}
	return list
}

// read reads the statement at i, which ends before limit. It always gets on.
func (p *parser) read(i, limit int) *statement {
	p.depth++
	defer func() { p.depth-- }()
	st := &statement{first: i, last: i, from: 0, to: -1}
	if p.depth > maxDepth {
		st.last = limit - 1
		return st
	}
	if p.tokens[i].kind == directive {
		st.form = label // nothing that can be broken
		return st
	}
	switch word := p.at(i); {
	case word == "{":
		st.form, st.last = block, p.closing(i, limit)
		st.body = p.list(i+1, st.last)
	case word == ";":
	case word == "if":
		st.form = branch
		p.header(st, limit)
		if p.at(st.last+1) == "else" && st.last+2 < limit {
			p.attach(st, st.last+2, limit)
		}
	case word == "while" || word == "switch":
		st.form = map[string]form{"while": loop, "switch": choice}[word]
		p.header(st, limit)
	case word == "for":
		st.form = loop
		p.header(st, limit)
		st.from, st.to = p.middle(st.from, st.to)
	case word == "do" && i+1 < limit:
		st.form = loop
		p.attach(st, i+1, limit)
		if at := st.last + 2; p.at(st.last+1) == "while" && p.at(at) == "(" && at < limit {
			shut := p.closing(at, limit)
			st.from, st.to = at+1, shut-1
			st.last = p.semicolon(shut, limit)
		}
	case word == "else": // whose if was not understood
		st.form = label
	case word == "case" || word == "default" || p.is(i, ident) && p.at(i+1) == ":" && i+1 < limit:
		st.form, st.last = label, p.colon(i, limit)
	case word == "return" || word == "goto" || word == "break" || word == "continue":
		st.form, st.last = jump, p.semicolon(i, limit)
	case p.isWalk(i, limit):
		st.form = walk
		shut := p.closing(i+1, limit)
		st.last = shut
		p.attach(st, shut+1, limit)
	case p.declares(i, limit):
		st.form, st.last = declaration, p.semicolon(i, limit)
	default:
		st.last = p.semicolon(i, limit)
	}
	return st
}

// header reads the brackets behind a keyword and what depends on them.
func (p *parser) header(st *statement, limit int) {
	open := st.first + 1
	if p.at(open) != "(" || open >= limit {
		return
	}
	shut := p.closing(open, limit)
	st.from, st.to, st.last = open+1, shut-1, shut
	if shut+1 < limit {
		p.attach(st, shut+1, limit)
	}
}

// attach reads a statement that belongs to st.
func (p *parser) attach(st *statement, i, limit int) {
	inner := p.read(i, limit)
	inner.sole = inner.form != block
	st.body = append(st.body, inner)
	st.last = inner.last
}

// middle is the second part of what stands in the brackets of a for.
func (p *parser) middle(from, to int) (int, int) {
	var at []int
	for i := from; i <= to; i++ {
		switch p.at(i) {
		case "(", "[", "{":
			i = p.closing(i, to+1)
		case ";":
			at = append(at, i)
		}
	}
	if len(at) != 2 {
		return 0, -1
	}
	return at[0] + 1, at[1] - 1
}

// semicolon is the end of the statement that i is in.
func (p *parser) semicolon(i, limit int) int {
	for ; i < limit; i++ {
		switch p.at(i) {
		case "(", "[", "{":
			i = p.closing(i, limit)
		case ";":
			return i
		}
	}
	return limit - 1
}

func (p *parser) colon(i, limit int) int {
	for ; i < limit; i++ {
		switch p.at(i) {
		case "(":
			i = p.closing(i, limit)
		case ":":
			return i
		}
	}
	return limit - 1
}

// isWalk tells whether a macro with a statement behind it stands at i: a name, its
// arguments, and then no operator and no semicolon.
func (p *parser) isWalk(i, limit int) bool {
	if !p.is(i, ident) || p.at(i+1) != "(" || i+1 >= limit {
		return false
	}
	after := p.closing(i+1, limit) + 1
	return after < limit && (p.at(after) == "{" || p.is(after, ident))
}

// types are words that only a declaration begins with.
var types = []string{
	"struct", "union", "enum", "const", "static", "volatile", "register", "extern", "typedef", "auto",
	"void", "char", "short", "int", "long", "float", "double", "signed", "unsigned", "bool", "_Bool",
	"typeof", "__typeof__", "__auto_type",
}

// declares tells a declaration: it begins with a type, or with a name and another
// behind it. A product whose result nobody uses is none, for nobody writes it.
func (p *parser) declares(i, limit int) bool {
	if slices.Contains(types, p.at(i)) {
		return true
	}
	if !p.is(i, ident) {
		return false
	}
	k, stars := i+1, 0
	for ; k < limit && p.at(k) == "*"; k++ {
		stars++
	}
	if !p.is(k, ident) || k >= limit {
		return false
	}
	return stars == 0 || slices.Contains([]string{"=", ";", ",", "["}, p.at(k+1))
}
