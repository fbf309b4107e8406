package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/report"
	"uetest/internal/results"
	"uetest/selftests/catalog"
)

type listFlags struct {
	on      string
	verbose bool
}

// lists are the things that "uetest list" can list.
var lists = map[string]func(io.Writer, listFlags) error{
	"tests":     table(listTests),
	"faults":    table(listFaults),
	"kernels":   table(listKernels),
	"variants":  table(listVariants),
	"claims":    ofLastRun(report.Claims),
	"questions": ofLastRun(report.Answers),
}

func newList() *cobra.Command {
	var f listFlags
	names := slices.Sorted(maps.Keys(lists))
	c := &cobra.Command{
		Use:   "list [" + strings.Join(names, "|") + "]",
		Short: "list the tests, the known faults, the kernels, or what the last run says of claims and questions",
		Long: `List variants: what -K takes, what each tells and what its guests are given. List
tests, the default: every test with the generations it applies to and the
faults it shows there. List claims and list questions: what the last run on a
kernel says of the changelog's claims and of the reviewers' questions.`,
		Example: `  uetest list                        the tests
  uetest list faults
  uetest list claims -v              what the last run on rfc says, test by test
  uetest list questions --on base`,
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: names,
		RunE: func(c *cobra.Command, args []string) error {
			what := "tests"
			if len(args) > 0 {
				what = args[0]
			}
			return lists[what](c.OutOrStdout(), f)
		},
	}
	c.Flags().StringVar(&f.on, "on", "rfc", "claims, questions: the kernel whose last run counts")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "claims, questions: name each test")
	return c
}

// table lines up the columns of a list.
func table(list func(io.Writer) error) func(io.Writer, listFlags) error {
	return func(out io.Writer, _ listFlags) error {
		w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
		if err := list(w); err != nil {
			return err
		}
		return w.Flush()
	}
}

// ofLastRun shows what the last run of a kernel says.
func ofLastRun(show func(io.Writer, *results.Run, report.Options) error) func(io.Writer, listFlags) error {
	return func(w io.Writer, f listFlags) error {
		cache, err := cacheDir()
		if err != nil {
			return err
		}
		run, err := pipeline.LastRun(cache, f.on)
		if err != nil {
			return err
		}
		if run == nil {
			return blame.On(blame.Nothing, errorf("no run on %s is saved in %s; make one with: uetest run --on %s", f.on, cache, f.on))
		}
		return show(w, run, report.Options{Color: wantColor(w), Verbose: f.verbose})
	}
}

func listTests(w io.Writer) error {
	for _, t := range catalog.All() {
		var on []string
		for g, e := range t.Expect {
			s := string(g)
			if e.Fault != "" {
				s += ":" + e.Fault
			}
			on = append(on, s)
		}
		slices.Sort(on)
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", t.ID, strings.Join(on, " "), t.Purpose); err != nil {
			return err
		}
	}
	return nil
}

func listFaults(w io.Writer) error {
	for _, f := range catalog.Faults() {
		var tests []string
		for _, t := range catalog.All() {
			if t.Shows(f.ID) {
				tests = append(tests, t.ID)
			}
		}
		claim := "-"
		if f.Claim != 0 {
			claim = fmt.Sprintf("claim %d", f.Claim)
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", f.ID, claim, f.Title, strings.Join(tests, " ")); err != nil {
			return err
		}
	}
	return nil
}

func listKernels(w io.Writer) error {
	s := shipped()
	for _, k := range s.Kernels {
		if _, err := fmt.Fprintf(w, "%s\t%s\t%d patches on %s\t%s\n", k.Name, k.Generation, len(k.Patches), k.Source, k.Title); err != nil {
			return err
		}
	}
	return nil
}
