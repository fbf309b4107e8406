package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/mutant"
	"uetest/internal/mutation"
	"uetest/internal/pipeline"
)

type mutateFlags struct {
	bootFlags
	top       topFlags
	on        string
	run       string
	all       bool
	keep      bool
	verbose   bool
	then      []string
	resume    string
	out       []string
	timeout   limit
	jobs      int
	list      bool
	operators []string
	only      string
	sample    int
	seed      uint64
	budget    time.Duration
}

func newMutate() *cobra.Command {
	var f mutateFlags
	c := &cobra.Command{
		Use:   "mutate [PATCH|DIR...]",
		Short: "ask whether the suite tells broken patches from the right one",
		Long: `Mutate makes mutants of the patch under test, small patches each of which breaks one
thing in the lines that it adds, builds the kernel with each, and runs the suite on
it until a test notices: first the tests that execute what the mutant changes. The
patch under test is that of --patch, or the series' own, as for run --coverage. With
PATCH or DIR it tries those patches, and each *.patch and *.diff of each DIR, in
place of mutants of its own.

The suite runs on the kernel itself first; a test that complains of it does not
count. What only one or two tests noticed is asked of them again.

  caught         a test noticed, or the kernel crashed
  SURVIVED       no test noticed
  equivalent     none did, and why none can is known: it compiles to the same code,
                 the series says so, or the text of PATCH above the diff has a line
                 "Equivalent: REASON"
  CONTRADICTION  it was said that none can, and a test noticed
  stillborn      a mutant of uetest's own that does not compile
  NOT BUILT      a PATCH that does not apply or not compile
  NOT TRIED      the harness let it down, twice

The score is how many were caught of those that were caught or survived. The exit
code is 0 if none survived, 1 if one did or contradicts itself or not all were tried,
3 if a PATCH was not built, 6 if one was not tried for the harness.`,
		Example: `  uetest mutate --list                       what would be tried
  uetest mutate --sample 20                  some of it, drawn by --seed
  uetest mutate --budget 20m --out json=FILE what can be done in that time, and
  uetest mutate --resume FILE --out json=FILE
  uetest mutate --operators drop-lock,drop-reference --then lockdep,kasan
  uetest mutate --only '.*enabler_write:.*' --all -v
  uetest mutate --patch mine.patch           mutants of your patch
  uetest mutate internal/mutation/testdata/mutants`,
		RunE: func(c *cobra.Command, args []string) error { return f.exec(c, args) },
	}
	f.add(c)
	f.top.add(c)
	fl := c.Flags()
	fl.StringVar(&f.on, "on", "rfc", "kernel that the mutants are put on: "+strings.Join(kernelNames(), ", "))
	fl.StringVar(&f.run, "run", "", "run only tests whose whole id matches this regular expression")
	fl.Var(&f.timeout, "timeout", "limit for one test, in place of the catalogue's; not scaled for emulation")
	fl.IntVarP(&f.jobs, "jobs", "j", 1, "guests at a time; the next mutant is built meanwhile")
	fl.BoolVarP(&f.list, "list", "n", false, "list the mutants and try none; -v with their diffs")
	fl.StringSliceVar(&f.operators, "operators", nil, "make only mutants of these kinds: "+strings.Join(mutant.Operators, ", "))
	fl.StringVar(&f.only, "only", "", "try only mutants whose whole name matches this regular expression")
	fl.IntVar(&f.sample, "sample", 0, "try so many of them, drawn by --seed; 0 is all")
	fl.Uint64Var(&f.seed, "seed", 1, "what --sample draws by")
	fl.DurationVar(&f.budget, "budget", 0, "begin no other mutant after this time; 0 is no limit")
	fl.BoolVar(&f.all, "all", false, "run all tests on each mutant, also when one has noticed")
	fl.StringSliceVar(&f.then, "then", nil, "variants of the kernel, as of run -K, to try those on that survive")
	fl.BoolVar(&f.keep, "keep", false, "leave the built kernels in the cache")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "name every test that noticed, and what it saw")
	fl.StringVar(&f.resume, "resume", "", "take the outcomes that are in this JSON file, try the others")
	fl.StringArrayVar(&f.out, "out", nil, "json=FILE or md=FILE, also write the table there, after every mutant; repeatable")
	_ = c.RegisterFlagCompletionFunc("only", none) // fails for no flag, or a second time
	_ = c.RegisterFlagCompletionFunc("operators", commaSeparated(func() []string { return mutant.Operators }))
	return c
}

func (f *mutateFlags) exec(c *cobra.Command, args []string) error {
	given, err := mutation.Read(args)
	if err != nil {
		return err
	}
	outs, err := tableOuts(f.out)
	if err != nil {
		return err
	}
	if err := mutation.CheckOperators(f.operators); err != nil {
		return err
	}
	if f.sample < 0 || f.budget < 0 || f.jobs < 1 {
		return blame.On(blame.Usage, errors.New("--sample, --budget, --jobs: expected at least 0, 0 and 1"))
	}
	o, err := f.options(c)
	if err != nil {
		return err
	}
	show := newProgress(c.ErrOrStderr(), f.quiet)
	o.Config.Notify = show.event
	report := mutation.Report{W: c.OutOrStdout(), Color: wantColor(c.OutOrStdout()), Verbose: f.verbose}
	mutants, of, err := f.mutants(c, &o, given)
	if err == nil && f.list {
		show.close()
		return blame.On(blame.Host, report.List(mutants, of))
	}
	if err != nil {
		show.close()
		return err
	}
	var werr error
	o.Report = func(t *mutation.Table, out *mutation.Outcome) {
		werr = errors.Join(werr, report.Line(out))
		for _, o := range outs {
			werr = errors.Join(werr, o.write(t))
		}
	}
	table, err := mutation.Run(c.Context(), o, mutants)
	show.close()
	if table != nil {
		werr = errors.Join(werr, report.Foot(table, len(mutants)))
	}
	if err == nil {
		err = blame.On(blame.Host, werr)
	}
	if err != nil {
		return err
	}
	if code := table.Exit(); code != 0 {
		return exitCode(code)
	}
	return nil
}

// mutants are those to try, of so many: the ones given or else ones of the patch
// under test. What is known of these becomes part of the options.
func (f *mutateFlags) mutants(c *cobra.Command, o *mutation.Options, given []mutation.Mutant) (list []mutation.Mutant, of int, err error) {
	only, err := wholeMatch("only", f.only)
	if err != nil {
		return nil, 0, err
	}
	match := func(name string) bool { return only == nil || only.MatchString(name) }
	if len(given) > 0 {
		if len(f.operators) > 0 {
			return nil, 0, blame.On(blame.Usage, errors.New("--operators: the mutants are given, none is made; leave out either"))
		}
		list, err = mutation.Choose(given, nil, match, f.sample, f.seed)
		return list, len(given), err
	}
	g, err := mutation.Generate(c.Context(), o.Config)
	if err != nil {
		return nil, 0, err
	}
	of = len(g.Mutants)
	if list, err = mutation.Choose(g.Mutants, f.operators, match, f.sample, f.seed); err != nil {
		return nil, of, err
	}
	for _, s := range g.Stale {
		fmt.Fprintln(c.ErrOrStderr(), "stale reason:", s)
	}
	if f.list {
		return list, of, nil
	}
	o.Nothing = g.Nothing
	o.Coverage, err = g.Cover(c.Context(), o.Config, func(line string) {
		o.Config.Notify(pipeline.Event{Stage: "coverage", Text: line, Notice: true})
	})
	return list, of, err
}

func (f *mutateFlags) options(c *cobra.Command) (mutation.Options, error) {
	cfg, err := f.config(nil)
	if err != nil {
		return mutation.Options{}, err
	}
	var on []string
	if c.Flags().Changed("on") || !f.top.plain {
		on = []string{f.on}
	}
	if cfg.Kernels, err = f.top.kernels(&cfg, on); err != nil {
		return mutation.Options{}, err
	}
	f.on = cfg.Kernels[0]
	if err := checkKernels(cfg.Series, cfg.Kernels); err != nil {
		return mutation.Options{}, err
	}
	if err := f.top.apply(c, &cfg); err != nil {
		return mutation.Options{}, err
	}
	cfg.Timeout, cfg.Jobs = time.Duration(f.timeout), f.jobs
	if cfg.Select, err = wholeID(f.run); err != nil {
		return mutation.Options{}, err
	}
	o := mutation.Options{Config: cfg, On: f.on, First: !f.all, Keep: f.keep, Then: f.then, Budget: f.budget}
	if f.resume == "" {
		return o, nil
	}
	file, err := os.Open(f.resume)
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil // an interrupted pass may have got nowhere
	}
	if err != nil {
		return o, blame.On(blame.Usage, err)
	}
	defer func() { _ = file.Close() }()
	if o.Earlier, err = mutation.ReadJSON(file); err != nil {
		return o, blame.On(blame.Usage, errorf("--resume %s: %v", f.resume, err))
	}
	return o, nil
}

// tableOut is one --out FORMAT=FILE.
type tableOut struct {
	format func(*mutation.Table, *os.File) error
	file   string
}

func tableOuts(args []string) ([]tableOut, error) {
	formats := map[string]func(*mutation.Table, *os.File) error{
		"json": func(t *mutation.Table, w *os.File) error { return t.WriteJSON(w) },
		"md":   func(t *mutation.Table, w *os.File) error { return t.WriteMarkdown(w) },
	}
	var outs []tableOut
	for _, a := range args {
		name, file, ok := strings.Cut(a, "=")
		if !ok || file == "" || formats[name] == nil {
			return nil, blame.On(blame.Usage, errorf("--out %s: expected json=FILE or md=FILE", a))
		}
		outs = append(outs, tableOut{formats[name], file})
	}
	return outs, nil
}

// write replaces the file as a whole: an interruption leaves the table of the
// mutant before.
func (o tableOut) write(t *mutation.Table) error {
	w, err := os.CreateTemp(filepath.Dir(o.file), ".table-*")
	if err != nil {
		return err
	}
	err = errors.Join(o.format(t, w), w.Chmod(0o644), w.Close())
	if err == nil {
		err = os.Rename(w.Name(), o.file)
	}
	if err != nil {
		_ = os.Remove(w.Name())
	}
	return err
}
