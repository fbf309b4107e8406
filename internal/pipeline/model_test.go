package pipeline

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"uetest/internal/model"
	"uetest/kernel-patches"
	"uetest/selftests/catalog"
)

// withModel boots a kernel of the shipped series for programs.
func withModel(t *testing.T, kernel string, use func(*ModelKernel)) {
	t.Helper()
	series, err := kernelpatches.Load("rfc")
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Root: root(t), Cache: sharedCache(t), Series: series, Kernels: []string{kernel}}
	if err := WithModel(t.Context(), cfg, func(k *ModelKernel) error { use(k); return nil }); err != nil {
		t.Fatal(err)
	}
}

// early is a search that comes upon a deviation within its first sequences, as
// the model has it. That a search finds what is rare is a matter of time; here
// it is the kernel that counts.
func early(t *testing.T, g model.Generation, p model.Promise) model.Search {
	t.Helper()
	s := model.Search{Generation: g, Promise: []model.Promise{p}, Steps: 20, Sequences: 4}
	for s.Seed = 1; s.Seed < 5000; s.Seed++ {
		for n := range s.Sequences {
			program := model.Generate(g, s.Seed, n, s.Steps)
			kept, err1 := model.Predict(g, program, p)
			known, err2 := model.Predict(g, program)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(kept, known, model.Observation.Equal) {
				return s
			}
		}
	}
	t.Fatalf("%s on %s: not among 20000 sequences", p, g)
	return s
}

// The kernel does what the model says, and where the model keeps a promise
// that the kernel does not, the search finds a short program that shows it.
func TestModelAndKernelAgreeButForTheKnownDeviations(t *testing.T) {
	t.Parallel()
	for kernel, sequences := range map[string]uint64{"rfc": 24, "upstream": 16} {
		t.Run(kernel, func(t *testing.T) {
			t.Parallel()
			withModel(t, kernel, func(k *ModelKernel) {
				s := model.Search{Generation: k.Generation, Seed: 20221027, Steps: 30, Sequences: sequences}
				st, err := s.Run(t.Context(), k, func(f model.Finding) {
					t.Errorf("sequence %d: %s\n%s%s", f.Number, f.Fault, f.Program, strings.Join(model.Difference(f.Want, f.Got), "\n"))
				})
				if err != nil || st.Sequences != sequences {
					t.Errorf("%+v, %v", st, err)
				}
				t.Logf("%d operations in %s", st.Steps, st.Took)
				for _, p := range model.Promises(k.Generation) {
					deviation(t, k, p)
				}
				if k.Guests != 1 {
					t.Errorf("%d guests, want one that does it all; given up for %q", k.Guests, k.Faults)
				}
			})
		})
	}
}

// deviation finds a known deviation on the kernel.
func deviation(t *testing.T, k *ModelKernel, p model.Promise) {
	t.Helper()
	var found []model.Finding
	st, err := early(t, k.Generation, p).Run(t.Context(), k, func(f model.Finding) { found = append(found, f) })
	if err != nil || len(found) != 1 || found[0].Deviation != p {
		t.Errorf("%s: found %+v, %v", p, found, err)
		return
	}
	f := found[0]
	t.Logf("%s: %d of %d operations, %d programs to shorten, %s\n%s%s", p, len(f.Program), f.From, st.Shrinking, st.Took, f.Program, strings.Join(model.Difference(f.Want, f.Got), "\n"))
	const short = 8
	if len(f.Program) > short {
		t.Errorf("%s: a program of %d operations, want at most %d\n%s", p, len(f.Program), short, f.Program)
	}
}

// A known fault is one that the model can be told away, or there is a reason.
func TestEveryKnownFaultIsInTheModelOrOutOfItsReach(t *testing.T) {
	beyond := map[string]string{
		"struct-size-not-matched":    "no operation creates events by dynamic_events",
		"page-end-oops":              "the words of a program are in the middle of a page",
		"past-the-page-kasan":        "the words of a program are in the middle of a page",
		"split-lock":                 "the words of a program are not at the end of a cache line",
		"unaligned-trap":             "a processor's trap",
		"big-endian-half":            "a machine's byte order",
		"negative-index-oops":        "no operation writes with a wrong index on purpose",
		"partial-walk-when-killed":   "one operation ends before the next begins",
		"failed-enabler-keeps-event": "no operation makes an allocation fail",
		"lock-order":                 "lockdep's",
		"user-space-build-broken":    "a build's",
		"bit-under-two-names":        "words have four bytes",
		"place-ends-with-its-thread": "processes have one thread",
		"older-threads-apart":        "processes have one thread",
	}
	for _, g := range model.Generations {
		for _, p := range model.Promises(g) {
			if _, ok := catalog.FaultByID(string(p)); !ok {
				t.Errorf("the model's %s on %s is no known fault", p, g)
			}
		}
	}
	if testing.Short() {
		t.Skip("a new fault may wait for its promise until the long tests run")
	}
	for _, f := range catalog.Faults() {
		inModel := false
		for _, g := range model.Generations {
			inModel = inModel || slices.Contains(model.Promises(g), model.Promise(f.ID))
		}
		if why, ok := beyond[f.ID]; ok == inModel {
			t.Errorf("fault %s: in the model %t, beyond it %q: give internal/model a Promise of that name, or this test a reason", f.ID, inModel, why)
		}
	}
}
