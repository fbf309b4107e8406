package mutation

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"uetest/internal/pipeline"
)

// again asks the tests that noticed once more, on the mutant and on the kernel
// without it: a busy host may make one complain of both.
func (t *tryer) again(ctx context.Context, cfg pipeline.Config, out *Outcome) error {
	run, err := t.runOne(ctx, only(cfg, out.By))
	if err != nil {
		return err
	}
	out.Outside = outside(run)
	out.keep(notices(run, nil), true)

	asked := slices.DeleteFunc(slices.Clone(out.By), func(n Notice) bool { return t.proven[n.ID] >= enough })
	if len(asked) == 0 {
		return nil
	}
	plain := only(t.Config, asked)
	plain.Kernels = []string{t.On}
	if run, err = t.runOne(ctx, plain); err != nil {
		return err
	}
	complains := notices(run, nil)
	for _, n := range asked {
		if !slices.ContainsFunc(complains, func(c Notice) bool { return c.ID == n.ID }) {
			t.proven[n.ID]++
		}
	}
	out.keep(complains, false)
	return nil
}

// enough is how often a test that noticed has to be content with the unbroken
// kernel before it is not asked again.
const enough = 2

// only is a job that runs the tests that noticed and no others.
func only(cfg pipeline.Config, by []Notice) pipeline.Config {
	var ids []string
	for _, n := range by {
		ids = append(ids, regexp.QuoteMeta(n.ID))
	}
	cfg.Select = regexp.MustCompile("^(?:" + strings.Join(ids, "|") + ")$")
	return cfg
}

// keep leaves the notices whose tests are in list, or are not, and moves the
// others to those that are not to be relied on.
func (out *Outcome) keep(list []Notice, in bool) {
	out.By = slices.DeleteFunc(out.By, func(n Notice) bool {
		found := slices.ContainsFunc(list, func(s Notice) bool { return s.ID == n.ID })
		if found != in {
			out.Unsure = append(out.Unsure, n)
		}
		return found != in
	})
}
