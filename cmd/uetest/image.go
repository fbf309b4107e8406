package main

import (
	"github.com/spf13/cobra"

	"uetest/internal/pipeline"
	"uetest/internal/proc"
)

// imageFlags name a kernel that is already built.
type imageFlags struct {
	kernel  string
	symbols string
}

func (f *imageFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.kernel, "kernel", "", "boot this kernel instead of building one: a vmlinux or a bzImage, also compressed")
	fl.StringVar(&f.symbols, "symbols", "", "the vmlinux with symbols and debug information of the kernel of --kernel (default: one of the same build that lies where builds and distributions have it)")
}

func (f *imageFlags) apply(cfg *pipeline.Config) {
	cfg.KernelFile, cfg.Symbols = f.kernel, f.symbols
}

// repeat are the flags that name it again.
func (f *imageFlags) repeat() []string {
	args := []string{"--kernel", proc.Quote(f.kernel)}
	if f.symbols != "" {
		args = append(args, "--symbols", proc.Quote(f.symbols))
	}
	return args
}
