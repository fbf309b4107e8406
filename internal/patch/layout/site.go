package layout

import (
	"slices"
	"strings"
)

// A site is a run of whitespace inside a line that is often more than one
// blank: the columns of a table in the widest sense.
type site struct {
	class string
	pos   int // byte offset of what follows the whitespace
}

// sites returns the sites of a line that starts in state s, from left to
// right. The text may be squeezed or exact; a place without whitespace is no
// site.
func (s *state) sites(text string) []site {
	tokens, _ := s.lexed.lex(text, s.inComment)
	n := len(tokens)
	if n == 0 {
		return nil
	}
	var found []site
	add := func(class string, t token) {
		if t.pos > 0 && isBlank(text[t.pos-1]) && strings.TrimSpace(text[:t.pos]) != "" {
			found = append(found, site{class, t.pos})
		}
	}
	end := n
	if n > 1 && tokens[n-1].text == `\` {
		end--
	}
	words := tokens[:end]
	switch {
	case s.inComment:
		found = commentSites(text, tokens[0])
	case s.macro == nil && tokens[0].text == "#":
		defineSites(words, add)
	default:
		c := &s.core
		if s.macro != nil {
			c = s.macro
		}
		codeSites(c, words, add)
	}
	if end > 1 && words[end-1].kind == comment {
		add("comment"+s.where(tokens[0]), words[end-1])
		found = append(found, commentSites(text, words[end-1])...)
	}
	if end < n {
		class := "backslash"
		if s.macro == nil {
			class = "first backslash"
		}
		add(class, tokens[n-1])
	}
	return slices.CompactFunc(found, func(a, b site) bool { return a.pos == b.pos })
}

// where says in a word what a line with a comment at its end belongs to.
func (s *state) where(first token) string {
	top := s.top()
	switch {
	case s.macro != nil:
		return " of macro"
	case first.text == "#":
		return " of directive"
	case top == nil:
		return " outside"
	case top.open != '{':
		return " in bracket"
	case first.text == "}" || first.text == "{":
		return " of brace"
	}
	return []string{" of code", " of code", " of member", " of value", " of element"}[top.kind]
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// commentSites finds the sites inside a comment: after the star or the opening
// mark at its start, after a kernel-doc name, after the end of a sentence.
func commentSites(text string, t token) []site {
	var found []site
	for i := t.pos + 1; i < t.end; i++ {
		if isBlank(text[i]) || !isBlank(text[i-1]) {
			continue
		}
		before := strings.TrimRight(text[t.pos:i], " \t")
		switch last := before[len(before)-1]; {
		case before == "*":
			found = append(found, site{"star", i})
		case before == "/*" || before == "/**" || before == "//":
			found = append(found, site{"open", i})
		case last == ':' && strings.Contains(before, "@"):
			found = append(found, site{"doc", i})
		case last == ':' || last == ';':
			found = append(found, site{"colon", i})
		case strings.IndexByte(".!?)", last) >= 0:
			found = append(found, site{"sentence", i})
		}
	}
	return found
}

// defineSites finds the place between the name and the value of a #define.
func defineSites(tokens []token, add func(string, token)) {
	if len(tokens) > 1 {
		add("hash", tokens[1])
	}
	if len(tokens) < 4 || tokens[1].text != "define" {
		return
	}
	i := 3
	if tokens[3].text == "(" && tokens[3].pos == tokens[2].end {
		for i < len(tokens) && tokens[i].text != ")" {
			i++
		}
		i++
	}
	if i < len(tokens) && tokens[i].kind != comment {
		add("define", tokens[i])
	}
}

// codeSites finds the sites of a line of code.
func codeSites(c *core, tokens []token, add func(string, token)) {
	if n := len(tokens); n > 0 && tokens[n-1].kind == comment {
		tokens = tokens[:n-1]
	}
	if len(tokens) == 0 {
		return
	}
	top := c.top()
	kind, where := codeBlock, "file"
	if top != nil {
		kind, where = top.kind, "code"
	}
	if top != nil && top.open != '{' {
		table(tokens, "arg", add)
		return
	}
	switch kind {
	case initBlock:
		table(tokens, "table", add)
		return
	case enumBlock:
		for i, t := range tokens {
			if t.text == "=" {
				add("enum", t)
				if i+1 < len(tokens) {
					add("value", tokens[i+1])
				}
			}
		}
		return
	case structBlock:
		where = "member"
	}
	if c.st.active {
		return
	}
	if tokens[0].text == "case" || tokens[0].text == "default" {
		for i, t := range tokens[:len(tokens)-1] {
			if t.text == ":" {
				add("case", tokens[i+1])
				return
			}
		}
		return
	}
	if i := declared(tokens); i > 0 {
		add("declare "+where, tokens[i])
	}
	depth := 0
	for i, t := range tokens {
		switch t.text {
		case "(", "[":
			depth++
		case ")", "]":
			depth--
		case "=":
			if depth == 0 && kind != structBlock {
				add("assign "+where, t)
				if i+1 < len(tokens) {
					add("value", tokens[i+1])
				}
			}
		case ":":
			if kind == structBlock && i > 0 {
				add("bits", t)
				if i+1 < len(tokens) {
					add("bits", tokens[i+1])
				}
			}
		}
	}
}

// table finds the sites of a line of an initialiser: around "=", after commas
// and inside braces, each numbered.
func table(tokens []token, class string, add func(string, token)) {
	n := 0
	for i, t := range tokens {
		var before string
		if i > 0 {
			before = tokens[i-1].text
		}
		switch {
		case t.text == "=":
			add(class+" =", t)
		case before == "=":
			add(class+" value", t)
		case before == ",":
			n++
			add(class+" "+string(rune('0'+min(n, 30))), t)
		case before == "{":
			add(class+" {", t)
		case t.text == "}":
			add(class+" }", t)
		}
	}
}

// declared returns the index of the first declarator of a declaration, its
// stars included, or -1 if the tokens are no declaration.
func declared(tokens []token) int {
	words, at := 0, -1
	for i, t := range tokens {
		switch {
		case t.kind == ident && isKeyword(t.text):
			return -1
		case t.kind == ident:
			next := ""
			if i+1 < len(tokens) {
				next = tokens[i+1].text
			}
			if words >= 2 && strings.HasPrefix(t.text, "__") && (next == ";" || next == "(") {
				return at
			}
			if words > 0 && (i == 0 || tokens[i-1].text != "*") {
				at = i
			}
			words++
		case t.text == "*" && words > 0:
			if tokens[i-1].text != "*" {
				at = i
			}
		case t.text == "(" && words > 0 && i+1 < len(tokens) && tokens[i+1].text == "*":
			return i
		default:
			if words < 2 {
				return -1
			}
			return at
		}
	}
	return -1
}
