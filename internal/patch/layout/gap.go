package layout

import "strings"

// gapSeen is a column of a table as a line showed it.
type gapSeen struct {
	col   int    // of what follows the whitespace
	fill  string // the whitespace
	age   int    // lines since
	depth int    // open brackets
}

// gaps is where the lines before had their columns, by class.
type gaps map[string]gapSeen

func (g gaps) clone() gaps {
	h := make(gaps, len(g))
	for k, v := range g {
		h[k] = v
	}
	return h
}

// maxAge is how many lines a column is remembered.
const maxAge = 12

func (g gaps) age() {
	for k, v := range g {
		if v.age++; v.age > maxAge {
			delete(g, k)
		} else {
			g[k] = v
		}
	}
}

// note remembers the columns of a line whose whitespace is known.
func (s *state) note(line string) {
	if s.macro == nil {
		delete(s.last, "backslash")
	}
	for _, p := range s.sites(line) {
		s.last[p.class] = s.seen(line, p)
		if p.class == "first backslash" {
			seen := s.seen(line, p)
			seen.depth = 100
			s.last["backslash"] = seen
		}
	}
}

func (s *state) seen(line string, p site) gapSeen {
	start := len(strings.TrimRight(line[:p.pos], " \t"))
	return gapSeen{col: column(0, line[:p.pos]), fill: line[start:p.pos], depth: s.depth()}
}

func (s *state) depth() int {
	if s.macro != nil {
		return 100 // the columns of a macro do not depend on its brackets
	}
	return len(s.frames)
}

// fillStyle names the manner of some whitespace.
func fillStyle(fill string) string {
	switch {
	case fill == "":
		return "none"
	case fill == " ":
		return "one"
	case fill == "\t":
		return "tab"
	case strings.Trim(fill, "\t") == "":
		return "tabs"
	case strings.Trim(fill, " ") == "":
		return "blanks"
	}
	return "mixed"
}

// fillTo returns whitespace from one column to another in the manner of like,
// or "" if there is none.
func fillTo(from, to int, like string) string {
	if from >= to {
		return ""
	}
	if strings.Trim(like, " ") == "" {
		return strings.Repeat(" ", to-from)
	}
	tabs := to/tabWidth - from/tabWidth
	if tabs > 0 {
		from = to / tabWidth * tabWidth
	}
	return strings.Repeat("\t", tabs) + strings.Repeat(" ", to-from)
}

// gapOptions returns the ways to fill a site at column col, by rule.
func (s *state) gapOptions(class string, col int, below *gapSeen, block int) []option {
	options := []option{{"one", " "}, {"tab", "\t"}}
	if seen, ok := s.last[class]; ok && seen.depth == s.depth() {
		if fill := fillTo(col, seen.col, seen.fill); fill != "" {
			options = append(options, option{"above", fill})
		}
		if seen.fill != " " && seen.fill != "\t" {
			options = append(options, option{"same", seen.fill})
		}
	}
	if below != nil {
		if fill := fillTo(col, below.col, below.fill); fill != "" {
			options = append(options, option{"below", fill})
		}
	}
	if block > 0 {
		if fill := fillTo(col, (block/tabWidth+1)*tabWidth, "\t"); fill != "" {
			options = append(options, option{"block tabs", fill})
		}
		if fill := fillTo(col, block+1, " "); fill != "" {
			options = append(options, option{"block blanks", fill})
		}
	}
	switch class {
	case "backslash", "first backslash":
		for _, to := range []int{72, 64, 56, 80, 48} {
			if fill := fillTo(col, to, "\t"); fill != "" {
				options = append(options, option{"to " + string(rune('0'+to/8)), fill})
			}
		}
	case "define":
		for _, to := range []int{24, 32, 40, 48} {
			if fill := fillTo(col, to, "\t"); fill != "" {
				options = append(options, option{"to " + string(rune('0'+to/8)), fill})
			}
		}
	case "star", "doc":
		if seen, ok := s.last["doc"]; ok && class == "star" {
			options = append(options, option{"under", fillTo(col, seen.col, seen.fill)})
		}
		for n := 2; n <= 6; n++ {
			options = append(options, option{"wide", strings.Repeat(" ", n)})
		}
	case "sentence", "open", "hash", "colon":
		options = append(options, option{"two", "  "})
	default:
		options = append(options, option{"tab2", "\t\t"}, option{"two", "  "})
	}
	return options
}

// siblings says how the line above and the line below fill a site of the
// class: "over" if what stands before column col leaves no room for theirs.
func (s *state) siblings(class string, col int, below *gapSeen) (over, under string) {
	style := func(seen gapSeen) string {
		if style := fillStyle(seen.fill); style == "one" || seen.col > col {
			return style
		}
		return "over"
	}
	over, under = "none", "none"
	if seen, ok := s.last[class]; ok && seen.depth == s.depth() {
		over = style(seen)
	}
	if below != nil {
		under = style(*below)
	}
	return over, under
}

// gapKey is the class of situation in which ways to fill a site compete. The
// end of a sentence is a matter of the author's habit alone.
func gapKey(class, above, below string) string {
	switch class {
	case "sentence", "open", "colon":
		return class
	case "star", "doc":
		return class + "/" + above
	}
	return class + "/" + above + "/" + below
}
