package coverage

import (
	"fmt"
	"strings"
)

// Reason says why no test executes an added line. The line is named by its text,
// for its number changes with every line above it.
type Reason struct {
	File  string
	Text  string // of the line, without the blanks around it
	After string // of the line before it that is not empty; needed where Text stands more than once
	Why   string
	Place string // of the reason itself, for people
}

// Explain gives lines that were not executed their reasons. What a reason is
// given for and was executed, or is no line with code that the patch adds, is
// kept in Stale: it would hide what comes next.
func (r *Report) Explain(reasons []Reason) {
	for _, why := range reasons {
		var lines []*Line
		before, file := "", ""
		r.all(func(at Place, l *Line) {
			if at.File != file {
				before, file = "", at.File
			}
			text := strings.TrimSpace(l.Text)
			if at.File == why.File && l.Added() && l.Code && text == why.Text && (why.After == "" || before == why.After) {
				lines = append(lines, l)
			}
			if text != "" {
				before = text
			}
		})
		named := 0
		for _, l := range lines {
			if len(l.Tests) == 0 {
				l.Reason = why.Why
				named++
			}
		}
		switch {
		case len(lines) == 0:
			r.Stale = append(r.Stale, fmt.Sprintf("%s: the patch adds no line %q with code to %s", why.Place, why.Text, why.File))
		case named == 0:
			r.Stale = append(r.Stale, fmt.Sprintf("%s: %q of %s was executed", why.Place, why.Text, why.File))
		}
	}
}
