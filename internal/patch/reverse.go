package patch

import (
	"errors"
	"io/fs"
	"slices"
)

// without returns the hunk with n lines of context less at either end. ok is
// false if that is no other hunk than with one line less taken off.
func (h *Hunk) without(n int) (loose Hunk, ok bool) {
	lead := 0
	for lead < len(h.Lines) && h.Lines[lead].Op == Context {
		lead++
	}
	trail := h.trailing()
	if n > lead && n > trail || lead == len(h.Lines) {
		return *h, false
	}
	lead, trail = min(n, lead), min(n, trail)
	loose = *h
	loose.loose = true
	loose.Lines = h.Lines[lead : len(h.Lines)-trail]
	loose.OldStart += lead
	loose.NewStart += lead
	loose.OldLines -= lead + trail
	loose.NewLines -= lead + trail
	if loose.OldLines == 0 { // the header of such a hunk names the line before
		loose.OldStart--
	}
	return loose, true
}

// reversed returns the hunk that takes h back.
func (h *Hunk) reversed() Hunk {
	r := *h
	r.OldStart, r.OldLines, r.NewStart, r.NewLines = h.NewStart, h.NewLines, h.OldStart, h.OldLines
	r.Lines = slices.Clone(h.Lines)
	for i := range r.Lines {
		switch r.Lines[i].Op {
		case Added:
			r.Lines[i].Op = Removed
		case Removed:
			r.Lines[i].Op = Added
		}
	}
	return r
}

// stands says whether the hunk's result is in the file, and where.
func (h *Hunk) stands(lines []string) (at int, ok bool) {
	r := h.reversed()
	if r.OldLines == 0 {
		return 0, false // what it removes is nowhere, which says nothing
	}
	at, err := locate(lines, 0, 0, &r)
	return at, err == nil
}

// applied says whether the tree has the file as the change leaves it.
func (f *FileDiff) applied(tree Reader) bool {
	if f.New == "" {
		_, _, err := tree.ReadFile(f.Old)
		return errors.Is(err, fs.ErrNotExist)
	}
	data, _, err := tree.ReadFile(f.New)
	if err != nil {
		return false
	}
	if id := BlobID(data); f.NewBlob != "" {
		if SameBlob(f.NewBlob, id) {
			return !SameBlob(f.OldBlob, id)
		}
	}
	if len(f.Hunks) == 0 {
		return false
	}
	back := *f
	back.Hunks = make([]Hunk, len(f.Hunks))
	for i := range f.Hunks {
		back.Hunks[i] = f.Hunks[i].reversed()
	}
	lines := keepEnds(string(data))
	done, drift := 0, 0
	for i := range back.Hunks {
		h := &back.Hunks[i]
		at, err := locate(lines, done, drift, h)
		if err != nil {
			return false
		}
		drift = at - h.start()
		done = at + len(h.old())
	}
	if f.Old == "" { // a new file is all that its hunks add
		return done == len(lines)
	}
	return true
}
