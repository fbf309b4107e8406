package mutation

import (
	"context"
	"slices"

	"uetest/internal/blame"
	"uetest/internal/patch"
	"uetest/internal/pipeline"
)

// candidate is a mutant that was built, or was not.
type candidate struct {
	mutant Mutant
	cfg    pipeline.Config
	kernel pipeline.Kernel
	err    error
}

// build builds the mutants, each while the one before it is tried. It stops at
// the first error that is not a patch's, when ctx ends, and when the budget is spent.
func (t *tryer) build(ctx context.Context, mutants []Mutant) <-chan candidate {
	kernels := make(chan candidate)
	go func() {
		defer close(kernels)
		for _, m := range mutants {
			if t.spent() {
				return
			}
			k := t.buildOne(ctx, m)
			select {
			case kernels <- k:
			case <-ctx.Done():
				t.drop(ctx, k)
				return
			}
			if k.err != nil && blame.Of(k.err) != blame.Patch {
				return
			}
		}
	}()
	return kernels
}

func (t *tryer) buildOne(ctx context.Context, m Mutant) candidate {
	k := candidate{mutant: m, cfg: t.Config}
	kernelName := kernelName
	if err := t.put(&k, &kernelName); err != nil {
		k.err = err
		return k
	}
	notify := k.cfg.Notify
	k.cfg.Notify = func(e pipeline.Event) {
		if e.Kernel == kernelName {
			e.Kernel = m.Name
		}
		if notify != nil {
			notify(e)
		}
	}
	built, err := pipeline.Build(ctx, k.cfg)
	if k.err = err; err == nil {
		k.kernel = built[0]
	}
	return k
}

// put puts a mutant on the kernel, and on the patches that are on top of that. name
// becomes what the kernel is called.
func (t *tryer) put(k *candidate, name *string) error {
	if len(t.Config.Patches) == 0 {
		var err error
		k.cfg.Kernels = []string{*name}
		k.cfg.Series, err = t.Config.Series.With(t.On, *name, k.mutant.Text)
		return blame.On(blame.Usage, err)
	}
	p, err := patch.Read(*name+".patch", k.mutant.Text)
	if err != nil {
		return err
	}
	k.cfg.Kernels = []string{t.On}
	k.cfg.Patches = append(slices.Clip(t.Config.Patches), p)
	*name = pipeline.TopName(t.On, k.cfg.Patches)
	return nil
}

// key is the text that tells mutants of this pass from those of others: they are
// broken patches of what is on top of the kernel too.
func (t *tryer) key(m Mutant) string {
	text := slices.Clone(m.Text)
	for _, p := range t.Config.Patches {
		text = append(text, p.Bytes()...)
	}
	return digest(t.On, text)
}

// drop removes what was built for this pass. ctx may be over already.
func (t *tryer) drop(ctx context.Context, k candidate) {
	if t.Keep || k.err != nil || k.kernel.Key == "" || k.kernel.Cached {
		return
	}
	// An image that stays costs room and nothing else.
	_ = pipeline.Drop(context.WithoutCancel(ctx), k.cfg, k.kernel)
}
