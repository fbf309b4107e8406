package runs

import (
	"encoding/json"
	"fmt"
	"time"

	"uetest/internal/results"
)

// Action is what an event tells.
type Action string

// The actions, in the order in which they come.
const (
	Run        Action = "run"     // a command begins: always the first line
	Text       Action = "patch"   // the text of a patch that is tested
	Staged     Action = "stage"   // a stage has ended
	Configured Action = "config"  // the configuration of a kernel that is tested
	Broken     Action = "mutants" // what an earlier pass of broken patches showed
	Kernel     Action = "kernel"  // a kernel is built: what it is; its tests follow
	Plan       Action = "plan"    // the tests that are to run on it
	Start      Action = "start"   // a test begins
	Result     Action = "result"  // a test has ended; a later one for the same test takes its place
	Done       Action = "done"    // the kernel is through: the rest of what it showed
	End        Action = "end"     // the command ends; always the last line
)

// Event is a line of a record. Fields that do not belong to the action are left
// out.
type Event struct {
	Action Action    `json:"action"`
	Time   time.Time `json:"time"`

	// Kernel is what the events of one kernel have in common: the name of its
	// directory.
	Kernel string `json:"kernel,omitempty"`

	// Run.
	Version int    `json:"version,omitempty"`
	ID      string `json:"id,omitempty"`
	Asked   *Asked `json:"asked,omitempty"`

	Patch  *Patch         `json:"patch,omitempty"`
	Config *Config        `json:"config,omitempty"`
	Stage  *results.Stage `json:"stage,omitempty"`

	Mutants *results.Mutants `json:"mutants,omitempty"`

	// Kernel and Done: everything but the tests.
	Run *results.Run `json:"run,omitempty"`
	// Plan and Done: their ids, in the order of the catalogue.
	Tests []string `json:"tests,omitempty"`

	// Start and Result.
	Test   string        `json:"test,omitempty"`
	Result *results.Test `json:"result,omitempty"`

	// End.
	Exit  *int   `json:"exit,omitempty"`
	Error string `json:"error,omitempty"`
}

// line is the event as it is written. encoding/json writes U+FFFD for what is no
// UTF-8, and no line end within.
func (e *Event) line() ([]byte, error) {
	data, err := json.Marshal(e)
	return append(data, '\n'), err
}

// repeated is the name of the nth of several that would be called the same.
func repeated(name string, n int) string { return fmt.Sprintf("%s-%d", name, n) }

// folder builds a record out of events, in the order of the lines.
type folder struct {
	rec  *Record
	runs map[string]*state
	keys []string // of runs, in order
}

// state is one kernel of a record that is being built.
type state struct {
	run   *results.Run
	order []string
	tests map[string]*results.Test
	open  map[string]bool // started and not reported
	done  bool
}

func newFolder() *folder { return &folder{rec: &Record{}, runs: map[string]*state{}} }

// add takes the next event. What it does not know is no error: a newer minor
// addition to the form must not make a record unreadable.
func (f *folder) add(e *Event) error {
	s := f.runs[e.Kernel]
	switch e.Action {
	case Run:
		f.rec.Version, f.rec.ID, f.rec.Start = e.Version, e.ID, e.Time
		if e.Asked != nil {
			f.rec.Asked = *e.Asked
		}
		return nil
	case Text:
		if e.Patch == nil {
			return fmt.Errorf("%q without a patch", e.Action)
		}
		f.rec.Patches = append(f.rec.Patches, *e.Patch)
		return nil
	case Staged:
		if e.Stage == nil {
			return fmt.Errorf("%q without a stage", e.Action)
		}
		f.rec.Stages = append(f.rec.Stages, Stage{e.Kernel, *e.Stage})
		return nil
	case Configured:
		if e.Config == nil {
			return fmt.Errorf("%q without a configuration", e.Action)
		}
		f.rec.Configs = append(f.rec.Configs, *e.Config)
		return nil
	case Broken:
		if e.Mutants == nil {
			return fmt.Errorf("%q without any", e.Action)
		}
		f.rec.Mutants = append(f.rec.Mutants, e.Mutants)
		return nil
	case Kernel:
		if e.Run == nil || e.Kernel == "" {
			return fmt.Errorf("%q without what the kernel is", e.Action)
		}
		if s != nil { // more is known of it now
			s.run = e.Run
			return nil
		}
		f.runs[e.Kernel] = &state{run: e.Run, tests: map[string]*results.Test{}, open: map[string]bool{}}
		f.keys = append(f.keys, e.Kernel)
		return nil
	case End:
		f.rec.End, f.rec.Error = e.Time, e.Error
		if e.Exit != nil {
			f.rec.Exit = *e.Exit
		}
		return nil
	case Plan, Start, Result, Done:
	default:
		return nil
	}
	if s == nil {
		return fmt.Errorf("%q for kernel %q, of which nothing was said", e.Action, e.Kernel)
	}
	return s.add(e)
}

func (s *state) add(e *Event) error {
	switch e.Action {
	case Plan:
		s.order = e.Tests
	case Start:
		s.open[e.Test] = true
	case Result:
		if e.Result == nil || e.Result.ID == "" {
			return fmt.Errorf("%q without a result", e.Action)
		}
		delete(s.open, e.Result.ID)
		s.tests[e.Result.ID] = e.Result
	case Done:
		if e.Run == nil {
			return fmt.Errorf("%q without what the kernel showed", e.Action)
		}
		s.run, s.order, s.done = e.Run, e.Tests, true
	}
	return nil
}

// record returns what the events so far make.
func (f *folder) record() *Record {
	r := *f.rec
	r.Runs = nil
	for _, key := range f.keys {
		r.Runs = append(r.Runs, f.runs[key].whole())
	}
	return &r
}

// The details of tests that a record cut short has no result of.
const (
	cutInTest     = "the record ends in the midst of this test"
	cutBeforeTest = "the record ends before this test"
)

// whole is the run with its tests. What was to run and has no result is missing.
func (s *state) whole() *results.Run {
	run := *s.run
	run.Tests = []results.Test{}
	for _, id := range s.order {
		if t := s.tests[id]; t != nil {
			run.Tests = append(run.Tests, *t)
			continue
		}
		why := cutBeforeTest
		if s.open[id] {
			why = cutInTest
		}
		run.Tests = append(run.Tests, results.Test{ID: id, Verdict: results.Missing, Detail: why})
	}
	if !s.done {
		run.Problems = append(run.Problems[:len(run.Problems):len(run.Problems)], "uetest ended before this kernel was through: the record of it is cut short")
	}
	return &run
}
