package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"uetest/selftests/catalog"
)

// lists are the things that "uetest list" can list.
var lists = map[string]func(io.Writer) error{
	"tests":   listTests,
	"faults":  listFaults,
	"kernels": listKernels,
}

func newList() *cobra.Command {
	return &cobra.Command{
		Use:       "list [tests|faults|kernels]",
		Short:     "list the tests, the known faults, or the kernels",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"tests", "faults", "kernels"},
		RunE: func(c *cobra.Command, args []string) error {
			what := "tests"
			if len(args) > 0 {
				what = args[0]
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 0, 8, 2, ' ', 0)
			if err := lists[what](w); err != nil {
				return err
			}
			return w.Flush()
		},
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
			for _, e := range t.Expect {
				if e.Fault == f.ID {
					tests = append(tests, t.ID)
					break
				}
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
