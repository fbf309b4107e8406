package patch

// Report says how patches fit a tree.
type Report struct {
	Files   []FileReport // in the order of the patches
	Overlay Overlay      // the changes of the files that apply
}

// FileReport says how the change of one file fits.
type FileReport struct {
	Patch   string // the patch file
	Subject string // of the change, or ""
	Line    int    // of the patch, where the file's header starts
	Path    string // in the tree
	Old     string // its path before a rename or copy
	Action  Action

	// Blob ids: what the index line says and what is there. The wanted ones
	// may be abbreviated, and empty when the diff has no index line; the
	// found ones are full, and empty on a side where there is no file.
	WantBefore, Before string
	WantAfter, After   string

	Hunks   []HunkReport
	Applied bool  // the tree is as the change leaves it: it is applied already
	Err     error // why the file's change does not apply, or nil
}

// HunkReport says how one hunk fits.
type HunkReport struct {
	Number  int    // in its file, one-based
	Header  string // @@ -A,B +C,D @@
	Section string // what follows the header
	Line    int    // of the patch
	At      int    // line of the file at which it applies, one-based; 0 if not
	Offset  int    // lines by which that is below the place its header names
	Fuzz    int    // lines of context at either end that were let go; see CheckFuzz
	Applied bool   // it does not apply, and its result is there already
	Err     error  // a *HunkError if it does not apply
}

// OnBase says whether the file is the one that the patch was written for. It
// is false when the diff has no index line.
func (f *FileReport) OnBase() bool {
	if f.Action == Create {
		return f.Before == ""
	}
	return SameBlob(f.WantBefore, f.Before)
}

// Proven says whether the result is the one that the patch names.
func (f *FileReport) Proven() bool {
	if f.Action == Delete {
		return f.Err == nil && f.OnBase()
	}
	return SameBlob(f.WantAfter, f.After)
}

// Exact says whether every hunk applies at the place its header names.
func (f *FileReport) Exact() bool {
	for _, h := range f.Hunks {
		if h.Err != nil || h.Offset != 0 || h.Fuzz != 0 {
			return false
		}
	}
	return f.Err == nil
}

// Err returns the error of the first file whose change does not apply.
func (r *Report) Err() error {
	for _, f := range r.Files {
		if f.Err != nil {
			return f.Err
		}
	}
	return nil
}

// Check applies patches to base as Apply does, but goes on after an error and
// says of each file and hunk how it fits. A file whose change does not apply
// stays as it was for the patches after it.
func Check(base Reader, patches ...*Patch) *Report { return CheckFuzz(base, 0, patches...) }

// CheckFuzz is Check with fuzz: a hunk that has no place is tried again without
// the first and last line of its context, and so on up to fuzz lines, as
// patch(1) does. Nobody who wrote or reviewed the patch has seen it there.
func CheckFuzz(base Reader, fuzz int, patches ...*Patch) *Report {
	r := &Report{Overlay: Overlay{}}
	for _, p := range patches {
		for i := range p.Changes {
			c := &p.Changes[i]
			for j := range c.Files {
				r.Files = append(r.Files, applyFile(base, r.Overlay, p, c, &c.Files[j], fuzz))
			}
		}
	}
	return r
}
