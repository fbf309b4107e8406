package model

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Task is a program with what the model predicts for it.
type Task struct {
	Program Program
	Expect  []Observation
}

// A Trace is what a kernel showed of a program: an observation for each
// operation, up to the first that is not as expected.
type Trace struct {
	Seen []Observation
	// Fault says what kept the program from its end, or what the kernel
	// reported meanwhile: a splat, a process that does not answer. Empty if
	// there was nothing.
	Fault string
}

// A Runner runs programs on a kernel, each from a fresh start, and returns a
// trace for each, up to the first that has a fault. The error is for what keeps
// it from running any.
type Runner interface {
	Run(context.Context, []Task) ([]Trace, error)
}

// Known is a Runner that takes the known behaviour of a generation for the
// kernel.
type Known Generation

// Run implements Runner.
func (k Known) Run(_ context.Context, tasks []Task) ([]Trace, error) {
	traces := make([]Trace, len(tasks))
	for i, t := range tasks {
		var err error
		if traces[i].Seen, err = Predict(Generation(k), t.Program); err != nil {
			return nil, err
		}
	}
	return traces, nil
}

// counter counts the programs that another Runner runs.
type counter struct {
	Runner
	n *int
}

func (c counter) Run(ctx context.Context, tasks []Task) ([]Trace, error) {
	*c.n += len(tasks)
	return c.Runner.Run(ctx, tasks)
}

// Search looks for a program on which a kernel and the model part.
type Search struct {
	Generation Generation
	Promise    []Promise // what the model is told instead of known behaviour
	Seed       uint64
	Steps      int           // the most operations of a program
	Budget     time.Duration // for new programs; 0: Sequences alone limits
	Sequences  uint64        // 0: Budget alone limits
}

// Finding is a program on which they part, as short as it gets.
type Finding struct {
	Number  uint64 // of the sequence it was found with
	From    int    // operations that had
	Program Program
	Want    Observation
	Got     Observation
	Fault   string // then there is no Got
	// Deviation is the promise that alone makes the model part from the
	// kernel, which then is a known deviation. Empty: nobody knows it.
	Deviation Promise
}

// Stats says what a search did.
type Stats struct {
	Sequences uint64
	Steps     int            // operations of the sequences
	Ops       map[string]int // how many of each kind: "fork", "enable perf"
	Results   map[string]int // how many ended like that: "ok", "EFAULT"
	Lines     int            // that the kernel logged
	Shrinking int            // programs run to make findings short
	Took      time.Duration
}

// batchSize is how much text of tasks goes into one call of a Runner, about a
// second of work; batchMost is how many tasks. Small, because the first that
// fails makes the others useless.
const (
	batchSize = 32 << 10
	batchMost = 32
)

// Run searches. It calls found for each finding; a known deviation is told
// once and then expected. It stops at the first finding that is none, at the
// end of the budget, or when all promises turned out not to be kept.
func (s Search) Run(ctx context.Context, r Runner, found func(Finding)) (st Stats, err error) {
	st = Stats{Ops: map[string]int{}, Results: map[string]int{}}
	begin := time.Now()
	defer func() { st.Took = time.Since(begin) }()
	promise := slices.Clone(s.Promise)
	for number := uint64(0); ; {
		if s.Sequences > 0 && number >= s.Sequences || s.Budget > 0 && time.Since(begin) >= s.Budget {
			break
		}
		var tasks []Task
		for size := 0; size < batchSize && len(tasks) < batchMost && (s.Sequences == 0 || number+uint64(len(tasks)) < s.Sequences); {
			t, err := Plan(s.Generation, Generate(s.Generation, s.Seed, number+uint64(len(tasks)), s.Steps), promise...)
			if err != nil {
				return st, err // Generate gives what can be carried out
			}
			tasks = append(tasks, t)
			size += len(t.String())
		}
		traces, err := r.Run(ctx, tasks)
		if err != nil {
			return st, err
		}
		next := number + uint64(len(tasks))
		for i, t := range tasks {
			st.count(t.Program, traces[i])
			if _, ok := parted(t, traces[i]); !ok {
				continue
			}
			next = number + uint64(i) + 1
			f, err := s.finding(ctx, r, t, promise, &st)
			if err != nil {
				return st, err
			}
			f.Number, f.From = number+uint64(i), len(t.Program)
			found(f)
			if f.Deviation == "" {
				return st, nil
			}
			promise = slices.DeleteFunc(promise, func(p Promise) bool { return p == f.Deviation })
			if len(promise) == 0 {
				return st, nil
			}
			break
		}
		number = next
	}
	return st, nil
}

// Replay runs one program and returns the finding, nil if kernel and model
// agree.
func (s Search) Replay(ctx context.Context, r Runner, p Program) (*Finding, error) {
	t, err := Plan(s.Generation, p, s.Promise...)
	if err != nil {
		return nil, err
	}
	traces, err := r.Run(ctx, []Task{t})
	if err != nil {
		return nil, err
	}
	at, ok := parted(t, traces[0])
	if !ok {
		return nil, nil
	}
	f := s.describe(t, traces[0], at, s.Promise)
	f.From = len(p)
	return &f, nil
}

// Plan predicts what a program shows.
func Plan(g Generation, p Program, promise ...Promise) (Task, error) {
	expect, err := Predict(g, p, promise...)
	return Task{p, expect}, err
}

// parted returns the operation at which a trace is not what was expected.
func parted(t Task, tr Trace) (at int, ok bool) {
	for i, o := range tr.Seen {
		if i >= len(t.Expect) || !o.Equal(t.Expect[i]) {
			return i, true
		}
	}
	if tr.Fault != "" || len(tr.Seen) < len(t.Program) {
		return min(len(tr.Seen), len(t.Program)-1), true
	}
	return 0, false
}

var errFlaky = errors.New("the kernel did not do the same a second time")

// finding cuts a task on which kernel and model part down.
func (s Search) finding(ctx context.Context, r Runner, t Task, promise []Promise, st *Stats) (Finding, error) {
	run := func(r Runner, ps []Program) ([]Task, []Trace, error) {
		tasks := make([]Task, len(ps))
		for i, p := range ps {
			var err error
			if tasks[i], err = Plan(s.Generation, p, promise...); err != nil {
				return nil, nil, err
			}
		}
		traces, err := r.Run(ctx, tasks)
		return tasks, traces, err
	}
	failing := func(r Runner) tester {
		return func(ps []Program) (int, int, error) {
			tasks, traces, err := run(r, ps)
			if err != nil {
				return -1, 0, err
			}
			for i := range tasks {
				if at, ok := parted(tasks[i], traces[i]); ok {
					return i, at + 1, nil
				}
			}
			return -1, 0, nil
		}
	}
	counted := counter{r, &st.Shrinking}
	// The known behaviour costs no time. If what it makes of the program fails
	// on the kernel as well, that is where to go on from.
	short := t.Program
	guess, err := shrink(s.Generation, short, failing(Known(s.Generation)))
	if err != nil {
		return Finding{}, err
	}
	if len(guess) < len(short) {
		if i, length, err := failing(counted)([]Program{guess}); err != nil {
			return Finding{}, err
		} else if i >= 0 {
			short = guess[:length]
		}
	}
	if short, err = shrink(s.Generation, short, failing(counted)); err != nil {
		return Finding{}, err
	}
	tasks, traces, err := run(counted, []Program{short})
	if err != nil {
		return Finding{}, err
	}
	at, ok := parted(tasks[0], traces[0])
	if !ok {
		return Finding{}, fmt.Errorf("%w:\n%s", errFlaky, short)
	}
	return s.describe(tasks[0], traces[0], at, promise), nil
}

// describe makes a finding of a task whose trace is not as expected at an
// operation.
func (s Search) describe(t Task, tr Trace, at int, promise []Promise) Finding {
	f := Finding{Program: t.Program[:at+1], Want: t.Expect[at], Fault: tr.Fault}
	if at < len(tr.Seen) {
		f.Got = tr.Seen[at]
	}
	if f.Fault != "" {
		return f
	}
	agrees := func(promise ...Promise) bool {
		known, err := Plan(s.Generation, f.Program, promise...)
		_, ok := parted(known, Trace{Seen: tr.Seen[:at+1]})
		return err == nil && !ok
	}
	if !agrees() {
		return f
	}
	for _, p := range promise {
		if !agrees(p) {
			f.Deviation = p
			break
		}
	}
	return f
}

func (st *Stats) count(p Program, tr Trace) {
	st.Sequences++
	for i, o := range tr.Seen {
		st.Steps++
		name := string(p[i].Verb)
		switch p[i].Verb {
		case Enable, Disable:
			name += " " + string(p[i].Source)
		case Map:
			name += " " + string(p[i].Kind)
		}
		st.Ops[name]++
		st.Lines += o.Lines
		if !isValue(o.Result) {
			st.Results[o.Result]++
		}
	}
}

// isValue tells a word or a count from an errno and the like.
func isValue(result string) bool {
	_, err := strconv.ParseUint(result, 16, 32)
	return err == nil && result == strings.ToLower(result) // no EBADF
}
