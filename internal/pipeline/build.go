package pipeline

import (
	"context"

	"uetest/internal/results"
)

// Kernel is a built kernel of the series.
type Kernel struct {
	results.Kernel
	Release string // what uname -r prints
	Symbols string // path of the image with its symbol table
	Cached  bool   // the cache had it already
}

// Build does the first two stages: it builds the kernels that cfg names.
func Build(ctx context.Context, cfg Config) ([]Kernel, error) {
	cfg.Notify = serialize(cfg.Notify)
	targets, err := cfg.targets()
	if err != nil {
		return nil, err
	}
	var kernels []Kernel
	for _, t := range targets {
		b, err := t.build(ctx, &cfg, &stages{kernel: t.name, notify: cfg.Notify})
		if err != nil {
			return kernels, err
		}
		kernels = append(kernels, Kernel{b.info, b.release, b.symbols, b.cached})
	}
	return kernels, nil
}

// Drop removes a built kernel from the cache, so that a hundred kernels can be
// tested on a disk with room for three.
func Drop(ctx context.Context, cfg Config, k Kernel) error {
	return builder(cfg.Cache, k.Name, serialize(cfg.Notify)).Drop(ctx, k.Key)
}
