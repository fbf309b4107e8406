package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/proc"
	"uetest/internal/report"
	"uetest/internal/results"
)

type bisectFlags struct {
	bootFlags
	top     topFlags
	variant variantFlags
	tests   testFlags
	count   int
	json    bool
}

func newBisect() *cobra.Command {
	var f bisectFlags
	c := &cobra.Command{
		Use:   "bisect GOOD BAD -C DIR",
		Short: "find the commit at which a test changes its verdict",
		Long: `Bisect looks in your git tree DIR for the first commit after GOOD, up to BAD, at
which a test has another verdict than at GOOD. It tests both ends, with all tests or
those of --run; then git bisect chooses commits, and each is built, booted and asked
with the tests that are good at GOOD and otherwise at BAD.

A commit that does not build or boot is skipped. With --run boot/kernel the commit is
looked for since which the kernel does not build, or does not boot, as it is at BAD.

With --count N both ends and each good commit are tested N times: a test that does not
come out the same each time at GOOD does not count, and a commit is bad if it is once.

DIR is read and nothing in it is changed: no work tree, no reference, no file of
.git. A bisection of your own may be under way in it. Commits are not checked out;
what they have different from the source in the cache is built in its build
directory, that of the distribution's source if the tree is near to it.

The exit code is 0 if the commit was found, 1 if GOOD is not good, BAD not bad, or
the commit is one of several that could not be tested, 3 if an end does not build, 5
if an end does not boot, unless that is what is looked for.`,
		Example: `  uetest bisect v6.3 v6.4 -C ~/linux
  uetest bisect HEAD~20 HEAD -C . --run 'fork/.*'
  uetest bisect v6.1 HEAD -C . --patch rfc.mbox     your patches on top of each commit
  uetest bisect HEAD~5 HEAD -C . --run boot/kernel  since when it does not build or boot`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return f.exec(c, args[0], args[1]) },
	}
	f.add(c)
	f.top.addFiles(c)
	f.variant.add(c)
	fl := c.Flags()
	f.tests.add(c, "tests whose whole id matches this regular expression decide; all if it is missing")
	fl.IntVar(&f.count, "count", 1, "how often the tests of a commit run, and are good, before the commit is")
	fl.BoolVar(&f.json, "json", false, "print the result as JSON")
	return c
}

// maxCount is more often than a verdict is worth.
const maxCount = 1000

func (f *bisectFlags) config(c *cobra.Command) (pipeline.Config, error) {
	cfg, err := f.bootFlags.config(nil)
	if err != nil {
		return cfg, err
	}
	if f.source == "" {
		return cfg, blame.On(blame.Usage, errorf("bisect: name your git tree with -C DIR"))
	}
	if f.count < 1 || f.count > maxCount {
		return cfg, blame.On(blame.Usage, errorf("--count %d: expected 1 to %d", f.count, maxCount))
	}
	if err := f.tests.apply(&cfg); err != nil {
		return cfg, err
	}
	cfg.Series = cfg.Series.WithTree(treeName)
	if f.variant.all() {
		return cfg, blame.On(blame.Usage, errorf("-K %s: expected one variant at a time", allVariants))
	}
	if cfg.Kernels, err = f.variant.apply(&cfg, []string{treeName}); err != nil {
		return cfg, err
	}
	return cfg, f.top.apply(c, &cfg)
}

func (f *bisectFlags) exec(c *cobra.Command, good, bad string) error {
	cfg, err := f.config(c)
	if err != nil {
		return err
	}
	p := newProgress(c.ErrOrStderr(), f.quiet)
	cfg.Notify = p.event
	o := report.Options{Color: wantColor(c.OutOrStdout())}
	var told error
	b, err := pipeline.Bisect(c.Context(), cfg, pipeline.Range{Good: good, Bad: bad, Count: f.count}, func(s results.BisectStep) {
		if !f.json {
			told = errors.Join(told, report.BisectStep(c.OutOrStdout(), s, o))
		}
	})
	p.close()
	if err != nil {
		f.goOn(c, b)
		return err
	}
	if f.json {
		told = report.BisectionJSON(c.OutOrStdout(), b)
	} else {
		told = errors.Join(told, report.Bisection(c.OutOrStdout(), b, report.BisectOptions{Options: o, Bisect: f.repeat}))
	}
	if told != nil {
		return blame.On(blame.Host, told)
	}
	if b.First == nil {
		return exitCode(blame.Test)
	}
	return nil
}

// repeat is the command that looks between two commits.
func (f *bisectFlags) repeat(good, bad string, ids []string) string {
	args := append([]string{"uetest", "bisect", proc.Quote(good), proc.Quote(bad)}, f.bootFlags.repeat("", imageFlags{})[2:]...)
	if f.arch != "" {
		args = append(args, "--arch", f.arch)
	}
	if f.count > 1 {
		args = append(args, "--count", strconv.Itoa(f.count))
	}
	for _, name := range f.variant.names {
		args = append(args, "-K", proc.Quote(name))
	}
	switch run := f.tests.run; {
	case len(ids) > 0 && len(ids) <= maxNamed:
		var quoted []string
		for _, id := range ids {
			quoted = append(quoted, regexp.QuoteMeta(id))
		}
		args = append(args, "--run", proc.Quote(strings.Join(quoted, "|")))
	case run != "":
		args = append(args, "--run", proc.Quote(run))
	}
	_, more := f.top.repeat("")
	return strings.Join(append(args, more...), " ")
}

// maxNamed is how many tests a command names one by one.
const maxNamed = 8

// goOn says how to go on after an interruption, if there is anything to go on with.
func (f *bisectFlags) goOn(c *cobra.Command, b *results.Bisection) {
	if len(b.Steps) < 2 {
		return
	}
	fmt.Fprintf(c.ErrOrStderr(), "uetest: to go on from here:\n  %s\n", f.repeat(b.LastGood, b.LastBad, nil))
	if b.Log != "" {
		fmt.Fprintf(c.ErrOrStderr(), "uetest: what git was told, for 'git bisect replay':\n%s", b.Log)
	}
}
