package main

import (
	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/proc"
	"uetest/kernel-patches"
)

// treeFlags are the flags of every verb that reads a kernel source.
type treeFlags struct {
	source   string
	unproven bool
	quiet    bool
}

func (f *treeFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVarP(&f.source, "source", "C", "", "kernel tree to use instead of the distribution's source package; never written to")
	fl.BoolVar(&f.unproven, "unproven", false, "go on if a file is not the blob that was expected, and say so")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
}

// config is what these flags say of a job.
func (f *treeFlags) config() (pipeline.Config, error) {
	cache, err := cacheDir()
	return pipeline.Config{Cache: cache, Series: shipped(), SourceDir: f.source, Unproven: f.unproven}, err
}

// bootFlags are the flags of every verb that boots a kernel.
type bootFlags struct {
	treeFlags
	accel string
}

func (f *bootFlags) add(c *cobra.Command) {
	f.treeFlags.add(c)
	c.Flags().StringVar(&f.accel, "accel", "auto", "auto, kvm or tcg; auto runs a virtual CPU to find out")
}

// config is what these flags say of a job on the named kernels.
func (f *bootFlags) config(kernels []string) (pipeline.Config, error) {
	cfg, err := f.treeFlags.config()
	if err != nil {
		return cfg, err
	}
	if cfg.Root, err = findRoot(); err != nil {
		return cfg, err
	}
	cfg.Accel = f.accel
	cfg.Kernels, err = checkKernels(kernels)
	return cfg, err
}

// repeat are the flags that say again what these say of a job, on a kernel or on
// a prebuilt image.
func (f *bootFlags) repeat(kernel, image string) []string {
	args := []string{"--on", kernel}
	if image != "" {
		args = []string{"--kernel", proc.Quote(image)}
	}
	if f.source != "" {
		args = append(args, "-C", proc.Quote(f.source))
	}
	if f.accel != "auto" {
		args = append(args, "--accel", f.accel)
	}
	if f.unproven {
		args = append(args, "--unproven")
	}
	return args
}

// shipped returns the series that uetest ships with.
func shipped() *kernelpatches.Series {
	s, err := kernelpatches.Load("rfc")
	if err != nil {
		panic(err) // embedded data, read by a test of its package
	}
	return s
}

func kernelNames() []string {
	var names []string
	for _, k := range shipped().Kernels {
		names = append(names, k.Name)
	}
	return names
}

// checkKernels refuses a name that the series does not have.
func checkKernels(names []string) ([]string, error) {
	for _, name := range names {
		if _, err := shipped().Kernel(name); err != nil {
			return nil, blame.On(blame.Usage, err)
		}
	}
	return names, nil
}

// inVariant names kernels in a variant, as they are if it is empty.
func inVariant(names []string, variant string) []string {
	if variant == "" {
		return names
	}
	var varied []string
	for _, name := range names {
		varied = append(varied, name+"+"+variant)
	}
	return varied
}
