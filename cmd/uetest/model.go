package main

import (
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/model"
	"uetest/internal/pipeline"
	"uetest/selftests/catalog"
)

type modelFlags struct {
	bootFlags
	top       topFlags
	on        string
	image     imageFlags
	seed      uint64
	steps     int
	budget    time.Duration
	sequences uint64
	promise   []string
}

// maxSteps keeps the text of a program within one message.
const maxSteps = 80

func newModel() *cobra.Command {
	var f modelFlags
	c := &cobra.Command{
		Use:   "model [FILE...]",
		Short: "run random sequences of operations and compare them with a model",
		Long: `Model runs random programs of operations (register, enable by each source, fork,
store, unmap, exec, …) on a kernel, and compares after each operation what it
shows with what a reference model of its generation predicts. A program on which
the two part is cut down to the shortest that still does, and printed.

With FILEs it runs the programs in them instead, as it prints them; - is
standard input.

The model knows the kernel's known deviations ('uetest list faults'). --promise
has it keep the promise instead, so that the search has to find the deviation.

The exit code is 0 if kernel and model agree, 1 if they part, 5 if the kernel
died of a program.`,
		Example: `  uetest model                                 a minute on the RFC
  uetest model --on upstream --seed 7          another kernel, the seed given
  uetest model --promise stale-bit-after-fork  find that deviation
  uetest model --promise all                   find them all
  uetest model program.txt                     run a program again`,
		RunE: func(c *cobra.Command, files []string) error { return f.exec(c, files) },
	}
	f.add(c)
	f.image.add(c)
	f.top.add(c)
	fl := c.Flags()
	fl.StringVar(&f.on, "on", "", "kernel to run on (default: rfc, or the one that your --series is about): "+strings.Join(kernelNames(), ", "))
	fl.Uint64Var(&f.seed, "seed", 0, "what the sequences are made from; 0 takes a new one")
	fl.IntVar(&f.steps, "steps", 30, fmt.Sprintf("the most operations in a sequence, up to %d", maxSteps))
	fl.DurationVar(&f.budget, "budget", time.Minute, "how long to run new sequences")
	fl.Uint64Var(&f.sequences, "sequences", 0, "how many sequences to run at most; 0: as many as the budget allows")
	fl.StringSliceVar(&f.promise, "promise", nil, "known deviations that the model is not told: ids, or all")
	return c
}

func (f *modelFlags) exec(c *cobra.Command, files []string) error {
	programs, err := readPrograms(files, c.InOrStdin())
	if err != nil {
		return err
	}
	if f.steps < 1 || f.steps > maxSteps {
		return blame.On(blame.Usage, errorf("--steps %d: want 1 to %d", f.steps, maxSteps))
	}
	if err := model.CheckPromises(f.promise); err != nil {
		return blame.On(blame.Usage, errorf("--promise: %w", err))
	}
	cfg, err := f.job(c)
	if err != nil {
		return err
	}
	p := newProgress(c.ErrOrStderr(), f.quiet)
	cfg.Notify = p.event
	code := 0
	err = pipeline.WithModel(c.Context(), cfg, func(k *pipeline.ModelKernel) error {
		p.close()
		code, err = f.compare(c, k, programs)
		return err
	})
	p.close()
	if err == nil && code != 0 {
		return exitCode(code)
	}
	return err
}

// job is the kernel to run on.
func (f *modelFlags) job(c *cobra.Command) (pipeline.Config, error) {
	cfg, err := f.config(nil)
	if err != nil {
		return cfg, err
	}
	var on []string
	if f.on != "" {
		on = []string{f.on}
	}
	if cfg.Kernels, err = f.top.kernels(&cfg, on); err != nil {
		return cfg, err
	}
	if err := checkKernels(cfg.Series, cfg.Kernels); err != nil {
		return cfg, err
	}
	f.image.apply(&cfg)
	f.on = cfg.Kernels[0]
	return cfg, f.top.apply(c, &cfg)
}

// compare runs the programs, or a search if there are none.
func (f *modelFlags) compare(c *cobra.Command, k *pipeline.ModelKernel, programs map[string]model.Program) (code int, err error) {
	w := c.OutOrStdout()
	s := model.Search{Generation: k.Generation, Seed: f.seed, Steps: f.steps, Budget: f.budget, Sequences: f.sequences}
	if s.Promise, err = model.ParsePromises(k.Generation, f.promise); err != nil {
		return 0, blame.On(blame.Usage, err)
	}
	found := func(what model.Finding) {
		code = max(code, f.printFinding(w, what))
	}
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		what, err := s.Replay(c.Context(), k, programs[name])
		if err != nil {
			return 0, errorf("%s: %w", name, err)
		}
		if what == nil {
			fmt.Fprintf(w, "%s: kernel and model agree in %d operations\n", name, len(programs[name]))
			continue
		}
		fmt.Fprintf(w, "%s: ", name)
		found(*what)
	}
	if len(programs) > 0 {
		return code, nil
	}
	for s.Seed == 0 {
		s.Seed = uint64(rand.Uint32())
	}
	f.seed = s.Seed
	fmt.Fprintf(w, "model of %s on %s, seed %d\n", k.Generation, k.Name, s.Seed)
	st, err := s.Run(c.Context(), k, found)
	f.printStats(w, st, k.Guests)
	return code, err
}

// printFinding prints a program on which kernel and model part, and returns
// the exit code that it stands for.
func (f *modelFlags) printFinding(w io.Writer, what model.Finding) int {
	code := int(blame.Test)
	switch {
	case what.Fault != "":
		code = int(blame.Kernel)
		fmt.Fprintf(w, "FAULT: %s\n", what.Fault)
	case what.Deviation != "":
		title := ""
		if known, ok := catalog.FaultByID(string(what.Deviation)); ok {
			title = ": " + known.Title
		}
		fmt.Fprintf(w, "FOUND %s%s\n", what.Deviation, title)
	default:
		fmt.Fprintf(w, "KERNEL AND MODEL PART\n")
	}
	fmt.Fprintf(w, "  sequence %d, %d of its %d operations:\n\n", what.Number, len(what.Program), what.From)
	for _, o := range what.Program {
		fmt.Fprintf(w, "    %s\n", o)
	}
	fmt.Fprintf(w, "\n  at the last operation\n")
	if what.Fault == "" {
		for _, d := range model.Difference(what.Want, what.Got) {
			fmt.Fprintf(w, "    %s\n", d)
		}
	} else {
		fmt.Fprintf(w, "    expected %s\n", what.Want)
	}
	fmt.Fprintf(w, "  again: uetest model %s - <<'END'\n%sEND\n\n", strings.Join(f.replayFlags(), " "), what.Program)
	return code
}

// replayFlags are the flags with which a program is run again.
func (f *modelFlags) replayFlags() []string {
	on, more := f.top.repeat(f.on)
	args := append(f.repeat(on, f.image), more...)
	if len(f.promise) > 0 {
		args = append(args, "--promise", strings.Join(f.promise, ","))
	}
	return args
}

func (f *modelFlags) printStats(w io.Writer, st model.Stats, guests int) {
	fmt.Fprintf(w, "%d sequences, %d operations, %d log lines in %s; %d programs to shorten, %d guests; seed %d\n",
		st.Sequences, st.Steps, st.Lines, st.Took.Round(time.Second), st.Shrinking, guests, f.seed)
	for _, counts := range []map[string]int{st.Ops, st.Results} {
		var words []string
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			words = append(words, fmt.Sprintf("%s %d", name, counts[name]))
		}
		fmt.Fprintf(w, "  %s\n", strings.Join(words, ", "))
	}
}

// readPrograms reads the files that are named, or standard input for "-".
func readPrograms(files []string, stdin io.Reader) (map[string]model.Program, error) {
	programs := map[string]model.Program{}
	for _, name := range files {
		var text []byte
		var err error
		if name == "-" {
			text, err = io.ReadAll(stdin)
		} else {
			text, err = os.ReadFile(name)
		}
		if err != nil {
			return nil, blame.On(blame.Usage, err)
		}
		p, err := model.ParseProgram(string(text))
		if err == nil && len(p) == 0 {
			err = errorf("no operation in it")
		}
		if err != nil {
			return nil, blame.On(blame.Usage, errorf("%s: %w", name, err))
		}
		programs[name] = p
	}
	return programs, nil
}
