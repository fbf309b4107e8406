package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/proc"
	"uetest/kernel-patches"
)

const (
	// allVariants stands for each variant in turn.
	allVariants = "all"
	// coverageVariant is uetest run's --coverage: nothing of the configuration.
	coverageVariant = "coverage"
)

// variantFlags is -K: how kernels are built beside the usual way.
type variantFlags struct {
	names []string

	files map[string]string // fragments of the user's: what the kernels call them, and where they are
}

func (f *variantFlags) add(c *cobra.Command) {
	c.Flags().StringSliceVarP(&f.names, "variant", "K", nil,
		"build them in this variant: "+strings.Join(shipped().VariantNames(), ", ")+", or a fragment of your own, FILE.config; several make one kernel with all of them")
}

// all reports whether each variant is asked for in turn.
func (f *variantFlags) all() bool { return slices.Contains(f.names, allVariants) }

// take takes a name out and reports whether it was there.
func (f *variantFlags) take(name string) bool {
	n := len(f.names)
	f.names = slices.DeleteFunc(f.names, func(v string) bool { return v == name })
	return len(f.names) < n
}

// apply names kernels in the variants, as they are if there are none. The
// fragments of the user's become part of cfg's series.
func (f *variantFlags) apply(cfg *pipeline.Config, kernels []string) ([]string, error) {
	var with string
	f.files = map[string]string{}
	for _, name := range f.names {
		if name == allVariants {
			continue
		}
		if !slices.Contains(cfg.Series.VariantNames(), name) && isFragmentName(name) {
			file := name
			name = filepath.Base(file)
			if f.files[name] == file {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, blame.On(blame.Usage, errorf("-K %s: %w", file, err))
			}
			if cfg.Series, err = cfg.Series.WithFragment(name, file, text); err != nil {
				return nil, blame.On(blame.Usage, err)
			}
			f.files[name] = file
		}
		with += "+" + name
	}
	each := []string{""}
	if f.all() {
		each = nil
		for _, v := range cfg.Series.VariantNames() {
			each = append(each, "+"+v)
		}
	}
	var varied []string
	for _, kernel := range kernels {
		if err := checkKernels(cfg.Series, []string{kernel}); err != nil {
			return nil, err
		}
		for _, v := range each {
			// The series' own order, so that one kernel has one name.
			plain, arch := kernelpatches.CutArch(kernel)
			k, err := cfg.Series.Kernel(kernelpatches.InArch(plain+v+with, arch))
			if err != nil {
				return nil, blame.On(blame.Usage, errorf("-K: %w, %s for each of them in turn, or the path of a fragment of your own, such as my.config", err, allVariants))
			}
			varied = append(varied, k.Name)
		}
	}
	return varied, nil
}

// isFragmentName tells the path of a fragment from the name of a variant.
func isFragmentName(name string) bool {
	return strings.HasSuffix(name, ".config") || strings.ContainsRune(name, filepath.Separator)
}

// repeat takes the user's fragments out of a kernel's name, which says nothing
// without them, and gives the flags that put them back.
func (f *variantFlags) repeat(kernel string) (on string, args []string) {
	whole, arch := kernelpatches.CutArch(kernel)
	parts := strings.Split(whole, "+")
	on = parts[0]
	for _, p := range parts[1:] {
		if file, ok := f.files[p]; ok {
			args = append(args, "-K", proc.Quote(file))
		} else {
			on += "+" + p
		}
	}
	return kernelpatches.InArch(on, arch), args
}

func listVariants(w io.Writer) error {
	for _, v := range shipped().Variants() {
		var takes []string
		if v.Slower > 1 {
			takes = append(takes, fmt.Sprintf("time limits ×%g", v.Slower))
		}
		if v.Memory > 0 {
			takes = append(takes, fmt.Sprintf("%d MiB", v.Memory))
		}
		if v.CPUs > 0 {
			takes = append(takes, fmt.Sprintf("%d CPUs", v.CPUs))
		}
		for _, lacks := range v.Lacks {
			takes = append(takes, "without "+lacks)
		}
		if takes == nil {
			takes = []string{"as usual"}
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", v.Name, v.Finds, strings.Join(takes, ", ")); err != nil {
			return err
		}
	}
	return nil
}
