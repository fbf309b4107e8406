package main

import (
	"cmp"
	"os"

	"github.com/spf13/cobra"

	"uetest/internal/kernel"
	"uetest/internal/proc"
)

// toolFlags name the compilers of a kernel. What no flag says the environment
// may, as it does for make.
type toolFlags struct {
	llvm  string
	cross string
}

func (f *toolFlags) add(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.llvm, "llvm", "", "build with clang and LLVM's tools, as make LLVM=: 1, -15 or /path/ (after a =; default: $LLVM)")
	fl.Lookup("llvm").NoOptDefVal = "1"
	fl.StringVar(&f.cross, "cross-compile", "", "what stands before the names of the compiler's programs, as make CROSS_COMPILE= (default: $CROSS_COMPILE)")
}

func (f *toolFlags) tools() kernel.Tools {
	return kernel.Tools{LLVM: cmp.Or(f.llvm, os.Getenv("LLVM")), Cross: cmp.Or(f.cross, os.Getenv("CROSS_COMPILE"))}
}

// repeat are the flags that name the same compilers again, in any environment.
func (f *toolFlags) repeat() []string {
	var args []string
	t := f.tools()
	if t.LLVM != "" {
		args = append(args, "--llvm="+proc.Quote(t.LLVM))
	}
	if t.Cross != "" {
		args = append(args, "--cross-compile="+proc.Quote(t.Cross))
	}
	return args
}
