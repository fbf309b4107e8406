package pipeline

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"

	"uetest/internal/blame"
	"uetest/internal/results"
	"uetest/internal/runs"
	"uetest/selftests/catalog"
)

// MaxPasses is how often the kernels can be gone over at most.
const MaxPasses = 10000

// repeats reports whether the kernels are gone over more than once.
func (cfg *Config) repeats() bool { return cfg.Count > 1 || cfg.UntilFail }

// passFlags is the error of flags that do not go with several kernels of one kind,
// or with repeats.
func (cfg *Config) passFlags() error {
	switch {
	case cfg.Below && len(cfg.Patches) == 0:
		return blame.On(blame.Usage, errors.New("--compare goes with --patch: kernels of the series are compared with --on A,B"))
	case cfg.Below && cfg.Each:
		return blame.On(blame.Usage, errors.New("--each and --compare: the first kernel of --each is without the patches"))
	case cfg.Count < 0 || cfg.Count > MaxPasses:
		return blame.On(blame.Usage, fmt.Errorf("--count %d: expected 1 to %d", cfg.Count, MaxPasses))
	case !cfg.repeats():
		return nil
	case cfg.Each:
		return blame.On(blame.Usage, errors.New("--each and --count or --until-fail: the one tests another kernel each time, the others the same"))
	}
	return nil
}

// passes tests the kernels one after the other, and again, as often as cfg asks
// for. In turns, and not all repeats of one before those of the next: what changes
// on the host meanwhile is the same to all of them.
func (cfg *Config) passes(ctx context.Context, targets []target, guestFor func(arch string) *guest, tests []catalog.Test) ([]*results.Run, error) {
	if cfg.repeats() {
		for i := range targets {
			targets[i].made = new(built)
		}
	}
	var list []*results.Run
	for pass := 1; ; pass++ {
		more, err := each(targets, func(t target) (*results.Run, error) {
			if cfg.repeats() {
				t.pass = pass
			}
			return cfg.run(ctx, t, guestFor(t.arch()), tests)
		})
		list = append(list, more...)
		if err != nil || cfg.through(pass, more) {
			return list, err
		}
		if cfg.Record.Full() {
			return list, blame.On(blame.Host, fmt.Errorf("the record is full after %d passes, with %d MiB: select fewer tests with --run, or make several runs", pass, runs.MaxPasses>>20))
		}
		if pass == 1 { // a boot is tried more than once as it is
			targets = slices.DeleteFunc(slices.Clone(targets), func(t target) bool {
				return slices.ContainsFunc(more, func(r *results.Run) bool { return r.Kernel.Name == t.name && !r.Came() })
			})
		}
		if len(targets) == 0 {
			return list, nil
		}
	}
}

// through reports whether a pass, of which these are the runs, was the last.
func (cfg *Config) through(pass int, list []*results.Run) bool {
	if cfg.UntilFail {
		return Exit(list, nil) != 0 || cfg.Count > 0 && pass >= cfg.Count
	}
	return pass >= cfg.Count
}

// make is build, once for all passes: a tree that somebody works in is another
// kernel the next time.
func (t target) make(ctx context.Context, cfg *Config, s *stages) (built, error) {
	if t.made != nil && t.made.vmlinux != "" {
		if _, err := os.Stat(t.made.vmlinux); err == nil {
			return *t.made, nil
		}
	}
	b, err := t.build(ctx, cfg, s)
	if err == nil && t.made != nil {
		b.info.Lacks = slices.Clip(b.info.Lacks) // each run may add to them
		*t.made = b
	}
	return b, err
}

// passNote says which pass it is, if there are several.
func (cfg *Config) passNote(pass int) string {
	switch {
	case pass == 0:
		return ""
	case cfg.Count > 0:
		return fmt.Sprintf("pass %d of %d", pass, cfg.Count)
	}
	return fmt.Sprintf("pass %d", pass)
}

// seed is what the order of the tests is made of in a pass; 0 is the order of the
// catalogue. That of a later pass follows, so that it can be had by itself.
func (cfg *Config) seed(pass int) uint64 {
	if cfg.Shuffle == 0 {
		return 0
	}
	return cfg.Shuffle + uint64(max(pass, 1)-1)
}

// shuffled puts tests in the order of a seed. It depends on nothing else, so two
// tests come in the same order on each kernel, whatever others run.
func shuffled(tests []catalog.Test, seed uint64) []catalog.Test {
	if seed == 0 {
		return tests
	}
	place := map[string]uint64{}
	for _, t := range tests {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", seed, t.ID))
		place[t.ID] = binary.BigEndian.Uint64(sum[:])
	}
	return slices.SortedStableFunc(slices.Values(tests), func(a, b catalog.Test) int { return cmp.Compare(place[a.ID], place[b.ID]) })
}
