package patch

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"uetest/internal/blame"
)

// Options are for Restore. The zero value is what one wants.
type Options struct {
	Unproven  bool // hand the patch out even if it can't be proven; its header says so then
	StyleOnly bool // take the likeliest layout and don't search for the one that is proven

	// The search for a file's layout ends after so many layouts or so long,
	// whichever comes first; 0 is DefaultTries and DefaultLimit.
	MaxTries int
	Limit    time.Duration
}

// The search is given up after these for each file. A file of the size of a
// subsystem's takes some seconds for all the tries.
const (
	DefaultTries = 200_000
	DefaultLimit = 30 * time.Second
)

// Source says how a line of a restored patch is known.
type Source uint8

// The sources.
const (
	FromBase Source = iota // context or removed: the base's own
	ByStyle                // added: laid out as the lines around it are, at the first attempt
	BySearch               // added: laid out otherwise, as the blob id asks for
	AsPosted               // added: the text had its whitespace
)

func (s Source) String() string {
	switch s {
	case FromBase:
		return "base"
	case ByStyle:
		return "style"
	case BySearch:
		return "search"
	case AsPosted:
		return "as posted"
	}
	return "unknown"
}

// Restored is a patch with its whitespace.
type Restored struct {
	Name      string
	Text      []byte // the patch; empty if it is not proven and Options.Unproven is not set
	Unchanged bool   // the patch was healthy: Text is what was read
	Files     []RestoredFile
	Masked    []int // lines of Name with a masked mail address; they stay as they are
}

// RestoredFile says how the change of one file was restored.
type RestoredFile struct {
	Path   string
	Line   int // of the patch as read, where the file's header starts
	Action Action

	// Blob ids, as in FileReport.
	WantBefore, Before string
	WantAfter, After   string

	Proven bool // After is the blob that the index line names
	Tries  int  // layouts that were hashed
	Hunks  []RestoredHunk
}

// RestoredHunk says how one hunk was restored.
type RestoredHunk struct {
	Number  int      // in its file, one-based
	Header  string   // as restored
	Line    int      // of the patch as read
	Sources []Source // of its lines, in order
	Notes   []string // what was wrong with it besides its whitespace
	Doubts  []string // what could well have been otherwise; only if the file is not proven
}

// Proven says whether every file is.
func (r *Restored) Proven() bool {
	for _, f := range r.Files {
		if !f.Proven {
			return false
		}
	}
	return true
}

// Count returns how many lines of the hunk are known from a source.
func (h *RestoredHunk) Count(s Source) int {
	n := 0
	for _, t := range h.Sources {
		if t == s {
			n++
		}
	}
	return n
}

// UnprovenError says that a patch could not be restored beyond doubt.
type UnprovenError struct {
	Name  string
	Files []RestoredFile // the ones that are not proven
}

func (e *UnprovenError) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%s: not proven:", e.Name)
	for i := range e.Files {
		fmt.Fprintf(&s, "\n  %s", e.Files[i].doubt())
	}
	return s.String()
}

// doubt says in one line why a file is not proven.
func (f *RestoredFile) doubt() string {
	s := fmt.Sprintf("%s: the result is blob %s, the patch says %s", f.Path, short(f.After, f.WantAfter), f.WantAfter)
	if f.WantAfter == "" {
		s = fmt.Sprintf("%s: the result is blob %s, the patch has no index line to compare it with", f.Path, short(f.After, ""))
	}
	if f.WantBefore != "" && !SameBlob(f.WantBefore, f.Before) && f.Action != Create {
		s += fmt.Sprintf("; the base is blob %s, the patch was written for %s", short(f.Before, f.WantBefore), f.WantBefore)
	}
	if hunks := f.Unsure(); len(hunks) > 0 {
		s += fmt.Sprintf("; unsure of hunk %s", strings.Trim(fmt.Sprint(hunks), "[]"))
	}
	return s
}

// Unsure returns the numbers of the hunks of an unproven file in which lines
// could well have been laid out otherwise; all that add lines if there is no
// such hunk.
func (f *RestoredFile) Unsure() []int {
	if f.Proven {
		return nil
	}
	var doubtful, adding []int
	for i := range f.Hunks {
		h := &f.Hunks[i]
		if len(h.Doubts) > 0 {
			doubtful = append(doubtful, h.Number)
		}
		if h.Count(ByStyle)+h.Count(BySearch) > 0 {
			adding = append(adding, h.Number)
		}
	}
	if doubtful == nil {
		return adding
	}
	return doubtful
}

// short cuts a blob id to the length of another, at least twelve digits.
func short(id, like string) string {
	return id[:min(len(id), max(12, len(like)))]
}

// Restore gives a patch back the whitespace that it has lost.
//
// Lines of context and removed lines come from the base. Added lines are laid
// out as the file is; if the result is not the blob that the index line names,
// other layouts are tried, the likeliest first, until it is. A healthy patch
// comes back unchanged.
//
// If a file can't be proven, the error is an *UnprovenError, and the Restored
// with it has no Text unless the options ask for it. A hunk that does not fit
// the base is an *Error. Both are blamed on the patch.
func Restore(p *Patch, base Reader, o Options) (*Restored, error) {
	r, err := restore(p, base, o)
	var path *fs.PathError
	if errors.As(err, &path) && !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	return r, blame.On(blame.Patch, err)
}

func restore(p *Patch, base Reader, o Options) (*Restored, error) {
	if o.MaxTries == 0 {
		o.MaxTries = DefaultTries
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if p.Form != Archive {
		if r := unchanged(p, base); r != nil {
			return r, nil
		}
	}
	r := &Restored{Name: p.Name, Masked: p.Masked}
	over := Overlay{}
	w := &writer{}
	var unproven []RestoredFile
	for i := range p.Changes {
		c := p.Changes[i]
		c.text = unescaped(c.text, c.files)
		if err := c.scan(p.Name); err != nil {
			return nil, err
		}
		drafts, err := c.lay(p, over.On(base), over)
		if err != nil {
			return nil, err
		}
		c.front(drafts)
		for _, d := range drafts {
			d.restore(o)
			file := d.report()
			if !file.Proven {
				unproven = append(unproven, file)
			}
			r.Files = append(r.Files, file)
			d.apply(over)
		}
		w.change(&c, drafts)
	}
	if unproven != nil && !o.Unproven {
		return r, &UnprovenError{p.Name, unproven}
	}
	text := w.text(unproven)
	if err := verify(p.Name, text, base, over); err != nil {
		return nil, err
	}
	r.Text = text
	return r, nil
}

// unchanged returns a healthy patch as it is. It returns nil if the patch
// would apply but for whitespace, and has no tab although the base has: its
// tabs were turned into blanks. Other differences are the base's.
func unchanged(p *Patch, base Reader) *Restored {
	r := &Restored{Name: p.Name, Text: p.data, Unchanged: true, Masked: p.Masked}
	if base == nil {
		return r
	}
	for _, f := range Check(base, p).Files {
		var hunk *HunkError
		if errors.As(f.Err, &hunk) && !hunk.AtEnd && hunk.Want != hunk.Got && bare(hunk.Want) == bare(hunk.Got) &&
			strings.Contains(hunk.Got, "\t") && !p.hasTabs() {
			return nil
		}
		r.Files = append(r.Files, RestoredFile{
			Path: f.Path, Line: f.Line, Action: f.Action,
			WantBefore: f.WantBefore, Before: f.Before, WantAfter: f.WantAfter, After: f.After,
			Proven: f.Proven(),
		})
	}
	return r
}

// hasTabs says whether a line of a hunk has a tab.
func (p *Patch) hasTabs() bool {
	for _, c := range p.Changes {
		for _, f := range c.Files {
			for _, h := range f.Hunks {
				for _, l := range h.Lines {
					if strings.Contains(l.Text, "\t") {
						return true
					}
				}
			}
		}
	}
	return false
}

// verify reads the restored patch as git would and applies it: what comes out
// has to be what was restored.
func verify(name string, text []byte, base Reader, want Overlay) error {
	p, err := read(name, text)
	if err != nil {
		return blame.On(blame.Host, fmt.Errorf("the restored patch is not valid: %w", err))
	}
	report := Check(base, p)
	if err := report.Err(); err != nil {
		return blame.On(blame.Host, fmt.Errorf("the restored patch does not apply: %w", err))
	}
	for path, f := range want {
		got := report.Overlay[path]
		if got.Deleted != f.Deleted || string(got.Data) != string(f.Data) {
			return blame.On(blame.Host, fmt.Errorf("the restored patch gives another %s than its restoration", path))
		}
	}
	return nil
}
