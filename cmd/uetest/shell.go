package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/proc"
	"uetest/internal/terminal"
	"uetest/internal/wire"
)

type shellFlags struct {
	bootFlags
	hand    handFlags
	top     topFlags
	on      []string
	variant variantFlags
	image   imageFlags
	timeout limit
}

// scriptLimit is for a command that nobody looks at. Of a hung one a CI's job
// should have its log; who runs something longer knows that, and says so.
const scriptLimit = 5 * time.Minute

func newShell() *cobra.Command {
	var f shellFlags
	c := &cobra.Command{
		Use:   "shell [-- COMMAND [ARG...]]",
		Short: "boot a kernel and give its guest to you",
		Long: `Shell boots a kernel and runs a shell in its guest: u-root's commands, tracefs,
and the test programs under /selftests. At a terminal the guest's console is
yours, Ctrl-C included, and shows what the kernel prints; Ctrl-A X leaves a
guest that does not listen. The terminal is afterwards as it was.

Without a terminal, as in a script or a pipe, the guest's shell has the standard
input, output and error of uetest, and the console goes to a file. What has not
ended after --timeout is ended with its guest.

One word behind -- is a command line for the guest's shell, several are a command
and its arguments. The exit code is the command's, or the last of the shell's; 1
if its time was up, 5 if the kernel died, 130 if you left.`,
		Example: `  uetest shell
  uetest shell --on upstream -- 'cat /sys/kernel/tracing/user_events_status'
  uetest shell -- /selftests/enable -run enable/registered-word
  uetest shell --timeout 1h < script
  uetest shell --gdb --append 'trace_event=sched:*' --memory 1G`,
		RunE: func(c *cobra.Command, args []string) error { return f.exec(c, args) },
	}
	f.add(c)
	f.image.add(c)
	f.top.add(c)
	f.hand.add(c)
	fl := c.Flags()
	fl.StringSliceVar(&f.on, "on", nil, "kernel to boot (default: rfc, or the one that your --series is about): "+strings.Join(kernelNames(), ", "))
	f.variant.add(c)
	fl.Var(&f.timeout, "timeout", fmt.Sprintf("limit for the shell or the command, from when the guest is up (default: none at a terminal, else %s); not scaled for emulation", scriptLimit))
	return c
}

func (f *shellFlags) exec(c *cobra.Command, args []string) error {
	cfg, err := f.config()
	if err != nil {
		return err
	}
	if err := f.top.apply(c, &cfg); err != nil {
		return err
	}
	cfg.Timeout = time.Duration(f.timeout)
	if done, err := f.hand.apply(c, &cfg); done || err != nil {
		return err
	}
	sh := pipeline.Shell{Script: script(args), In: c.InOrStdin(), Out: c.OutOrStdout(), Err: c.ErrOrStderr(), Limit: cfg.Timeout}
	p := newProgress(c.ErrOrStderr(), f.quiet)
	cfg.Notify = p.event
	tty := terminal.Of(sh.In, sh.Out)
	if tty == nil && sh.Limit == 0 {
		sh.Limit = scriptLimit
	}
	restore := func() {}
	if tty != nil {
		var stop func()
		sh.Terminal, stop = guestTerminal(c.Context(), tty, func() error {
			p.close()
			fmt.Fprintf(c.ErrOrStderr(), "uetest: %s\n", terminal.EscapeHelp)
			var err error
			restore, err = tty.Raw()
			return err
		})
		defer stop()
		sh.Env = []string{"TERM=" + os.Getenv("TERM")}
	}
	// In any case, and before anything is said: also if this panics.
	defer func() { restore() }()
	status, seen, err := pipeline.RunShell(c.Context(), cfg, sh)
	restore()
	p.close()
	return f.ended(c.ErrOrStderr(), status, seen, err, tty != nil)
}

func (f *shellFlags) config() (pipeline.Config, error) {
	cfg, err := f.bootFlags.config(nil)
	if err != nil {
		return cfg, err
	}
	names, err := f.top.kernels(&cfg, f.on)
	if err != nil {
		return cfg, err
	}
	f.image.apply(&cfg)
	if cfg.Kernels, err = f.variant.apply(&cfg, names); err != nil {
		return cfg, err
	}
	if len(cfg.Kernels) != 1 {
		return cfg, blame.On(blame.Usage, errorf("--on %s: a shell runs on one kernel", strings.Join(cfg.Kernels, ",")))
	}
	return cfg, nil
}

// ended says how the shell ended, after the terminal was given back.
func (f *shellFlags) ended(w io.Writer, status int, seen pipeline.ShellReport, err error, shown bool) error {
	for _, s := range seen.Splats {
		if !shown || err == nil { // else the error says the same again
			fmt.Fprintf(w, "uetest: the kernel reported: %s\n", s.Title)
		}
		if !shown {
			fmt.Fprintf(w, "  | %s\n", strings.Join(s.Lines, "\n  | "))
		}
	}
	if (len(seen.Splats) > 0 && err == nil) || f.hand.keep {
		fmt.Fprintf(w, "uetest: console: %s\n", seen.Console)
	}
	switch {
	case errors.Is(err, pipeline.ErrLeft):
		fmt.Fprintln(w, "uetest: left the guest, which is ended")
		return exitCode(blame.User)
	case err != nil:
		return err
	case status != 0:
		return exitCode(status)
	}
	return nil
}

// script is the command line for the guest's shell.
func script(args []string) string {
	if len(args) == 1 {
		return args[0]
	}
	var words []string
	for _, a := range args {
		words = append(words, proc.Quote(a))
	}
	return strings.Join(words, " ")
}

// guestTerminal lends tty to a guest; stop ends that.
func guestTerminal(ctx context.Context, tty *terminal.Terminal, begin func() error) (_ *pipeline.Terminal, stop func()) {
	window := func() wire.Window {
		rows, cols := tty.Size()
		return wire.Window{Rows: rows, Cols: cols}
	}
	changed, stopResized := tty.Resized()
	ctx, cancel := context.WithCancel(ctx)
	resize := make(chan wire.Window)
	go func() {
		for {
			select {
			case <-changed:
				select {
				case resize <- window():
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	t := &pipeline.Terminal{Window: window(), Resize: resize, Begin: begin, Copy: terminal.CopyInput}
	return t, func() {
		stopResized()
		cancel()
	}
}
