package pipeline

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"

	"uetest/initramfs"
	"uetest/internal/blame"
	"uetest/internal/cache"
	"uetest/internal/results"
	"uetest/internal/witness"
	"uetest/selftests/catalog"
)

// Witness runs upstream's own selftests on the kernels that cfg names, and in
// the same guest the tests of the catalogue that assert the same. The programs
// are built from each kernel's own source. What each of them says is for
// results.Testify to compare.
func Witness(ctx context.Context, cfg Config) ([]*results.Run, error) {
	cfg.Notify = serialize(cfg.Notify)
	// Not nil, so that the runs pass for those of a part.
	cfg.Select = regexp.MustCompile("^witness/")
	targets, err := cfg.targets()
	if err != nil {
		return nil, err
	}
	close, err := cfg.record()
	if err != nil {
		return nil, err
	}
	list, err := each(targets, func(t target) (*results.Run, error) { return bearWitness(ctx, cfg, t) })
	return list, close(list, err)
}

// bearWitness is Witness on one kernel.
func bearWitness(ctx context.Context, cfg Config, t target) (run *results.Run, err error) {
	g, err := t.generation(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	s := &stages{kernel: t.name, notify: cfg.Notify}
	end := s.begin("witness", "upstream's selftests")
	built, err := t.witnesses(ctx, &cfg)
	if err != nil {
		return nil, err
	}
	for _, p := range built {
		cfg.files = append(cfg.files, initramfs.File{Path: path.Join(catalog.WitnessFolder, p.Name), Mode: 0o755, Host: p.Path})
	}
	end(fmt.Sprintf("%d programs", len(built)))
	programs := catalog.WitnessPrograms(g)
	if len(programs) == 0 {
		return nil, blame.On(blame.Nothing, fmt.Errorf("upstream's selftests of kernel %s compile, but the catalogue does not say what they should say on generation %s", t.name, g))
	}

	err = withGuest(ctx, &cfg, t.arch(), func(ctx context.Context, guest *guest) (err error) {
		// The catalogue's tests first: who tests the kernel with a program that
		// fails may leave an event behind.
		run, err = one(ctx, &cfg, t, guest, append(catalog.WitnessedTests(g), programs...))
		return err
	})
	return run, err
}

// generation is the one that is declared of a kernel, or that it answers with.
func (t target) generation(ctx context.Context, cfg *Config) (catalog.Generation, error) {
	if g := t.declared(); g != "" {
		return catalog.Generation(g), nil
	}
	var g string
	own := *cfg
	own.Record = nil // asking is no run of the job
	err := withGuest(ctx, &own, t.arch(), func(ctx context.Context, guest *guest) error {
		run, err := one(ctx, &own, t, guest, nil)
		if run != nil {
			cache.Release(run.Dir)
			g = run.Guest.Generation
		}
		if err == nil && g == "" {
			err = blame.On(blame.Kernel, fmt.Errorf("kernel %s does not say which generation it is: %s\nsaved in %s", t.name, strings.Join(run.Problems, "\n"), run.Dir))
		}
		return err
	})
	return catalog.Generation(g), err
}

// witnesses builds upstream's programs from the target's source.
func (t target) witnesses(ctx context.Context, cfg *Config) ([]witness.Program, error) {
	tree, done, err := t.tree(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer done()
	return witness.Build(ctx, witness.Options{Tree: tree, Name: t.name, Cache: cfg.Cache, Tell: func(line string) {
		cfg.Notify(Event{Kernel: t.name, Stage: "witness", Text: line, Notice: true})
	}})
}
