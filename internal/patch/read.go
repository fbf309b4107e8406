package patch

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"uetest/internal/blame"
)

// Read reads a patch and tells what it is. The name is for errors alone.
//
// It takes a mail or an mbox (MIME, any transfer encoding and charset, gzip),
// git format-patch output, a plain diff by git or GNU diff, and text out of a
// web archive whose whitespace is lost. In the last case Form is Archive and
// the hunks have no Lines: Restore has to be asked.
//
// Mails without a diff and answers are left out; the others are put in the
// order of their [n/m], and have to be all there: see ReadSeries. Errors are
// *Error with the line, blamed on the patch, and wrap one of ErrEmpty,
// ErrNoDiff, ErrTruncated, ErrMalformed, ErrBinary, ErrMode, ErrPath,
// ErrSymlink, ErrTooBig, ErrMissing, ErrDouble and ErrMixed.
func Read(name string, data []byte) (*Patch, error) {
	p, err := read(name, data)
	return p, blame.On(blame.Patch, err)
}

func read(name string, data []byte) (*Patch, error) {
	l, err := open(name, data)
	if err != nil {
		return nil, err
	}
	mails, err := arrange([]*mailbox{l}, false, nil)
	if err != nil {
		return nil, err
	}
	p := &Patch{Name: name, Form: l.form, data: data}
	for _, m := range mails {
		p.Changes = append(p.Changes, *m.change)
		p.Masked = append(p.Masked, m.change.masked()...)
	}
	return p, nil
}

// mailbox is what one patch file holds.
type mailbox struct {
	name   string
	group  string // what it belongs to: files of one group are one source
	form   Form
	mails  []*Change // with a diff, in the order of the file
	covers []*Change // introductions: n is 0
	left   []Left    // what is no patch
}

// open reads a patch file.
func open(name string, data []byte) (*mailbox, error) {
	text, err := openText(name, data)
	if err != nil {
		return nil, err
	}
	changes, form, err := unwrap(name, text)
	if err != nil {
		return nil, err
	}
	l := &mailbox{name: name, group: name, form: form}
	damaged := false
	answers := l.sort(changes)
	for _, answer := range answers {
		// An answer may bring a patch of its own. It is meant if it is all
		// there is, and an opinion if there are others.
		if len(l.mails) == 0 && len(answers) == 1 && answer.scan(name) == nil && len(answer.Files) > 0 {
			l.mails = append(l.mails, answer)
			answer.Number, answer.Of = 0, 0
			continue
		}
		l.leave(answer, "an answer")
	}
	for _, c := range l.mails {
		if err := c.scan(name); err != nil {
			return nil, err
		}
		if len(c.Files) == 0 {
			return nil, l.noDiff(c)
		}
		if err := c.glued(name); err != nil {
			return nil, err
		}
		lost, err := c.read(name)
		if err != nil {
			return nil, err
		}
		damaged = damaged || lost
	}
	if len(l.mails) == 0 && len(l.covers) == 0 {
		return nil, l.nothing(changes)
	}
	if damaged {
		l.form = Archive
		for _, c := range l.mails {
			c.dropLines()
		}
	}
	return l, nil
}

// sort tells the mails that have to hold a patch from the others.
func (l *mailbox) sort(changes []Change) (answers []*Change) {
	for i := range changes {
		c := &changes[i]
		switch {
		case c.mark.reply:
			answers = append(answers, c)
		case c.mark.cover():
			l.covers = append(l.covers, c)
		case c.Of > 0 || c.hasDiff():
			l.mails = append(l.mails, c)
		case c.head != nil || len(changes) > 1:
			l.leave(c, "no diff in it")
		}
	}
	return answers
}

// glued returns an error if another mail begins below the diff: the lines that
// part mails are lost, and with them the order.
func (c *Change) glued(name string) error {
	if c.head == nil {
		return nil
	}
	for i := c.files; i < len(c.text); i++ {
		if s, ok := strings.CutPrefix(c.text[i], "Subject: "); ok {
			if mark := parseSubject(s); mark.patch {
				return c.errorAt(name, i, fmt.Errorf("%w: another mail begins here, %q, and no line \"From \" parts it from the one before; give each as a file of its own, or all as an mbox", ErrMalformed, s))
			}
		}
	}
	return nil
}

// hasDiff says whether the header of a file's diff is in the text, or the
// header of a hunk that has none.
func (c *Change) hasDiff() bool {
	for i := range c.text {
		if fileHeader(c.text, i) != notHeader || hunkHeader.MatchString(c.text[i]) && c.inDiff(i) {
			return true
		}
	}
	return false
}

// leave notes a mail that is no patch.
func (l *mailbox) leave(c *Change, why string) {
	l.left = append(l.left, Left{Name: c.place(l.name), Line: c.subjectLine, Subject: c.Subject, Why: why})
}

// place names the file that the change is in.
func (c *Change) place(name string) string {
	if c.within == "" {
		return name
	}
	return name + " (" + c.within + ")"
}

var quotedDiff = regexp.MustCompile(`^[>|] ?(diff --git a/|\+\+\+ b/|@@ -\d)`)

// noDiff is the error for a mail that should have a diff.
func (l *mailbox) noDiff(c *Change) error {
	what := fmt.Sprintf("patch %s %q: %%w", c.mark.part(), c.Title)
	if c.Of == 0 {
		what = "%w"
	}
	why := ": expected a line \"diff --git a/FILE b/FILE\", or \"--- FILE\" and \"+++ FILE\" before a hunk"
	for i, t := range c.text {
		if quotedDiff.MatchString(t) {
			why = fmt.Sprintf(": the one at line %d is quoted; save the mail that this one answers", c.lineOf(i))
			break
		}
	}
	return &Error{Name: c.place(l.name), Line: c.subjectLine, Err: fmt.Errorf(what+"%s", ErrNoDiff, why)}
}

// nothing is the error for a file without a patch.
func (l *mailbox) nothing(changes []Change) error {
	for i := range changes {
		for _, t := range changes[i].text {
			if quotedDiff.MatchString(t) {
				changes[i].Of, changes[i].subjectLine = 0, 0
				return l.noDiff(&changes[i])
			}
		}
	}
	return l.noDiff(&Change{})
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
			return c.errorAt(name, f.head, fmt.Errorf("%s: %w: uetest applies text only; leave the file out of the patch", f.Path(), ErrBinary))
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
