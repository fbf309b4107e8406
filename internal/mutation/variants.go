package mutation

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"
)

// variants tries the survivors on the variants of the kernel.
func (t *tryer) variants(ctx context.Context, mutants []Mutant) error {
	for _, v := range t.Then {
		survived := slices.DeleteFunc(slices.Clone(mutants), func(m Mutant) bool {
			return !slices.ContainsFunc(t.table.Outcomes, func(out Outcome) bool {
				return out.Name == m.Name && out.Class == Survived
			})
		})
		if len(survived) == 0 || t.spent() {
			return nil
		}
		o := t.Options
		o.On, o.Then, o.Earlier = t.On+"+"+v, nil, nil
		if o.Budget > 0 {
			o.Budget -= time.Since(t.start)
		}
		o.Report = func(_ *Table, out *Outcome) {
			t.revise(*out, o.On)
		}
		other, err := Run(ctx, o, survived)
		t.table.Noise = append(t.table.Noise, other.Noise...)
		if err != nil {
			return fmt.Errorf("on %s: %w", o.On, err)
		}
	}
	return nil
}

// revise puts that a variant told a mutant in the place of its survival, and what ran
// where it did not beside it.
func (t *tryer) revise(out Outcome, on string) {
	for i := range t.table.Outcomes {
		if was := &t.table.Outcomes[i]; was.Name == out.Name {
			if out.Class != Caught {
				was.Runs = append(was.Runs, out.Runs...)
				return
			}
			t.made = nil
			for _, folder := range was.Runs {
				t.made = append(t.made, filepath.Join(t.Dir, folder))
			}
			t.forget()
			out.Digest, out.On, out.Unsure = was.Digest, on, append(was.Unsure, out.Unsure...)
			*was = out
			if t.Report != nil {
				t.Report(t.table, was)
			}
		}
	}
}
