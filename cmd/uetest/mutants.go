package main

import (
	"bytes"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	kernelpatches "uetest/kernel-patches"

	"uetest/internal/blame"
	"uetest/internal/mutation"
	"uetest/internal/results"
)

// mutantsFlag names what earlier passes of "uetest mutate" left, for the marks that
// --out html has beside the lines of the patch.
type mutantsFlag struct{ file string }

// ownMutants stands for the passes that are kept.
const ownMutants = "kept"

func (f *mutantsFlag) add(c *cobra.Command, usual string) {
	c.Flags().StringVar(&f.file, "mutants", "", "html: mark the lines of the patch with what became of broken versions of it: "+usual+", or in =FILE, which 'uetest mutate --out json=FILE' wrote")
	c.Flags().Lookup("mutants").NoOptDefVal = ownMutants
}

// named reports whether the flag names a file.
func (f *mutantsFlag) named() bool { return f.file != "" && f.file != ownMutants }

// read returns what is in the file that the flag names. It is an error if that is
// about none of the kernels.
func (f *mutantsFlag) read(kernels []string) ([]*results.Mutants, error) {
	table, err := mutation.Open(f.file)
	if err != nil {
		return nil, blame.On(blame.Usage, errorf("--mutants: %v", err))
	}
	if !slices.Contains(kernels, table.On) {
		return nil, blame.On(blame.Usage, errorf("--mutants: %s is about the kernel %s, which is not tested here: expected it among %v", f.file, table.On, kernels))
	}
	return []*results.Mutants{table.Results()}, nil
}

// find returns what the passes that are kept, and the one that the series has of its
// own, have shown of the patches that the kernels were tested with, once for each of
// them. It is an error if there is none and somebody asked for it.
func (f *mutantsFlag) find(cache string, series *kernelpatches.Series, list []*results.Run) ([]*results.Mutants, error) {
	shipped, err := shippedMutants(series)
	if err != nil {
		return nil, err
	}
	var all []*results.Mutants
	var names []string
	have := map[string]bool{}
	for _, run := range list {
		if slices.Contains(names, run.Kernel.Name) {
			continue // another pass over it
		}
		names = append(names, run.Kernel.Name)
		table, err := mutation.Known(cache, "", func(t *mutation.Table) bool { return t.Select == "" && t.About(&run.Kernel) }, shipped...)
		if err != nil {
			return nil, err
		}
		if table == nil || have[table.Key()] {
			continue
		}
		have[table.Key()] = true
		all = append(all, table.Results())
	}
	if f.file == ownMutants && len(all) == 0 {
		return nil, blame.On(blame.Nothing, errorf("--mutants: no pass over the patches of %s is kept in %s; make one with: uetest mutate", strings.Join(names, ", "), mutation.Home(cache)))
	}
	return all, nil
}

// shippedMutants is the table that the series has of its own, if it has one.
func shippedMutants(series *kernelpatches.Series) ([]*mutation.Table, error) {
	if series == nil {
		return nil, nil
	}
	text, place, err := series.Mutants()
	if err != nil || text == nil {
		return nil, blame.On(blame.Usage, err)
	}
	table, err := mutation.ReadJSON(bytes.NewReader(text))
	if err != nil {
		return nil, blame.On(blame.Usage, errorf("%s: %v", place, err))
	}
	return []*mutation.Table{table}, nil
}
