package model

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

// quick is a search that finds a deviation within a few sequences.
func quick(t *testing.T, g Generation, p Promise) Search {
	t.Helper()
	const sequences = 8
	for seed := uint64(1); seed < 2000; seed++ {
		for n := range uint64(sequences) {
			program := Generate(g, seed, n, 30)
			kept, err1 := Predict(g, program, p)
			known, err2 := Predict(g, program)
			if err := errors.Join(err1, err2); err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(kept, known, Observation.Equal) {
				return Search{Generation: g, Promise: []Promise{p}, Seed: seed, Steps: 30, Sequences: sequences}
			}
		}
	}
	t.Fatalf("%s on %s: not among 16000 sequences", p, g)
	return Search{}
}

// A model that keeps one promise parts from a kernel that does not, and the
// program that shows it is short.
func TestEveryDeviationIsFoundAndShort(t *testing.T) {
	for _, g := range Generations {
		for _, p := range Promises(g) {
			t.Run(string(g)+"/"+string(p), func(t *testing.T) {
				var found []Finding
				if _, err := quick(t, g, p).Run(t.Context(), Known(g), func(f Finding) { found = append(found, f) }); err != nil {
					t.Fatal(err)
				}
				if len(found) != 1 || found[0].Deviation != p {
					t.Fatalf("found %+v", found)
				}
				f := found[0]
				t.Logf("sequence %d, %d of %d operations\n%s%s", f.Number, len(f.Program), f.From, f.Program, strings.Join(Difference(f.Want, f.Got), "\n"))
				const short = 8
				if len(f.Program) > short {
					t.Errorf("%d operations, want at most %d", len(f.Program), short)
				}
				// It is the shortest: without any one operation nothing is found.
				for i := range f.Program {
					q := Possible(g, slices.Delete(slices.Clone(f.Program), i, i+1))
					if again, err := (Search{Generation: g, Promise: []Promise{p}}).Replay(t.Context(), Known(g), q); err != nil || again != nil {
						t.Errorf("still there without %s: %v", f.Program[i], err)
					}
				}
			})
		}
	}
}

// A model that keeps all promises finds all deviations, one after the other.
func TestDeviationsAreFoundOneAfterTheOther(t *testing.T) {
	var found []Promise
	s := Search{Generation: G1, Promise: Promises(G1), Seed: 1, Steps: 30, Sequences: 10000}
	st, err := s.Run(t.Context(), Known(G1), func(f Finding) { found = append(found, f.Deviation) })
	all := Promises(G1)
	slices.Sort(found)
	slices.Sort(all)
	if err != nil || !slices.Equal(found, all) {
		t.Errorf("found %v, %v; %+v", found, err, st)
	}
}

// odd is a kernel that does one thing that nobody knows: an exit of a process
// that had a child disables ev1.
type odd struct{ fault bool }

func (k odd) Run(ctx context.Context, tasks []Task) ([]Trace, error) {
	traces, err := Known(G1).Run(ctx, tasks)
	for i, t := range tasks {
		forked := map[int]bool{}
		for j, o := range t.Program {
			switch {
			case o.Verb == Fork:
				forked[o.Proc] = true
			case o.Verb == Exit && forked[o.Proc]:
				traces[i].Seen = traces[i].Seen[:j]
				if k.fault {
					traces[i].Fault = "the kernel died"
					return traces[:i+1], err
				}
				traces[i].Seen = append(traces[i].Seen, Observation{Result: "ESRCH"})
			default:
				continue
			}
			if o.Verb == Exit {
				break
			}
		}
	}
	return traces, err
}

func TestWhatNobodyKnowsIsFoundAndEndsTheSearch(t *testing.T) {
	for _, fault := range []bool{false, true} {
		var found []Finding
		st, err := Search{Generation: G1, Seed: 1, Steps: 30, Sequences: 500}.Run(t.Context(), odd{fault}, func(f Finding) { found = append(found, f) })
		if err != nil || len(found) != 1 {
			t.Fatalf("found %+v, %v", found, err)
		}
		f := found[0]
		if f.Deviation != "" || f.Program.String() != "fork p0 p1\nexit p0\n" || (f.Fault != "") != fault {
			t.Errorf("%+v", f)
		}
		if st.Sequences == 0 || st.Sequences == 500 || st.Shrinking == 0 {
			t.Errorf("%+v", st)
		}
		again, err := Search{Generation: G1}.Replay(t.Context(), odd{fault}, f.Program)
		if err != nil || again == nil || !again.Got.Equal(f.Got) || again.Fault != f.Fault {
			t.Errorf("replayed: %+v, %v", again, err)
		}
	}
}

func TestSearchThatAgreesDoesAllSequences(t *testing.T) {
	st, err := Search{Generation: G3, Seed: 1, Steps: 10, Sequences: 100}.Run(t.Context(), Known(G3), func(f Finding) { t.Errorf("%+v", f) })
	if err != nil || st.Sequences != 100 || st.Steps == 0 || st.Shrinking != 0 {
		t.Errorf("%+v, %v", st, err)
	}
}

// flaky parts once, and never again.
type flaky struct{ calls *int }

func (k flaky) Run(ctx context.Context, tasks []Task) ([]Trace, error) {
	traces, err := Known(G1).Run(ctx, tasks)
	if *k.calls++; *k.calls == 1 {
		traces[0].Seen[0].Lines++
	}
	return traces, err
}

func TestKernelThatDoesNotRepeatItselfIsAnError(t *testing.T) {
	calls := 0
	_, err := Search{Generation: G1, Seed: 1, Steps: 10, Sequences: 10}.Run(t.Context(), flaky{&calls}, func(f Finding) { t.Errorf("%+v", f) })
	if !errors.Is(err, errFlaky) {
		t.Errorf("%v", err)
	}
}

func TestPromisesAreNamed(t *testing.T) {
	if ps, err := ParsePromises(G1, []string{"all", "stale-bit-after-fork"}); err != nil || len(ps) != len(Promises(G1)) {
		t.Errorf("%v, %v", ps, err)
	}
	if _, err := ParsePromises(G3, []string{"stale-bit-after-fork"}); err == nil || !strings.Contains(err.Error(), "result-not-stored") {
		t.Errorf("%v, want an error that lists those of the generation", err)
	}
}
