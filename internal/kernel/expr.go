package kernel

import (
	"fmt"
	"strings"
)

// expr is a Kconfig expression (Documentation/kbuild/kconfig-language.rst,
// "Menu dependencies"). A leaf has op 0 and a symbol, a constant or a macro in
// sym.
type expr struct {
	op          exprOp
	left, right *expr // right is nil for not
	sym         string
}

type exprOp byte

const (
	opLeaf    exprOp = iota
	opNot            // !
	opAnd            // &&
	opOr             // ||
	opCompare        // = != < <= > >=, the sign is in sym
)

// parseExpr reads an expression. depth of nesting is bounded: Kconfig files
// come with patches.
func parseExpr(s string) (*expr, error) {
	p := &exprParser{tokens: exprTokens(s)}
	e, err := p.or(0)
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("%q follows an expression", p.tokens[0])
	}
	return e, err
}

// exprTokens splits an expression; "#" starts a comment.
func exprTokens(s string) []string {
	var tokens []string
	for s = strings.TrimLeft(s, " \t"); s != "" && s[0] != '#'; s = strings.TrimLeft(s, " \t") {
		n := exprToken(s)
		tokens = append(tokens, s[:n])
		s = s[n:]
	}
	return tokens
}

// exprToken returns the length of the first token of s, which starts with
// neither a blank nor "#".
func exprToken(s string) int {
	for _, sign := range []string{"&&", "||", "!=", "<=", ">=", "!", "=", "<", ">", "(", ")"} {
		if strings.HasPrefix(s, sign) {
			return len(sign)
		}
	}
	if q := s[0]; q == '"' || q == '\'' {
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case q:
				return i + 1
			}
		}
		return len(s)
	}
	depth := 0 // of parentheses in $(macro,with (parentheses))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '$' && strings.HasPrefix(s[i:], "$("):
			depth++
			i++
		case depth > 0 && c == '(':
			depth++
		case depth > 0 && c == ')':
			depth--
		case depth == 0 && strings.IndexByte(" \t#&|!=<>()\"'", c) >= 0:
			return max(i, 1) // a lone & or | is a token that no expression takes
		}
	}
	return len(s)
}

type exprParser struct{ tokens []string }

const maxExprDepth = 200

func (p *exprParser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	return p.tokens[0]
}

func (p *exprParser) take(token string) bool {
	if p.next() != token || token == "" {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *exprParser) or(depth int) (*expr, error) {
	return p.binary(depth, "||", opOr, func() (*expr, error) {
		return p.binary(depth, "&&", opAnd, func() (*expr, error) { return p.unary(depth) })
	})
}

func (p *exprParser) binary(depth int, sign string, op exprOp, operand func() (*expr, error)) (*expr, error) {
	if depth > maxExprDepth {
		return nil, fmt.Errorf("more than %d levels of nesting", maxExprDepth)
	}
	e, err := operand()
	for err == nil && p.take(sign) {
		var right *expr
		right, err = operand()
		e = &expr{op: op, left: e, right: right}
	}
	return e, err
}

func (p *exprParser) unary(depth int) (*expr, error) {
	if depth > maxExprDepth {
		return nil, fmt.Errorf("more than %d levels of nesting", maxExprDepth)
	}
	if p.take("!") {
		e, err := p.unary(depth + 1)
		return &expr{op: opNot, left: e}, err
	}
	if p.take("(") {
		e, err := p.or(depth + 1)
		if err == nil && !p.take(")") {
			err = fmt.Errorf("expected ), found %q", p.next())
		}
		return e, err
	}
	left, err := p.leaf()
	if err != nil {
		return nil, err
	}
	for _, sign := range []string{"=", "!=", "<=", ">=", "<", ">"} {
		if p.take(sign) {
			right, err := p.leaf()
			return &expr{op: opCompare, sym: sign, left: left, right: right}, err
		}
	}
	return left, nil
}

func (p *exprParser) leaf() (*expr, error) {
	t := p.next()
	if t == "" || strings.IndexByte("&|!=<>()", t[0]) >= 0 {
		return nil, fmt.Errorf("expected a symbol, found %q", t)
	}
	p.tokens = p.tokens[1:]
	return &expr{sym: t}, nil
}

func (e *expr) String() string {
	switch e.op {
	case opNot:
		return "!" + e.left.operand(opNot)
	case opAnd:
		return e.left.operand(opAnd) + " && " + e.right.operand(opAnd)
	case opOr:
		return e.left.String() + " || " + e.right.String()
	case opCompare:
		return e.left.sym + e.sym + e.right.sym
	}
	return e.sym
}

// operand is e as an operand of op, in parentheses where they are needed.
func (e *expr) operand(op exprOp) string {
	if e.op == opOr || e.op == opAnd && op == opNot || e.op == opCompare && op == opNot {
		return "(" + e.String() + ")"
	}
	return e.String()
}

// truth is a value of Kconfig's three-valued logic, and unknown for what needs
// the compiler to be asked ($(cc-option,…)).
type truth int

const (
	no truth = iota
	module
	yes
	unknown
)

// eval evaluates e with the values of c. nil is yes.
func (e *expr) eval(c config) truth {
	if e == nil {
		return yes
	}
	switch e.op {
	case opNot:
		if v := e.left.eval(c); v != unknown {
			return yes - v
		}
		return unknown
	case opAnd:
		return min2(e.left.eval(c), e.right.eval(c))
	case opOr:
		return max2(e.left.eval(c), e.right.eval(c))
	case opCompare:
		return e.compare(c)
	}
	return leafTruth(e.sym, c)
}

func leafTruth(sym string, c config) truth {
	if strings.Contains(sym, "$(") {
		return unknown
	}
	switch c.constant(sym) {
	case "y":
		return yes
	case "m":
		return module
	}
	return no
}

// constant returns the value of a symbol, or what a quoted or written-out
// constant stands for.
func (c config) constant(sym string) string {
	switch sym {
	case "y", "m", "n":
		return sym
	}
	if len(sym) > 1 && (sym[0] == '"' || sym[0] == '\'') {
		return sym[1 : len(sym)-1]
	}
	if validName(sym) && !validValue(sym) {
		return strings.Trim(c.get(sym), `"`)
	}
	return sym
}

func (e *expr) compare(c config) truth {
	if strings.Contains(e.left.sym+e.right.sym, "$(") {
		return unknown
	}
	a, b := c.constant(e.left.sym), c.constant(e.right.sym)
	order := strings.Compare(a, b)
	if x, y, ok := numbers(a, b); ok {
		order = int(min(max(x-y, -1), 1))
	}
	holds := false
	switch e.sym {
	case "=":
		holds = order == 0
	case "!=":
		holds = order != 0
	case "<":
		holds = order < 0
	case "<=":
		holds = order <= 0
	case ">":
		holds = order > 0
	case ">=":
		holds = order >= 0
	}
	if holds {
		return yes
	}
	return no
}

func min2(a, b truth) truth {
	if a == no || b == no {
		return no
	}
	if a == unknown || b == unknown {
		return unknown
	}
	return min(a, b)
}

func max2(a, b truth) truth {
	if a == yes || b == yes {
		return yes
	}
	if a == unknown || b == unknown {
		return unknown
	}
	return max(a, b)
}

// unmet names what keeps e from being yes: "BROKEN=n", several joined by
// "and" or "or". It is empty if e is yes.
func (e *expr) unmet(c config) string {
	if e.eval(c) == yes {
		return ""
	}
	switch e.op {
	case opAnd:
		l, r := e.left.unmet(c), e.right.unmet(c)
		if l == "" || r == "" {
			return l + r
		}
		return l + ", " + r
	case opOr:
		return e.left.unmet(c) + " and " + e.right.unmet(c)
	case opNot:
		if e.left.op == opLeaf {
			return e.left.sym + "=" + c.constant(e.left.sym)
		}
		return "not " + e.left.operand(opNot)
	case opCompare:
		return e.left.sym + " is " + c.constant(e.left.sym) + ", not " + e.sym + e.right.sym
	}
	if strings.Contains(e.sym, "$(") {
		return "perhaps " + e.sym
	}
	return e.sym + "=" + c.constant(e.sym)
}
