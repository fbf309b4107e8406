package patch

import (
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
)

// scan finds the files and hunks of a change in its text by their headers
// alone, without looking at the lines of the hunks. It works on damaged text
// as well: headers have no whitespace to lose but single blanks.
func (c *Change) scan(name string) error {
	at := func(i int, err error) error {
		return c.errorAt(name, i, err)
	}
	c.Files, c.files = nil, len(c.text)
	for i := 0; i < len(c.text); {
		start := fileHeader(c.text, i)
		if start == notHeader {
			if len(c.Files) == 0 && hunkHeader.MatchString(c.text[i]) && c.inDiff(i) {
				return at(i, fmt.Errorf("%w: a hunk without the header of its file", ErrMalformed))
			}
			i++
			continue
		}
		if len(c.Files) == 0 {
			c.files = i
		} else {
			c.Files[len(c.Files)-1].tail = i
		}
		f := FileDiff{Line: c.lineOf(i), head: i, tail: len(c.text)}
		next, err := f.parseHeader(c.text, i, start)
		if err != nil {
			return at(next, err)
		}
		i = next
		for i < len(c.text) && fileHeader(c.text, i) == notHeader {
			if !hunkHeader.MatchString(c.text[i]) {
				i++
				continue
			}
			h, err := parseHunkHeader(c.text[i])
			if err != nil {
				return at(i, err)
			}
			h.Line, h.head = c.lineOf(i), i
			if n := len(f.Hunks); n > 0 {
				f.Hunks[n-1].tail = i
			}
			h.tail = len(c.text)
			f.Hunks = append(f.Hunks, h)
			i = h.skip(c.text, i+1)
		}
		if n := len(f.Hunks); n > 0 {
			f.Hunks[n-1].tail = i
		}
		c.Files = append(c.Files, f)
	}
	return nil
}

// skip returns the line after a hunk whose lines, from i on, are all marked
// and as many as its header says, and i itself if they are not. A removed line
// "-- x" before an added line "++ y" is not taken for a file's header then.
func (h *Hunk) skip(text []string, i int) int {
	end, old, new := i, h.OldLines, h.NewLines
	for ; old > 0 || new > 0; end++ {
		if end >= len(text) {
			return i
		}
		op := byte(' ')
		if text[end] != "" {
			op = text[end][0]
		}
		switch op {
		case ' ':
			old--
			new--
		case '-':
			old--
		case '+':
			new--
		case '\\':
		default:
			return i
		}
	}
	if old < 0 || new < 0 {
		return i
	}
	return end
}

// inDiff tells a hunk header that stands at the top of a text from one that a
// message only mentions: the line after it is marked as a line of a hunk.
func (c *Change) inDiff(i int) bool {
	if i+1 >= len(c.text) || c.text[i+1] == "" {
		return false
	}
	return strings.IndexByte(" +-", c.text[i+1][0]) >= 0
}

// errorAt places err at line i of the text.
func (c *Change) errorAt(name string, i int, err error) error {
	return &Error{c.place(name), c.lineOf(i), c.decoded, err}
}

// lineOf turns an index into text to a line number of the file.
func (c *Change) lineOf(i int) int { return c.line + i }

type headerForm int

const (
	notHeader headerForm = iota
	gitHeader            // diff --git a/X b/X
	oldHeader            // --- X, +++ Y, @@
)

// fileHeader says whether a file's header starts at line i.
func fileHeader(text []string, i int) headerForm {
	switch l := text[i]; {
	case strings.HasPrefix(l, "diff --git "):
		return gitHeader
	case strings.HasPrefix(l, "--- ") && i+2 < len(text) &&
		strings.HasPrefix(text[i+1], "+++ ") && strings.HasPrefix(text[i+2], "@@ "):
		return oldHeader
	}
	return notHeader
}

var (
	hunkHeader = regexp.MustCompile(`^@@ -\d+(,\d+)? \+\d+(,\d+)? @@|^@@ -\d*,? ?\+?\d*,? ?@@|^@@ @@`)
	fullHeader = regexp.MustCompile(`^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$`)
	indexLine  = regexp.MustCompile(`^index ([0-9a-fA-F]{4,64})\.\.([0-9a-fA-F]{4,64})(?: (\d{6}))?\s*$`)
)

// parseHunkHeader reads "@@ -A,B +C,D @@ section". One whose numbers are lost
// gives -1 for the counts and 0 for the positions.
func parseHunkHeader(l string) (Hunk, error) {
	m := fullHeader.FindStringSubmatch(l)
	if m == nil {
		_, section, _ := strings.Cut(l[2:], "@@")
		return Hunk{OldLines: -1, NewLines: -1, Section: strings.TrimPrefix(section, " ")}, nil
	}
	var n [4]int
	for i, s := range m[1:5] {
		if s == "" {
			n[i] = 1
			continue
		}
		v, err := strconv.ParseInt(s, 10, 31)
		if err != nil {
			return Hunk{}, fmt.Errorf("%w: %s is no line number", ErrMalformed, s)
		}
		n[i] = int(v)
	}
	return Hunk{OldStart: n[0], OldLines: n[1], NewStart: n[2], NewLines: n[3], Section: m[5]}, nil
}

// parseHeader reads the header of a file from line i on and returns the line
// after it, or the line at fault.
func (f *FileDiff) parseHeader(text []string, i int, form headerForm) (int, error) {
	created, deleted := false, false
	if form == gitHeader {
		f.Old, f.New = gitNames(text[i][len("diff --git "):])
		i++
	}
	for ; i < len(text); i++ {
		key, value := cutHeader(text[i])
		var err error
		switch key {
		case "--- ":
			if i+1 >= len(text) || !strings.HasPrefix(text[i+1], "+++ ") {
				// Not a header: a mail's separator or a removed line.
				return f.finish(i, created, deleted, form)
			}
			var oldNull, newNull bool
			var o, n string
			if o, oldNull, err = sideName(value, form); err != nil {
				return i, err
			}
			if n, newNull, err = sideName(text[i+1][len("+++ "):], form); err != nil {
				return i + 1, err
			}
			created, deleted = created || oldNull, deleted || newNull
			f.setNames(o, n, oldNull, newNull, form)
			return f.finish(i+2, created, deleted, form)
		case "old mode ":
			f.OldMode, err = parseMode(value)
		case "new mode ":
			f.NewMode, err = parseMode(value)
		case "deleted file mode ":
			deleted = true
			f.OldMode, err = parseMode(value)
		case "new file mode ":
			created = true
			f.NewMode, err = parseMode(value)
		case "copy from ", "rename from ", "rename old ":
			f.Old, err = unquote(value)
			f.Copy, f.Rename = key[0] == 'c', key[0] == 'r'
		case "copy to ", "rename to ", "rename new ":
			f.New, err = unquote(value)
		case "similarity index ", "dissimilarity index ":
		case "index ":
			m := indexLine.FindStringSubmatch(text[i])
			if m == nil {
				return i, fmt.Errorf("%w: %q is no index line", ErrMalformed, text[i])
			}
			f.OldBlob, f.NewBlob = strings.ToLower(m[1]), strings.ToLower(m[2])
			if m[3] != "" {
				f.OldMode, err = parseMode(m[3])
				f.NewMode = f.OldMode
			}
		case "GIT binary patch", "Binary files ":
			return i, fmt.Errorf("%s: %w: uetest applies text only; leave the file out of the patch", f.Path(), ErrBinary)
		default:
			return f.finish(i, created, deleted, form)
		}
		if err != nil {
			return i, err
		}
	}
	return f.finish(i, created, deleted, form)
}

// cutHeader splits a header line into its keyword, blank included, and the
// rest.
func cutHeader(l string) (key, value string) {
	for _, k := range []string{"--- ", "old mode ", "new mode ", "deleted file mode ", "new file mode ",
		"copy from ", "copy to ", "rename from ", "rename to ", "rename old ", "rename new ",
		"similarity index ", "dissimilarity index ", "index ", "GIT binary patch", "Binary files "} {
		if strings.HasPrefix(l, k) {
			return k, l[len(k):]
		}
	}
	return "", ""
}

// setNames takes the names of the --- and +++ lines. A git header's own names
// stand for what /dev/null leaves open.
func (f *FileDiff) setNames(o, n string, oldNull, newNull bool, form headerForm) {
	if form == oldHeader && !oldNull && !newNull && o != n {
		// GNU diff of "file.orig" and "file": the new name is the file's,
		// unless only the old one has a tree prefix cut off.
		o = n
	}
	if !oldNull {
		f.Old = o
	}
	if !newNull {
		f.New = n
	}
	if f.Old == "" {
		f.Old = n
	}
	if f.New == "" {
		f.New = o
	}
}

func (f *FileDiff) finish(i int, created, deleted bool, form headerForm) (int, error) {
	created = created || noBlob(f.OldBlob)
	deleted = deleted || noBlob(f.NewBlob)
	if created && deleted {
		return i - 1, fmt.Errorf("%w: a file that is on neither side", ErrMalformed)
	}
	if created {
		f.Old = ""
	}
	if deleted {
		f.New = ""
	}
	if f.Old == "" && f.New == "" {
		return i - 1, fmt.Errorf("%w: the header names no file", ErrMalformed)
	}
	for _, name := range []string{f.Old, f.New} {
		if name == "" {
			continue
		}
		if err := checkPath(name); err != nil {
			return i - 1, err
		}
	}
	if f.Old != "" && f.New != "" && f.Old != f.New && !f.Copy && !f.Rename {
		return i - 1, fmt.Errorf("%w: %s becomes %s, and the header does not say whether by copy or rename", ErrMalformed, f.Old, f.New)
	}
	f.hasMode = f.NewMode != 0 && (created || f.OldMode != f.NewMode)
	return i, nil
}

// sideName reads the file name of a --- or +++ line: quoted or up to a tab,
// without the tree prefix (a/ and b/, or one directory with GNU diff).
func sideName(s string, form headerForm) (name string, null bool, err error) {
	if !strings.HasPrefix(s, `"`) {
		s, _, _ = strings.Cut(s, "\t")
		s = strings.TrimRight(s, " \r")
		if form == oldHeader {
			s = timestamp.ReplaceAllString(s, "")
		}
	}
	if s, err = unquote(s); err != nil {
		return "", false, err
	}
	if s == "/dev/null" {
		return "", true, nil
	}
	if strings.HasPrefix(s, "/") {
		return "", false, checkPath(s)
	}
	if _, rest, ok := strings.Cut(s, "/"); ok {
		return rest, false, nil
	}
	return s, false, nil
}

// timestamp is what GNU diff puts after the name, its tab lost to a blank.
var timestamp = regexp.MustCompile(` \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4}$`)

// gitNames splits "a/X b/X", where X may hold blanks. It returns empty names
// when the two differ: rename lines follow then.
func gitNames(s string) (old, new string) {
	s = strings.TrimRight(s, " \r")
	if strings.HasPrefix(s, `"`) {
		end := strings.Index(s[1:], `" "`)
		if end < 0 {
			return "", ""
		}
		o, err1 := unquote(s[:end+2])
		n, err2 := unquote(s[end+3:])
		_, o, ok1 := strings.Cut(o, "/")
		_, n, ok2 := strings.Cut(n, "/")
		if err1 != nil || err2 != nil || !ok1 || !ok2 || o != n {
			return "", ""
		}
		return o, n
	}
	if len(s)%2 == 0 {
		return "", ""
	}
	mid := len(s) / 2
	_, o, ok1 := strings.Cut(s[:mid], "/")
	_, n, ok2 := strings.Cut(s[mid+1:], "/")
	if s[mid] != ' ' || !ok1 || !ok2 || o != n {
		return "", ""
	}
	return o, n
}

// unquote undoes git's C-style quoting of a path (quote.c); Go's string
// syntax has the same escapes.
func unquote(s string) (string, error) {
	if !strings.HasPrefix(s, `"`) {
		return s, nil
	}
	name, err := strconv.Unquote(s)
	if err != nil {
		return "", fmt.Errorf("%w: %s is no quoted file name", ErrMalformed, s)
	}
	return name, nil
}

func parseMode(s string) (fs.FileMode, error) {
	switch strings.TrimSpace(s) {
	case "100644", "100664":
		return 0o644, nil
	case "100755", "100775":
		return 0o755, nil
	case "120000":
		return 0, fmt.Errorf("%w: a patch may not make or change a symbolic link (mode 120000)", ErrSymlink)
	case "160000":
		return 0, fmt.Errorf("%w: a submodule (mode 160000)", ErrMode)
	}
	return 0, fmt.Errorf("%w: %q", ErrMode, strings.TrimSpace(s))
}
