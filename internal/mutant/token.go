package mutant

import "strings"

// kind is the kind of a token.
type kind int

const (
	ident     kind = iota // names and keywords
	number                // 1, 0x10UL, 1.5e3
	text                  // "…"
	char                  // '…'
	punct                 // operators and brackets
	comment               // /* … */ and // …
	directive             // a preprocessor line with its continuations
)

// token is a piece of a C file that is not white space.
type token struct {
	kind       kind
	start, end int // byte offsets
	line       int // of its first byte, one-based
}

// operators are those of more than one byte, the longest first.
var operators = []string{
	"<<=", ">>=", "...",
	"->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
	"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "##",
}

// lex cuts a C file into tokens. It takes any text: what is never closed ends with
// the file, or the line, and a byte that is no C is a token of its own.
func lex(src string) []token {
	var list []token
	line, fresh := 1, true // fresh: nothing but white space on the line so far
	for i := 0; i < len(src); {
		switch c := src[i]; {
		case c == '\n':
			line, fresh = line+1, true
			i++
			continue
		case c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v':
			i++
			continue
		case c == '\\' && newline(src[i+1:]) > 0: // a line that goes on
			i += 1 + newline(src[i+1:])
			line++
			continue
		}
		t := token{start: i, line: line}
		t.kind, t.end = next(src, i, fresh)
		if t.kind != comment {
			fresh = false
		}
		line += strings.Count(src[i:t.end], "\n")
		list = append(list, t)
		i = t.end
	}
	return list
}

// newline is how many bytes of a line's end s begins with.
func newline(s string) int {
	switch {
	case strings.HasPrefix(s, "\n"):
		return 1
	case strings.HasPrefix(s, "\r\n"):
		return 2
	}
	return 0
}

// next tells the kind and the end of the token at i. first: it is the first of its
// line.
func next(src string, i int, first bool) (kind, int) {
	rest := src[i:]
	switch c := src[i]; {
	case c == '#' && first:
		return directive, directiveEnd(src, i)
	case strings.HasPrefix(rest, "/*"):
		if n := strings.Index(rest[2:], "*/"); n >= 0 {
			return comment, i + n + 4
		}
		return comment, len(src)
	case strings.HasPrefix(rest, "//"):
		return comment, lineEnd(src, i)
	case c == '"':
		return text, quoted(src, i)
	case c == '\'':
		return char, quoted(src, i)
	case isDigit(c) || c == '.' && i+1 < len(src) && isDigit(src[i+1]):
		return number, numberEnd(src, i)
	case isLetter(c):
		end := i + 1
		for end < len(src) && (isLetter(src[end]) || isDigit(src[end])) {
			end++
		}
		return ident, end
	}
	for _, op := range operators {
		if strings.HasPrefix(rest, op) {
			return punct, i + len(op)
		}
	}
	return punct, i + 1
}

// lineEnd is the end of the line at i, of the last if lines go on.
func lineEnd(src string, i int) int {
	for ; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i += newline(src[i+1:])
		case '\n':
			return i
		}
	}
	return len(src)
}

// directiveEnd is the end of a preprocessor line: a comment that begins on it and
// goes over several lines belongs to it.
func directiveEnd(src string, i int) int {
	for i < len(src) && src[i] != '\n' {
		switch rest := src[i:]; {
		case rest[0] == '\\':
			i += 1 + newline(rest[1:])
		case strings.HasPrefix(rest, "/*"):
			_, i = next(src, i, false)
		case strings.HasPrefix(rest, "//"):
			return lineEnd(src, i)
		case rest[0] == '"':
			i = quoted(src, i)
		default:
			i++
		}
	}
	return min(i, len(src))
}

// quoted is the end of a string or a character: that of the line if nothing closes
// it.
func quoted(src string, i int) int {
	for end := i + 1; end < len(src); end++ {
		switch src[end] {
		case '\\':
			end += max(1, newline(src[end+1:]))
		case '\n':
			return end
		case src[i]:
			return end + 1
		}
	}
	return len(src)
}

// numberEnd is the end of what the standard calls a preprocessing number.
func numberEnd(src string, i int) int {
	for i++; i < len(src); i++ {
		c := src[i]
		sign := (c == '+' || c == '-') && strings.IndexByte("eEpP", src[i-1]) >= 0 && !isHex(src, i)
		if !isDigit(c) && !isLetter(c) && c != '.' && !sign {
			break
		}
	}
	return i
}

// isHex tells whether the number that ends before i is hexadecimal, where an e is a
// digit.
func isHex(src string, i int) bool {
	k := i
	for k > 0 && (isDigit(src[k-1]) || isLetter(src[k-1])) {
		k--
	}
	n := strings.ToLower(src[k:i])
	return strings.HasPrefix(n, "0x") && !strings.ContainsRune(n, 'p')
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
