package patch

import (
	"fmt"
	"regexp"
	"strings"

	"uetest/internal/patch/layout"
)

// writer puts a restored patch together.
type writer struct {
	changes []string
}

// change adds a change: its header and message as they are, its diff restored.
func (w *writer) change(c *Change, drafts []*draft) {
	var s strings.Builder
	for _, l := range c.headLines() {
		s.WriteString(l + "\n")
	}
	for _, l := range diffstat(c.message()) {
		s.WriteString(l + "\n")
	}
	end := len(c.text)
	for _, d := range drafts {
		f := d.diff
		head := f.tail
		if len(f.Hunks) > 0 {
			head = f.Hunks[0].head
		}
		for _, l := range c.text[f.head:head] {
			if strings.TrimSpace(l) != "" {
				s.WriteString(l + "\n")
			}
		}
		shift := 0
		for i := range d.hunks {
			s.WriteString(d.hunkText(i, &shift))
			end = d.used(i)
		}
		if len(d.hunks) == 0 {
			end = head
		}
	}
	for _, l := range c.text[end:] {
		if l == "--" {
			l = "-- "
		}
		s.WriteString(l + "\n")
	}
	w.changes = append(w.changes, s.String())
}

// used returns the index of the first line of the text that hunk i left.
func (d *draft) used(i int) int {
	end := d.diff.Hunks[i].head + 1
	for _, raw := range d.hunks[i].raw {
		end = max(end, raw+1)
	}
	return end
}

// hunkText writes a hunk. shift is how many lines the hunks before it added.
func (d *draft) hunkText(i int, shift *int) string {
	var s strings.Builder
	a := d.hunks[i]
	s.WriteString(d.header(i, *shift))
	if section := d.section(i); section != "" {
		s.WriteString(" " + section)
	}
	s.WriteString("\n")
	line := func(op Op, text string, ends bool) {
		s.WriteByte(byte(op))
		s.WriteString(text)
		if !ends {
			s.WriteString("\n\\ No newline at end of file\n")
		}
	}
	at, n := a.at, 0
	for j, l := range a.lines {
		switch l.Kind {
		case layout.Keep:
			line(Context, d.base[at], strings.HasSuffix(d.base[at], "\n"))
			at++
		case layout.Old:
			line(Removed, d.base[at], strings.HasSuffix(d.base[at], "\n"))
			at++
		case layout.New:
			if a.noEOL[j] {
				line(Added, d.added[i][n], false)
			} else {
				line(Added, d.added[i][n]+d.eol, true)
			}
			n++
		}
	}
	*shift += a.new - a.old
	return s.String()
}

// header returns the header of hunk i as its lines have it.
func (d *draft) header(i, shift int) string {
	a := d.hunks[i]
	h := Hunk{OldStart: a.at + 1, OldLines: a.old, NewStart: a.at + shift + 1, NewLines: a.new}
	if a.old == 0 {
		h.OldStart--
	}
	if a.new == 0 {
		h.NewStart--
	}
	return h.header()
}

// section returns what follows the second @@ with its whitespace: git takes it
// from a line above the hunk.
func (d *draft) section(i int) string {
	section := strings.TrimSpace(d.diff.Hunks[i].Section)
	want := bare(section)
	if want == "" {
		return ""
	}
	for at := d.hunks[i].at - 1; at >= 0; at-- {
		l := strings.TrimRight(chomp(d.base[at]), " \t")
		if got := bare(l); got == want || len(section) > 60 && strings.HasPrefix(got, want) {
			return cut(l, want)
		}
	}
	return section
}

// cut returns as much of a line as holds the characters of want.
func cut(line, want string) string {
	for i := range len(line) {
		if bare(line[:i+1]) == want {
			return line[:i+1]
		}
	}
	return line
}

// text returns the patch. What is not proven is said in its header.
func (w *writer) text(unproven []RestoredFile) []byte {
	var s strings.Builder
	for _, c := range w.changes {
		note := ""
		for i := range unproven {
			note += "X-Uetest-Unproven: " + unproven[i].doubt() + "\n"
		}
		if strings.HasPrefix(c, "From ") {
			first, rest, _ := strings.Cut(c, "\n")
			s.WriteString(first + "\n" + note + rest)
		} else {
			s.WriteString(note + c)
		}
	}
	return []byte(s.String())
}

// message returns the lines above the diff, without those that headLines has
// taken.
func (c *Change) message() []string { return c.text[min(c.headEnd, c.files):c.files] }

// headLines returns the header of the mail and the empty line after it: as it
// is, or from what is known of it when the file has none or the text had to be
// decoded. A plain diff has none.
func (c *Change) headLines() []string {
	var lines []string
	if c.separator != "" {
		lines = append(lines, c.separator)
	}
	switch {
	case c.head != nil && !c.decoded:
		lines = append(lines, c.head...)
	case c.From != "":
		lines = append(lines, "From: "+c.From, "Date: "+c.Date, "Subject: "+c.Subject)
	default:
		return nil
	}
	return append(lines, "")
}

var (
	statFile = regexp.MustCompile(`^ ?(\S.*\S|\S) +\| +(\d+) ([+-]*)$`)
	statMode = regexp.MustCompile(`^ ?((create|delete) mode \d{6} |mode change |rename |copy )`)
)

// diffstat gives the diffstat of a message the layout that git gives it
// (show_stats in its diff.c): a blank in front, names and numbers in columns.
func diffstat(lines []string) []string {
	start := -1
	for i, l := range lines {
		if strings.TrimRight(l, " ") == "---" {
			start = i + 1
		}
	}
	if start < 0 {
		return lines
	}
	lines = append([]string(nil), lines...)
	name, number := 0, 0
	for _, l := range lines[start:] {
		if m := statFile.FindStringSubmatch(l); m != nil {
			name, number = max(name, len(m[1])), max(number, len(m[2]))
		}
	}
	for i, l := range lines[start:] {
		switch m := statFile.FindStringSubmatch(l); {
		case m != nil:
			lines[start+i] = strings.TrimRight(fmt.Sprintf(" %-*s | %*s %s", name, m[1], number, m[2], m[3]), " ")
		case statLine.MatchString(l), statMode.MatchString(l):
			lines[start+i] = " " + strings.TrimPrefix(l, " ")
		}
	}
	return lines
}

// report says how the file was restored.
func (d *draft) report() RestoredFile {
	f := RestoredFile{
		Path: d.path, Line: d.diff.Line, Action: d.diff.action(),
		WantBefore: d.diff.OldBlob, Before: d.blob, WantAfter: d.diff.NewBlob,
		Proven: d.proven, Tries: d.tries,
	}
	if d.diff.New != "" {
		f.After = BlobID(d.result)
	}
	shift := 0
	for i, a := range d.hunks {
		h := RestoredHunk{Number: i + 1, Header: d.header(i, shift), Line: d.diff.Hunks[i].Line}
		shift += a.new - a.old
		n := 0
		for j, l := range a.lines {
			switch {
			case l.Kind != layout.New:
				h.Sources = append(h.Sources, FromBase)
			case d.posts:
				h.Sources = append(h.Sources, AsPosted)
			default:
				s := ByStyle
				if d.searched[i][n] {
					s = BySearch
				}
				h.Sources = append(h.Sources, s)
			}
			if l.Kind == layout.New {
				n++
			}
			if a.raw[j] < 0 {
				h.Notes = append(h.Notes, fmt.Sprintf("an empty line of context was missing: line %d of the hunk", j+1))
				if !d.proven {
					h.Doubts = append(h.Doubts, fmt.Sprintf("line %d of the hunk: an empty line that the text lacks could stand elsewhere", j+1))
				}
			}
		}
		if was := d.diff.Hunks[i].header(); was != h.Header && d.diff.Hunks[i].OldLines >= 0 {
			h.Notes = append(h.Notes, fmt.Sprintf("its header says %s", was))
		} else if d.diff.Hunks[i].OldLines < 0 {
			h.Notes = append(h.Notes, "its header has lost its numbers")
		}
		for _, q := range d.doubts[i] {
			h.Doubts = append(h.Doubts, fmt.Sprintf("line %d of the hunk: %q, or else %q", q.Line+1, q.Took, q.Else))
		}
		f.Hunks = append(f.Hunks, h)
	}
	return f
}
