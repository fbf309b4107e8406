package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"uetest/internal/blame"
	"uetest/internal/kernel"
	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/kernel-patches"
)

// prefixRelease is what the kernels between the first and the last are called
// while they are built.
const prefixRelease = "prefix"

// prefixes returns what becomes of the one kernel of cfg patch by patch: of the
// patches on top of it if there are any, else of the series' own.
func (cfg *Config) prefixes(ctx context.Context) ([]target, error) {
	switch {
	case cfg.KernelFile != "":
		return nil, blame.On(blame.Usage, errors.New("--each and --kernel: a kernel that is already built can't be taken apart into its patches"))
	case len(cfg.Arches) > 1:
		return nil, blame.On(blame.Usage, errors.New("--each: expected one architecture at a time"))
	case len(cfg.Kernels) != 1:
		return nil, blame.On(blame.Usage, fmt.Errorf("--each: expected one kernel to go through the patches of, not %d; say --on %s", len(cfg.Kernels), cfg.Kernels[0]))
	case len(cfg.Patches) > 0:
		return cfg.topPrefixes()
	}
	return cfg.seriesPrefixes(ctx)
}

// topPrefixes are the kernel, and what becomes of it with the first patches on
// top of it.
func (cfg *Config) topPrefixes() ([]target, error) {
	name, all := kernelpatches.InArch(cfg.Kernels[0], cfg.arches()[0]), cfg.Patches
	k, err := cfg.Series.Kernel(name)
	if err != nil {
		return nil, blame.On(blame.Usage, err)
	}
	whole := TopName(name, all)
	targets := []target{{name: name, kernel: k, prefix: &results.Prefix{Of: len(all)}}}
	for i, p := range all {
		t := target{name: whole, kernel: k, top: all[:i+1]}
		if left := len(all) - i - 1; left > 0 {
			name, arch := kernelpatches.CutArch(whole)
			t.name, t.release = kernelpatches.InArch(fmt.Sprintf("%s~%d", name, left), arch), prefixRelease
		}
		t.prefix = &results.Prefix{Number: i + 1, Of: len(all), File: p.Name, Subject: p.Changes[0].Subject}
		targets = append(targets, t)
	}
	return targets, nil
}

// seriesPrefixes are the source, and what becomes of it with the first patches of
// the series; of a tree that is at one of the kernels of the series already, what
// comes after that.
func (cfg *Config) seriesPrefixes(ctx context.Context) ([]target, error) {
	name := kernelpatches.InArch(cfg.Kernels[0], cfg.arches()[0])
	kernels, err := cfg.Series.Prefixes(name)
	if err != nil {
		return nil, blame.On(blame.Usage, err)
	}
	last := kernels[len(kernels)-1]
	if len(last.Patches) == 0 {
		return nil, blame.On(blame.Usage, fmt.Errorf("--each: kernel %s has no patches to go through; name another with --on, or patches with --patch", name))
	}
	first, err := cfg.firstPrefix(ctx, last)
	if err != nil {
		return nil, err
	}
	var targets []target
	for i, k := range kernels[first:] {
		number := first + i
		t := target{name: k.Name, kernel: k, prefix: &results.Prefix{Number: number, Of: len(last.Patches)}}
		if number > 0 {
			t.prefix.File = last.Patches[number-1]
			if t.prefix.Subject, err = subject(cfg.Series, t.prefix.File); err != nil {
				return nil, err
			}
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// firstPrefix is how many patches of k the user's tree has. What its state is
// says the proof: a tree at none is refused when it is patched.
func (cfg *Config) firstPrefix(ctx context.Context, k kernelpatches.Kernel) (int, error) {
	if cfg.SourceDir == "" {
		return 0, nil
	}
	src, err := cfg.source(k.Source)
	if err != nil {
		return 0, err
	}
	b := builder(cfg.Cache, k.Name, cfg.Notify)
	b.ReadOnly = cfg.readOnly
	pristine, err := b.Pristine(ctx, src)
	if cfg.readOnly && errors.Is(err, kernel.ErrUncached) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("source of kernel %s: %w", k.Name, err)
	}
	tree, err := patch.OpenDir(pristine.Dir)
	if err != nil {
		return 0, blame.On(blame.Host, err)
	}
	defer func() { _ = tree.Close() }()
	state, found, err := stateOf(tree, cfg.Series, k)
	if err != nil || !found {
		return 0, err
	}
	return len(state.Patches), nil
}

// subject is that of a patch of the series.
func subject(s *kernelpatches.Series, file string) (string, error) {
	data, err := s.Patch(file)
	if err != nil {
		return "", err
	}
	p, err := patch.Read(s.Path(file), data)
	if err != nil {
		return "", err
	}
	return p.Changes[0].Subject, nil
}

// failed reports whether err is a build's that failed for what was built.
func failed(err error) bool {
	var build *kernel.BuildError
	var config *kernel.ConfigError
	return errors.As(err, &build) || errors.As(err, &config)
}

// unbuilt is the run of a kernel that does not build, where that is a finding and
// no reason to leave out what comes after it.
func (t target) unbuilt(cfg *Config, err error) (*results.Run, error) {
	run := &results.Run{Schema: results.Schema, Start: time.Now().UTC(), Prefix: t.prefix, Fatal: blame.Patch, Problems: []string{err.Error()}}
	run.Kernel = results.Kernel{Name: t.name, Arch: t.arch(), Source: cfg.sourceName(t.kernel.Source), Patches: slices.Clone(t.kernel.Patches)}
	if cfg.Select != nil {
		run.Select = cfg.Select.String()
	}
	d := &driver{cfg: cfg, run: run}
	if err := d.place(t.name); err != nil {
		return nil, err
	}
	return run, d.finish()
}
