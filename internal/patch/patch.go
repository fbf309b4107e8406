package patch

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// Form is the form in which a patch arrived.
type Form int

// The forms.
const (
	Diff    Form = iota // a diff with nothing but text above it
	Mail                // one mail: git format-patch output, a saved message
	Mbox                // several mails in mbox format
	Archive             // text whose whitespace is lost; Restore has to be asked
)

func (f Form) String() string {
	switch f {
	case Diff:
		return "diff"
	case Mail:
		return "mail"
	case Mbox:
		return "mbox"
	case Archive:
		return "archive text"
	}
	return "unknown form"
}

// Errors about the form of a patch. They come wrapped, with file and line.
var (
	ErrEmpty      = errors.New("the file is empty")
	ErrNoDiff     = errors.New("no diff in it")
	ErrTruncated  = errors.New("it ends too early")
	ErrMalformed  = errors.New("not a valid diff")
	ErrBinary     = errors.New("binary change")
	ErrMissing    = errors.New("missing")
	ErrDouble     = errors.New("there twice")
	ErrMixed      = errors.New("mails of two versions of a series")
	ErrMode       = errors.New("file mode that is neither 100644 nor 100755")
	ErrWhitespace = errors.New("its whitespace is lost, it has to be restored first")
)

// Patch is a patch as it was read: one or more changes, in order.
type Patch struct {
	Name    string   // as given to Read, for errors
	Form    Form     //
	Changes []Change // a mail each; a plain diff is one

	// Masked lists the lines of Name on which a mail address is masked
	// (somebody@xxxxxxx), one-based. They can't be restored.
	Masked []int

	data []byte
}

// Bytes returns the patch as it was read, unchanged.
func (p *Patch) Bytes() []byte { return p.data }

// Change is one mail of a patch, or the whole of a plain diff.
type Change struct {
	Subject, From, Date, ID string // header fields, decoded; ID is the Message-ID
	Title                   string // the subject without its brackets
	Number, Of              int    // the n and m of "[PATCH n/m]", or 0
	Version                 int    // the N of "[PATCH vN]", 1 if it has none
	Files                   []FileDiff

	head      []string // the lines of the mail's header; nil for text that is no mail
	separator string   // the "From " line in front of it, or ""
	headEnd   int      // where the message starts in text, behind an archive page's head

	mark        subject // what the subject says
	subjectLine int     // line of Name, one-based; 0 if it is no mail
	thread      string  // Message-ID of the mail that its thread began with, or ""
	within      string  // the attachment that it is in, or ""
	raw         string  // the text that it was read from

	text    []string // the lines of the decoded body, without line ends
	line    int      // line of Name at which text starts, one-based
	decoded bool     // text went through a transfer decoding: lines are its own
	files   int      // where the first file starts in text
	places  int      // where its hunks have been tried; see maxPlaces
}

// FileDiff is what a change does to one file.
type FileDiff struct {
	Old, New         string      // slash paths in the tree; "" when there is none on that side
	OldMode, NewMode fs.FileMode // 0644 or 0755; 0 when the diff does not say
	OldBlob, NewBlob string      // from the index line, often abbreviated; "" when there is none
	Copy, Rename     bool        // Old and New differ
	Hunks            []Hunk
	Line             int // where it starts in the file, one-based

	head, tail int // lines of text: [head,tail) is all of it
	hasMode    bool
}

// Path is the path under which the file is known: the new one, or the old one
// of a deleted file.
func (f *FileDiff) Path() string {
	if f.New != "" {
		return f.New
	}
	return f.Old
}

// Hunk is one hunk. The lines are there unless the form is Archive.
type Hunk struct {
	OldStart, OldLines int // from the header; counts are -1 when it has none
	NewStart, NewLines int
	Section            string // what follows the second @@
	Lines              []Line
	Line               int // of its header in the file, one-based

	head, tail int  // lines of text: the header and what follows it
	loose      bool // some of its context was taken off
}

// Line is a line of a hunk.
type Line struct {
	Op   Op
	Text string // with its line end, unless the file ends without one
}

// Op says on which side a line stands.
type Op byte

// The sides: as a diff marks them.
const (
	Context Op = ' '
	Added   Op = '+'
	Removed Op = '-'
)

// header returns the hunk's header without the section.
func (h *Hunk) header() string {
	return fmt.Sprintf("@@ -%s +%s @@", span(h.OldStart, h.OldLines), span(h.NewStart, h.NewLines))
}

// span writes a range as diff does: a count of one is left out.
func span(start, lines int) string {
	if lines == 1 {
		return fmt.Sprint(start)
	}
	return fmt.Sprintf("%d,%d", start, lines)
}

// old returns the lines of the hunk that must be in the file before the patch.
func (h *Hunk) old() []string { return h.side(Removed) }

// new returns the lines that are in the file after it.
func (h *Hunk) new() []string { return h.side(Added) }

func (h *Hunk) side(op Op) []string {
	var lines []string
	for _, l := range h.Lines {
		if l.Op == Context || l.Op == op {
			lines = append(lines, l.Text)
		}
	}
	return lines
}

// trailing counts the lines of context after the last change.
func (h *Hunk) trailing() int {
	n := 0
	for n < len(h.Lines) && h.Lines[len(h.Lines)-1-n].Op == Context {
		n++
	}
	return n
}

// Error is an error at a place in a patch.
type Error struct {
	Name    string // the patch file
	Line    int    // one-based; 0 when there is no line
	Decoded bool   // Line counts in the body of the mail once decoded
	Err     error
}

func (e *Error) Error() string {
	switch {
	case e.Line == 0:
		return fmt.Sprintf("%s: %v", e.Name, e.Err)
	case e.Decoded:
		return fmt.Sprintf("%s: line %d of the decoded mail: %v", e.Name, e.Line, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.Name, e.Line, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// splitLines cuts data into lines without their ends. A last line without an
// end counts; what follows the last end does not.
func splitLines(data string) []string {
	lines := strings.Split(data, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}

// keepEnds cuts data into lines with their ends.
func keepEnds(data string) []string {
	lines := strings.SplitAfter(data, "\n")
	if lines[len(lines)-1] == "" {
		lines = lines[:len(lines)-1]
	}
	return lines
}
