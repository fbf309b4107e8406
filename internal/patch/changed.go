package patch

import (
	"slices"
	"strings"
)

// ChangedFile is a file as patches leave it, as far as they change it.
type ChangedFile struct {
	Path  string
	Hunks []ChangedHunk
}

// ChangedHunk is a stretch of a file that patches changed, with the lines around
// it: a hunk of the one diff that all of them come to.
type ChangedHunk struct {
	Section string // what a patch that changed it has behind the header's second @@
	Lines   []ChangedLine
}

// ChangedLine is a line of the patched file, or one that is in it no more.
type ChangedLine struct {
	Op     Op
	Text   string // without its line end
	Number int    // in the patched file, one-based; 0 for a removed line
}

// Changed applies patches to base, as CheckFuzz does, and says which lines of
// the result they added: of several patches those that are left in the end. A
// file that they delete, or only rename, is not in it. The error is that of
// Apply.
func Changed(base Reader, fuzz int, patches ...*Patch) ([]ChangedFile, error) {
	over := Overlay{}
	files := map[string]*origins{}
	var order []string
	for _, p := range patches {
		for i := range p.Changes {
			c := &p.Changes[i]
			for j := range c.Files {
				f := &c.Files[j]
				var before []byte
				if f.Old != "" {
					before, _, _ = over.On(base).ReadFile(f.Old) // applyFile says what is wrong with it
				}
				r := applyFile(base, over, p, c, f, fuzz)
				if r.Err != nil {
					return nil, r.Err
				}
				o := files[f.Old]
				if o == nil {
					o = newOrigins(before)
				} else if f.Copy {
					o = &origins{slices.Clone(o.lines)}
				}
				if !f.Copy {
					delete(files, f.Old)
				}
				if f.New == "" {
					continue
				}
				o.apply(f.Hunks, r.Hunks)
				files[f.New] = o
				order = append(order, f.New)
			}
		}
	}
	var all []ChangedFile
	for i, path := range order {
		if o := files[path]; o != nil && !slices.Contains(order[:i], path) {
			if hunks := o.hunks(); len(hunks) > 0 {
				all = append(all, ChangedFile{path, hunks})
			}
		}
	}
	return all, nil
}

// origins knows of each line of a file where it comes from. The last one is the
// end of the file, with what was removed before it.
type origins struct{ lines []origin }

type origin struct {
	text    string
	added   bool
	section string   // of the hunk that added it, or removed what was before it
	removed []string // lines of the base that stood before it
}

func (l *origin) changed() bool { return l.added || len(l.removed) > 0 }

func newOrigins(data []byte) *origins {
	o := &origins{}
	for _, text := range keepEnds(string(data)) {
		o.lines = append(o.lines, origin{text: text})
	}
	o.lines = append(o.lines, origin{})
	return o
}

// apply follows hunks that were applied at the places that the reports have.
func (o *origins) apply(hunks []Hunk, reports []HunkReport) {
	var result []origin
	done := 0
	for i := range hunks {
		h := &hunks[i]
		if n := reports[i].Fuzz; n > 0 {
			if loose, ok := h.without(n); ok {
				h = &loose
			}
		}
		at := reports[i].At - 1
		result = append(result, o.lines[done:at]...)
		var removed []string
		for _, l := range h.Lines {
			if l.Op == Added {
				result = append(result, origin{l.Text, true, h.Section, removed})
				removed = nil
				continue
			}
			was := o.lines[at]
			at++
			before := slices.Concat(removed, was.removed)
			switch {
			case l.Op == Context:
				if len(removed) > 0 {
					was.section = h.Section
				}
				was.removed, removed = before, nil
				result = append(result, was)
			case was.added: // by a patch before: as if it had never been
				removed = before
			default:
				removed = append(before, was.text)
			}
		}
		if len(removed) > 0 {
			next := &o.lines[at]
			next.removed, next.section = slices.Concat(removed, next.removed), h.Section
		}
		done = at
	}
	o.lines = append(result, o.lines[done:]...)
}

// around is how many unchanged lines stand around a change, as in a diff.
const around = 3

// hunks cuts the file into stretches with a change in them.
func (o *origins) hunks() []ChangedHunk {
	var all []ChangedHunk
	end := len(o.lines) - 1 // the end of the file, which is no line
	shown := 0              // lines up to here are in a hunk, or stand between two
	for i := range o.lines {
		if !o.lines[i].changed() {
			continue
		}
		h := (*ChangedHunk)(nil)
		from := max(0, i-around)
		if len(all) > 0 && from <= shown {
			h, from = &all[len(all)-1], shown
		} else {
			all = append(all, ChangedHunk{Section: strings.TrimSpace(o.lines[i].section)})
			h = &all[len(all)-1]
		}
		until := i + around // the last line that is shown, and one more if it is an added one
		if o.lines[i].added {
			until++
		}
		for k := from; k < max(until, i+1) && k <= end; k++ {
			l := &o.lines[k]
			for _, text := range l.removed {
				h.Lines = append(h.Lines, ChangedLine{Removed, chomp(text), 0})
			}
			if k == end {
				break
			}
			op := Context
			if l.added {
				op = Added
			}
			h.Lines = append(h.Lines, ChangedLine{op, chomp(l.text), k + 1})
		}
		shown = max(shown, min(until, end+1))
	}
	return all
}
