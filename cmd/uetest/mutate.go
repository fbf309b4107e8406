package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/mutation"
)

type mutateFlags struct {
	bootFlags
	top     topFlags
	on      string
	run     string
	first   bool
	keep    bool
	verbose bool
	then    []string
	resume  string
	out     []string
	timeout time.Duration
}

func newMutate() *cobra.Command {
	var f mutateFlags
	c := &cobra.Command{
		Use:   "mutate PATCH|DIR...",
		Short: "ask whether the suite tells broken patches from the right one",
		Long: `Mutate puts each PATCH, and each *.patch and *.diff of each DIR, on the kernel that
--on names, builds it, runs the suite on it and tells which tests noticed. The
suite runs on the kernel itself first; a test that complains of it does not
count. What only one or two tests noticed is asked of them again.

  caught         tests noticed, or the kernel crashed
  SURVIVED       no test noticed
  equivalent     none did, and the text above the diff has a line
                 "Equivalent: REASON" that says why none can
  CONTRADICTION  it has, and a test noticed
  NOT BUILT      it does not apply or not compile
  NOT TRIED      the harness let it down, twice

The exit code is 0 if all are caught or equivalent, 1 if one survives or
contradicts itself, 3 if one was not built, 6 if one was not tried.`,
		Example: `  uetest mutate internal/mutation/testdata/mutants
  uetest mutate --first DIR                  until one test notices, no further
  uetest mutate --then kasan,lockdep DIR     those that survive on kernels with checks
  uetest mutate --run 'fork/.*' X.patch      what some of the tests notice
  uetest mutate --patch mine.patch DIR       mutants of your patch, on top of it
  uetest mutate --out json=FILE DIR          and, after an interruption,
  uetest mutate --resume FILE --out json=FILE DIR`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.exec(c, args) },
	}
	f.add(c)
	f.top.add(c)
	fl := c.Flags()
	fl.StringVar(&f.on, "on", "rfc", "kernel that the patches are put on: "+strings.Join(kernelNames(), ", "))
	fl.StringVar(&f.run, "run", "", "run only tests whose whole id matches this regular expression")
	fl.DurationVar(&f.timeout, "timeout", 0, "limit for one test, in place of the catalogue's; not scaled for emulation")
	fl.BoolVar(&f.first, "first", false, "end each run at the first test that notices")
	fl.StringSliceVar(&f.then, "then", nil, "variants of the kernel, as of run -K, to try those on that survive")
	fl.BoolVar(&f.keep, "keep", false, "leave the built kernels in the cache")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "name every test that noticed, and what it saw")
	fl.StringVar(&f.resume, "resume", "", "take the outcomes that are in this JSON file, try the others")
	fl.StringArrayVar(&f.out, "out", nil, "json=FILE or md=FILE, also write the table there, after every mutant; repeatable")
	return c
}

func (f *mutateFlags) exec(c *cobra.Command, args []string) error {
	mutants, err := mutation.Read(args)
	if err != nil {
		return err
	}
	outs, err := tableOuts(f.out)
	if err != nil {
		return err
	}
	o, err := f.options(c)
	if err != nil {
		return err
	}
	show := newProgress(c.ErrOrStderr(), f.quiet)
	o.Config.Notify = show.event
	report := mutation.Report{W: c.OutOrStdout(), Color: wantColor(c.OutOrStdout()), Verbose: f.verbose}
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
	cfg.Timeout = f.timeout
	if cfg.Select, err = wholeID(f.run); err != nil {
		return mutation.Options{}, err
	}
	o := mutation.Options{Config: cfg, On: f.on, First: f.first, Keep: f.keep, Then: f.then}
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
