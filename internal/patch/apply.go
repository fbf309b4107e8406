package patch

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"uetest/internal/blame"
)

// Apply applies patches one after the other to base, in memory, and returns
// what the patched tree has different.
//
// Every line of context has to be there. A hunk whose place has moved is
// applied if all of its old lines stand at exactly one place after the hunk
// before it; Check tells by how much. There is no fuzz; CheckFuzz has it.
//
// The error is that of the first change that does not apply: a *HunkError if
// it is a hunk, and an *Error with the line of the file's header otherwise
// (wrapping fs.ErrNotExist, fs.ErrExist, ErrSymlink, ErrNotFile,
// ErrWhitespace). It is blamed on the patch; an error of reading the tree is
// not.
func Apply(base Reader, patches ...*Patch) (Overlay, error) {
	r := Check(base, patches...)
	if err := r.Err(); err != nil {
		return nil, err
	}
	return r.Overlay, nil
}

// applyFile applies the change of one file to the tree over.On(base) and
// records the result in over.
func applyFile(base Reader, over Overlay, p *Patch, c *Change, f *FileDiff, fuzz int) FileReport {
	r := FileReport{
		Patch: p.Name, Subject: c.Subject, Line: f.Line, Path: f.Path(), Old: f.Old, Action: f.action(),
		WantBefore: f.OldBlob, WantAfter: f.NewBlob,
	}
	fail := func(err error) FileReport {
		party := blame.Patch
		var path *fs.PathError
		if errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist) {
			party = blame.Host
		}
		r.Err = blame.On(party, &Error{p.Name, f.Line, c.decoded, err})
		return r
	}
	if p.Form == Archive {
		return fail(fmt.Errorf("%s: %w (uetest patch restore)", f.Path(), ErrWhitespace))
	}
	tree := over.On(base)
	r.Applied = f.applied(tree)
	file := File{Mode: 0o644}
	if f.Old != "" {
		data, mode, err := tree.ReadFile(f.Old)
		if errors.Is(err, fs.ErrNotExist) {
			return fail(fmt.Errorf("%s: the patch changes this file and the tree does not have it: %w", f.Old, fs.ErrNotExist))
		}
		if err != nil {
			return fail(err)
		}
		file = File{Data: data, Mode: mode}
		r.Before = BlobID(data)
	}
	if f.New != "" && f.New != f.Old {
		if err := vacant(tree, over, f.New); err != nil {
			return fail(err)
		}
	}
	lines, hunks, ok := applyHunks(keepEnds(string(file.Data)), p, c, f, fuzz)
	r.Hunks = hunks
	if !ok {
		for _, h := range hunks {
			if h.Err != nil {
				r.Err = blame.On(blame.Patch, h.Err)
				break
			}
		}
		return r
	}
	file.Data = []byte(strings.Join(lines, ""))
	if f.New == "" {
		if len(file.Data) > 0 {
			return fail(fmt.Errorf("%s: the patch deletes this file, which has %d lines that the patch does not: its first is %q", f.Old, len(lines), chomp(lines[0])))
		}
		over[f.Old] = File{Deleted: true}
		return r
	}
	if f.hasMode {
		file.Mode = f.NewMode
	}
	if len(file.Data) > MaxFile {
		return fail(fmt.Errorf("%s: %w: %d bytes, the limit is %d", f.New, ErrTooBig, len(file.Data), MaxFile))
	}
	r.After = BlobID(file.Data)
	if f.Rename {
		over[f.Old] = File{Deleted: true}
	}
	over[f.New] = file
	return r
}

// vacant makes sure that a file can be created: nothing is there, and the way
// there leads through directories alone.
func vacant(tree Reader, over Overlay, name string) error {
	switch _, _, err := tree.ReadFile(name); {
	case err == nil:
		return fmt.Errorf("%s: the patch creates this file and the tree has it already: %w", name, fs.ErrExist)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	for other, f := range over {
		if !f.Deleted && strings.HasPrefix(other, name+"/") {
			return fmt.Errorf("%s: a patch before made it a directory: %w", name, fs.ErrExist)
		}
	}
	return nil
}

// Action is what a patch does with a file.
type Action string

// The actions.
const (
	Modify Action = "modify"
	Create Action = "create"
	Delete Action = "delete"
	Rename Action = "rename"
	Copy   Action = "copy"
)

func (f *FileDiff) action() Action {
	switch {
	case f.Old == "":
		return Create
	case f.New == "":
		return Delete
	case f.Rename:
		return Rename
	case f.Copy:
		return Copy
	}
	return Modify
}

// applyHunks applies the hunks to the lines of a file. It goes on after one
// that fails, so that all can be reported; ok says that none did.
func applyHunks(lines []string, p *Patch, c *Change, f *FileDiff, fuzz int) (result []string, reports []HunkReport, ok bool) {
	ok = true
	done, drift := 0, 0
	for i := range f.Hunks {
		h := &f.Hunks[i]
		report := HunkReport{Number: i + 1, Header: h.header(), Section: h.Section, Line: h.Line}
		at, err := locate(lines, done, drift, h)
		for n := 1; err != nil && n <= fuzz; n++ {
			loose, ok := h.without(n)
			if !ok {
				break
			}
			if place, miss := locate(lines, done, drift, &loose); miss == nil {
				h, at, err, report.Fuzz = &loose, place, nil, n
			}
		}
		if err != nil {
			if place, ok := h.stands(lines); ok {
				report.Applied = true
				err.Why = fmt.Sprintf("it is applied already, at line %d", place+1)
			}
			err.Patch, err.Path, err.Number, err.Header = p.Name, f.Path(), i+1, h.header()
			err.Decoded = c.decoded
			report.Err = err
			reports = append(reports, report)
			ok = false
			continue
		}
		report.At = at + 1
		report.Offset = at - h.start()
		drift = report.Offset
		result = append(result, lines[done:at]...)
		result = append(result, h.new()...)
		done = at + len(h.old())
		reports = append(reports, report)
	}
	result = append(result, lines[done:]...)
	return result, reports, ok
}

// start returns the index of the first line that the hunk replaces. A hunk
// without old lines names the line before it.
func (h *Hunk) start() int {
	if h.OldLines == 0 {
		return h.OldStart
	}
	return h.OldStart - 1
}

// locate finds where the old lines of a hunk stand, at or after index done.
// Like git apply it binds a hunk for line 1 to the beginning and one without
// context at its end to the end of the file.
func locate(lines []string, done, drift int, h *Hunk) (int, *HunkError) {
	old := h.old()
	first, last := done, len(lines)-len(old)
	if h.OldStart <= 1 && !h.loose {
		last = min(last, 0)
	}
	if h.trailing() == 0 && !h.loose {
		first = max(first, len(lines)-len(old))
	}
	want := h.start() + drift
	if len(old) == 0 && h.loose {
		return 0, &HunkError{Line: h.Line} // it would apply anywhere
	}
	if want >= first && want <= last && matches(lines, old, want) {
		return want, nil
	}
	var places []int
	for at := first; at <= last; at++ {
		if matches(lines, old, at) {
			places = append(places, at)
		}
	}
	if len(places) == 1 {
		return places[0], nil
	}
	return 0, mismatch(lines, first, last, want, places, h)
}

func matches(lines, old []string, at int) bool {
	for i, l := range old {
		if lines[at+i] != l {
			return false
		}
	}
	return true
}

// HunkError says why a hunk does not apply: the first line that is not as the
// hunk has it, at the place where most of the hunk's lines are.
type HunkError struct {
	Patch   string // the patch file
	Line    int    // of the patch: the line that does not match
	Decoded bool   // Line counts in the body of the mail once decoded
	Path    string // of the tree
	Number  int    // of the hunk in its file, one-based
	Header  string // of the hunk

	At    int    // line of the file that does not match, one-based
	Want  string // what the patch expects there, without line end
	Got   string // what is there
	AtEnd bool   // nothing is there: the file ends before
	Why   string // what else is known, or ""
}

func (e *HunkError) Error() string {
	where := fmt.Sprintf("%s:%d", e.Patch, e.Line)
	if e.Decoded {
		where = fmt.Sprintf("%s: line %d of the decoded mail", e.Patch, e.Line)
	}
	got := fmt.Sprintf("has %q", e.Got)
	if e.AtEnd {
		got = "ends before it"
	}
	s := fmt.Sprintf("%s: hunk %d (%s) does not apply to %s: line %d should be %q, the file %s",
		where, e.Number, e.Header, e.Path, e.At, e.Want, got)
	if e.Why != "" {
		s += "; " + e.Why
	}
	return s
}

// mismatch explains why the hunk h has no place in lines.
func mismatch(lines []string, first, last, want int, places []int, h *Hunk) *HunkError {
	old := h.old()
	e := &HunkError{Line: h.Line}
	best, count := want, 0
	for at := 0; at < len(lines); at++ {
		n := 0
		for i, l := range old {
			if at+i < len(lines) && lines[at+i] == l {
				n++
			}
		}
		if n > count || n == count && count > 0 && distance(at, want) < distance(best, want) {
			best, count = at, n
		}
	}
	if len(places) > 1 {
		best, count = want, 0
	}
	e.explain(lines, best, h)
	switch {
	case len(places) > 1:
		e.Why = fmt.Sprintf("its lines stand at %d other places, of which none is the one meant: lines %s", len(places), list(places))
	case count == len(old) && best > last:
		e.Why = fmt.Sprintf("its lines stand at line %d, but a hunk for line 1 has to match at the beginning", best+1)
	case count == len(old) && best < first && h.trailing() == 0:
		e.Why = fmt.Sprintf("its lines stand at line %d, but a hunk without context after it has to match at the end", best+1)
	case count == len(old):
		e.Why = fmt.Sprintf("its lines stand at line %d, which a hunk before it has taken", best+1)
	case e.Want != e.Got && bare(e.Want) == bare(e.Got) && !e.AtEnd:
		e.Why = "they differ in whitespace alone"
	}
	return e
}

// explain takes the first line of h that differs from the lines at index at.
func (e *HunkError) explain(lines []string, at int, h *Hunk) {
	i := at
	for n, l := range h.Lines {
		if l.Op == Added {
			continue
		}
		if i < 0 || i >= len(lines) || lines[i] != l.Text {
			e.Line, e.At, e.Want = h.Line+1+n, i+1, chomp(l.Text)
			if e.AtEnd = i < 0 || i >= len(lines); !e.AtEnd {
				e.Got = chomp(lines[i])
				if e.Got == e.Want {
					e.Why = "the two differ in their line end"
				}
			}
			return
		}
		i++
	}
	e.At = at + 1
	if at >= 0 && at < len(lines) {
		e.Want, e.Got = chomp(lines[at]), chomp(lines[at])
	}
}

func distance(a, b int) int { return max(a-b, b-a) }

// list writes at most five of the indices as line numbers.
func list(places []int) string {
	var s []string
	for i, at := range places {
		if i == 5 {
			s = append(s, "…")
			break
		}
		s = append(s, fmt.Sprint(at+1))
	}
	return strings.Join(s, ", ")
}

func chomp(l string) string { return strings.TrimSuffix(strings.TrimSuffix(l, "\n"), "\r") }

// bare returns a line without any of its whitespace.
func bare(l string) string { return strings.Join(strings.Fields(l), "") }
