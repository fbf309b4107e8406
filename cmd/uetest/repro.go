package main

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"uetest/internal/blame"
	"uetest/internal/pipeline"
	"uetest/internal/report"
	"uetest/internal/results"
	"uetest/selftests/catalog"
)

type reproFlags struct {
	bootFlags
	top    topFlags
	hand   handFlags
	on     []string
	record string
}

func newRepro() *cobra.Command {
	var f reproFlags
	c := &cobra.Command{
		Use:   "repro FAULT",
		Short: "reproduce a known fault, and show it gone where it is gone",
		Long: `Repro runs the tests that show a known fault, on the kernel that has it and on
those that have not, and says reproduced or not reproduced with the evidence:
what was seen, what was promised, what the kernel logged.

The exit code is 0 if each kernel has the fault just if the catalogue says so.
With --patch it is tried on the RFC with your patch on top, or on the kernels of
--on: a patch that cures the fault ends with 1, not reproduced, against what is
known.

With --record it runs on the first kernel that has the fault, or on that of --on,
in a guest whose every input is recorded, and writes a bundle that 'uetest
replay' plays on another machine, to the byte. It has been replayed when repro
says that it is there.`,
		Example: `  uetest list faults
  uetest repro map-private-parent-missed
  uetest repro page-end-oops --on rfc
  uetest repro page-end-oops --patch fix.patch
  uetest repro page-end-oops --record`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return f.exec(c, args[0]) },
	}
	f.add(c)
	f.top.add(c)
	f.hand.add(c)
	fl := c.Flags()
	fl.StringSliceVar(&f.on, "on", nil, "kernels to try (default: all that the fault's tests apply to; with --patch: rfc)")
	fl.StringVar(&f.record, "record", "", "record the guest and write a bundle for 'uetest replay' to this file (after a =; default: FAULT-KERNEL.uetest.tar.gz)")
	fl.Lookup("record").NoOptDefVal = defaultBundle
	return c
}

func faultIDs() []string {
	var ids []string
	for _, f := range catalog.Faults() {
		ids = append(ids, f.ID)
	}
	return ids
}

func (f *reproFlags) exec(c *cobra.Command, id string) error {
	fault, ok := catalog.FaultByID(id)
	if !ok {
		return blame.On(blame.Usage, errorf("no fault %q; there are:\n  %s", id, strings.Join(faultIDs(), "\n  ")))
	}
	if fault.Elsewhere != "" {
		return blame.On(blame.Nothing, errorf("%s: %s\nno test of the catalogue can show it; it takes %s", fault.ID, fault.Title, fault.Elsewhere))
	}
	tests := results.FaultTests(id)
	cfg, err := f.config(tests)
	if err != nil {
		return err
	}
	if err := f.top.apply(c, &cfg); err != nil {
		return err
	}
	if done, err := f.hand.apply(c, &cfg); done || err != nil {
		return err
	}
	p := newProgress(c.ErrOrStderr(), f.quiet)
	cfg.Notify = p.event
	if f.record != "" {
		return f.execRecord(c, cfg, fault, p)
	}
	runs, err := pipeline.Run(c.Context(), cfg)
	p.close()
	if len(runs) > 0 {
		o := report.Options{Color: wantColor(c.OutOrStdout())}
		if werr := report.Repro(c.OutOrStdout(), fault, runs, o); werr != nil && err == nil {
			err = blame.On(blame.Host, werr)
		}
	}
	if err != nil {
		return err
	}
	for _, run := range runs {
		if !results.Reproduce(id, run).AsKnown() {
			return exitCode(blame.Test)
		}
	}
	return nil
}

// config is the job: the fault's tests, on the kernels that they apply to.
func (f *reproFlags) config(tests []catalog.Test) (pipeline.Config, error) {
	cfg, err := f.bootFlags.config(nil)
	if err == nil {
		err = checkKernels(cfg.Series, f.on)
	}
	if err != nil {
		return cfg, err
	}
	var ids []string
	for _, t := range tests {
		ids = append(ids, regexp.QuoteMeta(t.ID))
	}
	cfg.Select = regexp.MustCompile("^(?:" + strings.Join(ids, "|") + ")$")
	named := f.on != nil || f.top.given()
	switch {
	case f.top.given():
		if cfg.Kernels, err = f.top.kernels(&cfg, f.on); err != nil {
			return cfg, err
		}
	case named:
		cfg.Kernels = f.on
	}
	if !named {
		for _, k := range cfg.Series.Kernels {
			if applies(tests, catalog.Generation(k.Generation)) {
				cfg.Kernels = append(cfg.Kernels, k.Name)
			}
		}
	}
	for _, name := range cfg.Kernels {
		// Of what generation a patched kernel is, nobody knows before.
		k, err := cfg.Series.Kernel(name)
		if err == nil && len(f.top.files) == 0 && k.Generation != "" && !applies(tests, catalog.Generation(k.Generation)) {
			return cfg, blame.On(blame.Nothing, errorf("nothing on %s, generation %s, could show this fault", name, k.Generation))
		}
	}
	// The tests of one fault take one variant: the catalogue's tests see to it.
	var v variantFlags
	if tests[0].Variant != "" {
		v.names = []string{tests[0].Variant}
	}
	cfg.Kernels, err = v.apply(&cfg, cfg.Kernels)
	return cfg, err
}

func applies(tests []catalog.Test, g catalog.Generation) bool {
	for _, t := range tests {
		if _, ok := t.On(g); ok {
			return true
		}
	}
	return false
}
