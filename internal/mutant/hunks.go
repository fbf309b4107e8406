package mutant

import (
	"fmt"
	"strings"

	"uetest/internal/patch"
)

// hunks puts back what each hunk changed.
func (g *generator) hunks() {
	lines := splitLines(g.src)
	for _, h := range g.file.Hunks {
		first, last := 0, 0
		var back strings.Builder        // the stretch as it was
		var body, again strings.Builder // again: what comes back of a stretch, behind what goes
		line, olds, news := 0, 0, 0
		whole := true
		for _, l := range h.Lines {
			if l.Number > 0 {
				if first == 0 {
					first = l.Number
				}
				last = l.Number
			}
			switch l.Op {
			case patch.Added:
				if line == 0 {
					line = l.Number
				}
				body.WriteString("-" + l.Text + "\n")
				olds++
			case patch.Removed:
				again.WriteString("+" + l.Text + "\n")
				back.WriteString(l.Text + "\n")
				news++
			default:
				body.WriteString(again.String() + " " + l.Text + "\n")
				again.Reset()
				back.WriteString(l.Text + "\n")
				olds, news = olds+1, news+1
			}
		}
		if first == 0 || last > len(lines) {
			continue // nothing is left of the file
		}
		for _, l := range lines[first-1 : last] {
			whole = whole && strings.HasSuffix(l, "\n") && !strings.HasSuffix(l, "\r\n")
		}
		before := strings.Join(lines[:first-1], "") + back.String() + strings.Join(lines[last:], "")
		if !whole || line == 0 || news == 0 || sameCode(g.src, before) {
			continue
		}
		var out strings.Builder
		header(&out, g.file.Path)
		fmt.Fprintf(&out, "@@ -%d,%d +%d,%d @@\n", first, olds, first, news)
		out.WriteString(body.String() + again.String())
		owner, about := g.owner(line), ""
		if owner == nil {
			about = g.firstOf(h)
		}
		g.add(owner, RevertHunk, about, "what the patch changed is as it was before", out.String(), line)
	}
}

// firstOf is the first line of code that a hunk added.
func (g *generator) firstOf(h patch.ChangedHunk) string {
	added := map[int]string{}
	for _, l := range h.Lines {
		if l.Op == patch.Added {
			added[l.Number] = l.Text
		}
	}
	for i, t := range g.tokens {
		if text, ok := added[t.line]; ok && !strings.HasPrefix(g.at(i), "#") {
			return text
		}
	}
	return ""
}

// owner is the function that a line is in.
func (g *generator) owner(line int) *function {
	for k := range g.funcs {
		if f := &g.funcs[k]; line <= g.tokens[f.shut].line && line >= g.tokens[f.at].line {
			return f
		}
	}
	return nil
}
