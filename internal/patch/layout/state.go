package layout

import (
	"slices"
	"strings"
)

// blockKind is what a brace opens.
type blockKind uint8

const (
	codeBlock   blockKind = iota
	switchBlock           // the block of a switch
	structBlock           // members of a struct or union
	enumBlock
	initBlock // an initialiser, or a part of one
)

// frame is an open bracket.
type frame struct {
	open  byte      // '{', '(' or '['
	kind  blockKind // of a brace
	col   int       // column of the bracket
	text  int       // column of what follows it on its line, or -1
	line  int       // indent of its line
	stmt  int       // indent of the statement it belongs to
	child int       // indent of the last line that started right inside, or -1
	label int       // indent of the last case label, or -1

	control string    // "(": the if, for, while or switch whose head it is
	saved   statement // to go on with after the bracket
	heads   []head    // the heads whose body a block is
}

// statement is what is known of the statement a line goes on with. In a
// struct it is a member, in an enum or an initialiser an element.
type statement struct {
	active   bool
	indent   int    // of its first line
	first    string // its first token
	last     string // its last token so far
	cont     int    // indent of its last continuation outside brackets, or -1
	control  string // if, for, while, switch until the head's bracket opens
	label    bool   // case or default
	ternary  int    // open question marks
	question int    // column of the last of them
	str      int    // column of the last token if it is a string, or -1

	assign  int // column after the first "=", -1 before; 0 if "=" ends its line
	operand int // column of what follows "return", or -1
	decl    int // column of the first declarator, or -1
	paren   bool
	record  bool // it names a struct or union
	enum    bool
	words   int // tokens before any punctuator, for decl
}

// head is a control statement whose body has not come yet.
type head struct {
	kind   string // if, else, for, while, do, switch, or a for_each macro
	indent int
}

// core is the part of the state that a preprocessor condition puts aside.
type core struct {
	frames []frame
	st     statement
	heads  []head
	closed []head // heads that have just got their body: an else may follow
	child  int    // indent of the last statement outside all brackets, or -1
	lexed  lexed
}

func (c *core) clone() core {
	d := *c
	d.frames = slices.Clone(c.frames)
	d.heads = slices.Clone(c.heads)
	d.closed = slices.Clone(c.closed)
	return d
}

func (c *core) top() *frame {
	if len(c.frames) == 0 {
		return nil
	}
	return &c.frames[len(c.frames)-1]
}

// brace returns the innermost open brace, or nil.
func (c *core) brace() *frame {
	for i := len(c.frames) - 1; i >= 0; i-- {
		if c.frames[i].open == '{' {
			return &c.frames[i]
		}
	}
	return nil
}

// state is where a line stands: all that the lines before it say about it.
type state struct {
	core
	conds []condition // open #if
	macro *core       // the body of a #define that goes on in the next line
	dir   bool        // another directive goes on in the next line
	dirAt int         // column of what follows the name of that directive

	inComment   bool
	commentLead string // whitespace in front of the comment's first line, if it stands alone
	commentCol  int    // column of its opening mark
	commentPrev string // whitespace in front of its last line, "" on the first
	commentStar bool   // its last line started with a star
	commentLine int    // lines of it so far

	last gaps   // where the last lines had their columns
	prev string // the last line that was not blank
}

type condition struct {
	before core // at the #if
	first  *core
}

func (s *state) clone() *state {
	d := *s
	d.core = s.core.clone()
	d.conds = slices.Clone(s.conds)
	if s.macro != nil {
		m := s.macro.clone()
		d.macro = &m
	}
	d.last = s.last.clone()
	return &d
}

func newState() *state {
	return &state{core: core{child: -1, st: noStatement, lexed: lexed{}}, last: gaps{}}
}

var noStatement = statement{cont: -1, str: -1, assign: -1, operand: -1, decl: -1}

// consume goes on past a line whose whitespace is known.
func (s *state) consume(line string) {
	s.note(line)
	s.last.age()
	if strings.TrimSpace(line) == "" {
		s.macro, s.dir = nil, false
		return
	}
	defer func() { s.prev = line }()
	wasComment := s.inComment
	tokens, open := s.lexed.lex(line, wasComment)
	s.followComment(line, tokens, open)
	if wasComment && len(tokens) == 1 && tokens[0].kind == comment {
		if s.macro != nil && !continued(line) {
			s.macro = nil
		}
		return
	}
	if wasComment && len(tokens) > 0 {
		tokens = tokens[1:]
	}
	indent := column(0, lead(line))
	switch {
	case s.macro != nil:
		s.macro.follow(tokens, indent)
		if !continued(line) {
			s.macro = nil
		}
	case s.dir:
		s.dir = continued(line)
	case !wasComment && len(tokens) > 0 && tokens[0].text == "#":
		s.directive(tokens, line)
	default:
		s.resync(tokens, indent)
		s.follow(tokens, indent)
	}
}

// followComment keeps track of a block comment that stays open.
func (s *state) followComment(line string, tokens []token, open bool) {
	switch {
	case open && !s.inComment:
		mark := tokens[len(tokens)-1]
		s.commentCol = mark.col
		s.commentLead = "\x00"
		if len(tokens) == 1 {
			s.commentLead = lead(line)
		}
		s.commentPrev, s.commentLine = "", 1
	case open && strings.TrimSpace(line) != "":
		s.commentPrev = lead(line)
		s.commentStar = strings.HasPrefix(strings.TrimSpace(line), "*")
		s.commentLine++
	}
	s.inComment = open
}

// directive follows a preprocessor line.
func (s *state) directive(tokens []token, line string) {
	name := ""
	if len(tokens) > 1 {
		name = tokens[1].text
	}
	switch name {
	case "if", "ifdef", "ifndef":
		s.conds = append(s.conds[:len(s.conds):len(s.conds)], condition{before: s.core.clone()})
	case "else", "elif":
		if n := len(s.conds); n > 0 {
			c := s.conds[n-1]
			if c.first == nil {
				first := s.core.clone()
				c.first = &first
			}
			s.core = c.before.clone()
			s.conds = append(s.conds[:n-1:n-1], c)
		}
	case "endif":
		if n := len(s.conds); n > 0 {
			if first := s.conds[n-1].first; first != nil {
				s.core = *first
			}
			s.conds = s.conds[:n-1]
		}
	case "define":
		if continued(line) {
			body := core{child: -1, st: noStatement, lexed: s.lexed}
			rest := tokens[2:]
			if len(rest) > 0 {
				name := rest[0]
				rest = rest[1:]
				if len(rest) > 0 && rest[0].text == "(" && rest[0].pos == name.end {
					for len(rest) > 0 && rest[0].text != ")" {
						rest = rest[1:]
					}
					if len(rest) > 0 {
						rest = rest[1:]
					}
				}
			}
			body.follow(rest, 0)
			s.macro = &body
			return
		}
	}
	s.dir, s.dirAt = continued(line), 0
	if len(tokens) > 2 {
		s.dirAt = tokens[2].col
	}
}

// resync drops brackets that were opened and never closed, as macros and
// conditions may do: something at the left margin starts afresh.
func (s *state) resync(tokens []token, indent int) {
	if indent != 0 || len(s.frames) == 0 || len(tokens) == 0 {
		return
	}
	t := tokens[0]
	if t.text == "}" {
		for i, f := range s.frames {
			if f.open == '{' && f.stmt == 0 {
				s.frames = s.frames[:i+1]
				return
			}
		}
		return
	}
	switch t.text {
	case "static", "struct", "enum", "union", "typedef", "extern", "EXPORT_SYMBOL", "EXPORT_SYMBOL_GPL", "MODULE_LICENSE":
	default:
		return
	}
	b := s.brace()
	if b != nil && b.child == 0 {
		return
	}
	s.core = core{child: -1, st: noStatement, lexed: s.lexed}
}
