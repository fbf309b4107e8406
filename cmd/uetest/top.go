package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/patch"
	"uetest/internal/pipeline"
	"uetest/internal/proc"
	"uetest/kernel-patches"
)

// topFlags are the flags of every verb that builds kernels with somebody's
// patches on top.
type topFlags struct {
	files   []string
	partial bool
	fuzz    int
	plain   bool

	named map[string]string // what the kernels are called, and what --on has for them
}

func (f *topFlags) add(c *cobra.Command) {
	f.addFiles(c)
	fl := c.Flags()
	fl.BoolVar(&f.plain, "no-patch", false, "leave the series' own patches out: the distribution's source, or the tree of -C, as it is")
}

// addFiles adds the flags of a verb to whose kernels no series is put on anyway.
func (f *topFlags) addFiles(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.files, "patch", nil, "put the patches in this file on top of the kernel: an mbox, git format-patch output or a directory of it, a diff, archive text; - is standard input; repeatable")
	addReading(c, &f.partial, &f.fuzz)
}

// addReading adds the flags that say how patches are read and applied.
func addReading(c *cobra.Command, partial *bool, fuzz *int) {
	c.Flags().BoolVar(partial, "partial", false, "go on if mails of a series are missing, double or of two versions")
	c.Flags().IntVar(fuzz, "fuzz", 0, "let go of so many lines of context at either end of a hunk that has no place")
}

// apply puts the patches on the kernels of cfg.
func (f *topFlags) apply(c *cobra.Command, cfg *pipeline.Config) error {
	if f.fuzz < 0 || f.fuzz > 3 {
		return blame.On(blame.Usage, errorf("--fuzz %d: expected 0 to 3; a diff has three lines of context", f.fuzz))
	}
	cfg.Fuzz = f.fuzz
	if len(f.files) > 0 {
		s, err := readPatches(c.InOrStdin(), f.files, f.partial)
		if err != nil {
			return err
		}
		cfg.Patches = s.Patches
		tellSeries(c.ErrOrStderr(), s)
	}
	f.named = map[string]string{}
	for _, name := range cfg.Kernels {
		f.named[pipeline.TopName(name, cfg.Patches)] = name
	}
	return nil
}

// given tells whether the kernels are others than the series'.
func (f *topFlags) given() bool { return f.plain || len(f.files) > 0 }

// kernels names the kernels to test: those of --on, or the series' own, or what
// is there without its patches.
func (f *topFlags) kernels(cfg *pipeline.Config, on []string) ([]string, error) {
	switch {
	case !f.plain && on == nil:
		return []string{cfg.Series.Main()}, nil
	case !f.plain:
		return on, nil
	case on != nil:
		return nil, blame.On(blame.Usage, errors.New("--no-patch and --on: the one says which kernel it is, and so does the other"))
	case cfg.SourceDir != "":
		cfg.Series = cfg.Series.WithTree(treeName)
		return []string{treeName}, nil
	}
	name, err := cfg.Series.Unpatched()
	return []string{name}, blame.On(blame.Usage, err)
}

// treeName is what a tree is called that no patch of the series is put on.
const treeName = "tree"

// repeat are the flags that put the patches on again. kernel is what the report
// calls it; the name of --on comes back.
func (f *topFlags) repeat(kernel string) (on string, args []string) {
	whole, arch := kernelpatches.CutArch(kernel)
	if name, ok := f.named[kernel]; ok {
		kernel = name
	} else if name, ok := f.named[whole]; ok { // --arch says it of all
		kernel = kernelpatches.InArch(name, arch)
	}
	for _, file := range f.files {
		args = append(args, "--patch", proc.Quote(file))
	}
	if f.partial {
		args = append(args, "--partial")
	}
	if f.fuzz > 0 {
		args = append(args, fmt.Sprintf("--fuzz=%d", f.fuzz))
	}
	return kernel, args
}

// has tells whether a kernel, by what the report calls it, is one with the patches.
func (f *topFlags) has(kernel string) bool {
	plain, _ := kernelpatches.CutArch(kernel)
	_, named := f.named[kernel]
	_, cut := f.named[plain]
	return named || cut
}

// tellSeries tells what the one who gave the patches may want to know.
func tellSeries(w io.Writer, s *patch.Series) {
	for _, n := range s.Notes {
		fmt.Fprintln(w, n)
	}
	for _, l := range s.Left {
		fmt.Fprintf(w, "%s:%d: left out, %s: %s\n", l.Name, l.Line, l.Why, l.Subject)
	}
}

// readPatches reads patches from files and directories and puts them in order.
func readPatches(stdin io.Reader, files []string, partial bool) (*patch.Series, error) {
	var inputs []patch.Input
	total := 0
	for i, file := range files {
		if file == "-" && slices.Index(files, file) < i {
			return nil, blame.On(blame.Usage, errors.New("- is named twice; standard input can be read once"))
		}
		list, err := readInput(stdin, file)
		if err != nil {
			return nil, err
		}
		for _, in := range list {
			if total += len(in.Data); total > patch.MaxPatch {
				return nil, blame.On(blame.Patch, errorf("%s: %w: all patches together, the limit is %d MiB", in.Name, patch.ErrTooBig, patch.MaxPatch>>20))
			}
		}
		inputs = append(inputs, list...)
	}
	return patch.ReadSeries(inputs, partial)
}

// readInput reads a file, or the patches in a directory.
func readInput(stdin io.Reader, file string) ([]patch.Input, error) {
	if info, err := os.Stat(file); file == "-" || err != nil || !info.IsDir() {
		data, err := readPatch(stdin, file)
		if err != nil {
			return nil, blame.On(blame.Usage, err)
		}
		return []patch.Input{{Name: file, Data: data}}, nil
	}
	entries, err := os.ReadDir(file)
	if err != nil {
		return nil, blame.On(blame.Usage, err)
	}
	var inputs []patch.Input
	for _, e := range entries { // sorted by name, which holds the number
		name := filepath.Join(file, e.Name())
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() || !isPatchName(e.Name()) {
			continue
		}
		data, err := readPatch(nil, name)
		if err != nil {
			return nil, blame.On(blame.Usage, err)
		}
		inputs = append(inputs, patch.Input{Name: name, Data: data, Group: file})
	}
	if len(inputs) == 0 {
		return nil, blame.On(blame.Usage, errorf("%s: no patch in this directory: expected files named %s", file, strings.Join(patchSuffixes, ", ")))
	}
	return inputs, nil
}

var patchSuffixes = []string{".patch", ".diff", ".mbox", ".eml"}

// isPatchName says whether a file in a directory is meant to be a patch.
func isPatchName(name string) bool {
	name = strings.TrimSuffix(strings.ToLower(name), ".gz")
	return slices.ContainsFunc(patchSuffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}
