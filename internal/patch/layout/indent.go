package layout

import (
	"fmt"
	"strings"
)

// option is one way to write a run of whitespace, and the rule it comes from.
type option struct {
	rule, text string
}

// ahead is a line that follows: exact if known, else squeezed.
type ahead struct {
	text  string
	known bool
}

// lastResort is the rule that a line stands as the one before it. It is right
// so often by chance that it counts only where nothing else is.
const lastResort = "as before"

// rules collects options for the whitespace in front of a line.
type rules struct {
	options []option
	spaces  bool // the file indents with blanks
}

// at adds a rule that says a column.
func (r *rules) at(rule string, col int) {
	if col < 0 {
		return
	}
	r.options = append(r.options, option{rule, indentTo(col, r.spaces)})
}

// as adds a rule that says the whitespace itself.
func (r *rules) as(rule, text string) {
	r.options = append(r.options, option{rule, text})
}

// indentTo returns the whitespace in front of column col.
func indentTo(col int, spaces bool) string {
	if spaces {
		return strings.Repeat(" ", col)
	}
	return strings.Repeat("\t", col/tabWidth) + strings.Repeat(" ", col%tabWidth)
}

// leadOptions returns the ways to indent a line in state s, and the class of
// situation in which they compete. The text may be squeezed or exact.
func (s *state) leadOptions(text string, next []ahead, spaces bool) (class string, options []option) {
	r := &rules{spaces: spaces}
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return "blank", []option{{"empty", ""}}
	case s.inComment:
		class = s.commentOptions(text, r)
	case s.dir:
		class = "directive goes on"
		if len(lead(s.prev)) > 0 {
			class += " on"
			r.as("previous", lead(s.prev))
		}
		r.as("condition", strings.Repeat(" ", s.dirAt))
		r.at("tab", 8)
		r.at("tabs", 16)
		r.as("margin", "")
	case s.macro == nil && text[0] == '#':
		class = "directive"
		r.as("margin", "")
		r.as("previous", lead(s.prev))
	case s.macro != nil && text == `\`:
		class = "lone backslash"
		if seen, ok := s.last["backslash"]; ok {
			r.as("above", fillTo(0, seen.col, seen.fill))
		}
		r.at("tab", 8)
	case s.macro != nil:
		class = "macro " + s.macro.leadRules(text, next, r, true)
	default:
		class = s.leadRules(text, next, r, false)
	}
	if s.prev != "" && !s.inComment {
		r.as(lastResort, lead(s.prev))
	}
	return class, r.options
}

// commentOptions is for a line inside a block comment.
func (s *state) commentOptions(text string, r *rules) string {
	first := ""
	if s.commentLead != "\x00" {
		first = s.commentLead
	} else {
		first = indentTo(s.commentCol, r.spaces)
	}
	star := text[0] == '*'
	class := "comment text"
	if star {
		class = "comment star"
	}
	if s.commentLine > 1 {
		class += " on"
		r.as("comment before", s.commentPrev)
	}
	r.as("below star", first+" ")
	r.as("below mark", first)
	if !star {
		r.as("below text", first+"   ")
		r.as("tab on", first+"\t")
		if s.commentLine > 1 {
			r.as("deeper", s.commentPrev+"  ")
			r.as("tab deeper", s.commentPrev+"\t")
		}
		r.as("margin", "")
		r.at("tab", 8)
	}
	return class
}

// leadRules is for a line of code.
func (c *core) leadRules(text string, next []ahead, r *rules, macro bool) string {
	tokens, _ := c.lexed.lex(text, false)
	words := code(tokens)
	if len(words) > 0 && words[len(words)-1].text == `\` {
		words = words[:len(words)-1]
	}
	if len(words) == 0 {
		if len(tokens) > 0 {
			return c.commentRules(next, r, macro)
		}
		words = []token{{text: `\`}}
	}
	first := words[0]
	top := c.top()
	switch {
	case first.text == "}":
		return c.closingRules(r)
	case top != nil && top.open != '{':
		return c.bracketRules(first, r, macro, len(text))
	case first.text == "{" && (c.st.active || len(c.heads) > 0):
		if len(c.heads) > 0 && !c.st.active {
			r.at("head", c.heads[len(c.heads)-1].indent)
			r.at("head+8", c.heads[len(c.heads)-1].indent+8)
			return "brace of head"
		}
		r.at("statement", c.st.indent)
		r.at("statement+8", c.st.indent+8)
		return "brace"
	case c.st.active:
		return c.continuationRules(first, r, len(text))
	}
	return c.statementRules(words, r, macro)
}

// commentRules is for a comment on lines of its own: it stands where the line
// after it will stand.
func (c *core) commentRules(next []ahead, r *rules, macro bool) string {
	inside := false
	for _, a := range next {
		text := strings.TrimSpace(a.text)
		switch {
		case text == "":
			inside = true
			continue
		case strings.HasPrefix(text, "*") || strings.HasPrefix(text, "/*") || strings.HasPrefix(text, "//"):
			continue
		case strings.HasPrefix(text, "#"):
			text = ";"
		case strings.HasPrefix(text, "}"):
			text = ";"
		case a.known && !inside:
			r.as("next", lead(a.text))
		}
		class := c.leadRules(text, nil, r, macro)
		if class == "label" || class == "case" {
			c.leadRules(";", nil, r, macro)
		}
		if a.known && !inside {
			return "comment, known next"
		}
		return "comment: " + class
	}
	return "comment: " + c.leadRules(";", nil, r, macro)
}

func (c *core) closingRules(r *rules) string {
	f := c.brace()
	if f == nil {
		r.at("margin", 0)
		return "closing nothing"
	}
	r.at("statement", f.stmt)
	r.at("line", f.line)
	r.at("child", f.child)
	r.at("child-8", f.child-8)
	return fmt.Sprintf("closing %d", f.kind)
}

// statementRules is for the first line of a statement.
func (c *core) statementRules(words []token, r *rules, macro bool) string {
	first := words[0].text
	top := c.top()
	if first == "else" {
		n := 0
		for i := len(c.closed) - 1; i >= 0; i-- {
			if c.closed[i].kind == "if" {
				r.at(fmt.Sprint("if ", n), c.closed[i].indent)
				n++
			}
		}
		if n > 0 {
			return "else"
		}
	}
	if first == "case" || first == "default" && len(words) > 1 && words[1].text == ":" {
		if f := c.switchFrame(); f != nil {
			r.at("label", f.label)
			r.at("switch", f.stmt)
			r.at("switch+8", f.stmt+8)
			return "case"
		}
	}
	if c.isLabel(words) {
		r.at("margin", 0)
		r.at("blank", 1)
		r.at("block", top.stmt)
		if top.child > 0 {
			r.at("child", top.child)
		}
		return "label"
	}
	if n := len(c.heads); n > 0 {
		h := c.heads[n-1]
		r.at("head+8", h.indent+8)
		r.at("head+4", h.indent+4)
		r.at("head", h.indent)
		return "body"
	}
	if top == nil {
		if macro {
			if c.child >= 0 {
				r.at("sibling", c.child)
				r.at("tab", 8)
				return "statement on"
			}
			r.at("tab", 8)
			r.at("margin", 0)
			r.at("tabs", 16)
			return "statement"
		}
		r.at("margin", 0)
		r.at("tab", 8)
		r.at("sibling", c.child)
		return "top"
	}
	class := "first"
	if top.child >= 0 {
		r.at("sibling", top.child)
		class = "next"
	}
	if top.kind == switchBlock && first == "{" {
		r.at("label", top.label)
		class = "block of case"
	}
	if top.kind == switchBlock {
		class += " in switch"
		if top.label >= 0 {
			r.at("label+8", top.label+8)
		}
	}
	if top.kind == initBlock {
		class += " in initialiser"
	}
	if top.text >= 0 {
		class += " after brace"
		r.at("align", top.text)
	}
	r.at("block+8", top.stmt+8)
	r.at("line+8", top.line+8)
	r.at("block+16", top.stmt+16)
	r.at("block+4", top.stmt+4)
	r.at("block", top.stmt)
	return class
}
