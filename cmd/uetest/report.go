package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	kernelpatches "uetest/kernel-patches"

	"uetest/internal/blame"
	"uetest/internal/compare"
	"uetest/internal/mutation"
	"uetest/internal/runs"
)

type reportFlags struct {
	outputFlags
	mutants mutantsFlag
	tester  string
}

func newReport() *cobra.Command {
	var f reportFlags
	c := &cobra.Command{
		Use:   "report [RUN]",
		Short: "list the saved runs, or show one again in any format",
		Long: `Report without RUN lists the runs that are kept, the newest first, and below them
the passes of 'uetest mutate'. With RUN it renders one: the same bytes that the run
itself wrote in that format. A pass is shown by its id, as text or json.

RUN is "last", an id of the list or its beginning, or the path of a run's
directory, of its record.jsonl, or of what was written in the format json or
jsonl. A run that was killed is shown up to there, and says that it is cut short.

Nothing is sent anywhere. Who has an origin and a token of KernelCI's finds in
docs/ci.md how to submit what the format kcidb writes.`,
		Example: `  uetest report
  uetest report last
  uetest report last --format junit --out kcidb=report.json
  uetest report last --format mail > reply && git send-email reply`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return f.list(c)
			}
			return f.exec(c, args[0])
		},
	}
	f.add(c)
	f.mutants.add(c, "in the passes that are kept now, in place of what the run has")
	c.Flags().StringVar(&f.tester, "tester", "", "mail: NAME <ADDRESS> for the Tested-by line (default: the run's, else git config user.name and user.email)")
	return c
}

func (f *reportFlags) exec(c *cobra.Command, name string) error {
	out, err := f.output(c)
	if err != nil {
		return err
	}
	dir, err := cacheDir()
	if err != nil {
		return err
	}
	pass, err := findPass(dir, name)
	if err != nil {
		return err
	}
	if pass != "" {
		return f.pass(c, pass)
	}
	rec, err := openRun(c, name)
	if err != nil {
		return err
	}
	if out.options.Tester = f.tester; f.tester == "" && rec.Asked.Tester == "" {
		if out.options.Tester, err = out.signer(c.Context(), ""); err != nil {
			return err
		}
	}
	if err := f.mark(rec); err != nil {
		return err
	}
	err = out.write(rec, false)
	return errors.Join(err, blame.On(blame.Host, out.print(rec)))
}

// mark puts mutants into the record that is shown, in place of those that it has.
func (f *reportFlags) mark(rec *runs.Record) (err error) {
	switch {
	case f.mutants.file == "":
		return nil
	case f.mutants.named():
		rec.Mutants, err = f.mutants.read(rec.Names())
		return err
	}
	dir, err := cacheDir()
	if err != nil {
		return err
	}
	var series *kernelpatches.Series
	if rec.Asked.Series != "" {
		series, _ = kernelpatches.Load(rec.Asked.Series) // one of the user's own has no table
	}
	rec.Mutants, err = f.mutants.find(dir, series, rec.Runs)
	return err
}

// listed is how many runs a list shows at most; the cache keeps fewer, but for
// those that it was asked to keep.
const listed = 200

func (f *reportFlags) list(c *cobra.Command) error {
	if c.Flags().Changed("format") || len(f.out) > 0 {
		return blame.On(blame.Usage, errors.New("a format takes a RUN: uetest report last --format FORMAT"))
	}
	if f.tester != "" || f.mutants.file != "" {
		return blame.On(blame.Usage, errors.New("--tester and --mutants take a RUN: uetest report last --mutants"))
	}
	cache, err := cacheDir()
	if err != nil {
		return err
	}
	all, err := runs.List(runs.Home(cache), listed)
	if err != nil {
		return err
	}
	passes, err := mutation.List(cache)
	if err != nil {
		return err
	}
	if len(all)+len(passes) == 0 {
		return blame.On(blame.Nothing, errorf("no run is saved in %s; make one with: uetest run", runs.Home(cache)))
	}
	w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
	for _, l := range all {
		if err := listOne(w, &l); err != nil {
			return blame.On(blame.Host, err)
		}
	}
	for _, l := range passes {
		if err := listPass(w, &l); err != nil {
			return blame.On(blame.Host, err)
		}
	}
	return blame.On(blame.Host, w.Flush())
}

func listOne(w io.Writer, l *runs.Listed) error {
	if l.Err != nil {
		_, err := fmt.Fprintf(w, "%s\t%s\n", l.ID, strings.ReplaceAll(l.Err.Error(), "\n", " "))
		return err
	}
	r := l.Record
	tests, bad := 0, 0
	for _, run := range r.Runs {
		tests += len(run.Tests)
		for i := range run.Tests {
			if !run.Tests[i].Verdict.Good() {
				bad++
			}
		}
	}
	end := fmt.Sprintf("exit %d", r.Exit)
	if r.Cut != "" {
		end = "cut short"
	}
	what := kernelsIn(r)
	if what == "" {
		what = "no kernel"
	}
	of := "all"
	if r.Asked.Select != "" {
		of = "part"
	}
	count := fmt.Sprintf("%d tests", tests)
	if tests == 1 {
		count = "1 test"
	}
	_, err := fmt.Fprintf(w, "%s\t%s\t%s (%s)%s\t%s\n", l.ID, what, count, of, attention(tests, bad), end)
	return err
}

// kernelsIn names the kernels of a record.
func kernelsIn(rec *runs.Record) string {
	var names []string
	for _, s := range compare.Sides(rec) {
		name := s.Name
		if n := len(s.Runs); n > 1 {
			name += fmt.Sprintf(" (%d passes)", n)
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// attention says how many of the tests are not good; of none it says nothing.
func attention(tests, bad int) string {
	switch {
	case tests == 0:
		return ""
	case bad == 0:
		return ", as expected"
	case bad == 1:
		return ", 1 needs attention"
	}
	return fmt.Sprintf(", %d need attention", bad)
}
