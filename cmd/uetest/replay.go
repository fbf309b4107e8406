package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/proc"
	"uetest/internal/report"
	"uetest/internal/results"
	"uetest/selftests/catalog"
)

// defaultBundle stands for a name that is made of the fault's and the kernel's.
const defaultBundle = "FAULT-KERNEL.uetest.tar.gz"

// execRecord records the fault's tests on the first kernel that has it.
func (f *reproFlags) execRecord(c *cobra.Command, cfg pipeline.Config, fault catalog.Fault, p progress) error {
	i := slices.IndexFunc(cfg.Kernels, func(name string) bool {
		k, err := cfg.Series.Kernel(name)
		return err == nil && has(results.FaultTests(fault.ID), fault.ID, catalog.Generation(k.Generation))
	})
	if i < 0 {
		p.close()
		return blame.On(blame.Nothing, errorf("none of %s has %s: there is nothing to record", strings.Join(cfg.Kernels, ", "), fault.ID))
	}
	kernel := cfg.Kernels[i]
	cfg.Kernels = []string{kernel}
	if f.record == defaultBundle {
		f.record = strings.NewReplacer("FAULT", fault.ID, "KERNEL", kernel).Replace(defaultBundle)
	}
	r, err := pipeline.Record(c.Context(), cfg, fault.ID, f.record)
	p.close()
	w := &writer{w: c.OutOrStdout()}
	if r != nil && r.Run != nil && len(r.Run.Tests) > 0 {
		w.err = report.Repro(w.w, fault, []*results.Run{r.Run}, report.Options{Color: wantColor(w.w)})
	}
	if err != nil {
		return err
	}
	w.f("\nrecorded: %s, %.1f MB; replayed once, the same to the byte:\n  %s\n", f.record, float64(r.Size)/1e6, compared(r.Replay))
	if len(r.Left) > 0 {
		w.f("not in it, because a guest of another kind shows them: %s\n", strings.Join(r.Left, ", "))
	}
	w.f("replay it: uetest replay %s\n", proc.Quote(f.record))
	if w.err != nil {
		return blame.On(blame.Host, w.err)
	}
	if !results.Reproduce(fault.ID, r.Run).AsKnown() {
		return exitCode(blame.Test)
	}
	return nil
}

// has reports whether one of the tests shows the fault on generation g.
func has(tests []catalog.Test, fault string, g catalog.Generation) bool {
	return slices.ContainsFunc(tests, func(t catalog.Test) bool {
		e, ok := t.On(g)
		return ok && e.Fault == fault
	})
}

func compared(r *pipeline.Replayed) string {
	return fmt.Sprintf("%d lines of the console and %d of the agent's stream, in %s", r.Console, r.Stream, r.Took.Round(100*time.Millisecond))
}

type replayFlags struct {
	qemu  string
	force bool
	gdb   bool
	quiet bool
}

func newReplay() *cobra.Command {
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay BUNDLE",
		Short: "run a recorded guest again, instruction for instruction",
		Long: `Replay runs the guest of a bundle that 'uetest repro FAULT --record' has written,
and compares what it prints and sends with what was recorded, byte for byte. It
needs the bundle and the version of QEMU that recorded it, nothing else: neither
a kernel source nor the cache. How busy the host is makes no difference.

The exit code is 0 if all was the same, 1 if not: then the first line that is
another one is shown.

With --gdb the guest waits for gdb. The command that attaches it stops where the
kernel begins its report, each time at the same instruction.`,
		Example: `  uetest replay page-end-oops-rfc.uetest.tar.gz
  uetest replay page-end-oops-rfc.uetest.tar.gz --gdb`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.exec(c, args[0]) },
	}
	fl := c.Flags()
	fl.StringVar(&f.qemu, "qemu", "", "QEMU to use in place of the one in $PATH")
	fl.BoolVar(&f.force, "force", false, "replay with another QEMU, or with other arguments, than those that recorded")
	fl.BoolVar(&f.gdb, "gdb", false, "have the guest wait for gdb, and print the command that attaches it and stops at the kernel's report; lifts the time limit")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "no progress")
	return c
}

func (f *replayFlags) exec(c *cobra.Command, path string) error {
	p := newProgress(c.ErrOrStderr(), f.quiet)
	cfg := pipeline.ReplayConfig{Bundle: path, QEMU: f.qemu, Force: f.force, Notify: p.event}
	if f.gdb {
		cfg.Attach = func(s pipeline.Stub) {
			fmt.Fprintf(c.ErrOrStderr(), "uetest: the recorded guest waits for gdb; no time limit applies. In another terminal:\n  %s\n", gdbCommand(s))
		}
	}
	r, err := pipeline.Replay(c.Context(), cfg)
	p.close()
	w := &writer{w: c.OutOrStdout()}
	if r != nil {
		w.replayed(r)
	}
	if err != nil {
		return err
	}
	if r.Cut {
		w.f("\nended by gdb; the same to the byte up to there: %s\n", compared(r))
		return blame.On(blame.Host, w.err)
	}
	w.f("\nreplayed, the same to the byte: %s\n", compared(r))
	return blame.On(blame.Host, w.err)
}

// A writer prints and keeps the first error.
type writer struct {
	w   io.Writer
	err error
}

func (w *writer) f(format string, args ...any) {
	if w.err == nil {
		_, w.err = fmt.Fprintf(w.w, format, args...)
	}
}

// replayed says what is in a bundle.
func (w *writer) replayed(r *pipeline.Replayed) {
	m := r.Manifest
	w.f("recorded %s with %s\n", m.Recorded.Format("2006-01-02 15:04 MST"), m.QEMU.Version)
	for _, note := range r.Notes {
		w.f("note: %s\n", note)
	}
	w.f("\n")
	if w.err != nil {
		return
	}
	o := report.Options{Color: wantColor(w.w), Verbose: true, Fault: catalog.FaultByID}
	if fault, ok := catalog.FaultByID(m.Fault); ok {
		w.err = report.Repro(w.w, fault, []*results.Run{r.Run}, o)
	} else { // of a catalogue that this uetest does not have
		w.err = report.Text(w.w, r.Run, o)
	}
}
