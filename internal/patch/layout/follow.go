package layout

import (
	"slices"
	"strings"
)

// follow goes on past the tokens of a line with the given indent.
func (c *core) follow(tokens []token, indent int) {
	tokens = code(tokens)
	if n := len(tokens); n > 0 && tokens[n-1].text == `\` {
		tokens = tokens[:n-1]
	}
	if len(tokens) == 0 {
		return
	}
	c.observe(tokens, indent)
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		next := token{col: -1}
		if i+1 < len(tokens) {
			next = tokens[i+1]
		}
		switch t.text {
		case "{":
			c.openBrace(t, next, indent, i == 0)
			continue
		case "}":
			c.closeBrace()
			continue
		}
		if !c.st.active && t.text == ";" {
			c.endStatement()
			continue
		}
		if !c.st.active {
			if c.isLabel(tokens[i:]) {
				i++
				continue
			}
			if c.begin(t, next, indent) {
				continue
			}
		}
		c.within(t, next, indent)
	}
}

// observe takes what a line's own indent says.
func (c *core) observe(tokens []token, indent int) {
	first := tokens[0].text
	top := c.top()
	switch {
	case top != nil && top.open != '{':
		if first != ")" && first != "]" {
			top.child = indent
		}
	case c.st.active:
		if first != "{" {
			c.st.cont = indent
		}
	case first == "}" || first == "{" && len(c.heads) > 0 || first == "else" && len(c.closed) > 0:
	case first == "case" || first == "default" && len(tokens) > 1 && tokens[1].text == ":":
		if f := c.switchFrame(); f != nil {
			f.label = indent
		}
	case c.isLabel(tokens) || len(c.heads) > 0:
	case top != nil:
		top.child = indent
	default:
		c.child = indent
	}
}

func (c *core) switchFrame() *frame {
	for i := len(c.frames) - 1; i >= 0; i-- {
		if c.frames[i].open == '{' && c.frames[i].kind == switchBlock {
			return &c.frames[i]
		}
	}
	return nil
}

// isLabel says whether a statement of the tokens would be a label to go to.
func (c *core) isLabel(tokens []token) bool {
	if len(tokens) < 2 || tokens[0].kind != ident || tokens[1].text != ":" || tokens[0].text == "default" {
		return false
	}
	top := c.top()
	return top != nil && top.open == '{' && (top.kind == codeBlock || top.kind == switchBlock)
}

// begin starts a statement with t. It returns true if t has been dealt with.
func (c *core) begin(t, next token, indent int) bool {
	closed := c.closed
	c.closed = nil
	switch t.text {
	case "else":
		// It belongs to the innermost if, or to the one it is aligned to.
		at := -1
		for i := len(closed) - 1; i >= 0; i-- {
			if closed[i].kind != "if" {
				continue
			}
			if at < 0 || closed[i].indent == indent {
				at = i
				if closed[i].indent == indent {
					break
				}
			}
		}
		if at >= 0 {
			c.heads = slices.Clone(closed[:at])
		}
		c.heads = append(c.heads, head{"else", indent})
		return true
	case "do":
		c.heads = append(c.heads, head{"do", indent})
		return true
	}
	c.st = noStatement
	c.st.active, c.st.indent, c.st.first = true, indent, t.text
	switch t.text {
	case "if", "for", "switch":
		c.st.control = t.text
	case "while":
		if n := len(closed); n > 0 && closed[n-1].kind == "do" {
			c.heads = slices.Clone(closed[:n-1])
		} else {
			c.st.control = t.text
		}
	case "case", "default":
		c.st.label = true
	case "return":
		c.st.operand = next.col
	default:
		if t.kind == ident && next.text == "(" && forEach(t.text) {
			c.st.control = t.text
		}
	}
	return false
}

// forEach says whether a macro of that name is the head of a loop or block.
func forEach(name string) bool {
	return strings.Contains(name, "for_each") || strings.Contains(name, "foreach") ||
		strings.Contains(name, "_each_") || strings.HasPrefix(name, "scoped_")
}

// within takes a token of the statement that is active.
func (c *core) within(t, next token, indent int) {
	top := c.top()
	inParen := top != nil && top.open != '{'
	switch t.text {
	case "(", "[":
		f := frame{open: t.text[0], col: t.col, text: next.col, line: indent, stmt: c.st.indent, child: -1, label: -1}
		if t.text == "(" && !inParen && c.st.control != "" {
			f.control, c.st.control = c.st.control, ""
		}
		if !inParen {
			c.st.paren = true
		}
		c.frames = append(c.frames, f)
	case ")", "]":
		if !inParen {
			break
		}
		f := c.frames[len(c.frames)-1]
		c.frames = c.frames[:len(c.frames)-1]
		macro := !isKeyword(f.control)
		if f.control != "" && (!macro || next.col < 0 || next.text == "{") {
			c.heads = append(c.heads, head{f.control, c.st.indent})
			c.st = noStatement
			return
		}
		if next.text == "{" && c.blockMacro() {
			c.heads = append(c.heads, head{c.st.first, c.st.indent})
			c.st = noStatement
			return
		}
	case ";":
		if !inParen {
			c.endStatement()
			return
		}
	case ",":
		if top != nil && (top.kind == enumBlock || top.kind == initBlock) && !inParen {
			c.st = noStatement
			return
		}
		if !inParen && c.st.decl >= 0 {
			c.st.assign = -1 // the next declarator, no part of the value
		}
	case "?":
		c.st.ternary++
		c.st.question = t.col
	case ":":
		if c.st.label && !inParen && c.st.ternary == 0 {
			c.st = noStatement
			return
		}
		c.st.ternary = max(c.st.ternary-1, 0)
	case "=":
		if !inParen && c.st.assign <= 0 {
			c.st.assign = max(next.col, 0)
		}
	case "struct", "union":
		c.st.record = c.st.record || !inParen
	case "enum":
		c.st.enum = c.st.enum || !inParen
	}
	if !inParen {
		c.declarator(t)
	} else if c.st.assign == 0 {
		c.st.assign = t.col
	}
	c.st.last, c.st.str = t.text, -1
	if t.kind == str && t.text[0] == '"' {
		c.st.str = t.col
	}
}

// declarator finds the column where the names of a declaration start: that of
// the last word, or of the stars in front of it.
func (c *core) declarator(t token) {
	s := &c.st
	switch {
	case s.words < 0:
	case t.kind == ident && !isKeyword(t.text):
		if s.last != "*" {
			s.decl = t.col
		}
		s.words++
	case t.text == "*" && s.words > 0:
		if s.last != "*" {
			s.decl = t.col
		}
	default:
		if s.words < 2 {
			s.decl = -1
		}
		s.words = -1
	}
}

func isKeyword(name string) bool {
	switch name {
	case "if", "for", "while", "switch", "return", "goto", "case", "sizeof":
		return true
	}
	return false
}

// blockMacro says whether the statement is the call of a macro inside a
// function, and nothing else: before a brace it is the head of a block.
func (c *core) blockMacro() bool {
	b := c.brace()
	return b != nil && (b.kind == codeBlock || b.kind == switchBlock) && len(c.frames) > 0 &&
		c.frames[len(c.frames)-1].open == '{' && c.st.words <= 1 && c.st.assign < 0
}

func (c *core) endStatement() {
	c.closed = c.heads
	c.heads = nil
	c.st = noStatement
}

func (c *core) openBrace(t, next token, indent int, first bool) {
	f := frame{open: '{', col: t.col, text: next.col, line: indent, stmt: indent, child: -1, label: -1, saved: noStatement}
	top := c.top()
	switch {
	case !c.st.active && len(c.heads) > 0:
		h := c.heads[len(c.heads)-1]
		if h.kind == "switch" {
			f.kind = switchBlock
		}
		if !first {
			f.stmt = h.indent
		}
		f.heads = c.heads
	case !c.st.active:
		if top != nil && (top.kind == initBlock || top.kind == enumBlock) && top.open == '{' {
			f.kind = initBlock
			f.saved = statement{active: true, indent: indent, cont: -1, str: -1, assign: -1, operand: -1, decl: -1, words: -1}
		}
	default:
		inParen := top != nil && top.open != '{'
		if !first {
			f.stmt = c.st.indent
		}
		switch {
		case inParen && c.st.last == "(":
			f.saved = c.st
		case inParen:
			f.saved = c.st
			if c.st.last == ")" {
				f.kind = initBlock
			}
		case c.st.last == "=" || c.st.last == "return":
			f.kind, f.saved = initBlock, c.st
		case top != nil && top.kind == initBlock && top.open == '{':
			f.kind, f.saved = initBlock, c.st
		case c.st.assign >= 0:
			f.kind, f.saved = initBlock, c.st
		case c.st.enum && !c.st.paren:
			f.kind, f.saved = enumBlock, c.st
		case c.st.record && !c.st.paren:
			f.kind, f.saved = structBlock, c.st
		}
		f.heads = c.heads
	}
	c.frames = append(c.frames, f)
	c.heads, c.closed, c.st = nil, nil, noStatement
}

func (c *core) closeBrace() {
	at := len(c.frames) - 1
	for at >= 0 && c.frames[at].open != '{' {
		at--
	}
	if at < 0 {
		c.endStatement()
		c.closed = nil
		return
	}
	f := c.frames[at]
	c.frames = c.frames[:at]
	c.st = f.saved
	if c.st.active {
		c.st.last = "}"
		c.heads, c.closed = f.heads, nil
		return
	}
	c.heads, c.closed = nil, f.heads
}
