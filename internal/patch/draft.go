package patch

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"uetest/internal/patch/layout"
)

// draft is the change of one file on its way to being restored.
type draft struct {
	diff  *FileDiff
	path  string
	base  []string // lines of the file before, with their ends
	blob  string   // id of the file before
	mode  fs.FileMode
	eol   string
	hunks []*alignment
	posts bool // added lines have their whitespace

	added    [][]string // the new lines of each hunk, without ends
	searched [][]bool   // which of them are not as the likeliest layout has them
	doubts   [][]layout.Doubt
	tries    int
	proven   bool
	result   []byte
}

// lay aligns all hunks of a change with the files of a tree.
func (c *Change) lay(p *Patch, tree Reader, over Overlay) ([]*draft, error) {
	var drafts []*draft
	for i := range c.Files {
		f := &c.Files[i]
		d := &draft{diff: f, path: f.Path(), mode: 0o644, eol: "\n"}
		if f.Old != "" {
			data, mode, err := tree.ReadFile(f.Old)
			if errors.Is(err, fs.ErrNotExist) {
				return nil, c.errorAt(p.Name, f.head, fmt.Errorf("%s: the patch changes this file and the tree does not have it: %w", f.Old, fs.ErrNotExist))
			}
			if err != nil {
				return nil, c.errorAt(p.Name, f.head, err)
			}
			d.base, d.mode, d.blob = keepEnds(string(data)), mode, BlobID(data)
			if strings.HasSuffix(d.first(), "\r\n") {
				d.eol = "\r\n"
			}
		}
		if f.New != "" && f.New != f.Old {
			if err := vacant(tree, over, f.New); err != nil {
				return nil, c.errorAt(p.Name, f.head, err)
			}
		}
		if f.hasMode {
			d.mode = f.NewMode
		}
		if err := d.align(p, c, i == len(c.Files)-1); err != nil {
			return nil, err
		}
		drafts = append(drafts, d)
	}
	return drafts, nil
}

func (d *draft) first() string {
	if len(d.base) == 0 {
		return ""
	}
	return d.base[0]
}

// align finds the places of the file's hunks.
func (d *draft) align(p *Patch, c *Change, lastFile bool) error {
	bared := make([]string, len(d.base))
	for i, l := range d.base {
		bared[i] = bare(l)
	}
	done, drift := 0, 0
	for i := range d.diff.Hunks {
		h := &d.diff.Hunks[i]
		a, why, err := c.align(h, bared, done, drift, lastFile && i == len(d.diff.Hunks)-1)
		if err == nil && a == nil {
			err = fmt.Errorf("hunk %d (%s) of %s does not fit the base, whitespace aside: %s", i+1, h.header(), d.path, why)
			if want := d.diff.OldBlob; want != "" && !noBlob(want) && !SameBlob(want, d.blob) {
				err = fmt.Errorf("%w; the patch was written for blob %s, the base has %s", err, want, short(d.blob, want))
			}
		}
		if err != nil {
			return c.errorAt(p.Name, h.head, err)
		}
		at := a.at
		for j := range a.lines {
			if a.lines[j].Kind != layout.New {
				a.lines[j].Text = chomp(d.base[at])
				at++
			}
		}
		done = at
		if h.OldLines >= 0 {
			drift = a.at - h.start()
		}
		d.hunks = append(d.hunks, a)
	}
	return nil
}

// restore lays out the added lines.
func (d *draft) restore(o Options) {
	lines := make([]string, len(d.base))
	for i, l := range d.base {
		lines[i] = chomp(l)
	}
	var at []int
	var hunks [][]layout.Line
	for _, a := range d.hunks {
		at = append(at, a.at)
		hunks = append(hunks, a.lines)
	}
	d.added = make([][]string, len(d.hunks))
	d.searched = make([][]bool, len(d.hunks))
	d.doubts = make([][]layout.Doubt, len(d.hunks))
	if d.posts {
		for i, a := range d.hunks {
			for _, l := range a.lines {
				if l.Kind == layout.New {
					d.added[i] = append(d.added[i], l.Text)
				}
			}
		}
		d.settle(d.added)
		return
	}
	doc := layout.Open(lines, at, hunks)
	var first [][]string
	for _, h := range doc.Hunks() {
		first = append(first, h.Best().Lines)
	}
	d.settle(first)
	if !d.proven && !o.StyleOnly && d.diff.New != "" {
		if found, ok := d.search(doc, o.MaxTries, time.Now().Add(o.Limit)); ok {
			d.settle(found)
		}
	}
	for i, h := range doc.Hunks() {
		for j, l := range d.added[i] {
			d.searched[i] = append(d.searched[i], l != first[i][j])
		}
		if !d.proven {
			d.doubts[i] = h.Doubts()
		}
	}
}

// settle takes a layout and says whether it is proven.
func (d *draft) settle(added [][]string) {
	d.added = added
	d.result = []byte(d.assemble(added))
	if d.diff.New == "" {
		d.proven = len(d.result) == 0 && SameBlob(d.diff.OldBlob, d.blob)
		return
	}
	d.proven = SameBlob(d.diff.NewBlob, BlobID(d.result))
	if d.diff.NewBlob == "" && len(d.hunks) == 0 {
		d.proven = true // a rename or a mode alone has nothing to prove
	}
}

// assemble returns the file after the patch.
func (d *draft) assemble(added [][]string) string {
	var s strings.Builder
	done := 0
	for i, a := range d.hunks {
		for _, l := range d.base[done:a.at] {
			s.WriteString(l)
		}
		s.WriteString(d.body(i, added[i]))
		done = a.at + a.old
	}
	for _, l := range d.base[done:] {
		s.WriteString(l)
	}
	return s.String()
}

// body returns the new side of a hunk.
func (d *draft) body(i int, added []string) string {
	var s strings.Builder
	a := d.hunks[i]
	at, n := a.at, 0
	for j, l := range a.lines {
		switch l.Kind {
		case layout.Keep:
			s.WriteString(d.base[at])
			at++
		case layout.Old:
			at++
		case layout.New:
			s.WriteString(added[n])
			n++
			if !a.noEOL[j] {
				s.WriteString(d.eol)
			}
		}
	}
	return s.String()
}

func (d *draft) apply(over Overlay) {
	if d.diff.Rename || d.diff.New == "" {
		over[d.diff.Old] = File{Deleted: true}
	}
	if d.diff.New != "" {
		over[d.diff.New] = File{Data: d.result, Mode: d.mode}
	}
}
