package patch

import (
	"html"
	"strings"

	"uetest/internal/patch/layout"
)

// front finds out what the text still says about the whitespace of added
// lines, by looking at what it says about removed ones, whose whitespace is
// known, and notes it in the drafts.
//
// Many pages make one blank of any whitespace: then a blank behind the mark
// says that the line is indented. Some turn tabs into blanks: then columns
// hold. And some lose nothing but the mark of context lines.
func (c *Change) front(drafts []*draft) {
	exact, columns, blank := c.witness(drafts)
	for _, d := range drafts {
		d.posts = exact
		for _, a := range d.hunks {
			for i := range a.lines {
				l := &a.lines[i]
				if l.Kind != layout.New || strings.TrimSpace(l.Text) == "" || exact {
					continue
				}
				switch lead := l.Text[:len(l.Text)-len(strings.TrimLeft(l.Text, " \t"))]; {
				case columns:
					l.Column = 1 + layout.Column(lead)
				case blank && lead != "":
					l.Front = layout.Some
				case blank:
					l.Front = layout.Bare
				}
			}
		}
	}
}

// witness compares the whitespace of removed lines in the text with that in
// the base. exact says that nothing is lost, columns that indented lines start
// where they should, blank that a line starts with whitespace if it should.
func (c *Change) witness(drafts []*draft) (exact, columns, blank bool) {
	seen, indented, bare := 0, 0, 0
	exact, columns, blank = true, true, true
	wide := false
	for _, d := range drafts {
		for _, a := range d.hunks {
			for i, l := range a.lines {
				if l.Kind != layout.Old || strings.TrimSpace(l.Text) == "" {
					continue
				}
				raw := strings.TrimSuffix(c.text[a.raw[i]][1:], "\r")
				is, was := layout.Lead(raw), layout.Lead(l.Text)
				seen++
				if was == "" {
					bare++
				} else {
					indented++
				}
				wide = wide || layout.Column(was) > 1
				exact = exact && raw == l.Text
				columns = columns && layout.Column(is) == layout.Column(was)
				blank = blank && (is == "") == (was == "")
			}
		}
	}
	if seen == 0 {
		return false, false, c.someIndented()
	}
	return exact && wide, columns && wide, blank && indented > 0 && (bare > 0 || c.someIndented())
}

// someIndented says whether some added lines start with whitespace and others
// do not: a page that drops it would leave none, one that puts a blank after
// every mark would leave no other.
func (c *Change) someIndented() bool {
	with, without := false, false
	for i := range c.Files {
		for j := range c.Files[i].Hunks {
			h := &c.Files[i].Hunks[j]
			for _, l := range c.text[h.head+1 : h.tail] {
				if len(l) < 2 || l[0] != '+' {
					continue
				}
				if l[1] == ' ' || l[1] == '\t' {
					with = true
				} else {
					without = true
				}
			}
		}
	}
	return with && without
}

// unescaped undoes the escaping of HTML in a page's source, if there is any
// below line from.
func unescaped(text []string, from int) []string {
	escaped := false
	for _, l := range text[from:] {
		if (l == "" || strings.IndexByte("<>", l[0]) < 0) && (strings.Contains(l, "&lt;") || strings.Contains(l, "&gt;") || strings.Contains(l, "&amp;")) {
			escaped = true
		}
		// Code that is not escaped has these characters themselves.
		if strings.Contains(l, "->") || strings.Contains(l, "#include <") || strings.Contains(l, "&&") {
			return text
		}
	}
	if !escaped {
		return text
	}
	plain := make([]string, len(text))
	for i, l := range text {
		plain[i] = html.UnescapeString(l)
	}
	return plain
}
