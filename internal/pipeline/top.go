package pipeline

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/kernel-patches"
)

// maxKernelName is what internal/kernel takes: the release has to hold it.
const maxKernelName = 32

var (
	mailNumber = regexp.MustCompile(`^(v\d+-)?\d{4}-`)
	notInName  = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
)

// TopName is what a kernel is called with patches on top of it: by their files,
// "rfc+fix". kernel may be in a variant.
func TopName(kernel string, patches []*patch.Patch) string {
	kernel, arch := kernelpatches.CutArch(kernel)
	name, last := kernel, ""
	for _, p := range patches {
		file, _, _ := strings.Cut(p.Name, " (") // an attachment is in a mail
		if file == last {
			continue
		}
		last = file
		name += "+" + stem(file)
	}
	if len(name) > maxKernelName {
		name = name[:maxKernelName]
	}
	return kernelpatches.InArch(strings.TrimRight(name, "+-._"), arch)
}

// stem is what is left of a patch file's name for people to know it by.
func stem(file string) string {
	if file == "-" {
		return "stdin"
	}
	s := mailNumber.ReplaceAllString(filepath.Base(file), "")
	for _, suffix := range []string{".gz", ".patch", ".diff", ".mbox", ".eml", ".txt", ".t"} {
		s = strings.TrimSuffix(s, suffix)
	}
	if s = strings.Trim(notInName.ReplaceAllString(s, "-"), "-."); s == "" {
		return "patch"
	}
	return s
}

// onTop applies patches to the kernel that p is, restored first if they have
// lost their whitespace. What it proves is told by a patch's own index lines:
// the series names no blobs for what others put on it.
func (p *patched) onTop(base patch.Reader, top []*patch.Patch, o topping) error {
	if p.changes == nil {
		p.changes = patch.Overlay{}
	}
	if len(top) > 0 {
		p.tested, p.under = nil, maps.Clone(p.changes)
	}
	for _, one := range top {
		tree := p.changes.On(base)
		healthy, note, err := o.restored(one, tree)
		if err != nil {
			return err
		}
		report := patch.CheckFuzz(tree, o.fuzz, healthy)
		if err := report.Err(); err != nil {
			return topError(one, report, err)
		}
		maps.Copy(p.changes, report.Overlay)
		p.tested = append(p.tested, healthy)
		t := results.TopPatch{File: one.Name, Subject: one.Changes[0].Subject, Restored: note}
		for i := range report.Files {
			t.Files = append(t.Files, topFile(&report.Files[i]))
		}
		p.top = append(p.top, t)
		p.applied = append(p.applied[:len(p.applied):len(p.applied)], one.Name)
		p.texts = append(p.texts, one)
		if note == unprovenRestore {
			p.unproven = append(p.unproven, fmt.Sprintf("%s: its whitespace was restored, and not all of it is known", one.Name))
		}
	}
	return nil
}

// What became of a patch's whitespace.
const (
	provenRestore   = "proven"
	unprovenRestore = "unproven"
)

// topping says how patches are put on top.
type topping struct {
	fuzz     int
	unproven bool
	// find opens the tree that a patch was written for, and returns nil if it
	// finds none. It may be nil.
	find func(*patch.Patch) (*Base, error)
}

// topping is what cfg says of it.
func (cfg *Config) topping(ctx context.Context) topping {
	return topping{cfg.Fuzz, cfg.Unproven, func(p *patch.Patch) (*Base, error) {
		b, err := FindBase(ctx, *cfg, p)
		if err == nil && !b.Exact {
			err = b.Close()
			b = nil
		}
		return b, err
	}}
}

// restored gives a patch its whitespace back, if it has lost it: on the tree
// that it was written for, which may be another than the one it is put on.
func (o topping) restored(p *patch.Patch, tree patch.Reader) (healthy *patch.Patch, note string, err error) {
	if p.Form == patch.Archive && !writtenFor(tree, p) && o.find != nil {
		base, err := o.find(p)
		if err != nil {
			return nil, "", err
		}
		if base != nil {
			defer func() { _ = base.Close() }()
			tree = base
		}
	}
	r, err := patch.Restore(p, tree, patch.Options{Unproven: o.unproven})
	var doubt *patch.UnprovenError
	switch {
	case errors.As(err, &doubt):
		return nil, "", blame.On(blame.Patch, fmt.Errorf("%w\n%s", err, goOn))
	case err != nil:
		return nil, "", err
	case r.Unchanged:
		return p, "", nil
	}
	note = provenRestore
	if !r.Proven() {
		note = unprovenRestore
	}
	healthy, err = patch.Read(p.Name, r.Text)
	return healthy, note, err
}

// topError is the error for a patch that does not apply, with what else is
// known about it.
func topError(p *patch.Patch, r *patch.Report, err error) error {
	hint := "'uetest patch check' says of each hunk how it fits"
	for i := range r.Files {
		f := &r.Files[i]
		if f.Err == nil {
			continue
		}
		switch {
		case f.Applied:
			hint = f.Path + " is as the patch leaves it: it is applied already; " + hint
		case f.WantBefore != "" && f.Before != "" && !f.OnBase():
			hint = fmt.Sprintf("%s is blob %.12s here, the patch was written for %s; %s", f.Path, f.Before, f.WantBefore, hint)
		}
		break
	}
	return blame.On(blame.Patch, fmt.Errorf("%w\n%s", err, hint))
}

// topFile says how the change of one file fits.
func topFile(f *patch.FileReport) results.TopFile {
	t := results.TopFile{
		Path: f.Path, Action: string(f.Action), Proven: f.Proven(),
		WantBefore: f.WantBefore, Before: f.Before, WantAfter: f.WantAfter, After: f.After,
	}
	for _, h := range f.Hunks {
		where := ""
		if h.Offset != 0 {
			where = fmt.Sprintf("hunk %d at line %d (offset %+d)", h.Number, h.At, h.Offset)
		}
		if h.Fuzz != 0 {
			where = fmt.Sprintf("hunk %d at line %d (offset %+d, fuzz %d)", h.Number, h.At, h.Offset, h.Fuzz)
		}
		if where != "" {
			t.Moved = append(t.Moved, where)
		}
	}
	return t
}
