package runs

import (
	"encoding/json"
	"fmt"
	"time"

	"uetest/internal/results"
)

// whole is a record as one JSON object.
type whole struct {
	Schema  int            `json:"schema"` // Version
	ID      string         `json:"id"`
	Asked   Asked          `json:"asked"`
	Start   time.Time      `json:"start"`
	End     time.Time      `json:"end,omitzero"`
	Exit    int            `json:"exit"`
	Error   string         `json:"error,omitempty"`
	Cut     string         `json:"cut,omitempty"`
	Stages  []Stage        `json:"stages"`
	Patches []Patch        `json:"patches,omitempty"`
	Configs []Config       `json:"configs,omitempty"`
	Runs    []*results.Run `json:"runs"`

	Mutants []*results.Mutants `json:"mutants,omitempty"`
}

// MarshalJSON writes the record as one object, always in the form of Version.
func (r *Record) MarshalJSON() ([]byte, error) {
	return json.Marshal(whole{
		Version, r.ID, r.Asked, r.Start, r.End, r.Exit, r.Error, r.Cut, some(r.Stages), r.Patches, r.Configs, some(r.Runs), r.Mutants,
	})
}

// some is an empty list for none: a reader need not know of null.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// readWhole reads what MarshalJSON has written.
func readWhole(text []byte) (*Record, error) {
	var head struct {
		Schema int `json:"schema"`
	}
	if err := json.Unmarshal(text, &head); err != nil || head.Schema == 0 {
		return nil, fmt.Errorf("not a saved run: expected a first line with \"action\":%q, or an object with \"schema\"", Run)
	}
	if head.Schema < 2 || head.Schema > Version {
		return nil, written(head.Schema)
	}
	var w whole
	if err := json.Unmarshal(text, &w); err != nil {
		return nil, fmt.Errorf("not a saved run: %w", err)
	}
	for _, run := range w.Runs {
		if run == nil {
			return nil, fmt.Errorf("not a saved run: a run in it is null")
		}
	}
	for _, m := range w.Mutants {
		if m == nil {
			return nil, fmt.Errorf("not a saved run: mutants in it are null")
		}
	}
	rec := &Record{
		Version: w.Schema, ID: w.ID, Asked: w.Asked, Start: w.Start, End: w.End,
		Stages: w.Stages, Patches: w.Patches, Configs: w.Configs, Runs: w.Runs, Mutants: w.Mutants, Exit: w.Exit, Error: w.Error, Cut: w.Cut,
	}
	rec.Lines = rec.lines()
	return rec, nil
}

// lines are the events that make the record, for one that was not read from such.
// The times are those of the command, for nothing else is known.
func (r *Record) lines() []byte {
	var all []byte
	write := func(e *Event) {
		if e.Time.IsZero() {
			e.Time = r.Start
		}
		if line, err := e.line(); err == nil {
			all = append(all, line...)
		}
	}
	write(&Event{Action: Run, Version: Version, ID: r.ID, Asked: &r.Asked})
	for i := range r.Patches {
		write(&Event{Action: Text, Patch: &r.Patches[i]})
	}
	for i := range r.Configs {
		write(&Event{Action: Configured, Config: &r.Configs[i]})
	}
	for _, m := range r.Mutants {
		write(&Event{Action: Broken, Mutants: m})
	}
	for i := range r.Stages {
		write(&Event{Action: Staged, Kernel: r.Stages[i].Kernel, Stage: &r.Stages[i].Stage})
	}
	for i, name := range r.Names() {
		run := r.Runs[i]
		write(&Event{Action: Kernel, Kernel: name, Run: boundRun(run), Time: run.Start})
		var ids []string
		for j := range run.Tests {
			t := &run.Tests[j]
			ids = append(ids, t.ID)
			write(&Event{Action: Result, Kernel: name, Test: t.ID, Result: t, Time: run.Start})
		}
		write(&Event{Action: Done, Kernel: name, Run: boundRun(run), Tests: ids, Time: run.Start})
	}
	if !r.End.IsZero() {
		write(&Event{Action: End, Exit: &r.Exit, Error: r.Error, Time: r.End})
	}
	return all
}
