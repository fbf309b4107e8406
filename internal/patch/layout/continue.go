package layout

import "strings"

// bracketRules is for a line inside round or square brackets.
func (c *core) bracketRules(first token, r *rules, macro bool, width int) string {
	f := c.top()
	if first.text == ")" || first.text == "]" {
		r.at("statement", f.stmt)
		r.at("line", f.line)
		r.at("open", f.col)
		r.at("child", f.child)
		r.at("align", f.text)
		r.at("statement+8", f.stmt+8)
		return "closing bracket"
	}
	class := "bracket"
	if f.text < 0 {
		class = "open bracket"
	}
	switch {
	case f.control != "":
		class += " of head"
	case macro:
	case strings.HasPrefix(first.text, "TP_"):
		class += " of tracepoint"
	case len(c.frames) == 1 && f.open == '(' && strings.ToUpper(c.st.first) == c.st.first:
		class += " of macro"
	case len(c.frames) == 1:
		class += " outside"
	}
	if f.child >= 0 {
		class += " on"
		r.at("sibling", f.child)
	} else if f.text >= 0 && f.text+width > lineWidth {
		class += " too wide"
	}
	class += c.atOperator(first, r)
	r.at("align", f.text)
	if f.text >= 0 {
		r.at("tabs", f.text/8*8)
		r.at("tabs up", (f.text+7)/8*8)
	}
	r.at("line+8", f.line+8)
	r.at("line+16", f.line+16)
	r.at("statement+8", f.stmt+8)
	r.at("statement+16", f.stmt+16)
	r.at("statement+24", f.stmt+24)
	r.at("line+4", f.line+4)
	r.at("statement+4", f.stmt+4)
	r.at("statement", f.stmt)
	if f.text < 0 {
		r.at("after open", f.col+1)
	}
	if n := len(c.frames); n > 1 && c.frames[n-2].open != '{' {
		g := c.frames[n-2]
		r.at("outer", g.text)
		r.at("outer sibling", g.child)
	}
	if c.st.assign > 0 {
		r.at("assigned", c.st.assign)
	}
	if c.st.operand > 0 {
		r.at("operand", c.st.operand)
	}
	return class
}

// lineWidth is how wide a line of code may be (coding-style.rst, 2).
const lineWidth = 80

// atOperator is for a line that starts with an operator, or with a string that
// goes on with the one before it: pieces of a string stand below each other, and
// so do the branches of a conditional expression.
func (c *core) atOperator(first token, r *rules) string {
	if first.kind == str && c.st.str >= 0 {
		r.at("string", c.st.str)
		return " by string"
	}
	switch first.text {
	case ":":
		if c.st.ternary > 0 {
			r.at("question", c.st.question)
			return " at colon"
		}
	case "?":
		return " at question"
	case "&&", "||", "|", "&", "+", "-":
		return " at operator"
	}
	return ""
}

// continuationRules is for a line that goes on with a statement outside all
// brackets.
func (c *core) continuationRules(first token, r *rules, width int) string {
	s := &c.st
	if s.cont >= 0 {
		r.at("sibling", s.cont)
	}
	on := ""
	switch {
	case s.cont >= 0:
		on = " on"
	case max(s.assign, s.operand)+width > lineWidth:
		on = " too wide"
	}
	on += c.atOperator(first, r)
	margin := func() {
		r.at("statement+8", s.indent+8)
		r.at("statement", s.indent)
		r.at("statement+16", s.indent+16)
		r.at("statement+4", s.indent+4)
	}
	switch {
	case s.assign > 0:
		r.at("assigned", s.assign)
		r.at("assigned tabs", s.assign/8*8)
		r.at("assigned tabs up", (s.assign+7)/8*8)
		margin()
		return "assigned" + on
	case s.assign == 0:
		margin()
		return "to assign" + on
	case s.operand > 0:
		r.at("operand", s.operand)
		r.at("operand tabs up", (s.operand+7)/8*8)
		margin()
		return "operand" + on
	case len(c.frames) == 0 && (s.paren || s.last != ","):
		if strings.HasPrefix(first.text, "__") && s.last == ")" {
			on = " by attribute"
		}
		r.at("statement", s.indent)
		margin()
		return "outside" + on
	case s.decl >= 0 && s.last == ",":
		r.at("declarator", s.decl)
		r.at("declarator tabs", s.decl/8*8)
		margin()
		return "declared" + on
	}
	margin()
	return "continued" + on
}
