package mutation

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/results"
	"uetest/internal/runs"
)

// runOne runs the suite on one kernel, and saves that in the pass if it is one that
// is saved: hundreds of runs would take the place of the user's own.
func (t *tryer) runOne(ctx context.Context, cfg pipeline.Config) (*results.Run, error) {
	if t.Dir == "" {
		return runOne(ctx, cfg)
	}
	rec, err := runs.CreateIn(t.Dir, cfg.Asked())
	if err != nil {
		return nil, err
	}
	t.made = append(t.made, rec.Dir())
	cfg.Record = rec
	run, err := runOne(ctx, cfg)
	var list []*results.Run
	if run != nil {
		list = append(list, run)
	}
	return run, errors.Join(err, rec.Close(pipeline.Exit(list, err), err))
}

func runOne(ctx context.Context, cfg pipeline.Config) (*results.Run, error) {
	list, err := pipeline.Run(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, blame.On(blame.Host, errors.New("a run of one kernel gave none"))
	}
	return list[0], nil
}

// look keeps the runs of a mutant that somebody has to look at, and no others.
func (t *tryer) look(out *Outcome) {
	if out.Class.Good() && len(out.Unsure) == 0 {
		t.forget()
	}
	for _, dir := range t.made {
		out.Runs = append(out.Runs, filepath.Base(dir))
	}
	t.made = nil
}

// forget removes the runs of the mutant that is tried.
func (t *tryer) forget() {
	for _, dir := range t.made {
		_ = os.RemoveAll(dir) // what stays costs room and nothing else
	}
	t.made = nil
}
