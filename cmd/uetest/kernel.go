package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
)

func newKernel() *cobra.Command {
	c := &cobra.Command{
		Use:   "kernel",
		Short: "build kernels, or tell where they are",
		Long: `Kernel builds without booting anything. Images are kept in the cache by the hash
of source, patches, configuration and compiler: one that is there is not built
again. See 'uetest help kernels' for their names.`,
		Example: `  uetest kernel build
  gdb $(uetest kernel path --symbols rfc)`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newKernelBuild(), newKernelPath())
	return c
}

func newKernelBuild() *cobra.Command {
	var f kernelFlags
	var dry bool
	c := &cobra.Command{
		Use:   "build [NAME...]",
		Short: "build the kernels of the series (all, if none is named) and print their images",
		Long: `Build builds kernels one after the other, each proven by its blobs, and prints of
each its name, its release and the path of its image, with tabs between them. The
exit code is 3 if one does not build, or a patch does not apply.`,
		Example: `  uetest kernel build                          all of the series
  uetest kernel build base rfc -K kasan        two, in a variant
  uetest kernel build rfc --patch fix.patch    with your patch on top
  uetest kernel build --no-patch -C linux      your tree as it is`,
		RunE: func(c *cobra.Command, names []string) error {
			if dry {
				cfg, err := f.job(c, names)
				if err != nil {
					return err
				}
				return pipeline.PlanBuild(c.Context(), cfg, c.OutOrStdout())
			}
			return f.build(c, names, func(k pipeline.Kernel) {
				fmt.Fprintf(c.OutOrStdout(), "%s\t%s\t%s\n", k.Name, k.Release, k.Image)
			})
		},
	}
	f.add(c)
	addDryRun(c, &dry)
	return c
}

func newKernelPath() *cobra.Command {
	var f kernelFlags
	var symbols bool
	c := &cobra.Command{
		Use:   "path NAME",
		Short: "print the path of a kernel's image, built if it is not there",
		Long: `Path prints the path of the image that is booted, or with --symbols of the vmlinux
with symbols and line numbers that it was made of. The image is built if the cache
has it not.`,
		Example: `  uetest kernel path rfc
  gdb $(uetest kernel path --symbols rfc@arm64)`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, names []string) error {
			return f.build(c, names, func(k pipeline.Kernel) {
				path := k.Image
				if symbols {
					path = k.Symbols
				}
				fmt.Fprintln(c.OutOrStdout(), path)
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&symbols, "symbols", false, "of the image with symbols instead, for gdb")
	return c
}

// kernelFlags are the flags of the verbs that only build.
type kernelFlags struct {
	treeFlags
	top     topFlags
	variant variantFlags
}

func (f *kernelFlags) add(c *cobra.Command) {
	f.treeFlags.add(c)
	f.top.add(c)
	f.variant.add(c)
}

// job is the work on the named kernels, on all if there are none.
func (f *kernelFlags) job(c *cobra.Command, names []string) (pipeline.Config, error) {
	cfg, err := f.config()
	if err != nil {
		return cfg, err
	}
	switch {
	case f.top.plain && len(names) == 0:
		if cfg.Kernels, err = f.top.kernels(&cfg, nil); err != nil {
			return cfg, err
		}
	case f.top.plain:
		return cfg, blame.On(blame.Usage, errorf("--no-patch and the kernel %s: the one says which kernel it is, and so does the other", names[0]))
	case len(names) == 0:
		cfg.Kernels = cfg.Series.Names()
	default:
		cfg.Kernels = names
	}
	if cfg.Kernels, err = f.variant.apply(&cfg, cfg.Kernels); err != nil {
		return cfg, err
	}
	return cfg, f.top.apply(c, &cfg)
}

// build builds the named kernels and hands each to print.
func (f *kernelFlags) build(c *cobra.Command, names []string, print func(pipeline.Kernel)) error {
	cfg, err := f.job(c, names)
	if err != nil {
		return err
	}
	p := newProgress(c.ErrOrStderr(), f.quiet)
	cfg.Notify = p.event
	kernels, err := pipeline.Build(c.Context(), cfg)
	p.close()
	for _, k := range kernels {
		print(k)
	}
	return err
}
