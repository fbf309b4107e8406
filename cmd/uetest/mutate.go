package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/mutant"
	"uetest/internal/mutation"
	"uetest/internal/pipeline"
	"uetest/internal/proc"
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

A pass is kept in the cache while it goes on, and 'uetest report' lists it. Whatever
ended it, --resume takes what the passes kept of the same patch on the same kernel
have shown, and tries the other mutants, and those that survived if the tests are
others now. 'uetest run' and 'uetest report' mark the lines of the patch with it.

The score is how many were caught of those that were caught or survived. The exit
code is 0 if none survived, 1 if one did or contradicts itself or not all were tried,
3 if a PATCH was not built, 6 if one was not tried for the harness.`,
		Example: `  uetest mutate --list                       what would be tried
  uetest mutate --sample 20                  some of it, drawn by --seed
  uetest mutate --budget 20m                 what can be done in that time, and
  uetest mutate --resume                     the others
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
	fl.StringVar(&f.resume, "resume", "", "take the outcomes of the passes that are kept of the same patch and kernel, or those in =FILE, which --out json=FILE wrote; try the others")
	fl.Lookup("resume").NoOptDefVal = ownPasses
	fl.StringArrayVar(&f.out, "out", nil, "json=FILE or md=FILE, also write the table there, after every mutant; repeatable")
	_ = c.RegisterFlagCompletionFunc("only", none) // fails for no flag, or a second time
	_ = c.RegisterFlagCompletionFunc("operators", commaSeparated(func() []string { return mutant.Operators }))
	return c
}

func (f *mutateFlags) exec(c *cobra.Command, args []string) error {
	if f.resume == ownPasses && slices.ContainsFunc(args, func(a string) bool { return strings.HasSuffix(a, ".json") }) {
		return blame.On(blame.Usage, errorf("--resume %s: expected --resume=%[1]s, or --resume alone", args[0]))
	}
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
	if err == nil {
		err = f.earlier(c, &o)
	}
	var saved *mutation.Saved
	if err == nil {
		saved, err = mutation.Create(o.Config.Cache, o.On)
	}
	if err != nil {
		show.close()
		return err
	}
	defer saved.Close()
	o.Dir = saved.Dir
	var werr error
	keep := func(t *mutation.Table) {
		werr = errors.Join(werr, saved.Write(t))
		for _, o := range outs {
			werr = errors.Join(werr, o.write(t))
		}
	}
	o.Report = func(t *mutation.Table, out *mutation.Outcome) {
		werr = errors.Join(werr, report.Line(out))
		keep(t)
	}
	table, err := mutation.Run(c.Context(), o, mutants)
	show.close()
	if len(table.Outcomes) > 0 {
		keep(table) // how long it took in all
		werr = errors.Join(werr, report.Foot(table, len(mutants)))
		fmt.Fprintln(c.ErrOrStderr(), "uetest: kept in", saved.Dir)
	}
	if left := table.Left(); left > 0 {
		fmt.Fprintf(c.ErrOrStderr(), "uetest: %d of %d mutants are left; go on with: %s\n", left, table.Of, f.again(o.Config.Command))
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
		if list, err = mutation.Choose(given, nil, match, f.sample, f.seed); err == nil && !f.list {
			o.Files, err = mutation.FilesOf(c.Context(), o.Config)
		}
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
	o.Files = g.Files()
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
	if f.resume == "" || f.resume == ownPasses {
		return o, nil
	}
	// An interrupted pass may have got nowhere.
	if o.Earlier, err = mutation.Open(f.resume); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o, blame.On(blame.Usage, errorf("--resume: %v", err))
	}
	return o, nil
}

// ownPasses stands for the passes that are kept.
const ownPasses = "kept"

// earlier has the options take what the passes that are kept have shown.
func (f *mutateFlags) earlier(c *cobra.Command, o *mutation.Options) (err error) {
	if o.Suite, err = pipeline.Suite(o.Config); err != nil || f.resume != ownPasses {
		return err
	}
	var selected string
	if o.Config.Select != nil {
		selected = o.Config.Select.String()
	}
	o.Earlier, err = mutation.Known(o.Config.Cache, o.Suite, func(t *mutation.Table) bool {
		return t.On == o.On && t.Select == selected && (o.First || !t.First) && slices.Equal(t.Files, o.Files)
	})
	if err != nil {
		return err
	}
	if o.Earlier == nil {
		fmt.Fprintf(c.ErrOrStderr(), "uetest: --resume: no outcome of this patch on %s, with the tests as they are, is kept in %s; all mutants are tried\n", o.On, mutation.Home(o.Config.Cache))
		return nil
	}
	fmt.Fprintf(c.ErrOrStderr(), "uetest: --resume: %d outcomes, the newest of the pass of %s\n", len(o.Earlier.Outcomes), o.Earlier.Start.Local().Format("2006-01-02 15:04:05"))
	return nil
}

// again is the command that goes on where this one ended.
func (f *mutateFlags) again(args []string) string {
	if f.resume == "" {
		args = append(slices.Clip(args), "--resume")
	}
	return proc.Cmd{Path: "uetest", Args: args}.String()
}

// tableOut is one --out FORMAT=FILE.
type tableOut struct {
	format func(*mutation.Table, io.Writer) error
	file   string
}

func tableOuts(args []string) ([]tableOut, error) {
	formats := map[string]func(*mutation.Table, io.Writer) error{
		"json": (*mutation.Table).WriteJSON,
		"md":   (*mutation.Table).WriteMarkdown,
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
	return mutation.Replace(o.file, func(w io.Writer) error { return o.format(t, w) })
}
