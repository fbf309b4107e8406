package main

import (
	"bytes"
	"os"
	"slices"

	"github.com/spf13/cobra"

	kernelpatches "uetest/kernel-patches"

	"uetest/internal/blame"
	"uetest/internal/mutation"
	"uetest/internal/results"
)

// mutantsFlag names what an earlier pass of "uetest mutate" left, for the marks
// that --out html has beside the lines of the patch.
type mutantsFlag struct{ file string }

// ownMutants stands for the series' own file.
const ownMutants = "series"

func (f *mutantsFlag) add(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "mutants", "", "html: mark the lines of the patch with what became of broken versions of it: of the series' own mutants.json, or of =FILE, which 'uetest mutate --out json=FILE' wrote")
	c.Flags().Lookup("mutants").NoOptDefVal = ownMutants
}

// read returns what the flag names, nil without one. It is an error if that is
// about none of the kernels.
func (f *mutantsFlag) read(series *kernelpatches.Series, kernels []string) (*results.Mutants, error) {
	text, place, err := f.text(series)
	if err != nil || text == nil {
		return nil, err
	}
	table, err := mutation.ReadJSON(bytes.NewReader(text))
	if err != nil {
		return nil, blame.On(blame.Usage, errorf("--mutants: %s: %v", place, err))
	}
	if !slices.Contains(kernels, table.On) {
		return nil, blame.On(blame.Usage, errorf("--mutants: %s is about the kernel %s, which is not tested here: expected it among %v", place, table.On, kernels))
	}
	return table.Results(), nil
}

func (f *mutantsFlag) text(series *kernelpatches.Series) (text []byte, place string, err error) {
	switch {
	case f.file == "":
		return nil, "", nil
	case f.file != ownMutants:
		text, err = os.ReadFile(f.file)
		return text, f.file, blame.On(blame.Usage, err)
	case series != nil:
		text, place, err = series.Mutants()
	}
	if err == nil && text == nil {
		err = blame.On(blame.Usage, errorf("--mutants: the series has no mutants.json; expected --mutants=FILE, which 'uetest mutate --out json=FILE' wrote"))
	}
	return text, place, err
}
