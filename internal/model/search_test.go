package model

import (
	"context"
	"slices"
	"testing"
)

// asKnown is a kernel that does what the model says of its generation.
type asKnown struct{ Generation }

func (k asKnown) Run(_ context.Context, tasks []Task) ([]Trace, error) {
	var traces []Trace
	for _, t := range tasks {
		seen, err := Predict(k.Generation, t.Program)
		if err != nil {
			return nil, err
		}
		traces = append(traces, Trace{Seen: seen})
	}
	return traces, nil
}

// A search that keeps all promises finds every deviation of a kernel that is
// as known, one after the other, each with a short program.
func TestSearchFindsEveryDeviation(t *testing.T) {
	for _, g := range Generations {
		t.Run(string(g), func(t *testing.T) {
			var missing []Promise
			for _, p := range Promises(g) {
				var f *Finding
				_, err := Search{Generation: g, Promise: []Promise{p}, Seed: 1, Steps: 30, Sequences: 3000}.Run(
					t.Context(), asKnown{g}, func(got Finding) { f = &got })
				if err != nil {
					t.Fatal(err)
				}
				if f == nil || f.Deviation != p {
					t.Errorf("%s: not found: %+v", p, f)
					missing = append(missing, p)
					continue
				}
				t.Logf("%s: sequence %d, %d of %d operations\n%s%v", p, f.Number, len(f.Program), f.From, f.Program, Difference(f.Want, f.Got))
			}
			var together []Promise
			st, err := Search{Generation: g, Promise: Promises(g), Seed: 2, Steps: 30, Sequences: 20000}.Run(
				t.Context(), asKnown{g}, func(f Finding) {
					together = append(together, f.Deviation)
					t.Logf("all: %s: sequence %d, %d of %d operations\n%s%v", f.Deviation, f.Number, len(f.Program), f.From, f.Program, Difference(f.Want, f.Got))
				})
			slices.Sort(together)
			all := Promises(g)
			slices.Sort(all)
			if err != nil || !slices.Equal(together, all) {
				t.Errorf("together: %v, %v; %+v", together, err, st)
			}
		})
	}
}
