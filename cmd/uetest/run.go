package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/proc"
	"uetest/internal/report"
	"uetest/internal/results"
	"uetest/internal/runs"
)

func errorf(format string, args ...any) error { return fmt.Errorf(format, args...) }

type runFlags struct {
	bootFlags
	image   imageFlags
	top     topFlags
	hand    handFlags
	output  outputFlags
	on      []string
	variant variantFlags
	tests   testFlags
	passes  passFlags
	tester  string
	boot    limit
	each    bool
	compare bool
	cover   string
	mutants mutantsFlag
	commit  string
}

func newRun() *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use:   "run",
		Short: "build, boot, test and judge: the main job",
		Long: `Run restores nothing by hand: it takes the shipped series, proves it by its blob
ids, builds the kernels, boots them and runs the selftests on each.

The exit code is 0 if every test saw what the catalogue expects of the kernel's
generation, known faults included.

With --each the kernels are those that the first patches make: none of them, one,
and so on to all. They are built one after the other in one build directory. A
kernel that does not build or boot is a finding, and the next ones are tried. The
exit code is that of the worst of them: 3 if one does not build, 5 if one does not
boot, 1 if a test of one is not as expected of its generation.

With several kernels the report ends with what differs between each of them and
the first, as 'uetest compare' tells it. With --count the kernels take turns, and a
difference is called one only if chance does not explain it: see docs/compare.md.`,
		Example: `  uetest run                          the shipped RFC
  uetest run --on stable,base,rfc     the two controls as well
  uetest run --run 'fork/.*'          some of the tests
  uetest run -K kasan                 a kernel that checks itself
  uetest run -K lockdep -K my.config  one with your own options as well
  uetest run -K all                   each variant in turn, and a table
  uetest run --patch fix.patch        your patch on top of it
  uetest run --compare --patch fix.patch --count 8
                                      what it changes, in turns with the RFC alone
  uetest run --no-patch --patch DIR   your series alone, on the source as it is
  uetest run -C linux --no-patch      your tree as it is
  uetest run --on base,rfc --count 20 --run 'fork/.*'
                                      how often each test is as expected, on each
  uetest run --until-fail --shuffle on --run 'stress/.*'
                                      again, in other orders, until one is not
  uetest run -C linux --no-patch --commit origin/master
                                      a commit of it, which is not checked out
  uetest run --each --patch series/   every prefix of your series, on top of the RFC
  uetest run --on rfc~1               the RFC's base and all but the last patch
  uetest run -C linux --config keep   with its own .config
  uetest run --kernel bzImage         a kernel that is already built
  uetest run --format ktap            for a CI that reads KTAP
  uetest run --out junit=FILE --out mail=FILE
                                      for GitLab or Jenkins, and a reply for the list`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return f.exec(c) },
	}
	f.add(c)
	f.image.add(c)
	f.top.add(c)
	f.hand.add(c)
	fl := c.Flags()
	fl.StringSliceVar(&f.on, "on", nil, "kernels to test (default: rfc, or the one that your --series is about): "+strings.Join(kernelNames(), ", "))
	f.variant.add(c)
	f.tests.add(c, "run only tests whose whole id matches this regular expression")
	f.passes.add(c)
	f.output.add(c)
	f.mutants.add(c, "in the passes that are kept, which is done unasked, and with the flag they have to be there")
	fl.StringVar(&f.tester, "tester", "", "NAME <ADDRESS> for the Tested-by line of --out mail=FILE (default: git config user.name and user.email)")
	fl.StringVar(&f.commit, "commit", "", "of the git tree of -C: test this commit as it is, with the patches of --patch on top; nothing is checked out. Goes with --no-patch")
	fl.BoolVar(&f.compare, "compare", false, "test each kernel without your --patch files too, before, and say what differs")
	fl.BoolVar(&f.each, "each", false, "test what every prefix of the series makes of the kernel, or of your --patch files on top, and say at which patch a test changes")
	fl.StringVar(&f.cover, "coverage", "", "say which added lines of the patch under test were executed: by counters that are compiled into its files, or =trace of the emulator on a kernel that is as it is; -v shows the whole patch")
	fl.Lookup("coverage").NoOptDefVal = pipeline.CoverageCounters
	fl.Var(&f.boot, "boot-timeout", "limit for a boot, in place of 10s; not scaled for emulation")
	return c
}

func (f *runFlags) exec(c *cobra.Command) error {
	cfg, err := f.config()
	if err != nil {
		return err
	}
	if err := errors.Join(f.top.apply(c, &cfg), f.passes.apply(c, &cfg)); err != nil {
		return err
	}
	if done, err := f.hand.apply(c, &cfg); done || err != nil {
		return err
	}
	out, err := f.output.output(c)
	if err != nil {
		return err
	}
	if cfg.Tester, err = out.signer(c.Context(), f.tester); err != nil {
		return err
	}
	var mutants []*results.Mutants
	if f.mutants.named() {
		if mutants, err = f.mutants.read(cfg.Kernels); err != nil {
			return err
		}
	}
	cfg.Repeat, cfg.Table = f.again, f.variant.all()
	if cfg.Record, err = runs.Create(cfg.Cache, cfg.Asked(), cfg.Keep); err != nil {
		return err
	}
	out.live(cfg.Record)
	p := newProgress(c.ErrOrStderr(), f.quiet)
	cfg.Notify = p.event
	told := f.follow(c, &cfg)
	list, err := pipeline.Run(c.Context(), cfg)
	p.close()
	err = errors.Join(err, blame.On(blame.Host, *told))
	if !f.mutants.named() {
		var missing error
		mutants, missing = f.mutants.find(cfg.Cache, cfg.Series, list)
		err = errors.Join(err, missing)
	}
	for _, m := range mutants {
		cfg.Record.Mutants(m)
	}
	code := pipeline.Exit(list, err)
	if c.Context().Err() != nil {
		code = int(blame.User)
	}
	why := err
	if errors.Is(err, context.Canceled) {
		why = errors.New("interrupted")
	}
	err = errors.Join(err, cfg.Record.Close(code, why))
	// Whatever there is gets printed, also after an error: a time-out must
	// not lose the results that came before it.
	// People have the error on the terminal; a program that reads the output has
	// nothing else.
	err = errors.Join(err, out.write(cfg.Record.Record(), len(list) > 0 || f.output.format != "text"))
	if code == int(blame.Usage) || code == int(blame.Nothing) {
		err = errors.Join(err, cfg.Record.Refused())
	}
	if err != nil {
		return err
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}

// follow has each prefix told on standard output when it is through, if that is
// where people look. The error is the output's.
func (f *runFlags) follow(c *cobra.Command, cfg *pipeline.Config) *error {
	told := new(error)
	if f.each && f.output.format == "text" {
		o := report.Options{Color: wantColor(c.OutOrStdout())}
		cfg.Ran = func(r *results.Run) { *told = errors.Join(*told, report.Prefix(c.OutOrStdout(), r, o)) }
	}
	return told
}

func (f *runFlags) config() (pipeline.Config, error) {
	cfg, err := f.bootFlags.config(nil)
	if err != nil {
		return cfg, err
	}
	names, err := f.top.kernels(&cfg, f.on)
	if err != nil {
		return cfg, err
	}
	if f.variant.take(coverageVariant) && f.cover == "" {
		f.cover = pipeline.CoverageCounters
	}
	if cfg.Kernels, err = f.variant.apply(&cfg, names); err != nil {
		return cfg, err
	}
	if f.image.kernel != "" && len(f.variant.names) > 0 {
		return cfg, blame.On(blame.Usage, errorf("--kernel and -K: a kernel that is already built is in the variant that it is in"))
	}
	f.image.apply(&cfg)
	cfg.Each, cfg.Below = f.each, f.compare
	if cfg.Commit = f.commit; f.commit != "" && (f.source == "" || !f.top.plain || f.each || f.image.kernel != "") {
		return cfg, blame.On(blame.Usage, errorf("--commit %s: is of a git tree, as it is: name that with -C, and leave the series out with --no-patch", f.commit))
	}
	if cfg.Coverage = f.cover; cfg.Coverage != "" && f.image.kernel != "" {
		return cfg, blame.On(blame.Usage, errorf("--coverage and --kernel: of a kernel that is already built nobody knows what the patch is"))
	}
	cfg.BootTimeout = time.Duration(f.boot)
	return cfg, f.tests.apply(&cfg)
}

// again are the flags that ask for a kernel the way this run did.
func (f *runFlags) again(kernel string) string {
	on, more := f.top.repeat(kernel)
	if f.compare && !f.top.has(kernel) {
		on, more = kernel, nil
	}
	on, fragments := f.variant.repeat(on)
	args := append(f.repeat(on, f.image), fragments...)
	if f.top.plain && f.source != "" && f.image.kernel == "" { // no --on knows it
		args = append(args[2:], "--no-patch")
	}
	if f.commit != "" {
		args = append(args, "--commit", proc.Quote(f.commit))
	}
	if f.each && len(f.top.files) > 0 {
		more = append(more, "--each") // a part of the patches has no other name
	}
	return strings.Join(append(args, more...), " ")
}
