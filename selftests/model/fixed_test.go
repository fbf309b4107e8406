package main

import (
	"strings"
	"testing"

	"uetest/internal/model"
	"uetest/selftests/catalog"
)

// The catalogue and the model say the same of the fixed programs.
func TestTheCatalogueExpectsWhatTheModelPredicts(t *testing.T) {
	for id, text := range map[string]string{"model/grandchildren": grandchildren, "model/passed-on": passedOn} {
		list, err := steps(text)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		test, ok := catalog.ByID(id)
		if !ok {
			t.Fatalf("no %s in the catalogue", id)
		}
		predict := func(g model.Generation, promise ...model.Promise) string {
			m := model.New(g, promise...)
			var want []string
			for _, s := range list {
				if !m.Can(s.op) {
					t.Fatalf("%s on %s: %s cannot be done", id, g, s.op)
				}
				if o := m.Do(s.op); s.name != "" {
					want = append(want, s.name+"="+o.String())
				}
			}
			return strings.Join(want, " ")
		}
		for _, g := range model.Generations {
			e, ok := test.On(catalog.Generation(g))
			if want := predict(g); !ok || e.Saw != want {
				t.Errorf("%s on %s: the model predicts\n%s\nthe catalogue expects\n%s", id, g, want, e.Saw)
			}
			if want := predict(g, model.Promise(e.Fault)); e.Fault != "" && e.Promise != want {
				t.Errorf("%s on %s without %s: the model predicts\n%s\nthe catalogue promises\n%s", id, g, e.Fault, want, e.Promise)
			}
		}
	}
}
