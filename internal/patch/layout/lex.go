package layout

import "strings"

// tokenKind is what a token of C is, as far as layout cares.
type tokenKind uint8

const (
	ident tokenKind = iota
	number
	str
	punct
	comment // from the opening mark to the closing one or the end of the line
)

// token is a token of one line. Tokens never span lines.
type token struct {
	kind     tokenKind
	text     string
	pos, end int // byte offsets in the line
	col      int // column of pos, tabs expanded, zero-based
}

// tabWidth is the kernel's (Documentation/process/coding-style.rst, 1).
const tabWidth = 8

// column advances a column over text.
func column(col int, text string) int {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\t':
			col = (col/tabWidth + 1) * tabWidth
		case text[i]&0xC0 != 0x80: // not a continuation byte of UTF-8
			col++
		}
	}
	return col
}

// Column returns the column, zero-based, behind the whitespace in front of a
// line, with tabs of eight.
func Column(lead string) int { return column(0, lead) }

// Lead returns the whitespace in front of a line.
func Lead(line string) string { return lead(line) }

func lead(line string) string {
	return line[:len(line)-len(strings.TrimLeft(line, " \t"))]
}

// operators are the punctuators of more than one character.
var operators = []string{"<<=", ">>=", "...", "->", "==", "!=", "<=", ">=", "&&", "||", "+=", "-=", "*=", "/=", "%=", "|=", "&=", "^=", "<<", ">>", "++", "--", "::", "##"}

func isIdent(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// lex splits a line. inComment says that it starts inside a block comment;
// open says that it ends inside one.
func lex(line string, inComment bool) (tokens []token, open bool) {
	col, last := 0, 0
	add := func(kind tokenKind, pos, end int) {
		col = column(col, line[last:pos])
		last = pos
		tokens = append(tokens, token{kind, line[pos:end], pos, end, col})
	}
	i := 0
	if inComment {
		end := strings.Index(line, "*/")
		if end < 0 {
			if t := strings.TrimRight(line, " \t"); strings.TrimSpace(t) != "" {
				add(comment, len(lead(line)), len(t))
			}
			return tokens, true
		}
		i = end + 2
		add(comment, len(lead(line)), i)
	}
	for i < len(line) {
		c := line[i]
		start := i
		switch {
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '/' && strings.HasPrefix(line[i:], "/*"):
			end := strings.Index(line[i+2:], "*/")
			if end < 0 {
				add(comment, i, len(strings.TrimRight(line, " \t\r")))
				return tokens, true
			}
			i += 2 + end + 2
			add(comment, start, i)
		case c == '/' && strings.HasPrefix(line[i:], "//"):
			i = len(strings.TrimRight(line, " \t\r"))
			add(comment, start, i)
		case c == '"' || c == '\'':
			for i++; i < len(line) && line[i] != c; i++ {
				if line[i] == '\\' {
					i++
				}
			}
			i = min(i+1, len(line))
			add(str, start, i)
		case isIdent(c):
			for i < len(line) && isIdent(line[i]) {
				i++
			}
			kind := ident
			if isDigit(c) {
				kind = number
			}
			add(kind, start, i)
		default:
			i++
			for _, op := range operators {
				if strings.HasPrefix(line[start:], op) {
					i = start + len(op)
					break
				}
			}
			add(punct, start, i)
		}
	}
	return tokens, false
}

// lexed remembers the tokens of lines: a search lays the same lines out over
// and over again.
type lexed map[lexedLine]lexedTokens

type lexedLine struct {
	text      string
	inComment bool
}

type lexedTokens struct {
	tokens []token
	open   bool
}

// maxLexed bounds how many lines are remembered.
const maxLexed = 1 << 15

// lex is the function lex, remembered. The tokens must not be changed.
func (m lexed) lex(line string, inComment bool) ([]token, bool) {
	key := lexedLine{line, inComment}
	if t, ok := m[key]; ok {
		return t.tokens, t.open
	}
	if len(m) >= maxLexed {
		clear(m)
	}
	tokens, open := lex(line, inComment)
	m[key] = lexedTokens{tokens, open}
	return tokens, open
}

// code returns the tokens that are no comments.
func code(tokens []token) []token {
	for i, t := range tokens {
		if t.kind == comment {
			rest := append([]token(nil), tokens[:i]...)
			for _, t := range tokens[i:] {
				if t.kind != comment {
					rest = append(rest, t)
				}
			}
			return rest
		}
	}
	return tokens
}

// continued says whether a preprocessor line goes on in the next.
func continued(line string) bool {
	return strings.HasSuffix(strings.TrimRight(line, " \t\r"), `\`)
}
