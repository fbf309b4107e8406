package pipeline

import (
	"context"
	"errors"
	"fmt"

	"uetest/internal/blame"
	"uetest/internal/patch"
)

// Base is the tree that a patch was written for.
type Base struct {
	patch.Reader
	Name  string // "linux-source-6.1", or that and the state of the series: "linux-source-6.1 at base"
	Exact bool   // every blob that the patch's index lines name is there

	dir *patch.Dir
}

// Close releases the tree.
func (b *Base) Close() error { return b.dir.Close() }

// FindBase returns the tree of cfg in the state that p was written for: as it
// is, or at one of the kernels of the series, whichever has the blobs that p's
// index lines name. If none has, it is the tree as it is, and not Exact.
func FindBase(ctx context.Context, cfg Config, p *patch.Patch) (*Base, error) {
	src, err := cfg.source(cfg.Series.Source)
	if err != nil {
		return nil, err
	}
	b := builder(cfg.Cache, "", serialize(cfg.Notify))
	b.ReadOnly = cfg.readOnly
	pristine, err := b.Pristine(ctx, src)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	dir, err := patch.OpenDir(pristine.Dir)
	if err != nil {
		return nil, blame.On(blame.Host, err)
	}
	base := &Base{Reader: dir, Name: cfg.sourceName(cfg.Series.Source), dir: dir}
	if base.Exact = writtenFor(dir, p); base.Exact {
		return base, nil
	}
	for _, k := range cfg.Series.Kernels {
		if k.Source != cfg.Series.Source {
			continue
		}
		at, err := applyTo(dir, cfg.Series, k, false)
		if err != nil {
			if blame.Of(err) == blame.Patch {
				continue // this tree has no such state
			}
			return nil, errors.Join(err, dir.Close())
		}
		if tree := at.changes.On(dir); writtenFor(tree, p) {
			base.Reader, base.Exact = tree, true
			base.Name += " at " + k.Name
			return base, nil
		}
	}
	return base, nil
}

// writtenFor reports whether tree has the pre-image blobs that p names.
func writtenFor(tree patch.Reader, p *patch.Patch) bool {
	seen := map[string]bool{}
	for _, c := range p.Changes {
		for _, f := range c.Files {
			if f.Old == "" || f.OldBlob == "" || seen[f.Old] {
				continue // a new file, an unknown one, or what an earlier mail changed
			}
			seen[f.Old] = true
			got, err := blobOf(tree, f.Old)
			if err != nil || !patch.SameBlob(f.OldBlob, got) {
				return false
			}
		}
	}
	return len(seen) > 0
}
