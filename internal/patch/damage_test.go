package patch

import (
	"io/fs"
	"regexp"
	"strings"

	"uetest/internal/patch/layout"
)

// tree is a source tree in memory.
type tree map[string]string

func (t tree) ReadFile(name string) ([]byte, fs.FileMode, error) {
	if data, ok := t[name]; ok {
		return []byte(data), 0o644, nil
	}
	return nil, 0, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

// damage is what happens to the text of a patch on its way.
type damage struct {
	name   string
	line   func(line string) string
	text   func(text string) string
	floor  int  // hunks of the fixture of shapes that style alone restores to the byte
	proven bool // the search finds the rest
}

var counts = regexp.MustCompile(`(?m)^@@ -(\d+),\d+ \+(\d+),\d+ @@`)

// damages are the ways in which patches are hurt in the tests. The first is
// what the archive page of the RFC did.
var damages = []damage{
	{name: "archive page", floor: 58, proven: true, line: layout.Squeeze},
	{name: "all indents lost", floor: 57, proven: true, line: func(l string) string {
		l = layout.Squeeze(l)
		if len(l) > 1 && (l[0] == '+' || l[0] == '-') {
			l = l[:1] + strings.TrimLeft(l[1:], " ")
		}
		return l
	}},
	{name: "tabs to blanks", floor: 61, proven: true, line: func(l string) string {
		if l == "" {
			return l
		}
		return strings.TrimRight(l[:1]+expand(l[1:]), " ")
	}},
	{name: "counts lost", floor: 58, proven: true, line: layout.Squeeze, text: func(s string) string {
		return counts.ReplaceAllString(s, "@@ -$1 +$2 @@")
	}},
	// Where an empty line of context stood that the text lacks is a guess.
	{name: "empty lines lost", floor: 55, line: layout.Squeeze, text: func(s string) string {
		return regexp.MustCompile(`\n\n+`).ReplaceAllString(s, "\n")
	}},
	{name: "empty lines added", floor: 58, proven: true, line: layout.Squeeze, text: func(s string) string {
		return strings.ReplaceAll(s, "\n@@", "\n\n@@")
	}},
	{name: "escaped as HTML", floor: 58, proven: true, line: func(l string) string {
		return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(layout.Squeeze(l))
	}},
}

// expand turns tabs into blanks.
func expand(l string) string {
	var s strings.Builder
	for _, c := range l {
		if c != '\t' {
			s.WriteRune(c)
			continue
		}
		s.WriteByte(' ')
		for layout.Column(s.String())%8 != 0 {
			s.WriteByte(' ')
		}
	}
	return s.String()
}

// hurt damages every line of a patch from its first file on.
func (d damage) hurt(patch string) string {
	head, diff, _ := strings.Cut("\n"+patch, "\ndiff --git ")
	lines := strings.Split("diff --git "+diff, "\n")
	for i, l := range lines {
		lines[i] = d.line(l)
	}
	text := strings.Join(lines, "\n")
	if d.text != nil {
		text = d.text(text)
	}
	return strings.TrimPrefix(head+"\n"+text, "\n")
}
