package pipeline

import (
	"errors"
	"path"

	"uetest/internal/blame"
	"uetest/internal/coverage"
	"uetest/internal/kernel"
	"uetest/internal/patch"
)

// changed returns what the patches under test change, in the files as they leave
// them: the patches on top, or else those of the series that come after the last
// state of it that has a name of its own.
func (p *patched) changed(tree patch.Reader, fuzz int) ([]patch.ChangedFile, error) {
	return patch.Changed(p.under.On(tree), fuzz, p.tested...)
}

// covered is the spec of the target's kernel, and what is to be covered of it. A
// kernel of which somebody wants to know what is executed counts the lines of the
// C files that the patches under test change.
func (t target) covered(cfg *Config, src kernel.Source, tree patch.Reader, p *patched) (kernel.Spec, []patch.ChangedFile, error) {
	spec, err := t.spec(cfg, src, p)
	if err != nil || cfg.Coverage == "" {
		return spec, nil, err
	}
	if cfg.Coverage == CoverageCounters && cfg.Tools.LLVM != "" {
		return spec, nil, blame.On(blame.Usage, errors.New("--coverage: the counters of clang are not read; use --coverage=trace, or leave --llvm out"))
	}
	files, err := p.changed(tree, cfg.Fuzz)
	if cfg.Coverage == CoverageTrace {
		return spec, files, err
	}
	for _, f := range files {
		if path.Ext(f.Path) != ".c" {
			continue
		}
		spec.Gcov = append(spec.Gcov, f.Path)
		whole := spec.Overlay[f.Path] // it is there: the patches change it
		whole.Data = coverage.Mark(whole.Data, added(f))
		spec.Overlay[f.Path] = whole
	}
	return spec, files, err
}

// added tells which lines of a file the patches added.
func added(f patch.ChangedFile) func(line int) bool {
	lines := map[int]bool{}
	for _, h := range f.Hunks {
		for _, l := range h.Lines {
			if l.Op == patch.Added {
				lines[l.Number] = true
			}
		}
	}
	return func(line int) bool { return lines[line] }
}
