package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/compare"
	"uetest/internal/report"
	"uetest/internal/runs"
)

type compareFlags struct {
	on      []string
	format  string
	verbose bool
}

func newCompare() *cobra.Command {
	var f compareFlags
	c := &cobra.Command{
		Use:   "compare RUN [RUN]",
		Short: "say what differs between two kernels of saved runs",
		Long: `Compare says of each test what became of it from the first kernel to the second:
whether it is the same, changed as the patch promises, regressed, is fixed, is
flaky on both, or ran on one alone; and which reports of the kernel are new. Both
kernels are of one RUN, which has two, or the first is of the first RUN and the
second of the second. RUN is as in 'uetest report': "last", an id or its
beginning, or a path.

What the catalogue expects of both kernels needs one run. What it does not is
called regressed or fixed only if Fisher's exact test has it so, with a threshold
that allows for how many tests could have differed by chance: 'uetest run --count'
makes as many runs as it takes.

The exit code is 1 if something regressed, and 0 if not: a fault that the
catalogue names of the second kernel is told, and does not count.`,
		Example: `  uetest compare last                 the two kernels of run --on base,rfc
  uetest compare last --on base,rfc   two of more
  uetest compare 20261122 last        a tree as it was, and as it is
  uetest compare good.json bad.json --on base,rfc
                                      base of the one, rfc of the other`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, args []string) error { return f.exec(c, args) },
	}
	fl := c.Flags()
	fl.StringSliceVar(&f.on, "on", nil, "the kernels to compare, A,B; of two runs, one name is that in both")
	fl.StringVar(&f.format, "format", "text", "what to print: "+strings.Join(plainFormats, ", "))
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "text: name each test of those that differ in one way")
	return c
}

// plainFormats are those of what is no run.
var plainFormats = []string{"text", "json"}

func checkPlainFormat(name string) error {
	if !slices.Contains(plainFormats, name) {
		return blame.On(blame.Usage, errorf("no format %q; there are %s", name, strings.Join(plainFormats, ", ")))
	}
	return nil
}

func (f *compareFlags) exec(c *cobra.Command, args []string) error {
	if err := checkPlainFormat(f.format); err != nil {
		return err
	}
	var a, b string
	switch n := len(f.on); {
	case n == 1 && len(args) == 2:
		a, b = f.on[0], f.on[0]
	case n == 2:
		a, b = f.on[0], f.on[1]
	case n != 0:
		return blame.On(blame.Usage, errorf("--on %s: expected two kernels, A,B", strings.Join(f.on, ",")))
	}
	first, err := openRun(c, args[0])
	if err != nil {
		return err
	}
	second := first
	if len(args) == 2 {
		if second, err = openRun(c, args[1]); err != nil {
			return err
		}
	}
	from, to, err := compare.Pick(first, second, a, b)
	if err != nil {
		return blame.On(blame.Usage, err)
	}
	comparison, err := compare.Of(from, to)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	if f.format == "json" {
		err = report.ComparisonJSON(out, comparison)
	} else {
		err = report.Comparison(out, comparison, report.Options{Color: wantColor(out), Verbose: f.verbose})
	}
	if err != nil {
		return blame.On(blame.Host, err)
	}
	if code := comparison.Exit(); code != 0 {
		return exitCode(code)
	}
	return nil
}

// openRun reads the record of a saved run, and says if it is not whole.
func openRun(c *cobra.Command, name string) (*runs.Record, error) {
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	path, err := runs.Find(runs.Home(cache), name)
	if err != nil {
		return nil, err
	}
	rec, err := runs.Open(path)
	if err != nil {
		return nil, err
	}
	if rec.Cut != "" {
		fmt.Fprintf(c.ErrOrStderr(), "uetest: run %s is cut short: %s\n", rec.ID, rec.Cut)
	}
	return rec, nil
}
