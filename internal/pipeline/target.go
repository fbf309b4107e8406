package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"uetest/internal/blame"
	"uetest/internal/bootimage"
	"uetest/internal/feature"
	"uetest/internal/kernel"
	"uetest/internal/patch"
	"uetest/internal/results"
	"uetest/internal/vm"
	"uetest/kernel-patches"
	"uetest/selftests/catalog"
)

// target is a kernel to test: one of a series, or a prebuilt image, of whose kernel
// the architecture alone is known.
type target struct {
	name   string
	kernel kernelpatches.Kernel
	file   string            // a prebuilt image; then kernel has its architecture alone
	image  *bootimage.Kernel // what that file is
	top    []*patch.Patch    // on top of the kernel
	// release is what the kernel is called in its release; its name if it is
	// empty. Kernels that are built one after the other share one: another would
	// have kbuild compile again whatever holds the release.
	release string
	prefix  *results.Prefix // of a series that is gone through patch by patch
	// commit, if not nil, is what a commit has different from the source, in
	// place of the kernel's patches.
	commit func(ctx context.Context, tree *kernel.Tree) (patch.Overlay, error)
	id     string // of that commit
	// describe is what git calls it by a tag, if that is known.
	describe string

	pass int    // of several over the kernels, from 1; 0: there is one
	made *built // by the pass before; nil: there is one
}

// releaseName is what the target's kernel is called in its release.
func (t target) releaseName() string {
	switch {
	case t.release != "":
		return t.release
	case t.kernel.Unnamed:
		return prefixRelease
	}
	return specName(kernelpatches.WithoutArch(t.name))
}

// declared is the generation that the series says the kernel is of; empty if
// nobody can say, for a patch on top may change it.
func (t target) declared() string {
	if len(t.top) > 0 {
		return ""
	}
	return t.kernel.Generation
}

// targets returns the kernels that cfg asks for.
func (cfg *Config) targets() ([]target, error) {
	ts, err := cfg.kernels()
	for _, t := range ts {
		if m, _ := vm.MachineFor(t.arch()); cfg.Machine.Model != "" && !slices.Contains(m.Models, cfg.Machine.Model) {
			return nil, blame.On(blame.Usage, fmt.Errorf("--cpu %s: no model of a machine for %s; there are %s", cfg.Machine.Model, t.arch(), strings.Join(m.Models, ", ")))
		}
	}
	return ts, err
}

func (cfg *Config) kernels() ([]target, error) {
	if cfg.KernelFile != "" {
		if len(cfg.Patches) > 0 {
			return nil, blame.On(blame.Usage, errors.New("--kernel and --patch: a kernel that is already built can't be patched; say -C or --on"))
		}
		if cfg.Config.Text != "" {
			return nil, blame.On(blame.Usage, errors.New("--kernel and --config: a kernel that is already built has its configuration"))
		}
		return cfg.prebuilt()
	}
	if cfg.Symbols != "" {
		return nil, blame.On(blame.Usage, errNotSymbols)
	}
	var ts []target
	for _, arch := range cfg.arches() {
		for _, name := range cfg.Kernels {
			if arch != "" && strings.Contains(name, "@") {
				return nil, blame.On(blame.Usage, fmt.Errorf("--arch %s and the kernel %s: the one says what it is built for, and so does the other", arch, name))
			}
			name = kernelpatches.InArch(name, arch)
			k, err := cfg.Series.Kernel(name)
			if err != nil {
				return nil, blame.On(blame.Usage, err)
			}
			if cfg.Below {
				ts = append(ts, target{name: k.Name, kernel: k})
			}
			ts = append(ts, target{name: TopName(k.Name, cfg.Patches), kernel: k, top: cfg.Patches})
		}
	}
	return ts, nil
}

// prebuilt is the target of a kernel that is already built. The image says what
// machine it is for.
func (cfg *Config) prebuilt() ([]target, error) {
	all := cfg.arches()
	if len(all) > 1 {
		return nil, blame.On(blame.Usage, fmt.Errorf("--kernel and --arch %s: an image is for one machine; say which", strings.Join(all, ",")))
	}
	k, err := cfg.openImage(all[0])
	if err != nil {
		return nil, err
	}
	t := target{name: kernelpatches.InArch(filepath.Base(cfg.KernelFile), k.Arch), file: cfg.KernelFile, image: k}
	t.kernel.Arch = k.Arch
	return []target{t}, nil
}

// arches are those that the kernels are wanted for; empty is as their names say.
func (cfg *Config) arches() []string {
	if len(cfg.Arches) == 0 {
		return []string{""}
	}
	return cfg.Arches
}

// goArch is what Go calls an architecture.
func goArch(arch string) string {
	if arch == "x86_64" {
		return "amd64"
	}
	return arch
}

// arch is what the target's kernel is built for.
func (t target) arch() string { return cmp.Or(t.kernel.Arch, kernelpatches.Arches[0]) }

// built is a kernel that can be booted.
type built struct {
	info       results.Kernel
	vmlinux    string
	symbols    string // the image with its symbol table
	release    string
	cached     bool
	generation catalog.Generation       // as the series declares it; empty: ask the kernel
	plan       kernelpatches.Kernel     // as the series has it; empty for a prebuilt image
	tree       openTree                 // nil without a source
	source     string                   // the tree that changes belongs to; empty for a prebuilt image
	changes    patch.Overlay            // what the patches change
	texts      []*patch.Patch           // the patches, in order
	must       []feature.Name           // what its configuration was made to have
	machine    vm.Machine               // that it has drivers for; the zero value is the usual one
	changed    []patch.ChangedFile      // what the patches under test change; with Config.Coverage alone
	notes      func(file string) string // where the compiler's notes on a counted file are
	// expect is what the series expects otherwise than the catalogue, by test.
	expect map[string]kernelpatches.Expected
}

// build makes the target's kernel: the patch stage, then the kernel stage.
func (t target) build(ctx context.Context, cfg *Config, s *stages) (built, error) {
	if t.file != "" {
		return t.prebuilt(cfg, s)
	}
	b := builder(cfg.Cache, t.name, s.notify)
	end := s.begin("patch", "")
	src, tree, p, err := t.patched(ctx, cfg, b)
	if err != nil {
		return built{}, err
	}
	defer func() { _ = tree.Close() }()
	end(p.note())

	spec, changed, err := t.covered(cfg, src, tree, p)
	if err != nil {
		return built{}, err
	}
	end = s.begin("kernel", "")
	kept := cfg.keep(&spec, t)
	image, err := b.Build(ctx, spec)
	if err == nil {
		err = kept.read(image.Config)
	}
	if err != nil {
		return built{}, fmt.Errorf("kernel %s: %w", t.name, err)
	}
	end(cachedNote(image.Cached))
	return built{
		source: tree.Name(), changes: p.changes, texts: p.texts,
		tree:    func(ctx context.Context) (patch.Reader, func(), error) { return t.tree(ctx, cfg) },
		vmlinux: image.Vmlinux, symbols: image.Symbols, release: image.Release, cached: image.Cached,
		generation: catalog.Generation(t.declared()),
		expect:     cfg.Series.Expect(plainName(t.kernel)),
		plan:       t.kernel,
		must:       without(mustHave(t.kernel), kept.lacks),
		machine:    kept.machine,
		changed:    changed,
		notes:      image.Notes,
		info: results.Kernel{
			Name: t.name, Arch: t.arch(), Source: cfg.sourceName(t.kernel.Source), Patches: p.applied, Blobs: p.blobs,
			Proven: len(p.unproven) == 0, Unproven: p.unproven,
			Top: p.top, Expects: reasons(cfg.Series.Expect(plainName(t.kernel))), Declared: t.declared(), Key: image.Key, Image: image.Vmlinux,
			Config: kept.from, Lacks: kept.lacks,
		},
	}, nil
}

// spec is what the kernel stage is to build: the source with what the patches
// make of it.
func (t target) spec(cfg *Config, src kernel.Source, p *patched) (kernel.Spec, error) {
	fragments, err := fragments(cfg.Series, t.kernel)
	if err != nil {
		return kernel.Spec{}, err
	}
	if cfg.Config.Text != "" { // in place of the series' own; a variant is still asked for
		fragments = fragments[len(fragments)-len(t.kernel.Variants):]
	}
	return kernel.Spec{
		Name: t.releaseName(), Arch: t.arch(), Source: src, Overlay: p.overlay(),
		Fragments: fragments, Config: cfg.Config, Tools: cfg.Tools,
	}, nil
}

// patched brings the kernel's source into the cache and applies its patches.
// The tree is the source without them; the caller closes it.
func (t target) patched(ctx context.Context, cfg *Config, b *kernel.Builder) (kernel.Source, *patch.Dir, *patched, error) {
	src, err := cfg.source(t.kernel.Source)
	if err != nil {
		return src, nil, nil, err
	}
	pristine, err := b.Pristine(ctx, src)
	if err != nil {
		return src, nil, nil, fmt.Errorf("source of kernel %s: %w", t.name, err)
	}
	tree, err := patch.OpenDir(pristine.Dir)
	if err != nil {
		return src, nil, nil, blame.On(blame.Host, err)
	}
	var p *patched
	if t.commit != nil {
		p = &patched{}
		p.changes, err = t.commit(ctx, pristine)
	} else {
		p, err = applyTo(tree, cfg.Series, t.kernel, cfg.Unproven)
	}
	if err == nil {
		err = p.onTop(tree, t.top, cfg.topping(ctx))
	}
	if err != nil {
		_ = tree.Close()
		return src, nil, nil, err
	}
	return src, tree, p, nil
}

// openTree opens a kernel's source with its patches applied; the caller says
// when it is done with it.
type openTree func(ctx context.Context) (tree patch.Reader, done func(), err error)

func (t target) tree(ctx context.Context, cfg *Config) (patch.Reader, func(), error) {
	_, dir, p, err := t.patched(ctx, cfg, builder(cfg.Cache, t.name, cfg.Notify))
	if err != nil {
		return nil, nil, err
	}
	return p.changes.On(dir), func() { _ = dir.Close() }, nil
}

// builder returns the kernel stage, which tells notify what it does for the
// kernel of that name.
func builder(cache, name string, notify func(Event)) *kernel.Builder {
	return &kernel.Builder{Cache: cache, Progress: func(e kernel.Event) {
		notify(Event{Kernel: name, Stage: "kernel", Notice: e.Stage == "damaged", Text: strings.TrimSpace(e.Stage + " " + e.Text), Done: int(e.Done), Total: int(e.Total)})
	}}
}

// source returns the user's tree, or else the source package of that name.
func (cfg *Config) source(name string) (kernel.Source, error) {
	if cfg.SourceDir == "" {
		return kernel.Package(name)
	}
	dir, err := filepath.Abs(cfg.SourceDir)
	if err != nil {
		return kernel.Source{}, blame.On(blame.Usage, err)
	}
	return kernel.Source{Dir: dir}, nil
}

// sourceName is what people call the source that source returns.
func (cfg *Config) sourceName(name string) string {
	if cfg.SourceDir != "" {
		return cfg.SourceDir
	}
	return name
}

// fragments hands the configuration from the series to the kernel stage.
func fragments(s *kernelpatches.Series, k kernelpatches.Kernel) ([]kernel.Fragment, error) {
	parts, err := s.Config(k)
	if err != nil {
		return nil, err
	}
	var list []kernel.Fragment
	for _, p := range parts {
		list = append(list, kernel.Fragment{Name: p.Name, Text: p.Text})
	}
	return list, nil
}
