package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/symbols"
)

type symbolizeFlags struct {
	kernelFlags
	on      string
	vmlinux string
}

func newSymbolize() *cobra.Command {
	var f symbolizeFlags
	c := &cobra.Command{
		Use:   "symbolize [LOG]",
		Short: "print a kernel log with file:line behind the frames of its traces",
		Long: `Symbolize reads a kernel log, or standard input, and prints it with the place in
the source behind each frame, as the kernel's scripts/decode_stacktrace.sh does:

  user_events_ioctl+0x24d/0x610 (kernel/trace/trace_events_user.c:1699)

Where functions were inlined there are several places, the innermost first. A
frame that can't be told stays as it is: of a module, of code without lines, of
another kernel than the one that is named. It works as part of a pipe, and on
what it printed before.`,
		Example: `  uetest symbolize --on upstream console-1.log
  dmesg | uetest symbolize --vmlinux /usr/lib/debug/boot/vmlinux-$(uname -r)`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.exec(c, args) },
	}
	f.add(c)
	c.Flags().StringVar(&f.on, "on", "rfc", "the kernel that printed the log: "+strings.Join(kernelNames(), ", "))
	c.Flags().StringVar(&f.vmlinux, "vmlinux", "", "the image of another kernel, with its symbols and debug information")
	return c
}

func (f *symbolizeFlags) exec(c *cobra.Command, args []string) error {
	if f.vmlinux != "" && c.Flags().Changed("on") {
		return blame.On(blame.Usage, errorf("--on %s and --vmlinux %s: the log is of one kernel", f.on, f.vmlinux))
	}
	in := c.InOrStdin()
	if len(args) > 0 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return blame.On(blame.Usage, err)
		}
		defer func() { _ = file.Close() }()
		in = file
	}
	image, err := f.image(c)
	if err != nil {
		return err
	}
	defer func() { _ = image.Close() }()
	return symbolize(c, in, image)
}

// image opens the kernel that the flags name.
func (f *symbolizeFlags) image(c *cobra.Command) (*symbols.Image, error) {
	if f.vmlinux != "" {
		image, err := symbols.Open(f.vmlinux)
		if err != nil {
			return nil, blame.On(blame.Usage, errorf("--vmlinux: %w", err))
		}
		return image, nil
	}
	var file string
	if err := f.build(c, []string{f.on}, func(k pipeline.Kernel) { file = k.Symbols }); err != nil {
		return nil, err
	}
	image, err := symbols.Open(file)
	return image, blame.On(blame.Host, err)
}

// symbolize copies a log line by line, so that one that is still being written
// is seen as it comes.
func symbolize(c *cobra.Command, in io.Reader, image *symbols.Image) error {
	frames := image.Frames()
	seen, told := 0, 0
	r := bufio.NewReader(in)
	for {
		line, err := r.ReadString('\n')
		text, ended := strings.CutSuffix(line, "\n")
		located := frames.Line(text)
		if located != text {
			told++
		}
		if len(symbols.Places(text)) > 0 {
			seen++
		}
		if ended {
			located += "\n"
		}
		if _, werr := io.WriteString(c.OutOrStdout(), located); werr != nil {
			return blame.On(blame.Host, werr)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return blame.On(blame.Usage, err)
		}
	}
	if seen > 0 && told == 0 {
		fmt.Fprintf(c.ErrOrStderr(), "uetest: none of the %d lines with frames is of this kernel; is it the one that printed them?\n", seen)
	}
	return nil
}
