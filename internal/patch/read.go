package patch

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"uetest/internal/blame"
)

// Read reads a patch and tells what it is. The name is for errors alone.
//
// It takes a mail or an mbox (MIME, any transfer encoding and charset), git
// format-patch output, a plain diff by git or GNU diff, and text out of a web
// archive whose whitespace is lost. In the last case Form is Archive and the
// hunks have no Lines: Restore has to be asked.
//
// Mails without a diff are left out; the others are put in the order of their
// [n/m]. Errors are *Error with the line, blamed on the patch, and wrap one of
// ErrEmpty, ErrNoDiff, ErrTruncated, ErrMalformed, ErrBinary, ErrMode, ErrPath,
// ErrSymlink and ErrTooBig.
func Read(name string, data []byte) (*Patch, error) {
	p, err := read(name, data)
	return p, blame.On(blame.Patch, err)
}

func read(name string, data []byte) (*Patch, error) {
	if len(data) > MaxPatch {
		return nil, &Error{Name: name, Err: fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooBig, len(data), MaxPatch)}
	}
	if strings.TrimSpace(string(data)) == "" {
		return nil, &Error{Name: name, Err: ErrEmpty}
	}
	if i := slices.Index(data, 0); i >= 0 {
		line := 1 + strings.Count(string(data[:i]), "\n")
		return nil, &Error{Name: name, Line: line, Err: fmt.Errorf("%w: it holds a NUL byte", ErrMalformed)}
	}
	p := &Patch{Name: name, data: data}
	changes, form, err := unwrap(name, string(data))
	if err != nil {
		return nil, err
	}
	p.Form = form
	damaged := false
	for i := range changes {
		c := &changes[i]
		if err := c.scan(name); err != nil {
			return nil, err
		}
		if len(c.Files) == 0 {
			continue
		}
		p.Masked = append(p.Masked, c.masked()...)
		lost, err := c.read(name)
		if err != nil {
			return nil, err
		}
		damaged = damaged || lost
		p.Changes = append(p.Changes, *c)
	}
	if len(p.Changes) == 0 {
		return nil, &Error{Name: name, Err: fmt.Errorf("%w: expected a line \"diff --git a/FILE b/FILE\", or \"--- FILE\" and \"+++ FILE\" before a hunk", ErrNoDiff)}
	}
	if damaged {
		p.Form = Archive
		for i := range p.Changes {
			p.Changes[i].dropLines()
		}
	}
	slices.SortStableFunc(p.Changes, func(a, b Change) int { return cmp.Compare(a.Number, b.Number) })
	return p, nil
}

// read reads the lines of the hunks. It returns whether their whitespace is
// lost, or an error if they are not all there.
func (c *Change) read(name string) (lost bool, err error) {
	if err := c.whole(name); err != nil {
		return false, err
	}
	if err := c.parse(name); err != nil {
		if errors.Is(err, ErrBinary) {
			return false, err
		}
		return true, nil
	}
	return c.squeezed(), nil
}

// parse reads the hunks of a healthy diff.
func (c *Change) parse(name string) error {
	body := strings.Join(c.text[c.files:], "\n") + "\n"
	files, _, err := gitdiff.Parse(strings.NewReader(body))
	if err != nil {
		line, why := 0, err.Error()
		if m := gitdiffLine.FindStringSubmatch(why); m != nil {
			line, _ = strconv.Atoi(m[1])
			why = m[2]
		}
		return c.errorAt(name, c.files+max(line, 1)-1, fmt.Errorf("%w: %s", ErrMalformed, why))
	}
	if len(files) != len(c.Files) {
		return c.errorAt(name, c.files, fmt.Errorf("%w: it has the headers of %d files and the hunks of %d", ErrMalformed, len(c.Files), len(files)))
	}
	for i, g := range files {
		f := &c.Files[i]
		if g.IsBinary {
			return c.errorAt(name, f.head, fmt.Errorf("%s: %w: uetest applies text only", f.Path(), ErrBinary))
		}
		if len(g.TextFragments) != len(f.Hunks) {
			return c.errorAt(name, f.head, fmt.Errorf("%w: %s has %d hunk headers and %d hunks", ErrMalformed, f.Path(), len(f.Hunks), len(g.TextFragments)))
		}
		for j, frag := range g.TextFragments {
			h := &f.Hunks[j]
			h.Lines = make([]Line, len(frag.Lines))
			for k, l := range frag.Lines {
				h.Lines[k] = Line{ops[l.Op], l.Line}
			}
		}
	}
	return nil
}

var gitdiffLine = regexp.MustCompile(`^gitdiff: line (\d+): (.*)$`)

var ops = map[gitdiff.LineOp]Op{
	gitdiff.OpContext: Context, gitdiff.OpAdd: Added, gitdiff.OpDelete: Removed,
}

func (c *Change) dropLines() {
	for i := range c.Files {
		for j := range c.Files[i].Hunks {
			c.Files[i].Hunks[j].Lines = nil
		}
	}
}

// whole finds out whether the text ends before its diff does: in its last
// hunk, or before all the files that its diffstat counts. Lines whose marks
// are lost count as context, so it works on damaged text too.
func (c *Change) whole(name string) error {
	last := &c.Files[len(c.Files)-1]
	end := len(c.text)
	for end > 0 && strings.TrimSpace(c.text[end-1]) == "" {
		end--
	}
	signed := c.signature(end)
	if n := len(last.Hunks); n > 0 && !signed {
		h := &last.Hunks[n-1]
		old, new := 0, 0
		for _, l := range c.text[h.head+1 : end] {
			switch {
			case strings.HasPrefix(l, "-"):
				old++
			case strings.HasPrefix(l, "+"):
				new++
			case !strings.HasPrefix(l, `\ `):
				old++
				new++
			}
		}
		// A blank line of context at the very end may have been trimmed.
		blank := len(c.text) - end + 1
		if old+blank < h.OldLines && new+blank < h.NewLines && !c.lostEmptyLines(end) {
			return c.errorAt(name, end-1, fmt.Errorf("%w: in hunk %s of %s, which has %d of %d lines of the new file", ErrTruncated, h.header(), last.Path(), new, h.NewLines))
		}
	}
	if last.Hunks == nil && !signed && last.OldBlob != "" && !noBlob(last.OldBlob) && last.OldBlob != last.NewBlob {
		return c.errorAt(name, end-1, fmt.Errorf("%w: after the header of %s, before its first hunk", ErrTruncated, last.Path()))
	}
	if m := c.diffstat(); m > len(c.Files) && !signed {
		return c.errorAt(name, end-1, fmt.Errorf("%w: its diffstat counts %d files, the diff has %d", ErrTruncated, m, len(c.Files)))
	}
	return nil
}

// lostEmptyLines says whether the page may have dropped the empty lines of the
// hunks, which would make them look cut: lines of context have lost their mark,
// and no empty line is left before line end.
func (c *Change) lostEmptyLines(end int) bool {
	unmarked := false
	for _, f := range c.Files {
		for _, h := range f.Hunks {
			for _, l := range c.text[h.head+1 : min(h.tail, end)] {
				l = strings.TrimSuffix(l, "\r")
				if l == "" {
					return false
				}
				unmarked = unmarked || strings.IndexByte(" +-\\", l[0]) < 0
			}
		}
	}
	return unmarked
}

// signature says whether a mail's signature ends the text: the line "-- " and
// at most a few lines after it.
func (c *Change) signature(end int) bool {
	for i := end - 1; i >= c.files && i >= end-5; i-- {
		if l := strings.TrimRight(c.text[i], " \r"); l == "--" {
			return true
		}
	}
	return false
}

var statLine = regexp.MustCompile(`^ ?(\d+) files? changed(, \d+ insertions?\(\+\))?(, \d+ deletions?\(-\))?\s*$`)

// diffstat returns how many files the message's diffstat counts, or 0.
func (c *Change) diffstat() int {
	for _, l := range c.text[:c.files] {
		if m := statLine.FindStringSubmatch(l); m != nil {
			n, _ := strconv.Atoi(m[1])
			return n
		}
	}
	return 0
}

// squeezed says whether a diff that is well formed has lost its whitespace all
// the same. That happens to added files, which have no context to lose its
// mark: blocks are open, and no line in them is indented by a tab or by more
// than one blank.
func (c *Change) squeezed() bool {
	blocks := false
	for _, f := range c.Files {
		for _, h := range f.Hunks {
			open := false
			for _, l := range h.Lines {
				text := strings.TrimRight(l.Text, "\r\n")
				if strings.HasPrefix(text, "\t") || strings.Contains(text, "  ") || strings.Contains(text, " \t") {
					return false
				}
				bare := strings.TrimPrefix(text, " ")
				if open && bare != "" && bare[0] != '}' && bare[0] != '#' && bare[0] != '*' {
					blocks = true
				}
				open = strings.HasSuffix(text, "{")
			}
		}
	}
	return blocks
}

var maskedAddress = regexp.MustCompile(`[\w.+-]+@(x{4,}|\.\.\.)`)

// masked returns the lines of the message above the diff that hold a mail
// address which an archive has masked.
func (c *Change) masked() []int {
	var lines []int
	for i, l := range c.text[:c.files] {
		if maskedAddress.MatchString(l) {
			lines = append(lines, c.lineOf(i))
		}
	}
	return lines
}
