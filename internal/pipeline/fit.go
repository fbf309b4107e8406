package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"uetest/internal/blame"
	"uetest/internal/git"
	"uetest/internal/patch"
	"uetest/kernel-patches"
)

// FitSchema is the version of the JSON form of Fit.
const FitSchema = 1

// Fit says how patches fit a tree: what uetest patch check tells.
type Fit struct {
	Schema  int        `json:"schema"`
	Tree    string     `json:"tree"`              // "linux-source-6.1 at base"
	Applies bool       `json:"applies"`           // all of it does
	Exact   bool       `json:"exact"`             // and at the places that the headers name
	Applied bool       `json:"applied,omitempty"` // the tree has all of it already
	Patches []FitPatch `json:"patches"`
	Notes   []string   `json:"notes,omitempty"`

	// What the mails say of their base, and what a git tree knows about it.
	BaseCommit    string      `json:"base_commit,omitempty"`
	BaseHere      string      `json:"base_here,omitempty"` // "no", "yes", "ancestor": whether HEAD comes after it
	Prerequisites []string    `json:"prerequisites,omitempty"`
	WrittenFor    *git.Commit `json:"written_for,omitempty"` // a commit that has every blob the patches change
	Searched      string      `json:"searched,omitempty"`    // why there is no such commit
}

// FitPatch is one mail or diff.
type FitPatch struct {
	File     string    `json:"file"`
	Subject  string    `json:"subject,omitempty"`
	Form     string    `json:"form"`               // diff, mail, mbox, archive text
	Restored string    `json:"restored,omitempty"` // "proven" or "unproven" if its whitespace was lost
	Error    string    `json:"error,omitempty"`    // why nothing can be said of its files
	Files    []FitFile `json:"files"`
}

// FitFile is a file that a patch changes.
type FitFile struct {
	Path       string    `json:"path"`
	Old        string    `json:"old,omitempty"` // its path before, if that is another
	Action     string    `json:"action"`
	Line       int       `json:"line"` // of the patch
	WantBefore string    `json:"want_before,omitempty"`
	Before     string    `json:"before,omitempty"`
	WantAfter  string    `json:"want_after,omitempty"`
	After      string    `json:"after,omitempty"`
	OnBase     bool      `json:"on_base"`           // it is the blob that the patch was written for
	Known      []string  `json:"known,omitempty"`   // kernels of the series that have that blob
	Proven     bool      `json:"proven"`            // the result is the blob that the patch names
	Applied    bool      `json:"applied,omitempty"` // the tree has the result already
	Error      string    `json:"error,omitempty"`
	Hunks      []FitHunk `json:"hunks,omitempty"`
}

// FitHunk is a hunk. State is exact, offset, fuzz, applied or fails.
type FitHunk struct {
	Number int    `json:"number"`
	Header string `json:"header"`
	Line   int    `json:"line"` // of the patch
	State  string `json:"state"`
	At     int    `json:"at,omitempty"` // line of the file
	Offset int    `json:"offset,omitempty"`
	Fuzz   int    `json:"fuzz,omitempty"`

	// Of one that does not apply: the first line that differs.
	FileLine int    `json:"file_line,omitempty"`
	Want     string `json:"want,omitempty"`
	Got      string `json:"got,omitempty"`
	AtEnd    bool   `json:"at_end,omitempty"` // the file ends before it
	Why      string `json:"why,omitempty"`
}

// States of a hunk.
const (
	HunkExact   = "exact"
	HunkOffset  = "offset"
	HunkFuzz    = "fuzz"
	HunkApplied = "applied"
	HunkFails   = "fails"
)

// CheckFit says how the patches of s fit: the kernel that cfg names, or the
// user's tree as it is, or else the kernel of the series that they were
// written for. Patches that do not fit are no error.
func CheckFit(ctx context.Context, cfg Config, s *patch.Series) (*Fit, error) {
	tree, name, done, err := fitTree(ctx, cfg, s)
	if err != nil {
		return nil, err
	}
	defer done()
	f := &Fit{Schema: FitSchema, Tree: name, Applies: true, Exact: true, Applied: true,
		BaseCommit: s.BaseCommit, Prerequisites: s.Prerequisites, Notes: s.Notes}
	over := patch.Overlay{}
	for _, p := range s.Patches {
		one, err := f.check(ctx, over, tree, p, &cfg)
		if err != nil {
			return nil, err
		}
		f.Patches = append(f.Patches, one)
	}
	if cfg.SourceDir != "" {
		err = f.ask(ctx, cfg.SourceDir, s)
	}
	return f, err
}

// fitTree opens the tree that patches are checked against.
func fitTree(ctx context.Context, cfg Config, s *patch.Series) (patch.Reader, string, func(), error) {
	if len(cfg.Kernels) > 0 {
		targets, err := cfg.targets()
		if err != nil {
			return nil, "", nil, err
		}
		tree, done, err := targets[0].tree(ctx, &cfg)
		return tree, cfg.sourceName(targets[0].kernel.Source) + " at " + targets[0].name, done, err
	}
	all := &patch.Patch{}
	for _, p := range s.Patches {
		all.Changes = append(all.Changes, p.Changes...)
	}
	if cfg.SourceDir != "" { // what it could be made into does not matter
		bare := *cfg.Series
		bare.Kernels = nil
		cfg.Series = &bare
	}
	base, err := FindBase(ctx, cfg, all)
	if err != nil {
		return nil, "", nil, err
	}
	return base, base.Name, func() { _ = base.Close() }, nil
}

// check applies one patch to what those before it have left.
func (f *Fit) check(ctx context.Context, over patch.Overlay, base patch.Reader, p *patch.Patch, cfg *Config) (FitPatch, error) {
	tree := over.On(base)
	r := FitPatch{File: p.Name, Subject: p.Changes[0].Subject, Form: p.Form.String()}
	o := cfg.topping(ctx)
	o.unproven = true
	healthy, note, err := o.restored(p, tree)
	if r.Restored = note; note == unprovenRestore && !cfg.Unproven {
		f.Applies = false
		r.Error = "its whitespace can't be restored beyond doubt; 'uetest patch restore' says where, and " + goOn
	}
	if err != nil {
		if blame.Of(err) != blame.Patch {
			return r, err
		}
		f.Applies, f.Exact, f.Applied = false, false, false
		r.Error = err.Error()
		return r, nil
	}
	report := patch.CheckFuzz(tree, cfg.Fuzz, healthy)
	maps.Copy(over, report.Overlay)
	for i := range report.Files {
		one := &report.Files[i]
		f.Applies = f.Applies && one.Err == nil
		f.Exact = f.Exact && one.Exact()
		f.Applied = f.Applied && one.Applied
		r.Files = append(r.Files, fitFile(one, cfg.Series))
	}
	return r, nil
}

func fitFile(f *patch.FileReport, s *kernelpatches.Series) FitFile {
	r := FitFile{
		Path: f.Path, Action: string(f.Action), Line: f.Line,
		WantBefore: f.WantBefore, Before: f.Before, WantAfter: f.WantAfter, After: f.After,
		OnBase: f.OnBase(), Proven: f.Proven(), Applied: f.Applied, Known: knownBlob(s, f),
	}
	if f.Old != f.Path {
		r.Old = f.Old
	}
	var hunk *patch.HunkError
	if f.Err != nil && !errors.As(f.Err, &hunk) {
		r.Error = f.Err.Error()
	}
	for _, h := range f.Hunks {
		r.Hunks = append(r.Hunks, fitHunk(&h))
	}
	return r
}

func fitHunk(h *patch.HunkReport) FitHunk {
	r := FitHunk{Number: h.Number, Header: h.Header, Line: h.Line, At: h.At, Offset: h.Offset, Fuzz: h.Fuzz}
	var e *patch.HunkError
	switch {
	case errors.As(h.Err, &e):
		r.State, r.FileLine, r.Want, r.Got, r.AtEnd, r.Why = HunkFails, e.At, e.Want, e.Got, e.AtEnd, e.Why
		if h.Applied {
			r.State = HunkApplied
		}
	case h.Fuzz != 0:
		r.State = HunkFuzz
	case h.Offset != 0:
		r.State = HunkOffset
	default:
		r.State = HunkExact
	}
	return r
}

// knownBlob names the kernels of the series whose file is the one that the
// patch was written for.
func knownBlob(s *kernelpatches.Series, f *patch.FileReport) []string {
	path := f.Path
	if f.Old != "" {
		path = f.Old
	}
	var names []string
	for _, k := range s.Kernels {
		if patch.SameBlob(f.WantBefore, k.Blobs[path]) {
			names = append(names, k.Name)
		}
	}
	return names
}

// ask asks a git tree which commit the patches were written for.
func (f *Fit) ask(ctx context.Context, dir string, s *patch.Series) error {
	tree, err := git.Open(dir)
	if errors.Is(err, git.ErrNone) {
		f.Searched = "the tree has no git history to search"
		return nil
	}
	if err != nil {
		return blame.On(blame.Host, err)
	}
	if s.BaseCommit != "" {
		if err := f.askBase(ctx, tree); err != nil {
			return err
		}
	}
	blobs := firstBlobs(s)
	if len(blobs) == 0 {
		f.Searched = "the patch has no index lines to search by"
		return nil
	}
	c, ok, err := tree.WithBlobs(ctx, blobs)
	switch {
	case errors.Is(err, git.ErrGaveUp):
		f.Searched = err.Error()
	case err != nil:
		return err
	case ok:
		f.WrittenFor = &c
	default:
		f.Searched = fmt.Sprintf("no commit of this tree has %s: fetch the branch that the patch was written on", blobList(blobs))
	}
	return nil
}

func (f *Fit) askBase(ctx context.Context, tree *git.Tree) error {
	c, ok, err := tree.Commit(ctx, f.BaseCommit)
	if err != nil {
		return err
	}
	f.BaseHere = "no"
	if ok {
		f.BaseHere = "yes"
		if is, err := tree.Ancestor(ctx, c.ID, "HEAD"); err != nil {
			return err
		} else if is {
			f.BaseHere = "ancestor"
		}
	}
	return nil
}

// firstBlobs are the blobs that the patches start from, by path.
func firstBlobs(s *patch.Series) map[string]string {
	blobs := map[string]string{}
	made := map[string]bool{}
	for _, p := range s.Patches {
		for _, c := range p.Changes {
			for _, f := range c.Files {
				if _, seen := blobs[f.Old]; !seen && f.Old != "" && f.OldBlob != "" && !made[f.Old] {
					blobs[f.Old] = f.OldBlob
				}
				made[f.New] = true
			}
		}
	}
	return blobs
}

func blobList(blobs map[string]string) string {
	text := ""
	for i, path := range slices.Sorted(maps.Keys(blobs)) {
		switch {
		case i == 3:
			return text + fmt.Sprintf(" and %d more", len(blobs)-3)
		case i > 0:
			text += ", "
		}
		text += fmt.Sprintf("%s as blob %.12s", path, blobs[path])
	}
	return text
}
